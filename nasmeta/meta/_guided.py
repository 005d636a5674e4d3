"""Any searcher within some cells of its space, and with given first cells."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError, SpaceExhaustedError
from nasmeta.searchers import Searcher

__all__ = ["GuidedSearch"]

_TRIES = 256  # proposals of the inner searcher for one cell
_REPEATS = 200  # of cells that were proposed before, in a row: the searcher has come to rest in the part


class GuidedSearch(Searcher):
    """Let a searcher propose, and pass on only proposals inside a part of the space.

    Searchers that can keep to a part of the space by themselves (`Searcher.restrict`) do so. Others are asked again
    where they propose a cell outside, at most 256 times, and told nothing about it, or the worst value so far
    where they wait for an answer to each proposal (`Searcher.waits_for_values`); then the best cell of the part
    takes its place that was not proposed yet; so it does after 200 repeated proposals in a row. The first cells, if
    any, are proposed before the searcher is asked, which learns their values.

    Parameters
    ----------
    inner : Searcher
        New: not asked yet.
    cells : ndarray of int32, optional
        The part of the space, in the order in which cells take the place of proposals outside it; all cells where left
        out.
    first : ndarray of int32, optional
        What is proposed first, in this order; cells outside the part are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.meta import GuidedSearch
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
        self._open = np.ones(self.space.n_cells, dtype=bool)
        if cells is not None:
            if not len(cells):
                raise SettingError("A part of a space to search in needs at least one cell.")
            self._open[:] = False
            self._open[cells] = True
        self._keeps_inside = cells is None or inner.restrict(cells)
        self._instead = iter(() if cells is None else cells.tolist())
        self._first = deque(cell for cell in ([] if first is None else first.tolist()) if self._open[cell])
        self._asked = np.zeros(self.space.n_cells, dtype=bool)
        self._told: set[int] = set()
        self._n_open = int(self._open.sum())
        self._worst = -np.inf
        self._repeats = 0

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the first cells, then what the searcher proposes inside the part."""
        proposals = [self._first.popleft() for _ in range(min(n, len(self._first)))]
        if len(proposals) < n:
            rest = n - len(proposals)
            proposals += self.inner.ask(rest).tolist() if self._keeps_inside else self._inside(rest)
        self._asked[proposals] = True
        return np.array(proposals, dtype=np.int32)

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Pass the values on to the searcher."""
        if len(values):
            lowest = float(values.min())
            self._worst = lowest if self._worst == -np.inf else min(self._worst, lowest)
        self._told.update(cells[self._open[cells]].tolist())
        self.inner.tell(cells, values)

    def _inside(self, n: int) -> list[int]:
        if len(self._told) >= self._n_open:
            raise SpaceExhaustedError(f"All {self._n_open:,} cells of the part of {self.space.name} were evaluated.")
        found: list[int] = []
        left = _TRIES * n
        while len(found) < n and left > 0:
            try:
                asked = self.inner.ask(min(n - len(found), left))
            except SpaceExhaustedError:
                break
            left -= len(asked)
            inside = self._open[asked]
            outside = asked[~inside]
            if len(outside) and self.inner.waits_for_values:
                self.inner.tell(outside, np.full(len(outside), self._worst))
            found += asked[inside].tolist()
        for i, cell in enumerate(found):
            self._repeats = self._repeats + 1 if self._asked[cell] else 0
            if self._repeats >= _REPEATS:
                found[i], self._repeats = self._next_best(), 0
            self._asked[found[i]] = True
        while len(found) < n:
            found.append(self._next_best())
        return found

    def _next_best(self) -> int:
        cell: int | None = next((cell for cell in self._instead if not self._asked[cell]), None)
        if cell is None:
            raise SpaceExhaustedError(f"All {self._n_open:,} cells of the part of {self.space.name} were proposed.")
        self._asked[cell] = True
        return cell
