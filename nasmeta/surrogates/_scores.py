"""Scores of predictions against the values of a table."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from nasmeta.predictors import rank_correlations

# half the width of a 90 % predictive interval, in standard deviations
QUANTILE = float(ndtri(0.95))
Scores: TypeAlias = dict[str, int | float | None]
"""Scores of a set of architectures; None if undefined, such as a rank correlation of constants."""


def score_predictions(y: ArrayLike, predicted: ArrayLike, percent: bool = True) -> Scores:
    """Score predictions by r², Kendall's τ-b, Spearman's ρ and the root mean squared error.

    Values in percent also get a sparse τ: τ-b with the predictions rounded to 0.1 %, as in Zela,
    Siems, Zimmer, Lukasik, Keuper and Hutter, "Surrogate NAS benchmarks: going beyond the limited
    search spaces of tabular NAS benchmarks", ICLR 2022.

    Parameters
    ----------
    y, predicted : array-like of float, shape (n,)
        Values and predictions, in the same unit.
    percent : bool, default True
        Whether the unit is percent.

    Returns
    -------
    dict of str to int or float
        ``cells``: n; ``r2``, ``tau``, ``sparse_tau``, ``spearman``, ``rmse``; None if undefined.

    Examples
    --------
    >>> from nasmeta.surrogates import score_predictions
    >>> scores = score_predictions([90.0, 91.0, 92.0], [90.0, 91.02, 91.04])
    >>> round(scores["tau"], 3), round(scores["sparse_tau"], 3)
    (1.0, 0.816)
    """
    y, predicted = np.asarray(y, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    scores = dict.fromkeys(("r2", "tau", "sparse_tau", "spearman", "rmse"), np.nan)
    if len(y) > 1:
        error, variance = ((y - predicted) ** 2).mean(), y.var()
        scores["tau"], scores["spearman"] = rank_correlations(y, predicted)
        scores["rmse"] = float(np.sqrt(error))
        if variance > 0:
            scores["r2"] = float(1.0 - error / variance)
        if percent:
            scores["sparse_tau"], _ = rank_correlations(y, np.round(predicted, 1))
    return {
        "cells": len(y),
        **{name: None if np.isnan(score) else score for name, score in scores.items()},
    }
