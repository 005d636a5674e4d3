"""Quality of predictions: order, error and calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from nasmeta.arrays import Floats
from nasmeta.checks import check_number

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)


def rank_correlations(predicted: ArrayLike, truth: ArrayLike) -> tuple[float, float]:
    """Return Kendall's τ-b and Spearman's ρ of two arrays, shape (n,), as SciPy defines them.

    Both are NaN for fewer than two numbers or a constant.

    >>> rank_correlations([1, 2, 4], [10, 30, 20])
    (0.33333333333333337, 0.5)
    """
    from scipy.stats import kendalltau, spearmanr

    a, b = np.asarray(predicted), np.asarray(truth)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan, np.nan
    return float(kendalltau(a, b).statistic), float(spearmanr(a, b).statistic)


def gaussian_crps(mean: ArrayLike, std: ArrayLike, truth: ArrayLike) -> Floats:
    r"""Return the continuous ranked probability score of normal predictions; lower is better.

    .. math:: \sigma\left[z(2\Phi(z) - 1) + 2\varphi(z) - 1/\sqrt\pi\right], \quad z = (y - \mu) / \sigma

    All arrays have shape (n,). The score is in the unit of the truth; with a deviation of 0 it is
    the absolute error (Gneiting and Raftery, JASA 2007, sec. 4.2).
    """
    from scipy.stats import norm

    mu, sigma, y = (np.asarray(values, dtype=np.float64) for values in (mean, std, truth))
    z = np.divide(y - mu, sigma, out=np.zeros_like(y), where=sigma > 0)
    score: Floats = sigma * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    return np.where(sigma > 0, score, np.abs(y - mu))


def interval_coverage(mean: ArrayLike, std: ArrayLike, truth: ArrayLike, level: float) -> float:
    """Return the share of true values, shape (n,), inside the central intervals of normal predictions."""
    from scipy.stats import norm

    check_number("level", level, 0, 1)
    distance = np.abs(np.subtract(truth, mean))
    return float(np.mean(distance <= norm.ppf((1 + level) / 2) * np.asarray(std)))


def calibration(
    mean: ArrayLike, std: ArrayLike, truth: ArrayLike, levels: Sequence[float] = LEVELS
) -> dict[str, float]:
    """Return the mean CRPS as ``crps``, and the coverage at several levels, as ``coverage_50`` at 0.5.

    Mean, deviation and truth have shape (n,).

    >>> calibration([0.0, 0.0], [1.0, 1.0], [0.1, 3.0], levels=[0.9])
    {'crps': 1.3371279019740063, 'coverage_90': 0.5}
    """
    scores = {"crps": float(gaussian_crps(mean, std, truth).mean())}
    for level in levels:
        scores[f"coverage_{100 * level:.3g}"] = interval_coverage(mean, std, truth, level)
    return scores
