"""How much the result of one training scatters around the mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SeedNoise", "fit_noise"]

_KNOTS = 16
_LEVELS = (np.arange(256) + 0.5) / 256


@dataclass(frozen=True)
class SeedNoise:
    """Deviations of single trainings: a scale that depends on the predicted mean, times a common distribution.

    Attributes
    ----------
    means, scales : ndarray of float64, shape (n_knots,)
        Between the knots the scale is interpolated linearly; outside it is that of the nearest one.
    quantiles : ndarray of float64, shape (256,)
        Of deviation / scale, at the levels (i + 1/2) / 256. So the rare training that goes wrong is there.
    """

    means: NDArray[np.float64]
    scales: NDArray[np.float64]
    quantiles: NDArray[np.float64]

    def deviation(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the standard deviation of one training at predicted means of any shape."""
        return np.interp(means, self.means, self.scales) * float(self.quantiles.std())

    def draw(self, means: NDArray[np.float64], cells: NDArray[np.int32], seed: int) -> NDArray[np.float64]:
        """Return the deviations of the trainings of cells with a seed: the same for the same (cell, seed)."""
        levels = _uniform(cells, seed)
        return np.interp(means, self.means, self.scales) * np.interp(levels, _LEVELS, self.quantiles)


def _uniform(cells: NDArray[np.int32], seed: int) -> NDArray[np.float64]:
    """Return a number in [0, 1) for each (cell, seed), whatever other cells are asked for.

    The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014)
    on a counter whose start is the seed's first 64 bits from numpy's SeedSequence.
    """
    start = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    x = start + (cells.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    uniform: NDArray[np.float64] = (x >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return uniform


def fit_noise(means: NDArray[np.float64], seeds: NDArray[np.float64]) -> SeedNoise | None:
    """Fit the scatter of seeds around each cell's own mean.

    Parameters
    ----------
    means : ndarray of float64, shape (n,)
        Predicted means of the cells.
    seeds : ndarray of float64, shape (n, n_seeds)
        Measured values, NaN where a seed is not there.

    Returns
    -------
    SeedNoise or None
        None where fewer than 100 cells have two seeds.

    Notes
    -----
    A deviation from the mean of m seeds is multiplied by sqrt(m / (m - 1)), so that its variance is that of one
    training. The scale at a knot is the median absolute deviation, as the standard deviation of a normal one, of the
    cells whose rank by predicted mean is near; a median, since few trainings that went wrong would decide a variance.
    """
    counts = np.isfinite(seeds).sum(axis=1)
    several = counts >= 2
    if several.sum() < 100:
        return None
    means, seeds, counts = means[several], seeds[several], counts[several]
    deviations = (seeds - np.nanmean(seeds, axis=1)[:, None]) * np.sqrt(counts / (counts - 1))[:, None]
    order = np.argsort(means, kind="stable")
    middles = np.linspace(0, len(order) - 1, _KNOTS)
    reach = len(order) / _KNOTS
    scales, knots = [], []
    for middle in middles:
        near = order[max(0, int(middle - reach)) : int(middle + reach) + 1]
        knots.append(float(means[near].mean()))
        scales.append(float(np.nanmedian(np.abs(deviations[near]))) / 0.6745)
    floor = max(1e-3 * float(np.nanstd(deviations)), 1e-12)
    knot_means, knot_scales = np.maximum.accumulate(knots), np.maximum(scales, floor)
    relative = deviations / np.interp(means, knot_means, knot_scales)[:, None]
    relative = relative[np.isfinite(relative)]
    return SeedNoise(knot_means, knot_scales, np.quantile(relative, _LEVELS))
