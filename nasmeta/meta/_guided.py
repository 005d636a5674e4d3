"""Any searcher within some cells of its space, and with given first cells; which cells sources would try first."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import check_int
from nasmeta.errors import SettingError, SpaceExhaustedError
from nasmeta.meta._learned_space import labelled_in
from nasmeta.searchers import Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Augmentation, EpisodeSampler, SourceTask, Task

_TRIES = 128  # proposals of the inner searcher in a row that bring nothing new
_MIXTURES = 64


class GuidedSearch(Searcher):
    """Let a searcher propose, and pass on only proposals inside a part of the space.

    Searchers that can keep to a part of the space by themselves (`Searcher.restrict`) do so. Others are asked again
    where they propose a cell outside, and told nothing about it, or the worst value so far where they wait for an
    answer to each proposal (`Searcher.waits_for_values`). After 128 proposals in a row that were outside or known, the
    best cell of the part, by the order of `cells`, is proposed that was not yet. The cells of `first` that are in the
    part come before the searcher is asked, which learns their values.

    >>> import numpy as np
    >>> from nasmeta.searchers import RegularizedEvolution
    >>> from nasmeta.spaces import get_space
    >>> inner = RegularizedEvolution(get_space("nb201"), np.random.default_rng(0))
    >>> guided = GuidedSearch(inner, cells=np.arange(100, dtype=np.int32), first=np.array([7], dtype=np.int32))
    >>> int(guided.ask()[0]), bool((guided.ask(5) < 100).all())
    (7, True)
    """

    def __init__(
        self, inner: Searcher, cells: NDArray[np.int32] | None = None, first: NDArray[np.int32] | None = None
    ) -> None:
        super().__init__(inner.space, inner.rng)
        self.inner = inner
        self._open = np.ones(self.space.size, dtype=bool)
        if cells is not None:
            if not len(cells):
                raise SettingError("A part of a space to search in needs at least one cell.")
            self._open[:] = False
            self._open[cells] = True
        self._keeps_inside = cells is None or inner.restrict(cells)
        self._instead = iter(() if cells is None else cells.tolist())
        self._first = deque(cell for cell in ([] if first is None else first.tolist()) if self._open[cell])
        self._asked = np.zeros(self.space.size, dtype=bool)
        self._told: set[int] = set()
        self._n_open = int(self._open.sum())
        self._worst: Any = -np.inf
        self._barren = 0  # proposals since the last new cell inside

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the first cells, then what the searcher proposes inside the part."""
        proposals = [self._first.popleft() for _ in range(min(n, len(self._first)))]
        first: list[Mapping[str, Any]] = [{"by": "warm start"} for _ in proposals]
        if len(proposals) < n:
            rest = n - len(proposals)
            found, inner = (
                (self.inner.ask(rest).tolist(), self.inner.notes) if self._keeps_inside else self._inside(rest)
            )
            proposals += found
            self.notes = [*first, *inner] if inner is not None and len(inner) == rest else None
        else:
            self.notes = first
        self._asked[proposals] = True
        return np.array(proposals, dtype=np.int32)

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Pass the values on to the searcher."""
        self._hear(cells, values)
        self.inner.tell(cells, values)

    def tell_failures(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Pass the failures on to the searcher."""
        self._hear(cells, values)
        self.inner.tell_failures(cells, values)

    def _hear(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Note what came back."""
        if len(values):
            lowest = values.min(axis=0)  # of each objective
            self._worst = lowest if np.all(self._worst == -np.inf) else np.minimum(self._worst, lowest)
        self._told.update(cells[self._open[cells]].tolist())

    def _inside(self, n: int) -> tuple[list[int], list[Mapping[str, Any]]]:
        """Return proposals inside the part, and what is said of them where the searcher says something of each."""
        if len(self._told) >= self._n_open:
            raise SpaceExhaustedError(f"All {self._n_open:,} cells of the part of {self.space.name} were evaluated.")
        found: list[int] = []
        said: list[Mapping[str, Any]] = []
        while len(found) < n:
            if self._barren >= _TRIES:
                found.append(self._next_best())
                said.append({"by": "instead"})
                continue
            try:
                asked = self.inner.ask(n - len(found))
            except SpaceExhaustedError:
                self._barren = _TRIES
                continue
            inside = self._open[asked]
            outside, notes = asked[~inside], self.inner.notes
            if notes is not None and len(notes) == len(asked):
                said += [note for note, kept in zip(notes, inside.tolist(), strict=True) if kept]
            if len(outside) and self.inner.waits_for_values:
                self.inner.tell(outside, np.full((len(outside), *np.shape(self._worst)), self._worst))
            for cell in asked[inside].tolist():
                self._barren = self._barren + 1 if self._asked[cell] else 0
                self._asked[cell] = True
                found.append(cell)
            self._barren += len(outside)
        return found, said

    def _next_best(self) -> int:
        cell: int | None = next((cell for cell in self._instead if not self._asked[cell]), None)
        if cell is None:
            raise SpaceExhaustedError(f"All {self._n_open:,} cells of the part of {self.space.name} were proposed.")
        self._asked[cell] = True
        self._barren = 0
        return cell


def warm_start_cells(
    space: SearchSpace,
    sources: Iterable[SourceTask | Task],
    n: int,
    *,
    costs: ArrayLike | None = None,
    allowed: NDArray[np.int32] | None = None,
    mixtures: int = _MIXTURES,
) -> NDArray[np.int32]:
    """Choose cells one after another, each for what it adds on the sources.

    A set of cells is worth, on a task, minus the logarithm of the best rank of its cells there; the mean over the
    sources and mixtures of them (with half the weight) is what each choice increases most, per unit of cost where there
    are `costs`. This is greedy coverage (Wistuba, Schilling and Schmidt-Thieme, "Learning hyperparameter optimization
    initializations", DSAA 2015, do the same with a differentiable loss), so the second cell is good where the first is
    not. Sources of another space count with the cells that both have.

    >>> import nasmeta as nm
    >>> sources, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> cells = warm_start_cells(target[0].space, sources, 5)
    >>> len(set(cells.tolist())), bool(target[0].values[cells].max() > 73)
    (5, True)
    """
    n = check_int("n", n, 1, space.size)
    seen = labelled_in(space, sources, "A warm start")
    prices = _checked_costs(space, costs)
    worth = _worth(space, seen, check_int("mixtures", mixtures, 0))
    open_cells = np.zeros(space.size, dtype=bool)
    open_cells[slice(None) if allowed is None else space.index_of(allowed)] = True
    open_cells &= np.isfinite(worth).any(axis=0)
    weights = np.full(len(worth), 1.0 / len(seen))
    if len(worth) > len(seen):
        weights[len(seen) :] = 1.0 / (len(worth) - len(seen))
    worth = np.where(np.isfinite(worth), worth, 0.0)  # where a task has no label, a cell adds nothing
    covered = np.zeros(len(worth))
    chosen: list[int] = []
    while len(chosen) < n and open_cells.any():
        gain = weights @ np.maximum(worth - covered[:, None], 0.0) / prices
        # Where nothing adds any more, what is best on the whole comes next.
        score = np.where(open_cells, gain + 1e-9 * (weights @ worth), -np.inf)
        cell = int(np.argmax(score))
        chosen.append(cell)
        open_cells[cell] = False
        covered = np.maximum(covered, worth[:, cell])
    return np.array(chosen, dtype=np.int32)


def _worth(space: SearchSpace, sources: list[SourceTask], mixtures: int) -> NDArray[np.float64]:
    """Return minus the log of each cell's rank on each source and mixture, shape (n_tasks, n_cells); NaN unlabelled."""
    tasks = [(source.cells, source.utilities) for source in sources]
    if len(sources) > 1:
        sampler = EpisodeSampler(sources, support=1, query=1, augment=Augmentation(mixture=1.0))
        rng = np.random.default_rng(0)  # the mixtures are part of the method, not of a run
        tasks += [sampler.full_task(rng) for _ in range(mixtures)]
    worth = np.full((len(tasks), space.size), np.nan)
    for row, (cells, utilities) in zip(worth, tasks, strict=True):
        ranks = np.empty(len(cells))
        ranks[np.argsort(-utilities, kind="stable")] = np.arange(1, len(cells) + 1)
        row[cells] = np.log(len(cells) / ranks)
    return worth


def _checked_costs(space: SearchSpace, costs: ArrayLike | None) -> NDArray[np.float64]:
    if costs is None:
        return np.ones(space.size)
    prices = np.asarray(costs, np.float64)
    if prices.shape != (space.size,) or not (np.isfinite(prices) & (prices > 0)).all():
        raise SettingError(f"costs must be {space.size:,} positive numbers, one a cell of {space.name}.")
    return prices
