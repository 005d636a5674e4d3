"""Pass results to a searcher after a failure: a substitute replaces missing values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.searchers import MultiFidelitySearcher, Searcher


class Feedback:
    """Pass results to a searcher after an evaluation has failed.

    The searcher observes the worst utility so far in place of a failed evaluation (NaN). Failures before the first
    success are held back until then. If the searcher proposes one of them again before that, it observes 0.

    Parameters
    ----------
    searcher : Searcher
    multi_fidelity : MultiFidelitySearcher or None
        The same searcher, if the evaluators are trainings of several lengths.
    known : mapping
        Utilities by architecture, or by (architecture, epochs); the loop adds to it.

    Attributes
    ----------
    failed : set
        Keys of failed evaluations.
    """

    def __init__(
        self, searcher: Searcher, multi_fidelity: MultiFidelitySearcher | None, known: Mapping[Any, Any]
    ) -> None:
        self._searcher, self._multi_fidelity, self._known = searcher, multi_fidelity, known
        self.failed: set[Any] = set()
        self._waiting: list[tuple[NDArray[np.int32], int]] = []

    def observe(
        self, cells: NDArray[np.int32], epochs: int, utilities: NDArray[np.float64], *, again: bool = False
    ) -> None:
        """Pass on utilities, shape (n,) or (n, m); `again` if the searcher has proposed the evaluations before."""
        lost, worst = _missing(utilities), self._worst()
        if not lost.any():
            self._tell(cells, epochs, utilities)
            for before, length in self._waiting:
                self._tell(before, length, np.full((len(before), *utilities.shape[1:]), worst))
            self._waiting.clear()
        elif worst is not None or again:
            filled = utilities.copy()
            filled[lost] = 0.0 if worst is None else worst
            self._tell(cells, epochs, filled)
        else:
            self._waiting.append((cells.copy(), epochs))

    def _tell(self, cells: NDArray[np.int32], epochs: int, utilities: NDArray[np.float64]) -> None:
        """Pass on utilities without NaN."""
        if self._multi_fidelity is not None:
            self._multi_fidelity.tell_at(cells, np.full(len(cells), epochs, np.int32), utilities)
        elif self.failed and (lost := np.array([cell in self.failed for cell in cells.tolist()])).any():
            self._searcher.tell_failures(cells[lost], utilities[lost])
            if not lost.all():
                self._searcher.tell(cells[~lost], utilities[~lost])
        else:
            self._searcher.tell(cells, utilities)

    def _worst(self) -> Any:
        """Return the worst utility, or the worst of each objective; None before the first success."""
        values = np.array(list(self._known.values()))
        present = values[~_missing(values)]
        return present.min(axis=0) if len(present) else None


def _missing(utilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows contain NaN, bool, shape (n,)."""
    return np.asarray(np.isnan(utilities).reshape(len(utilities), -1).any(axis=1))
