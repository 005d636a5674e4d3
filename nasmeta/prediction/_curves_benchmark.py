"""A benchmark of learning-curve extrapolation, on cells that are left out with all their isomorphs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nasmeta.spaces import get_cell_space
from nasmeta.tables import Table, load_table

_COVERED = 1.6449  # standard deviations that contain 90 % of a normal distribution


def learning_curve_benchmark(
    table: Table | None = None,
    beginnings: Sequence[int] = (5, 10, 20, 50, 100),
    methods: Sequence[str] | None = None,
    epoch: int = 200,
    folds: int = 5,
    n_cells: int = 200,
    dataset: str = "cifar10",
    split: str = "valid",
    epochs: int = 200,
) -> pd.DataFrame:
    """Predict the value after an epoch for cells; their isomorphs (rule ``zero``) are left out of training.

    Parameters
    ----------
    table : Table, optional
        A table with curves; by default nb201 with the source ``nb201-curves``.
    beginnings : sequence of int
        Numbers of epochs that are observed.
    methods : sequence of str, optional
        Names in `CURVE_METHODS`, and "auto", which chooses a method within each training part; all by default.
    epoch : int, default 200
    folds : int, default 5
    n_cells : int, default 200
        The first cells in the official order; their curves were published.
    dataset, split, epochs
        Address of the curves; the mean over the seeds.

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

    table = load_table("nb201") if table is None else table
    cells = np.arange(n_cells, dtype=np.int32)
    curves = np.asarray(table.curve(cells, dataset, "accuracy", split, epochs, "mean"), dtype=np.float64)
    groups = np.asarray(get_cell_space(table.space).canonical(cells, rule="zero"))
    names = [*CURVE_METHODS, "auto"] if methods is None else list(methods)
    parts = list(GroupKFold(folds).split(curves, groups=groups))
    records = []
    for name in names:
        fitted = [LearningCurveRegressor(name).fit(curves[train], groups[train]) for train, _ in parts]
        for k in beginnings:
            predicted, deviation = np.empty(n_cells), np.empty(n_cells)
            for model, (_, test) in zip(fitted, parts, strict=True):
                predicted[test], deviation[test] = model.predict(curves[test, :k], epoch, return_std=True)
            missed = predicted - curves[:, epoch - 1]
            tau = kendalltau(predicted, curves[:, epoch - 1]).statistic if np.ptp(predicted) > 0 else np.nan
            records.append(
                {
                    "dataset": dataset,
                    "split": split,
                    "seen_epochs": k,
                    "epoch": epoch,
                    "method": name,
                    "mean_absolute_error": np.abs(missed).mean(),
                    "root_mean_square_error": np.sqrt((missed**2).mean()),
                    "kendall_tau": tau,
                    "coverage_90": (np.abs(missed) <= _COVERED * deviation).mean(),
                    "n_cells": n_cells,
                }
            )
    return pd.DataFrame(records)
