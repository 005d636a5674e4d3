"""What a searcher is told: values, and of evaluations that failed what stands for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.searchers import MultiFidelitySearcher, Searcher


class Teller:
    """Tell a searcher what came back.

    What failed without a value (NaN) is told as the worst utility so far. Before there is one, it is kept until there
    is; if the searcher proposes it again in the meantime, it is told 0.

    Parameters
    ----------
    searcher : Searcher
    several : MultiFidelitySearcher or None
        The same, where there are several lengths of training.
    known : mapping
        The utilities of what was started, by cell, or by (cell, epochs); it grows with the run.
    timer : callable
        Returns seconds.

    Attributes
    ----------
    failed : set
        Those keys whose evaluation failed.
    """

    def __init__(
        self,
        searcher: Searcher,
        several: MultiFidelitySearcher | None,
        known: Mapping[Any, Any],
        timer: Callable[[], float],
    ) -> None:
        self._searcher, self._several, self._known, self._timer = searcher, several, known, timer
        self.failed: set[Any] = set()
        self._kept: list[tuple[NDArray[np.int32], int]] = []

    def tell(
        self, cells: NDArray[np.int32], epochs: int, utilities: NDArray[np.float64], *, again: bool = False
    ) -> float:
        """Tell utilities, shape (n,) or (n, m); return the seconds that the searcher took."""
        begin = self._timer()
        if not self.failed and self._several is None:
            self._searcher.tell(cells, utilities)
        elif not self.failed:
            self._tell(cells, epochs, utilities)
        elif (lost := _lacking(utilities)).any():
            worst = self._worst()
            if worst is not None or again:
                filled = utilities.copy()
                filled[lost] = 0.0 if worst is None else worst
                self._tell(cells, epochs, filled)
            else:
                self._kept.append((cells.copy(), epochs))
        else:
            self._tell(cells, epochs, utilities)
            for before, length in self._kept:
                self._tell(before, length, np.full((len(before), *utilities.shape[1:]), self._worst()))
            self._kept.clear()
        return self._timer() - begin

    def _tell(self, cells: NDArray[np.int32], epochs: int, utilities: NDArray[np.float64]) -> None:
        """Tell utilities of which none is NaN."""
        if self._several is not None:
            self._several.tell_at(cells, np.full(len(cells), epochs, np.int32), utilities)
        elif self.failed and (lost := np.array([cell in self.failed for cell in cells.tolist()])).any():
            self._searcher.tell_failures(cells[lost], utilities[lost])
            if not lost.all():
                self._searcher.tell(cells[~lost], utilities[~lost])
        else:
            self._searcher.tell(cells, utilities)

    def _worst(self) -> Any:
        """Return the worst utility, or of several objectives the worst of each; None where nothing has succeeded."""
        values = np.array(list(self._known.values()))
        there = values[~_lacking(values)]
        return there.min(axis=0) if len(there) else None


def _lacking(utilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows have no value, bool, shape (n,)."""
    return np.asarray(np.isnan(utilities).reshape(len(utilities), -1).any(axis=1))
