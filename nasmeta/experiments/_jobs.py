"""The jobs of a comparison: what one worker does at a time, wherever it is."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

import nasmeta
from nasmeta.errors import ColumnError, MissingValueError, NasmetaError, UnknownNameError
from nasmeta.evaluators import Evaluator
from nasmeta.experiments._without_chance import Repeated, is_without_chance
from nasmeta.journals import FolderLease as Claim
from nasmeta.meta import SavedMetaModel
from nasmeta.runs._loop import Trace
from nasmeta.runs._rules import Rules, trace_of
from nasmeta.runs._spec import SearcherSpec
from nasmeta.tasks import SourceTask, Task

__all__ = ["Job", "Learning", "Pair", "Runs", "Seen"]

Pair: TypeAlias = tuple[int, str]  # position of the task, label of the searcher


@dataclass(frozen=True)
class Learning:
    """Meta-training of a searcher for a task; its result is the meta-model."""

    pair: Pair
    spec: SearcherSpec
    evaluator: Evaluator
    sources: list[Task | SourceTask]
    saved: SavedMetaModel | None = None

    def results(self) -> Iterator[Any]:
        """Yield what was learnt."""
        yield self.spec.learn(self.evaluator, self.sources, self.saved)

    @property
    def tasks(self) -> list[Task]:
        """All tasks that must be there."""
        return [self.evaluator.task, *(source for source in self.sources if isinstance(source, Task))]


@dataclass(frozen=True)
class Runs:
    """Some runs of a searcher on a task; its results are (seed, trace)."""

    pair: Pair
    spec: SearcherSpec
    task: Task
    sources: list[Task | SourceTask]
    seeds: list[int]
    paths: list[Path | None]
    rules: Rules
    meta_model: Any = None
    saved: SavedMetaModel | None = None
    claim: Claim | None = None

    def results(self) -> Iterator[tuple[int, Trace]]:
        """Yield seed and trace of each run; one in which nothing was random is computed once."""
        same: Trace | None = None
        for seed, path in zip(self.seeds, self.paths, strict=True):
            rules, generator = self.rules, self.spec.generator(self.task, seed)
            header = self.spec.header(rules.evaluator, seed, 1, self.sources, self.saved, rules.clock, rules.lengths)
            header |= self.spec.picked(self.meta_model)
            if same is None:
                searcher = self.spec.start(self.task, seed, self.meta_model, rules.measured)
            else:
                searcher = Repeated(self.task.space, generator, same)
            trace = trace_of(searcher, path, header, rules, self.claim)
            if same is not None:
                trace = replace(trace, searcher_seconds=float("nan"))  # of no searcher
            elif rules.clock is None and is_without_chance(searcher, generator, trace):
                same = trace
            yield seed, trace

    @property
    def tasks(self) -> list[Task]:
        """All tasks that must be there; sources are in the header of each run."""
        named = [source for source in self.sources if isinstance(source, Task)]
        return [*(one.task for one in self.rules.evaluators.values() if one.name == "table"), *named]


Job: TypeAlias = "Learning | Runs"


def _versions() -> str:
    return f"nasmeta {nasmeta.__version__}, numpy {np.__version__}"


@dataclass
class Seen:
    """What the runner has, by which a node with other data or versions is noticed before it answers.

    Attributes
    ----------
    versions : str
    checksums : dict of str to str
        Of the column of each task.
    """

    versions: str = field(default_factory=_versions)
    checksums: dict[str, str] = field(default_factory=dict)

    def of(self, job: Job) -> Seen:
        """Return what this job needs; each column is asked for once."""
        for task in job.tasks:
            if (key := repr(task)) not in self.checksums:
                self.checksums[key] = task.column.source_sha256
        return Seen(self.versions, {repr(task): self.checksums[repr(task)] for task in job.tasks})

    def require_here(self, job: Job) -> None:
        """Refuse to work on a node that would answer otherwise.

        Raises
        ------
        NasmetaError
        """
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
