"""The one door to performance."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evaluation", "Evaluator"]


class Evaluation(NamedTuple):
    """What came back for a batch of cells.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        In the task's unit.
    cost_seconds : ndarray of float64, shape (n,)
        What each evaluation cost (training) or would have cost (table).
    failures : tuple of (str or None), optional
        Why a training has no value of its own, such as ``out of memory``; None for those that have. Left out where
        nothing can fail.
    """

    values: NDArray[np.float64]
    cost_seconds: NDArray[np.float64]
    failures: tuple[str | None, ...] = ()


@runtime_checkable
class Evaluator(Protocol):
    """Anything with ``evaluate(cells) -> Evaluation``: a table, a surrogate, or real training."""

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Evaluate cells, int32, shape (n,)."""
        ...
