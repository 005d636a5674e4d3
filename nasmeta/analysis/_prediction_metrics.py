"""One row a (predictor, number of labels): scores of a predictor benchmark with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import check_frame
from nasmeta.analysis._statistics import bootstrap_interval, check_level, interval_columns
from nasmeta.errors import SettingError

_KEY = ["task", "target", "protocol", "scope", "predictor", "n_train"]
_WITH_INTERVAL = ("kendall_tau", "spearman")
_WITHOUT = ("rmse", "crps", "fit_seconds", "predict_seconds", "cpu_seconds")
_NEEDED = (*_KEY, "draw", *_WITH_INTERVAL, *_WITHOUT)


def summarise_predictions(frame: pd.DataFrame, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Summarise the draws of each predictor, scope and number of labels.

    Parameters
    ----------
    frame : DataFrame (rows,)
        The ``frame`` of what `nasmeta.predict` returns.
    level : float
        Level of the intervals.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame, one row a (task, target, protocol, scope, predictor, n_train)
        ``draws``; ``kendall_tau, kendall_tau_low, kendall_tau_high`` and the same for ``spearman``: mean and bootstrap
        interval over the draws, NaN where some draw has no value; ``rmse, crps, coverage_10 … coverage_95``: means;
        ``fit_seconds, predict_seconds, cpu_seconds``: medians.

    Raises
    ------
    SettingError
        Columns are missing, the frame is empty, or the level is not between 0 and 1.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.predict(["parameters", "flops"], sizes=[50], target="valid", draws=3).frame
    >>> table = summarise_predictions(frame)
    >>> table.loc[table["scope"] == "all", ["predictor", "draws", "kendall_tau"]].round(2).values.tolist()
    [['parameters', 3, 0.53], ['flops', 3, 0.53]]
    """
    check_level(level)
    checked_predictions(frame)
    coverage = coverage_columns(frame)
    rows = []
    for key, group in frame.groupby(_KEY, sort=False, observed=True):
        row: dict[str, Any] = dict(zip(_KEY, key, strict=True)) | {"draws": len(group)}
        for name in _WITH_INTERVAL:
            values = group[name].to_numpy(np.float64)
            known = bool(np.isfinite(values).all())
            bounds = bootstrap_interval(values, level=level, seed=seed) if known else (np.nan, np.nan)
            row |= interval_columns(name, values.mean(), bounds)
        for name in (*_WITHOUT, *coverage):
            centre = np.median if name.endswith("_seconds") else np.mean
            row[name] = float(centre(group[name].to_numpy(np.float64)))
        rows.append(row)
    return pd.DataFrame(rows)


def checked_predictions(frame: pd.DataFrame) -> None:
    """Raise a SettingError unless the frame is one of a predictor benchmark."""
    check_frame(frame, "predict", 'read_csv("{}/results.csv")')
    missing = [name for name in _NEEDED if name not in frame]
    if missing:
        raise SettingError(f"The frame lacks {', '.join(missing)}; it must be one that nasmeta.predict has returned.")
    if not len(frame):
        raise SettingError("The frame of the predictor benchmark is empty.")
    twice = frame.duplicated([*_KEY, "draw"])
    if twice.any():
        row = frame[twice].iloc[0]
        raise SettingError(
            f"{row['predictor']} with {row['n_train']} labels has draw {row['draw']} twice: give each draw once."
        )


def coverage_columns(frame: pd.DataFrame) -> dict[str, float]:
    """Return the columns of coverage that a frame has, with their levels."""
    names = [str(name) for name in frame.columns if str(name).startswith("coverage_")]
    return {name: float(name.removeprefix("coverage_")) / 100 for name in names}
