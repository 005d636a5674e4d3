"""Scores of predictions against the values of a table."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike


class Scores(TypedDict):
    """Scores of a set of architectures; None if undefined, such as a rank correlation of constants.

    Examples
    --------
    >>> from nasmeta.surrogates import score_predictions
    >>> score_predictions([1.0, 2.0, 3.0], [1.0, 2.0, 3.1])["tau"]
    1.0
    """

    cells: int
    r2: float | None
    tau: float | None
    sparse_tau: float | None
    spearman: float | None
    rmse: float | None


def score_predictions(y: ArrayLike, predicted: ArrayLike, percent: bool = True) -> Scores:
    """Score predictions by r², Kendall's τ-b, Spearman's ρ and the root mean squared error.

    Values in percent also get a sparse τ: τ-b with the predictions rounded to 0.1 %, as in Zela, Siems, Zimmer,
    Lukasik, Keuper and Hutter, "Surrogate NAS benchmarks: going beyond the limited search spaces of tabular NAS
    benchmarks", ICLR 2022.

    >>> import numpy as np
    >>> scores = score_predictions(np.array([90.0, 91.0, 92.0]), np.array([90.0, 91.02, 91.04]))
    >>> round(scores["tau"], 3), round(scores["sparse_tau"], 3)
    (1.0, 0.816)
    """
    from scipy.stats import kendalltau, spearmanr

    y, predicted = np.asarray(y, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    n = len(y)
    if n < 2:
        return Scores(cells=n, r2=None, tau=None, sparse_tau=None, spearman=None, rmse=None)
    variance, error = float(y.var()), float(((y - predicted) ** 2).mean())
    rounded = np.round(predicted, 1)
    varied = variance > 0 and bool(np.ptp(predicted) > 0)
    return Scores(
        cells=n,
        r2=1.0 - error / variance if variance > 0 else None,
        tau=float(kendalltau(y, predicted).statistic) if varied else None,
        sparse_tau=float(kendalltau(y, rounded).statistic) if varied and percent and np.ptp(rounded) > 0 else None,
        spearman=float(spearmanr(y, predicted).statistic) if varied else None,
        rmse=float(np.sqrt(error)),
    )
