"""Rank scores: labels of tasks of any unit on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri


def normal_scores(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace values by standard normal quantiles of their ranks; ties share a rank.

    A label transform that no monotone change of the unit can disturb.
    """
    from scipy.stats import rankdata

    ranks = rankdata(values)
    return ndtri((ranks - 0.5) / len(ranks))
