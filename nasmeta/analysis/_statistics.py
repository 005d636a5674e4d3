"""Bootstrap intervals, computed by SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nasmeta.arrays import Floats, Integers

LEVEL = 0.95  # of the intervals in tables and figures
_BATCH_NUMBERS = 20_000_000  # resampled numbers held at once, 160 MB


def bootstrap_interval(
    samples: npt.ArrayLike,
    level: float = LEVEL,
    n_resamples: int = 2000,
    seed: int | np.random.Generator = 0,
) -> tuple[Floats, Floats]:
    """Return the percentile bootstrap interval of the mean, by `scipy.stats.bootstrap`.

    Whole runs are drawn: all points of a curve share the draws.

    Parameters
    ----------
    samples : array_like of float (n, …)
        n independent samples, for example (runs,) or (runs, points of a curve).
    level : float
        Nominal coverage.
    n_resamples, seed : int, int or Generator
        Of the bootstrap draws.

    Returns
    -------
    low, high : float64 arrays, the shape of a sample
        NaN if n = 1; the mean itself if all samples are equal.

    Examples
    --------
    >>> low, high = bootstrap_interval([20.0, 24.0, 19.0, 25.0, 22.0])
    >>> print(round(float(low), 1), round(float(high), 1))
    20.0 24.0
    """
    from scipy.stats import bootstrap

    sample = np.moveaxis(np.asarray(samples, np.float64), 0, -1)
    n = sample.shape[-1]
    exact = np.asarray(sample.mean(axis=-1))
    if n == 1:
        unknown = np.full_like(exact, np.nan)
        return unknown, unknown

    def means(drawn: Integers, axis: int) -> Floats:  # (batch, n) -> (…, batch)
        # The mean of a draw is the mean of the sample, weighted by how often each number was drawn.
        weights = draw_counts(drawn, n) / n
        return np.asarray(sample @ weights.T)

    # SciPy draws the same positions for every curve, so it resamples the positions only.
    batch = max(1, min(n_resamples, _BATCH_NUMBERS // sample.size))
    interval = bootstrap(
        (np.arange(n),),
        means,
        vectorized=True,
        n_resamples=n_resamples,
        confidence_level=level,
        batch=batch,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    is_constant = sample.min(axis=-1) == sample.max(axis=-1)
    low = np.where(is_constant, exact, interval.low)
    high = np.where(is_constant, exact, interval.high)
    return low, high


def draw_counts(drawn: Integers, n: int) -> Integers:
    """Return how often each of n positions was drawn, (draws, n), from the positions of each draw, (draws, …)."""
    # One count for all draws: position j of draw i has the number i * n + j.
    first_numbers = n * np.arange(len(drawn))[:, None]
    numbers = drawn + first_numbers
    counts = np.bincount(numbers.ravel(), minlength=n * len(drawn))
    return counts.reshape(-1, n)


def quantile_interval(draws: Floats) -> tuple[Any, Any]:
    """Return the bounds of the central 95 % interval of draws (n, …), float64 (…) each."""
    shares = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(draws, shares, axis=0)
    return low, high
