"""What a label and a proposal are worth: rank scores and expected improvement."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcx, log1p

from nasmeta.checks import check_array, check_number

_SURE = 30.0  # deviations above the best from which on the improvement is the difference, to all digits


def log_expected_improvement(mean: NDArray[np.float64], std: NDArray[np.float64], best: float) -> NDArray[np.float64]:
    """Return the logarithm of the expected improvement over `best`, exact far into the tail.

    Jones, Schonlau and Welch, "Efficient global optimization", 1998; the stable form follows Ament et al.,
    "Unexpected improvements to expected improvement", NeurIPS 2023.
    """
    mean, std = check_array("mean", mean), check_array("std", std)
    u = (mean - check_number("best", best, -math.inf)) / std
    improved = np.log(std) + np.log(np.maximum(u, 1.0))
    sure, u = u > _SURE, np.minimum(u, _SURE)
    # φ(u) + u Φ(u) = φ(u) (1 + u √(π/2) erfcx(-u/√2))
    scaled = u * np.sqrt(np.pi / 2) * erfcx(-u / np.sqrt(2))
    tail = u < -1e3
    log_factor = np.where(tail, -2 * np.log(np.maximum(-u, 1.0)), log1p(np.where(tail, 0.0, scaled)))
    score: NDArray[np.float64] = np.log(std) - 0.5 * u * u - 0.5 * np.log(2 * np.pi) + log_factor
    return np.where(sure, improved, score)
