"""The jobs of a comparison, and how they are done on this machine or on a cluster."""

from __future__ import annotations

import json
import os
import pickle
import platform
import sys
from collections import Counter, deque
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, TypeAlias
from uuid import uuid4

from nasmeta.errors import ColumnError, MissingValueError, NasmetaError, RunFailed, UnknownNameError
from nasmeta.experiments._workers import Workers, end_processes
from nasmeta.files import write_atomically
from nasmeta.journals import Shard, differences_from
from nasmeta.runs import RunConfig, Trace, Transfer, run_config
from nasmeta.threads import one_thread

_MOST_DEATHS = 3  # of workers with the same job
Pair: TypeAlias = tuple[int, str]  # position of the task, label of the searcher


@dataclass(frozen=True)
class Job:
    """Some runs of a searcher on a task; without seeds, its meta-training."""

    pair: Pair
    config: RunConfig
    seeds: Sequence[int] = ()
    paths: Sequence[Path] = ()  # of the journals; empty without a folder
    learnt: Transfer | None = None

    def results(self) -> Iterator[tuple[int | None, Trace | Transfer | RunFailed, float]]:
        """Yield (seed, trace, seconds) for each run, or (None, learned model, seconds) for a meta-training.

        The result is a RunFailed if custom code crashes.
        """
        with ExitStack() as held:
            for evaluator in self.config.evaluators.values():
                held.enter_context(evaluator.kept_open())
            seeds: Sequence[int | None] = self.seeds or [None]
            for seed, path in zip_longest(seeds, self.paths):
                begin = perf_counter()
                outcome: Trace | Transfer | RunFailed
                try:
                    if seed is None:
                        outcome = self.config.learn()
                    else:
                        config = replace(self.config, seed=seed)
                        outcome = run_config(config, path, learnt=self.learnt)
                except RunFailed as failure:
                    outcome = failure
                yield seed, outcome, perf_counter() - begin


class Pace:
    """The remaining time of a comparison, estimated from the seconds of each searcher's finished jobs.

    Parameters
    ----------
    due : mapping of (str, bool) to int
        The number of remaining runs (False) and meta-trainings (True) of each searcher.
    n_workers : int

    Examples
    --------
    >>> pace = Pace({("gp", False): 3, ("random", False): 100}, n_workers=2)
    >>> pace.add("gp", False, 60.0)
    >>> pace.seconds_left() is None  # no run of random search has finished
    True
    >>> pace.add("random", False, 0.1)
    >>> round(pace.seconds_left())
    65
    """

    def __init__(self, due: Mapping[tuple[str, bool], int], n_workers: int) -> None:
        self.due = Counter(due)
        self._n_workers = n_workers
        self.done: Counter[tuple[str, bool]] = Counter()
        self._seconds: Counter[tuple[str, bool]] = Counter()
        self._last = perf_counter()

    def add(self, label: str, is_training: bool, seconds: float) -> None:
        """Record a finished run or meta-training."""
        step = (label, is_training)
        self.due[step] -= 1
        self.done[step] += 1
        self._seconds[step] += seconds  # type: ignore[assignment]
        self._last = perf_counter()

    def seconds_left(self) -> float | None:
        """Return the estimate; None until each searcher has finished a run."""
        total = 0.0
        for step, n in self.due.items():
            if n <= 0:
                continue
            if step not in self.done:
                return None
            mean = self._seconds[step] / self.done[step]
            total += n * mean
        since_last = perf_counter() - self._last
        return max(0.0, total / self._n_workers - since_last)

    def learned(self) -> str:
        """Return how many meta-trainings are done; an empty string if all are."""
        done = _meta_trainings(self.done)
        due = _meta_trainings(self.due)
        if due == 0:
            return ""
        return f"learned from sources: {done} of {done + due}"


def _meta_trainings(steps: Mapping[tuple[str, bool], int]) -> int:
    """Return the number of meta-trainings among the steps."""
    entries = list(steps.items())  # a copy, because another thread adds to them
    return sum(n for (_, is_training), n in entries if is_training)


def share_of(
    shard: Shard, pairs: Sequence[Pair], learners: Collection[Pair], seeds: Sequence[int]
) -> dict[Pair, list[int]]:
    """Return the seeds of each pair that belong to a shard.

    Runs are dealt in turn, so that each shard has some of every searcher. Runs of learners are cut
    into blocks, so that few shards learn the same.

    >>> share_of(Shard(1, 2), [(0, "random"), (0, "meta")], [(0, "meta")], range(4))
    {(0, 'random'): [1, 3], (0, 'meta'): [2, 3]}
    """
    runs: list[tuple[Pair, int]] = []
    runs_of_learners: list[tuple[Pair, int]] = []
    for pair in pairs:
        group = runs_of_learners if pair in learners else runs
        group.extend((pair, seed) for seed in seeds)
    share: dict[Pair, list[int]] = {pair: [] for pair in pairs}
    for pair, seed in [*shard.dealt(runs), *shard.block(runs_of_learners)]:
        share[pair].append(seed)
    return share


