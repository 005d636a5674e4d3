"""The jobs of a comparison, and how they are done on this machine or on a cluster."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from nasmeta.errors import ColumnError, MissingValueError, NasmetaError, RunFailed, UnknownNameError
from nasmeta.experiments._backends import Connection, GpuSlots, Workers, end_loky
from nasmeta.files import write_atomically
from nasmeta.journals import Shard, differences_from
from nasmeta.progress import heartbeat
from nasmeta.runs import History, RunConfig, Transfer
from nasmeta.threads import end_with, kill_workers, one_thread

_PARENT_CHECK_SECONDS = 0.2
_MOST_DEATHS = 3  # of workers, while no job ends
_STUCK_SECONDS = 5.0  # that loky knows of a dead worker and does nothing; it usually takes milliseconds
Pair: TypeAlias = tuple[int, str]  # position of the task, label of the searcher


@dataclass(frozen=True)
class MetaTrainJob:
    """Meta-training of a searcher for a task; the result is what it learned, or a crash of custom code."""

    pair: Pair
    config: RunConfig

    def results(self) -> Iterator[Transfer | RunFailed]:
        """Yield what the searcher learned."""
        try:
            yield self.config.learn()
        except RunFailed as failure:
            yield failure


@dataclass(frozen=True)
class Runs:
    """Some runs of a searcher on a task; the results are (seed, history or crash of custom code)."""

    pair: Pair
    config: RunConfig
    seeds: list[int]
    paths: list[Path | None]  # of the journals
    learnt: Transfer | None = None

    def results(self) -> Iterator[tuple[int, History | RunFailed]]:
        """Yield seed and history of each run."""
        with ExitStack() as held:
            for evaluator in self.config.evaluators.values():
                held.enter_context(evaluator.kept_open())
            for seed, path in zip(self.seeds, self.paths, strict=True):
                config = replace(self.config, seed=seed)
                learnt = config.learn() if self.learnt is None else self.learnt
                try:
                    yield seed, config.run(path, learnt=learnt).of(None)  # the receiver adds the config
                except RunFailed as failure:
                    yield seed, failure


Job: TypeAlias = "MetaTrainJob | Runs"


def share_of(
    shard: Shard, pairs: Sequence[Pair], learners: Collection[Pair], seeds: Sequence[int]
) -> dict[Pair, Sequence[int]]:
    """Return the seeds of each pair that belong to a shard.

    Runs are dealt in turn, so that each shard has some of every searcher. Runs of learners are cut into blocks, so that
    few shards learn the same.

    >>> share_of(Shard(1, 2), [(0, "random"), (0, "meta")], [(0, "meta")], range(4))
    {(0, 'random'): [1, 3], (0, 'meta'): [2, 3]}
    """
    dealt = shard.dealt([(pair, seed) for pair in pairs if pair not in learners for seed in seeds])
    taught = shard.block([(pair, seed) for pair in pairs if pair in learners for seed in seeds])
    found: dict[Pair, list[int]] = {pair: [] for pair in pairs}
    for pair, seed in [*dealt, *taught]:
        found[pair].append(seed)
    return dict(found)


def results_of(jobs: Sequence[Job], workers: Workers, connect: Callable[[], Connection]) -> Iterator[tuple[Job, Any]]:
    """Do jobs; yield each result with its job, in any order, as soon as it is there.

    If a worker dies, its job is repeated by another one. If workers die again and again while no job ends, an error is
    raised. An interrupt ends the processes; further interrupts are ignored until they are gone.
    """
    if not workers.is_cluster and (workers.n == 1 or len(jobs) <= 1):
        with one_thread():
            for job in jobs:
                for result in job.results():
                    yield job, result
        return
    left, deaths = dict(enumerate(jobs)), 0
    while left:
        connection = connect()
        try:
            with closing(_pass(dict(left), workers, connection)) as results:
                for i, of_job, journals in results:
                    job, deaths = left.pop(i), 0
                    _write(job, journals)
                    for result in of_job:
                        yield job, result
        except connection.deaths as reason:
            deaths += 1
            if deaths >= _MOST_DEATHS:
                text = " ".join(str(reason).split())
                raise NasmetaError(
                    f"Workers ({workers.backend}) died {deaths} times while no job ended: {text:.300} "
                    "Is there enough memory on each node? The same call resumes from the journals in the folder."
                ) from reason


_Done: TypeAlias = tuple[int, list[Any], list[bytes]]  # position of the job, its results, and its journals if on a node


def _pass(jobs: Mapping[int, Job], workers: Workers, connection: Connection) -> Generator[_Done]:
    """Do jobs until all are done or a worker has died."""
    from joblib import Parallel, delayed, parallel_config

    slots = connection.slots
    with parallel_config(connection.joblib_name, n_jobs=connection.workers, **connection.options):
        if workers.is_cluster:  # a job is a message of its own: one job dies with a worker
            parallel = Parallel(return_as="generator_unordered", batch_size=1)
            calls = (delayed(_on_node)(i, job, job.config.identity, _read(job)) for i, job in jobs.items())
        else:
            parallel = Parallel(return_as="generator_unordered")
            calls = (delayed(_in_worker)(i, job, slots, os.getpid()) for i, job in jobs.items())
        results = parallel(calls)
        try:
            with closing(results), nullcontext() if workers.is_cluster else _no_endless_wait():
                yield from results
        except BaseException:
            if not workers.is_cluster:
                end_loky()
            raise


def _in_worker(position: int, job: Job, slots: GpuSlots | None = None, parent: int | None = None) -> _Done:
    """Do a job in a worker process, which ends with its parent."""
    if slots is not None:
        slots.take()
    if parent is not None:
        end_with(parent)
    with one_thread(), redirect_stdout(sys.stderr):  # `--json` has stdout
        return position, list(job.results()), []


def _on_node(position: int, job: Job, identity: Mapping[str, Any], journals: list[bytes]) -> _Done:
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
    if not journals or isinstance(job, MetaTrainJob):
        return _in_worker(position, job)
    with TemporaryDirectory() as folder:
        paths = [Path(folder, str(i)) for i in range(len(journals))]
        for path, content in zip(paths, journals, strict=True):
            path.write_bytes(content)
        _, results, _ = _in_worker(position, replace(job, paths=[*paths]))
        return position, results, [path.read_bytes() for path in paths]


def _paths(job: Job) -> list[Path]:
    return [path for path in job.paths if path is not None] if isinstance(job, Runs) else []


def _read(job: Job) -> list[bytes]:
    """Return the journals of a job, empty for new runs; none without a folder."""
    return [path.read_bytes() if path.exists() else b"" for path in _paths(job)]


def _write(job: Job, journals: Sequence[bytes]) -> None:
    """Write the journals that a node returned."""
    for path, content in zip(_paths(job), journals, strict=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)


@contextmanager
def _no_endless_wait() -> Iterator[None]:
    """Let loky notice a worker that died while it wrote a result.

    loky's manager waits forever for the rest of the message, because this process also holds the writing end of the
    pipe. When this end is closed and no worker is left, loky raises the error of a broken pool.
    """
    from joblib.externals.loky import reusable_executor

    dead_for = 0.0

    def look() -> None:
        nonlocal dead_for
        executor = reusable_executor._executor
        processes = [] if executor is None else list((executor._processes or {}).values())
        dead = any(process.exitcode is not None for process in processes)
        dead_for = dead_for + _PARENT_CHECK_SECONDS if dead else 0.0
        if dead_for >= _STUCK_SECONDS:
            kill_workers(executor)
            with suppress(OSError):
                executor._result_queue._writer.close()
            dead_for = -math.inf  # once is enough

    with heartbeat(look, _PARENT_CHECK_SECONDS):
        yield
