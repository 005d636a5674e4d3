"""A benchmark of learning-curve extrapolation, on cells that are left out with all their isomorphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nasmeta.spaces import get_cell_space
from nasmeta.tables import load_table

_EPOCHS, _N_CELLS, _FOLDS = 200, 200, 5
_COVERED = 1.6449  # standard deviations that contain 90 % of a normal distribution


def learning_curve_benchmark(
    beginnings: Sequence[int] = (5, 10, 20, 50, 100), methods: Sequence[str] | None = None
) -> pd.DataFrame:
    """Predict the validation accuracy on CIFAR-10 after the last of 200 epochs, by cross-validation over cells.

    The cells are those with published curves, the first 200 in the official order. Isomorphic cells (rule ``zero``) are
    in the same part of the cross-validation. The curves are means over seeds, from the source ``nb201-curves``.

    Parameters
    ----------
    beginnings : sequence of int
        Numbers of epochs that are observed.
    methods : sequence of str, optional
        Names in `CURVE_METHODS`, and "auto", which chooses a method within each training part; all by default.

    Returns
    -------
    DataFrame
        A row for each beginning and method: mean absolute error and root mean square error in the unit of the curves,
        Kendall's τ-b between predictions and values, share of values within the 90 % interval, and number of cells.

    Raises
    ------
    ColumnError
        If the table lacks curves; `nasmeta data fetch nb201-curves` installs them.

    Examples
    --------
    >>> from nasmeta.prediction import learning_curve_benchmark
    >>> frame = learning_curve_benchmark(beginnings=[20], methods=["ridge"])  # doctest: +SKIP
    """
    from scipy.stats import kendalltau
    from sklearn.model_selection import GroupKFold

    from nasmeta.predictors import CURVE_METHODS, LearningCurveRegressor

    table, cells = load_table("nb201"), np.arange(_N_CELLS, dtype=np.int32)
    curves = np.asarray(table.curve(cells, "cifar10", "accuracy", "valid", _EPOCHS, "mean"), dtype=np.float64)
    groups = np.asarray(get_cell_space(table.space).canonical(cells, rule="zero"))
    names = [*CURVE_METHODS, "auto"] if methods is None else list(methods)
    parts = list(GroupKFold(_FOLDS).split(curves, groups=groups))
    records = []
    for name in names:
        fitted = [LearningCurveRegressor(name).fit(curves[train], groups[train]) for train, _ in parts]
        for k in beginnings:
            predicted, deviation = np.empty(_N_CELLS), np.empty(_N_CELLS)
            for model, (_, test) in zip(fitted, parts, strict=True):
                predicted[test], deviation[test] = model.predict(curves[test, :k], _EPOCHS, return_std=True)
            missed = predicted - curves[:, -1]
            tau = kendalltau(predicted, curves[:, -1]).statistic if np.ptp(predicted) > 0 else np.nan
            records.append(
                {
                    "dataset": "cifar10",
                    "split": "valid",
                    "seen_epochs": k,
                    "epoch": _EPOCHS,
                    "method": name,
                    "mean_absolute_error": np.abs(missed).mean(),
                    "root_mean_square_error": np.sqrt((missed**2).mean()),
                    "kendall_tau": tau,
                    "coverage_90": (np.abs(missed) <= _COVERED * deviation).mean(),
                    "n_cells": _N_CELLS,
                }
            )
    return pd.DataFrame(records)
