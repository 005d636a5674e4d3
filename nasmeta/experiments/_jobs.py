"""The jobs of a comparison: what one worker does at a time, and how jobs are done here or on several machines."""

from __future__ import annotations

import math
import os
import platform
import signal
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import nasmeta
from nasmeta.errors import ColumnError, MissingValueError, NasmetaError, SpaceExhaustedError, UnknownNameError
from nasmeta.experiments._backends import Backend, Connection, GpuSlots, end_loky
from nasmeta.journals import FolderLease, Shard
from nasmeta.progress import heartbeat
from nasmeta.runs import History, RunConfig
from nasmeta.runs._warm_start import Guide
from nasmeta.searchers import Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task
from nasmeta.threads import end_with, kill_workers, one_thread

_PARENT_CHECK_SECONDS = 0.2
_MOST_DEATHS = 3  # of workers, while no job ends
_STUCK_SECONDS = 5.0  # that loky knows of a dead worker and does nothing; it usually takes milliseconds
Pair: TypeAlias = tuple[int, str]  # position of the task, label of the searcher
_VERSIONS = f"nasmeta {nasmeta.__version__}, numpy {np.__version__}"


@dataclass(frozen=True)
class MetaTrainJob:
    """Meta-training of a searcher for a task; its result is what was learnt."""

    pair: Pair
    config: RunConfig

    def results(self) -> Iterator[Guide]:
        """Yield what was learnt."""
        yield self.config.learn()

    @property
    def tasks(self) -> list[Task]:
        """All tasks that must be there."""
        return [self.config.task, *_tables_of(self.config.sources)]


@dataclass(frozen=True)
class Runs:
    """Some runs of a searcher on a task; its results are (seed, history)."""

    pair: Pair
    config: RunConfig
    seeds: list[int]
    paths: list[Path | None]
    learnt: Guide | None = None
    lease: FolderLease | None = None

    def results(self) -> Iterator[tuple[int, History]]:
        """Yield seed and history of each run; one in which nothing was random is computed once."""
        may_repeat = self.config.clock is None and not self.config.task.is_sampled
        same: History | None = None
        with ExitStack() as held:
            for evaluator in self.config.evaluators.values():
                held.enter_context(evaluator.kept_open())
            for seed, path in zip(self.seeds, self.paths, strict=True):
                config = replace(self.config, seed=seed)
                generator = config.searcher.generator(config.task, seed)
                learnt = config.learn() if self.learnt is None else self.learnt
                searcher = config.start(learnt) if same is None else _Repeated(config.task.space, generator, same)
                history = config.run(path, learnt=learnt, searcher=searcher, lease=self.lease)
                if same is not None:
                    history.searcher_seconds = float("nan")  # of no searcher
                elif may_repeat and _is_without_chance(searcher, generator, history):
                    same = history
                yield seed, history.of(None)  # whoever gets it knows whose it is

    @property
    def tasks(self) -> list[Task]:
        """All tasks that must be there; sources are in the header of each run."""
        answered = [one.task for one in self.config.evaluators.values() if one.name == "table"]
        return [*answered, *_tables_of(self.config.sources)]


def _is_without_chance(searcher: Searcher, fresh: np.random.Generator, history: History) -> bool:
    """Tell whether a run would be the same with any seed: its generator, `fresh` at birth, was never asked.

    A history that ended because nothing new was proposed does not hold all that was proposed, and is not taken.
    """
    before, after = fresh.bit_generator, searcher.rng.bit_generator
    # The seed sequence of a generator that was made from none has no count of children.
    spawned = getattr(after.seed_seq, "n_children_spawned", 1)
    return history.stopped in ("budget", "optimum") and spawned == 0 and before.state == after.state


class _Repeated(Searcher):
    """Propose the cells of a run again, one after the other."""

    def __init__(self, space: SearchSpace, rng: np.random.Generator, history: History) -> None:
        super().__init__(space, rng)
        self._left, self._said = history.cells, history.notes

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the next cells."""
        if len(self._left) < n:
            raise SpaceExhaustedError("The run that is repeated has ended.")
        asked, self._left = self._left[:n], self._left[n:]
        self.notes, self._said = self._said[:n], self._said[n:]
        return asked

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Do nothing."""


def _tables_of(sources: Iterable[Task | SourceTask]) -> list[Task]:
    return [source for source in sources if isinstance(source, Task)]


Job: TypeAlias = "MetaTrainJob | Runs"


