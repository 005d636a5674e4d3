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
from typing import Any, TypeAlias

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

    def results(self) -> Iterator[tuple[int | None, Trace | Transfer | RunFailed]]:
        """Yield seed and trace of each run, or None and what the searcher learned; RunFailed if custom code crashes."""
        with ExitStack() as held:
            for evaluator in self.config.evaluators.values():
                held.enter_context(evaluator.kept_open())
            seeds: Sequence[int | None] = self.seeds or [None]
            for seed, path in zip_longest(seeds, self.paths):
                try:
                    if seed is None:
                        yield seed, self.config.learn()
                    else:
                        yield seed, run_config(replace(self.config, seed=seed), path, learnt=self.learnt)
                except RunFailed as failure:
                    yield seed, failure


def share_of(
    shard: Shard, pairs: Sequence[Pair], learners: Collection[Pair], seeds: Sequence[int]
) -> dict[Pair, list[int]]:
    """Return the seeds of each pair that belong to a shard.

    Runs are dealt in turn, so that each shard has some of every searcher. Runs of learners are cut into blocks, so that
    few shards learn the same.

    >>> share_of(Shard(1, 2), [(0, "random"), (0, "meta")], [(0, "meta")], range(4))
    {(0, 'random'): [1, 3], (0, 'meta'): [2, 3]}
    """
    runs = [(pair, seed) for pair in pairs if pair not in learners for seed in seeds]
    taught = [(pair, seed) for pair in pairs if pair in learners for seed in seeds]
    share: dict[Pair, list[int]] = {pair: [] for pair in pairs}
    for pair, seed in [*shard.dealt(runs), *shard.block(taught)]:
        share[pair].append(seed)
    return share


def results_of(jobs: Sequence[Job], workers: Workers, executors: Sequence[Executor]) -> Generator[tuple[Job, Any]]:
    """Do jobs; yield each result with its job, in any order, as soon as it is there.

    If a process of this machine dies, its job is repeated, at most twice. An error or an interrupt ends the processes.
    """
    if not workers.is_cluster and (workers.n == 1 or len(jobs) <= 1):
        with one_thread():
            for job in jobs:
                for result in job.results():
                    yield job, result
        return
    free, left, deaths = deque(executors), deque(enumerate(jobs)), Counter[int]()
    running: dict[Future[_Done], tuple[Executor, int, Job]] = {}
    with TemporaryDirectory(prefix="nasmeta-", ignore_cleanup_errors=True) as folder, _ending(running, workers):
        while left or running:
            while left and free:
                executor, (i, job) = free.popleft(), left.popleft()
                try:
                    if workers.is_cluster:
                        journals = [path.read_bytes() if path.exists() else b"" for path in job.paths]
                        future = executor.submit(_on_node, job, job.config.identity, journals, os.getpid())
                    else:
                        future = executor.submit(_in_process, job, Path(folder, str(i)), os.getpid())
                except BrokenExecutor as reason:
                    raise NasmetaError(f"{reason} With a new executor, the same call resumes.") from reason
                running[future] = executor, i, job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                executor, i, job = running.pop(future)
                free.append(executor)
                try:
                    results = _received(job, future.result())
                except BrokenExecutor as reason:
                    deaths[i] += 1
                    if deaths[i] == _MOST_DEATHS:
                        raise NasmetaError(
                            f"{_MOST_DEATHS} workers died in succession on the same runs: {reason} Is there enough "
                            "memory? The same call resumes from the journals in the folder."
                        ) from reason
                    left.appendleft((i, job))
                    continue
                for result in results:
                    yield job, result


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


# The results of a job and, if they were not written here, its journals; or the file with the results.
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
    node, task = platform.node(), job.config.task
    try:
        differences = differences_from(json.loads(json.dumps(job.config.identity)), identity)
        _ = task.values if job.config.evaluator.name == "table" else None
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
