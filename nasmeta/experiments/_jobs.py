"""The jobs of a comparison: what one worker does at a time, wherever it is, and the share of a shard."""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

import nasmeta
from nasmeta.errors import (
    ColumnError,
    MissingValueError,
    NasmetaError,
    SpaceExhaustedError,
    UnknownNameError,
)
from nasmeta.journals import FolderLease, Shard
from nasmeta.runs import History, RunConfig
from nasmeta.runs._guidance import Guide
from nasmeta.searchers import Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task

Pair: TypeAlias = tuple[int, str]  # position of the task, label of the searcher


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
        with ExitStack() as held:
            for evaluator in self.config.evaluators.values():
                held.enter_context(evaluator.kept_open())
            yield from self._results()

    def _results(self) -> Iterator[tuple[int, History]]:
        """Do the runs, one after another."""
        same: History | None = None
        for seed, path in zip(self.seeds, self.paths, strict=True):
            config = replace(self.config, seed=seed)
            generator = config.searcher.generator(config.task, seed)
            learnt = config.learn() if self.learnt is None else self.learnt
            searcher = config.start(learnt) if same is None else _Repeated(config.task.space, generator, same)
            history = config.run(path, learnt=learnt, searcher=searcher, lease=self.lease)
            if same is not None:
                history.searcher_seconds = float("nan")  # of no searcher
            elif (
                config.clock is None and not config.task.is_sampled and _is_without_chance(searcher, generator, history)
            ):
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


def _versions() -> str:
    return f"nasmeta {nasmeta.__version__}, numpy {np.__version__}"


@dataclass
class DataFingerprint:
    """What the runner has, by which a node with other data or versions is noticed before it answers."""

    versions: str = field(default_factory=_versions)
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
        if _versions() != self.versions:
            raise NasmetaError(f"The node {node} has {_versions()}, the runner {self.versions}: install the same.")
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

    Examples
    --------
    >>> share_of(Shard(1, 2), [(0, "random"), (0, "meta")], [(0, "meta")], range(4))
    {(0, 'random'): [1, 3], (0, 'meta'): [2, 3]}
    """
    dealt = shard.dealt([(pair, seed) for pair in pairs if pair not in learners for seed in seeds])
    taught = shard.block([(pair, seed) for pair in pairs if pair in learners for seed in seeds])
    found: dict[Pair, list[int]] = {pair: [] for pair in pairs}
    for pair, seed in [*dealt, *taught]:
        found[pair].append(seed)
    return dict(found)