def results_of(
    jobs: deque[Job], workers: Workers, executors: Sequence[Executor]
) -> Generator[tuple[Job, Any]]:
    """Run jobs; yield each result with its job as soon as it is ready, in any order.

    The caller may add jobs, such as the runs that use a meta-model, until the last result. If a
    local process dies, its job is repeated, at most twice. An error or an interrupt ends the
    processes.
    """
    if not workers.is_cluster and (workers.n == 1 or (len(jobs) == 1 and jobs[0].seeds)):
        with one_thread():
            while jobs:
                job = jobs.popleft()
                for result in job.results():
                    yield job, result
        return
    free = deque(executors)
    deaths: Counter[int] = Counter()  # of workers, by the id of their job
    running: dict[Future[_Done], tuple[Executor, Job]] = {}
    with (
        TemporaryDirectory(prefix="nasmeta-", ignore_cleanup_errors=True) as folder,
        _ending(running, workers),
    ):
        while jobs or running:
            while jobs and free:
                executor = free.popleft()
                job = jobs.popleft()
                try:
                    if workers.is_cluster:
                        future = _submitted_to_node(executor, job)
                    else:
                        file = Path(folder, uuid4().hex)
                        future = executor.submit(_in_process, job, file, os.getpid())
                except BrokenExecutor as reason:
                    raise NasmetaError(
                        f"{reason} With a new executor, the same call resumes."
                    ) from reason
                running[future] = executor, job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                executor, job = running.pop(future)
                free.append(executor)
                try:
                    results = _received(job, future.result())
                except BrokenExecutor as reason:
                    deaths[id(job)] += 1
                    if deaths[id(job)] == _MOST_DEATHS:
                        raise NasmetaError(
                            f"{_MOST_DEATHS} workers died in succession on the same runs: {reason} Is there enough "
                            "memory? The same call resumes from the journals in the folder."
                        ) from reason
                    jobs.appendleft(job)
                    continue
                del deaths[id(job)]
                for result in results:
                    yield job, result


def _submitted_to_node(executor: Executor, job: Job) -> Future[_Done]:
    """Send a job with its journals to a cluster, whose nodes do not see the files of this machine."""
    journals = [path.read_bytes() if path.exists() else b"" for path in job.paths]
    return executor.submit(_on_node, job, job.config.identity, journals, os.getpid())


@contextmanager
def _ending(running: Mapping[Future[_Done], object], workers: Workers) -> Iterator[None]:
    """Stop running jobs if an exception ends the block."""
    try:
        yield
    except BaseException:
        for future in running:
            future.cancel()
        if not workers.is_cluster:
            end_processes()
        raise


# The results of a job and, if they were not written here, its journals; or the file with the
# results.
_Done: TypeAlias = tuple[list[Any], list[bytes]] | Path


def _received(job: Job, done: _Done) -> list[Any]:
    """Return the results of a job; write journals that came with them."""
    if isinstance(done, Path):
        results: list[Any] = pickle.loads(done.read_bytes())
        done.unlink()
        return results
    results, journals = done
    for path, content in zip(job.paths, journals, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    return results


def _results(job: Job, driver: int) -> list[Any]:
    """Return the results of a job; another process than the driver writes to stderr, because `--json` has stdout."""
    if os.getpid() != driver:
        sys.stdout = sys.stderr
    with one_thread():
        return list(job.results())


def _in_process(job: Job, path: Path, driver: int) -> _Done:
    """Do a job in another process of this machine; write the results to a file.

    If a process dies while it sends a long message, its receiver waits forever for the rest.
    """
    import cloudpickle  # for classes of notebooks

    path.write_bytes(cloudpickle.dumps(_results(job, driver)))
    return path


def _on_node(job: Job, identity: Mapping[str, Any], journals: list[bytes], driver: int) -> _Done:
    """Do a job on a node of a cluster; its journals come with the job and return with the results.

    Raises
    ------
    NasmetaError
        If versions or data of this node would lead to other results.
    """
    node = platform.node()
    task = job.config.task
    try:
        identity_here = json.loads(json.dumps(job.config.identity))
        differences = differences_from(identity_here, identity)
        if job.config.evaluator.name == "table":
            _ = task.values  # raises an error if the table is missing
    except (ColumnError, MissingValueError, UnknownNameError) as reason:
        raise NasmetaError(
            f"The node {node} does not have the data of {task.name}: {reason} Run `nasmeta data fetch` there, or set "
            "NASMETA_CACHE on all nodes to a folder that they share."
        ) from reason
    if differences:
        raise NasmetaError(
            f"The node {node} differs from the driver: {differences}. Install the same versions and run `nasmeta data "
            "fetch` there."
        )
    if not journals:
        return _results(job, driver), []
    with TemporaryDirectory() as folder:
        paths = [Path(folder, str(i)) for i in range(len(journals))]
        for path, content in zip(paths, journals, strict=True):
            path.write_bytes(content)
        results = _results(replace(job, paths=paths), driver)
        return results, [path.read_bytes() for path in paths]
