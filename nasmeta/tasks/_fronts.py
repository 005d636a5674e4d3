"""The true Pareto front of a table, and how much of its hypervolume some architectures have."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError
from nasmeta.tasks._objectives import hypervolume, pareto_front

_SLACK = 0.1  # of the front's range, by which the reference lies beyond its worst values
_COMPLETE = 1 - 1e-12  # of the hypervolume: the same points, added in another order


class Front:
    """The non-dominated architectures among all that were measured, and the hypervolume that these have.

    Each objective is scaled linearly, so that the front's best value is 1 and its worst 0. The reference point is -0.1
    in every objective: a tenth of the range beyond the worst, so that the extremes of the front count, too (Ishibuchi
    et al., "How to specify a reference point in hypervolume calculation for fair performance comparison", Evolutionary
    Computation 2018). Hypervolumes are in percent of the front's. `cells` is the front, from the best value of the
    first objective to the worst.

    >>> front = Front([[90.0, 5.0], [94.0, 9.0], [89.0, 6.0]], ["max", "min"])
    >>> front.cells, front.reference.round(2)
    (array([1, 0], dtype=int32), array([89.6,  9.4]))
    >>> front.hypervolumes([[89.0, 6.0], [94.0, 9.0], [90.0, 5.0]]).round(1)
    array([  0. ,  52.4, 100. ])
    """

    def __init__(self, values: NDArray[np.float64], directions: Sequence[str]) -> None:
        everything = np.asarray(values, np.float64)
        found = pareto_front(everything, directions)
        if not len(found):
            raise MissingValueError("No architecture was measured in every objective, so there is no front.")
        self.directions = tuple(directions)
        self._signs = np.array([1.0 if direction == "max" else -1.0 for direction in self.directions])
        order = np.argsort(-self._signs[0] * everything[found, 0], kind="stable")
        self.cells = found[order]
        self.values = everything[self.cells]
        signed = self._signs * self.values
        self.best, self.worst = self._signs * signed.max(axis=0), self._signs * signed.min(axis=0)
        flat = self.best == self.worst  # one value is on the front: the range of all has to do
        measured = self._signs * everything[~np.isnan(everything).any(axis=1)]
        lowest = self._signs * measured.min(axis=0)
        self._range = np.abs(self.best - np.where(flat, lowest, self.worst))
        self._range[self._range == 0] = 1.0

    @property
    def reference(self) -> NDArray[np.float64]:
        """The reference point in the objectives' units, shape (m,)."""
        reference: NDArray[np.float64] = self.worst - self._signs * _SLACK * self._range
        return reference

    def scaled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values, shape (n, m), scaled: 1 is the best on the front, 0 the worst, and higher is better."""
        scaled: NDArray[np.float64] = self._signs * (np.asarray(values, np.float64) - self.worst) / self._range
        return scaled

    def _volume(self, scaled: NDArray[np.float64]) -> float:
        m = len(self.directions)
        return hypervolume(scaled, [-_SLACK] * m, ["max"] * m)

    @cached_property
    def hypervolume(self) -> float:
        """Of the front, in scaled units; at most 1.1 to the power of m."""
        return self._volume(self.scaled(self.values))

    def hypervolumes(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return after each of some evaluations the hypervolume of all so far, in percent of the front's.

        It never falls, and is exactly 100 once the whole front was evaluated.
        """
        points = self.scaled(np.reshape(values, (-1, len(self.directions))))
        shares, so_far, held = np.empty(len(points)), 0.0, points[:0]
        for i, point in enumerate(points):
            if (point > -_SLACK).all() and not (held >= point).all(axis=1).any():
                held = np.vstack([held[~(held <= point).all(axis=1)], point])
                share = self._volume(held) / self.hypervolume
                so_far = max(so_far, 1.0 if share >= _COMPLETE else share)
            shares[i] = 100 * so_far
        return shares
