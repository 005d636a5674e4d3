"""What sources tell any searcher: where to search, and what to evaluate first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int, check_number
from nasmeta.errors import SettingError, shown
from nasmeta.searchers import MultiFidelitySearcher, Searcher
from nasmeta.tasks import SourceTask, Task

_PER_SECOND = "/second"


@dataclass(frozen=True)
class Guide:
    """What was learnt from sources for one target."""

    cells: NDArray[np.int32] | None = None  # the part of the space to search in, the most promising first; None for all
    first: NDArray[np.int32] | None = None  # what to evaluate first
    meta_model: Any = None  # what the searcher itself has learnt, if it is a meta-searcher
    chance_of_best: float = float("nan")  # estimated, that the part holds the target's best cell

    def within(self, measured: NDArray[np.int32], task: Task) -> Guide:
        """Return the same, kept to what was measured."""
        if self.cells is None:
            order = np.random.default_rng(0).permutation(measured)  # in which proposals outside are replaced
        else:
            order = self.cells[np.isin(self.cells, measured)]
            if not len(order):
                raise SettingError(f"Nothing of the learned space was measured for {task.name}: search without it.")
        return replace(self, cells=order)

    def around(self, searcher: Searcher) -> Searcher:
        """Return the searcher within these bounds, unless it chooses lengths of training and cannot be told of them."""
        if self.cells is None and self.first is None:
            return searcher
        if not isinstance(searcher, MultiFidelitySearcher):
            from nasmeta.meta import GuidedSearch

            return GuidedSearch(searcher, self.cells, self.first)
        name = type(searcher).__name__
        if self.cells is not None and not searcher.restrict(self.cells):
            raise SettingError(
                f"{name} proposes cells with epochs and has no restrict: it takes no learned space, and needs a table "
                "where all was measured."
            )
        if self.first is not None and not searcher.begin_with(self.first):
            raise SettingError(f"{name} proposes cells with epochs and has no begin_with: it takes no warm start.")
        return searcher


@dataclass(frozen=True)
class Guidance:
    """What of it is asked for."""

    prune_space: float | None = None  # fraction of the cells to search in; None for all
    warm_start: int = 0  # how many first cells
    per_second: bool = False  # whether these are chosen by their gain per second of training

    @classmethod
    def of(cls, prune_space: object = None, warm_start: object = 0) -> Guidance:
        """Read what a user passes: a fraction, and ``5`` or ``5/second``."""
        fraction = None
        if prune_space is not None:
            try:
                fraction = check_number("prune_space", prune_space, 0, 1)
            except SettingError:
                fraction = 0.0
            if not fraction:
                raise SettingError(
                    "prune_space is the fraction of the cells to search in, above 0 and at most 1, such as 0.1, not "
                    f"{shown(prune_space)}."
                )
        text = "" if isinstance(warm_start, int) and abs(warm_start) > 10**6 else str(warm_start)
        number = text.removesuffix(_PER_SECOND)
        if isinstance(warm_start, bool) or not number.isascii() or not number.isdigit() or len(number) > 6:
            raise SettingError(
                f'warm_start is how many cells sources choose to be evaluated first, such as 5, or "5{_PER_SECOND}" '
                f"to choose them by their gain per second of training, not {shown(warm_start)}."
            )
        return cls(fraction, int(number), text != number and int(number) > 0)

    def __bool__(self) -> bool:
        return self.prune_space is not None or self.warm_start > 0

    @property
    def space_name(self) -> str:
        """As journals and frames of results say it: ``all`` or ``learned:0.1``."""
        return "all" if self.prune_space is None else f"learned:{self.prune_space:g}"

    @property
    def warm_start_name(self) -> str:
        """As users write it: ``0``, ``5``, ``5/second``."""
        return f"{self.warm_start}{_PER_SECOND if self.per_second else ''}"

    @property
    def identity(self) -> dict[str, str]:
        """What a journal's header says of it; empty where nothing is asked for."""
        said = {"space": self.space_name, "warm_start": self.warm_start_name}
        return {name: value for name, value in said.items() if value not in ("all", "0")}

    def check(self, task: Task, sources: Sequence[Task | SourceTask]) -> None:
        """Refuse what cannot be learnt from these sources, before anything is learnt."""
        if self:
            from nasmeta.meta._learned_space import labelled_in

            labelled_in(task.space, sources, " and ".join(self.asked))
        if self.warm_start:
            check_int("warm_start", self.warm_start, 1, task.space.size)
            if self.per_second:
                _costs_of(task, sources)

    @property
    def asked(self) -> list[str]:
        """The settings that ask for it."""
        return [name for name in ("prune_space", "warm_start") if getattr(self, name)]

    def learn(
        self,
        task: Task,
        sources: Sequence[Task | SourceTask],
        meta_model: Any = None,
        measured: NDArray[np.int32] | None = None,
    ) -> Guide:
        """Learn from sources, of which the caller has checked that they may be used for the task.

        First cells are among those that were ``measured``; all where left out.
        """
        if not self:
            return Guide(meta_model=meta_model)
        from nasmeta.meta import LearnedSpace, warm_start_cells

        space = task.space
        cells, chance = None, float("nan")
        if self.prune_space is not None:
            learnt = LearnedSpace.learn(space, sources, self.prune_space)
            cells, chance = learnt.cells, learnt.chance_of_best
        first = None
        if self.warm_start:
            costs = _costs_of(task, sources) if self.per_second else None
            inside = cells
            if measured is not None:
                inside = measured if cells is None else cells[np.isin(cells, measured)]
            first = warm_start_cells(space, sources, self.warm_start, costs=costs, allowed=inside)
            if len(first) < self.warm_start:
                where = space.name if inside is None else f"the {len(inside):,} cells that are searched"
                raise SettingError(
                    f"A warm start of {self.warm_start} cells is asked for, but sources of {task.name} have labelled "
                    f"only {len(first)} of {where}: ask for at most so many, or give sources more labels."
                )
        return Guide(cells, first, meta_model, chance)


UNGUIDED = Guidance()


def _costs_of(task: Task, sources: Sequence[Task | SourceTask]) -> NDArray[np.float64]:
    """Return the sources' mean cost of each cell, each source's costs having the mean 1; 1 where no source knows it."""
    known = [s.cost_seconds for s in sources if isinstance(s, Task) and s.space == task.space and s.has_cost]
    positive = [costs for costs in known if np.isfinite(costs).any() and (costs[np.isfinite(costs)] > 0).all()]
    usable = [
        costs for costs in positive if np.isfinite(costs).all()
    ] or positive  # complete ones, where there are some
    if not usable:
        raise SettingError(
            f"No source of {task.name} knows the seconds of an evaluation: leave out {_PER_SECOND!r} of warm_start."
        )
    shares = np.stack([costs / costs[np.isfinite(costs)].mean() for costs in usable])
    recorded = np.isfinite(shares)
    if recorded.all():
        return np.asarray(np.mean(shares, axis=0))
    total, n = np.where(recorded, shares, 0.0).sum(axis=0), recorded.sum(axis=0)
    return np.where(n > 0, total / np.maximum(n, 1), 1.0)