@dataclass
class DataFingerprint:
    """What the runner has, by which a node with other data or versions is noticed before it answers."""

    versions: str = _VERSIONS
    checksums: dict[str, str] = field(default_factory=dict)  # of the column of each task

    def of(self, job: Job) -> DataFingerprint:
        """Return what this job needs; each column is asked for once."""
        for task in job.tasks:
            if (key := repr(task)) not in self.checksums:
                self.checksums[key] = task.column.source_sha256
        return DataFingerprint(self.versions, {repr(task): self.checksums[repr(task)] for task in job.tasks})

    def require_here(self, job: Job) -> None:
        """Refuse, with a NasmetaError, to work on a node that would answer otherwise."""
        node = platform.node()
        if self.versions != _VERSIONS:
            raise NasmetaError(f"The node {node} has {_VERSIONS}, the runner {self.versions}: install the same.")
        for task in job.tasks:
            try:
                found = task.column.source_sha256
                _ = task.values
            except (ColumnError, MissingValueError, UnknownNameError) as reason:
                raise NasmetaError(
                    f"The node {node} has not the data of {task.name}, which the runner has: {reason} Each node opens "
                    "its own tables: run `nasmeta data fetch` there too, or set NASMETA_CACHE on all nodes to a folder "
                    "that they share."
                ) from reason
            if found != self.checksums[repr(task)]:
                raise NasmetaError(
                    f"The node {node} has other data of {task.name} than the runner (checksum {found:.12}…, not "
                    f"{self.checksums[repr(task)]:.12}…): run `nasmeta data fetch` there too."
                )


def share_of(
    shard: Shard, pairs: Sequence[Pair], learners: Collection[Pair], seeds: Sequence[int]
) -> dict[Pair, Sequence[int]]:
    """Return the seeds of each pair that are a part's.

    Runs are dealt in turn, so that each part has some of every searcher; those that learn first are cut into blocks, so
    that few parts learn the same.

    >>> share_of(Shard(1, 2), [(0, "random"), (0, "meta")], [(0, "meta")], range(4))
    {(0, 'random'): [1, 3], (0, 'meta'): [2, 3]}
    """
    dealt = shard.dealt([(pair, seed) for pair in pairs if pair not in learners for seed in seeds])
    taught = shard.block([(pair, seed) for pair in pairs if pair in learners for seed in seeds])
    found: dict[Pair, list[int]] = {pair: [] for pair in pairs}
    for pair, seed in [*dealt, *taught]:
        found[pair].append(seed)
    return dict(found)


def results_of(
    jobs: Sequence[Job], backend: Backend, connect: Callable[[], Connection], data: DataFingerprint
) -> Iterator[tuple[Job, Any]]:
    """Do jobs; yield each result with its job, in any order, as soon as it is there.

    Where a worker dies, its job is done again by another one, which goes on from its journal; where workers die again
    and again while no job ends, it is an error. An interrupt ends the processes; further ones are ignored until they
    are gone.
    """
    if not backend.is_cluster and (backend.workers == 1 or len(jobs) <= 1):
        with one_thread():
            for job in jobs:
                for result in job.results():
                    yield job, result
        return
    left, deaths = dict(enumerate(jobs)), 0
    while left:
        connection = connect()
        try:
            with _one_interrupt(), closing(_pass(dict(left), backend, connection, data)) as results:
                for i, of_job in results:
                    job, deaths = left.pop(i), 0
                    for result in of_job:
                        yield job, result
        except connection.deaths as reason:
            deaths += 1
            if deaths >= _MOST_DEATHS:
                said = " ".join(str(reason).split())
                raise NasmetaError(
                    f"Workers ({backend.name}) died {deaths} times while no job ended: {said:.300} "
                    "Is there enough memory on each node? What is in a folder is kept: the same call goes on."
                ) from reason


def _pass(
    jobs: Mapping[int, Job], backend: Backend, connection: Connection, data: DataFingerprint
) -> Generator[tuple[int, list[Any]]]:
    """Do jobs until all are done or a worker has died."""
    from joblib import Parallel, delayed, parallel_config

    parent = None if backend.is_cluster else os.getpid()
    with parallel_config(connection.joblib_name, n_jobs=connection.workers, **connection.options):
        # On a cluster a job is a message of its own: what dies with a worker is one.
        parallel = Parallel(return_as="generator_unordered", batch_size=1 if backend.is_cluster else "auto")
        results = parallel(
            delayed(_in_worker)(i, job, parent, data.of(job) if backend.is_cluster else None, connection.slots)
            for i, job in jobs.items()
        )
        try:
            with closing(results), nullcontext() if backend.is_cluster else _no_endless_wait():
                yield from results
        except BaseException:
            if not backend.is_cluster:
                end_loky()
            raise


@contextmanager
def _no_endless_wait() -> Iterator[None]:
    """Let loky notice a worker that died while it wrote a result.

    Its manager then waits for the rest of the message for ever, since this process, too, holds the pipe's end for
    writing. Once that is closed and no worker is left, the message ends, and loky says that its pool is broken.
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


@contextmanager
def _one_interrupt() -> Iterator[None]:
    """Let the first interrupt through and ignore the next ones, which would break the ending of the workers."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _in_worker(
    position: int, job: Job, parent: int | None, data: DataFingerprint | None, slots: GpuSlots | None
) -> tuple[int, list[Any]]:
    """Do a job in a worker process."""
    if slots is not None:
        slots.take()
    if parent is not None:
        end_with(parent)  # nobody else writes to the journals
    with one_thread():
        if data is not None:
            data.require_here(job)
        return position, list(job.results())
