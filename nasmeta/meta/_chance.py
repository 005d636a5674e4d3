"""The chance that a part of a space holds the target's best cell, calibrated on sources that were left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SLOPE_SPREAD = 0.5  # of the prior, in logarithms; the slope's centre is 1
_SHIFT_SPREAD = 4.0
_SHIFTS, _SLOPES = np.linspace(-12.0, 12.0, 121), np.exp(np.linspace(-1.5, 1.5, 41))


class ChanceOfBest:
    r"""Logistic curve of the kept fraction, fitted to where the best cells of left-out sources stood in the order.

    A fraction :math:`f` holds the best cell with the chance :math:`\sigma(a + b \operatorname{logit} f)`. Before any
    evidence :math:`a` is spread widely around 0 and :math:`b` around 1, the curve of a random part. Each left-out
    source tells at which fraction of the order its best cell stood, and counts once, however many noisy copies of it
    there are. What is returned is the average over the posterior of a and b, so few sources give no certainty.

    Parameters
    ----------
    positions : sequence of ndarray of float64
        For each independent source the fractions, between 0 and 1, at which the best cell of its copies stood.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.meta import ChanceOfBest
    >>> round(ChanceOfBest([]).at(0.1), 2), round(ChanceOfBest([np.array([0.002])] * 6).at(0.1), 2)
    (0.29, 0.99)
    """

    def __init__(self, positions: Sequence[NDArray[np.float64]]) -> None:
        self.positions = tuple(positions)
        shift, slope = np.meshgrid(_SHIFTS, _SLOPES, indexing="ij")
        log_posterior = -0.5 * (shift / _SHIFT_SPREAD) ** 2 - 0.5 * (np.log(slope) / _SLOPE_SPREAD) ** 2
        for copies in self.positions:
            u = shift[..., None] + slope[..., None] * _logit(copies)
            # the density of a logistic variable, at each copy
            log_density = np.log(slope[..., None]) - u - 2 * np.logaddexp(0.0, -u)
            log_posterior = log_posterior + log_density.mean(axis=-1)
        weights = np.exp(log_posterior - log_posterior.max())
        self._weights, self._shift, self._slope = weights / weights.sum(), shift, slope

    def at(self, fraction: float) -> float:
        """Return the chance for a fraction between 0 and 1."""
        if fraction >= 1:
            return 1.0
        u = self._shift + self._slope * _logit(np.array(fraction))
        return float((self._weights / (1 + np.exp(-u))).sum())


def _logit(fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(fraction, 1e-5, 1 - 1e-5)
    return np.log(inside / (1 - inside))
