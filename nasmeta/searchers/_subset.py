"""Any searcher on a subset of its space, after given first architectures."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SpaceExhaustedError
from nasmeta.searchers._base import Searcher

_TRIES = 128  # consecutive proposals of the inner searcher without a new architecture of the subset


class SubsetSearch(Searcher):
    """Restrict a searcher to a subset of the space, and evaluate given architectures first.

    Searchers that implement `restrict` handle the subset themselves. For all others, proposals outside the subset are
    discarded and a new one is requested; a searcher that needs a value for every proposal (`waits_for_values`) receives
    the worst value observed so far. After 128 consecutive rejections, the next unevaluated architecture in the order of
    `cells` is proposed instead. The searcher observes the values of the first architectures.

    Parameters
    ----------
    inner : Searcher
    cells : ndarray of int32, optional
        The subset, the most promising architecture first; the whole space by default.
    first : ndarray of int32, optional
        Architectures to evaluate first, as far as the subset has them.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.searchers import RegularizedEvolution, SubsetSearch
    >>> from nasmeta.spaces import get_space
    >>> inner = RegularizedEvolution(get_space("nb201"), np.random.default_rng(0))
    >>> search = SubsetSearch(inner, cells=np.arange(100, dtype=np.int32), first=np.array([7], dtype=np.int32))
    >>> int(search.ask()[0]), bool((search.ask(5) < 100).all())
    (7, True)
    """

    def __init__(
        self, inner: Searcher, cells: NDArray[np.int32] | None = None, first: NDArray[np.int32] | None = None
    ) -> None:
        super().__init__(inner.space, inner.rng)
        self.inner = inner
        every = np.arange(self.space.size)
        self._open = np.isin(every, every if cells is None else cells)
        self._stays_inside = cells is None or inner.restrict(cells)
        self._order = iter([] if cells is None else cells.tolist())
        self._first = deque([] if first is None else first[self._open[first]].tolist())
        self._proposed = np.zeros(self.space.size, dtype=bool)
        self._evaluated: set[int] = set()
        self._worst: Any = -np.inf
        self._rejected = 0  # consecutive proposals without a new architecture of the subset

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the first architectures, then those of the searcher that are in the subset."""
        cells = [self._first.popleft() for _ in range(min(n, len(self._first)))]
        self.notes = [{"by": "warm start"} for _ in cells]
        if rest := n - len(cells):
            found, notes = self._ask_inner(rest) if self._stays_inside else self._ask_inside(rest)
            cells += found
            self.notes = [*self.notes, *notes] if notes is not None and len(notes) == rest else None
        self._proposed[cells] = True
        return np.array(cells, dtype=np.int32)

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Pass the values to the searcher."""
        self._note_values(cells, values)
        self.inner.tell(cells, values)

    def tell_failures(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Pass the failures to the searcher."""
        self._note_values(cells, values)
        self.inner.tell_failures(cells, values)

    def _note_values(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        if len(values):
            lowest = values.min(axis=0)  # per objective
            self._worst = lowest if np.all(self._worst == -np.inf) else np.minimum(self._worst, lowest)
        self._evaluated.update(cells[self._open[cells]].tolist())

    def _ask_inner(self, n: int) -> tuple[list[int], list[Mapping[str, Any]] | None]:
        return self.inner.ask(n).tolist(), self.inner.notes

    def _ask_inside(self, n: int) -> tuple[list[int], list[Mapping[str, Any]]]:
        """Return n proposals in the subset, and the searcher's notes on them, if it writes one per proposal."""
        if len(self._evaluated) >= np.count_nonzero(self._open):
            raise SpaceExhaustedError(f"All {len(self._evaluated):,} architectures of the subset were evaluated.")
        found: list[int] = []
        notes: list[Mapping[str, Any]] = []
        while len(found) < n:
            if self._rejected >= _TRIES:
                found.append(self._next_unproposed())
                notes.append({"by": "instead"})
                continue
            try:
                cells, its_notes = self._ask_inner(n - len(found))
            except SpaceExhaustedError:
                self._rejected = _TRIES
                continue
            inside = self._open[cells].tolist()
            if its_notes is not None and len(its_notes) == len(cells):
                notes += [note for note, kept in zip(its_notes, inside, strict=True) if kept]
            outside = np.array(cells, dtype=np.int32)[~self._open[cells]]
            if len(outside) and self.inner.waits_for_values:
                self.inner.tell(outside, np.full((len(outside), *np.shape(self._worst)), self._worst))
            for cell, kept in zip(cells, inside, strict=True):
                if kept:
                    self._rejected = self._rejected + 1 if self._proposed[cell] else 0
                    self._proposed[cell] = True
                    found.append(cell)
            self._rejected += len(outside)
        return found, notes

    def _next_unproposed(self) -> int:
        cell: int | None = next((cell for cell in self._order if not self._proposed[cell]), None)
        if cell is None:
            raise SpaceExhaustedError(
                f"All {np.count_nonzero(self._open):,} architectures of the subset were proposed."
            )
        self._proposed[cell] = True
        self._rejected = 0
        return cell
