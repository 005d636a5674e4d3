"""Seed noise: the deviation of one training from the mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from nasmeta.arrays import Architectures, Floats, Floats32, Integers

_FEWEST = 50  # architectures of the outermost knots; each further knot has twice as many
N_LEVELS = 64


@dataclass(frozen=True)
class SeedNoise:
    """A distribution of the deviation of one training, which depends on the predicted mean.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.surrogates import SeedNoise
    >>> noise = SeedNoise(np.array([90.0]), np.linspace(-1, 1, 64, dtype=np.float32)[None])
    >>> draws = noise.draw(np.full(1000, 90.0), np.arange(1000, dtype=np.int32), seed=0)
    >>> bool(abs(draws).max() <= 1), bool(abs(draws.mean()) < 0.05)
    (True, True)
    """

    # (n_knots,), ascending; quantiles are interpolated between knots, and constant outside.
    means: Floats
    # (n_knots, 64), ascending: the mean deviation of each 64th of the trainings
    quantiles: Floats32

    def draw(self, means: Floats, architectures: Architectures, seed: int) -> Floats:
        """Return the deviations of trainings with a seed: the same for the same (architecture, seed).

        Parameters
        ----------
        means : ndarray of float64, shape (n,)
            Predicted means, in the unit of the task.
        architectures : ndarray of int, shape (n,)
        seed : int
        """
        knots = np.interp(means, self.means, np.arange(len(self.means)))
        levels = _uniform(architectures, seed) * N_LEVELS - 0.5
        quantiles = self.quantiles.astype(np.float64)
        deviations = map_coordinates(quantiles, [knots, levels], order=1, mode="nearest")
        return np.asarray(deviations, dtype=np.float64)


def _uniform(architectures: Architectures, seed: int) -> Floats:
    """Return a number in [0, 1) for each (architecture, seed), shape (n,), independent of the other architectures.

    The finaliser of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
    generators", OOPSLA 2014) on a counter that starts at the first 64 bits of numpy's SeedSequence.
    """
    start = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    counters = architectures.astype(np.uint64) + 1
    x: Integers = start + counters * 0x9E3779B97F4A7C15
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB
    x = x ^ (x >> 31)
    mantissas = x >> 11  # 53 bits, as many as a float64 has
    uniform: Floats = mantissas.astype(np.float64) * 2.0**-53
    return uniform


def fit_noise(means: Floats, seeds: Floats) -> SeedNoise | None:
    """Fit the deviations of seeds from their architecture's mean; None if fewer than 100 architectures have two seeds.

    Each knot pools the deviations of architectures with similar predicted means: the 50 lowest and
    the 50 highest, the next 100 and so on, because noise changes most at both ends. A deviation
    from the mean of m seeds is multiplied by sqrt(m / (m - 1)), which corrects its variance.
    Predicted means have the shape (n,), seeds (n, n_seeds), NaN if missing; both are in the unit of
    the task.
    """
    counts = np.isfinite(seeds).sum(axis=1)
    several = np.flatnonzero(counts >= 2)
    if len(several) < 2 * _FEWEST:
        return None
    # architectures with several seeds, by ascending predicted mean
    order = several[np.argsort(means[several], kind="stable")]
    sorted_means = means[order]
    sorted_seeds = seeds[order]
    n_seeds = counts[order]
    corrections = np.sqrt(n_seeds / (n_seeds - 1))
    seed_means = np.nanmean(sorted_seeds, axis=1)
    # (n_several, n_seeds), NaN if missing
    deviations = (sorted_seeds - seed_means[:, None]) * corrections[:, None]
    knots = []
    quantiles = []
    for rows in np.split(np.arange(len(order)), _bounds(len(order))):
        knots.append(float(sorted_means[rows].mean()))
        pooled = deviations[rows]
        ascending = np.sort(pooled[np.isfinite(pooled)])
        chunks = np.array_split(ascending, N_LEVELS)
        quantiles.append([float(chunk.mean()) for chunk in chunks])
    # Rounding may put the mean of equal numbers below its neighbour.
    ascending_quantiles = np.maximum.accumulate(quantiles, axis=1)
    return SeedNoise(
        means=np.maximum.accumulate(knots), quantiles=ascending_quantiles.astype(np.float32)
    )


def _bounds(n: int) -> list[int]:
    """Return the cuts of n sorted architectures into parts that double from both ends to the middle."""
    widths = _FEWEST * 2 ** np.arange(32)
    ends = np.cumsum(widths)
    # The part in the middle of each half is at least as wide as the part before it.
    low = ends[ends + widths <= n // 2]
    high = n - low[::-1]
    return [*low.tolist(), n // 2, *high.tolist()]
