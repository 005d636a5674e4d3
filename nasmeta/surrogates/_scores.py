"""Scores of predictions against the values of a table."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from nasmeta.predictors import rank_correlations

QUANTILE = float(ndtri(0.95))  # half the width of a 90 % predictive interval, in deviations
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
    y = np.asarray(y, dtype=np.float64)
    predicted = np.asarray(predicted, dtype=np.float64)
    scores: Scores = {"cells": len(y)}
    scores |= dict.fromkeys(("r2", "tau", "sparse_tau", "spearman", "rmse"))
    if len(y) > 1:
        mean_squared_error = ((y - predicted) ** 2).mean()
        variance = y.var()
        scores["tau"], scores["spearman"] = rank_correlations(y, predicted)
        scores["rmse"] = float(np.sqrt(mean_squared_error))
        if variance > 0:
            scores["r2"] = float(1.0 - mean_squared_error / variance)
        if percent:
            scores["sparse_tau"], _ = rank_correlations(y, np.round(predicted, 1))
    for name, score in scores.items():
        if score is not None and np.isnan(score):  # a rank correlation with a constant
            scores[name] = None
    return scores
