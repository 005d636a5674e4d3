"""Scores of predictors over the draws: summary, figures, and the files of a benchmark."""

from __future__ import annotations

from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nasmeta.analysis import bootstrap_interval
from nasmeta.errors import SettingError
from nasmeta.files import write_atomically
from nasmeta.pages import Section, interval_columns, range_text, write_markdown
from nasmeta.plotting import (
    Width,
    draw_grid,
    draw_line,
    house_style,
    label_panels,
    legend_below,
    log_axis,
    new_panels,
    styles,
    task_title,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

_KEY = ["task", "target", "protocol", "scope", "predictor", "n_train"]
CORRELATIONS = ("kendall_tau", "spearman")
ERRORS = ("rmse", "crps")
SECONDS = ("fit_seconds", "predict_seconds", "cpu_seconds")
_SIZE = (3.4, 2.8)  # inches of a panel; two fill the text width of a paper
SCOPES = {  # in headings
    "isomorph-disjoint": "cells without a labelled isomorph",
    "unseen": "cells without a label",
    "all": "all cells, as in published work",
}


def summarise_predictions(frame: pd.DataFrame) -> pd.DataFrame:
    """Summarise the draws of each predictor, scope and number of labels.

    There is one row per (task, target, protocol, scope, predictor, n_train): ``draws``;
    ``kendall_tau``, ``spearman``, and 95 % bootstrap intervals of these means over the draws
    (``_low``, ``_high``), NaN if a draw lacks a value; means of ``rmse, crps, coverage_10 …
    coverage_95``; medians of ``fit_seconds, predict_seconds, cpu_seconds``.

    >>> import nasmeta as nm
    >>> frame = nm.predict(["parameters", "flops"], sizes=[50], target="valid", draws=3).frame
    >>> table = summarise_predictions(frame)
    >>> table.loc[table["scope"] == "all", ["predictor", "draws", "kendall_tau"]].round(2).values.tolist()
    [['parameters', 3, 0.53], ['flops', 3, 0.53]]
    """
    means = (*ERRORS, *_coverage_levels(frame))
    rows = []
    for key, group in frame.groupby(_KEY, sort=False, observed=True):
        row: dict[str, Any] = dict(zip(_KEY, key, strict=True))
        row["draws"] = len(group)
        for name in CORRELATIONS:
            values = group[name].to_numpy(np.float64)
            bounds: Sequence[Any] = (np.nan, np.nan)
            if np.isfinite(values).all():
                bounds = bootstrap_interval(values)
            row |= interval_columns(name, values.mean(), bounds)
        for name in means:
            row[name] = group[name].mean(skipna=False)
        for name in SECONDS:
            row[name] = group[name].median()
        rows.append(row)
    return pd.DataFrame(rows)


def _summary(frame: pd.DataFrame) -> pd.DataFrame:
    return frame if "draws" in frame else summarise_predictions(frame)


def _coverage_levels(frame: pd.DataFrame) -> dict[str, float]:
    """Return the columns of coverage of a frame, with their levels."""
    names = [str(name) for name in frame.columns if str(name).startswith("coverage_")]
    return {name: float(name.removeprefix("coverage_")) / 100 for name in names}


@house_style()
def plot_predictions(frame: pd.DataFrame, width: Width = None) -> Figure:
    """Draw Kendall's τ against the number of labels, a line per predictor.

    One panel shows the scores on cells without a labelled isomorphic cell, the other one on all
    cells.

    Parameters
    ----------
    frame : DataFrame (rows,)
        The ``frame`` that `nasmeta.predict` returns, of one task, target and protocol, or its
        summary.
    width : str or float, optional
        As in `nasmeta.analysis.plot_regret`; 3.4 inches per panel by default.

    Returns
    -------
    matplotlib.figure.Figure
        Bands are 95 % bootstrap intervals of the mean.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.predict(["ridge", "nwot"], sizes=[20, 78], target="valid", draws=2).frame
    >>> [axes.get_title() for axes in plot_predictions(frame).axes]
    ['cells without a labelled duplicate', 'all cells']
    """
    table = _summary(frame)
    scopes = {"isomorph-disjoint": "cells without a labelled duplicate", "all": "all cells"}
    figure, panels = new_panels(list(scopes.values()), width, _SIZE, sharey=True)
    looks = styles(map(str, table["predictor"].unique()))
    for panel, scope in zip(panels, scopes, strict=True):
        for name in looks:
            rows = table[(table["scope"] == scope) & (table["predictor"] == name)].sort_values(
                "n_train"
            )
            band = rows["kendall_tau_low"], rows["kendall_tau_high"]
            draw_line(panel, name, looks, rows["n_train"], rows["kendall_tau"], band, step=None)
        log_axis(panel)
        draw_grid(panel)
    dataset, *address = str(table["target"].iloc[0]).split(" of ")[0].split("/")
    named = " ".join([task_title(f"/{dataset}"), *address[1::-1]])
    label_panels(panels, "labels", f"Kendall's τ with {named}")
    legend_below(
        figure, f"mean of {range_text(table['draws'])} draws; band: 95 % bootstrap interval", width
    )
    return figure


@house_style()
def plot_calibration(frame: pd.DataFrame, width: Width = None) -> Figure:
    """Draw the coverage of central intervals against their nominal probability, for the fewest and the most labels.

    Parameters
    ----------
    frame : DataFrame (rows,)
        As in `plot_predictions`.
    width : str or float, optional
        As in `nasmeta.analysis.plot_regret`; 3.4 inches per panel by default.

    Returns
    -------
    matplotlib.figure.Figure
        Below the diagonal a predictor is overconfident, above it underconfident.

    Raises
    ------
    SettingError
        If no predictor in the frame predicts a deviation.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.predict(["gp", "parameters"], sizes=[50, 100], target="valid", draws=2).frame
    >>> len(plot_calibration(frame).axes)
    2
    """
    table = _summary(frame)
    levels = _coverage_levels(table)
    known = table[(table["scope"] == "isomorph-disjoint") & table[list(levels)].notna().all(axis=1)]
    if not levels or known.empty:
        raise SettingError(
            "No predictor in this frame predicts a deviation, so there is no calibration."
        )
    sizes = sorted(known["n_train"].unique())
    chosen = sorted({sizes[0], sizes[-1]})
    figure, panels = new_panels([f"{n:,} labels" for n in chosen], width, _SIZE, sharey=True)
    looks = styles(map(str, table["predictor"].unique()))
    for panel, n in zip(panels, chosen, strict=True):
        panel.plot([0, 1], [0, 1], color="0.35", linewidth=0.8, zorder=1)
        for name in looks:
            rows = known[(known["n_train"] == n) & (known["predictor"] == name)]
            if len(rows):
                draw_line(
                    panel, name, looks, list(levels.values()), rows[list(levels)].iloc[0], step=None
                )
        panel.set(xlim=(0, 1), ylim=(0, 1))
        draw_grid(panel)
    label_panels(panels, "nominal probability", "share of true values inside")
    legend_below(
        figure,
        f"mean of {range_text(known['draws'])} draws; cells without a labelled duplicate",
        width,
    )
    return figure


def write_prediction_summary(frame: pd.DataFrame, folder: str | PathLike[str]) -> list[Path]:
    """Write ``results.csv``, ``summary.md`` and the figures of one task, target and protocol of a benchmark.

    >>> import tempfile
    >>> import nasmeta as nm
    >>> frame = nm.predict(["parameters"], sizes=[50], target="valid", draws=2).frame
    >>> with tempfile.TemporaryDirectory() as home:
    ...     [file.name for file in write_prediction_summary(frame, home)]
    ['results.csv', 'summary.md']
    """
    table = summarise_predictions(frame)
    about = (
        f"{frame['task'].iloc[0]}, compared with {frame['target'].iloc[0]}. Mean over the draws, in brackets the 95 % "
        "bootstrap interval. Seconds are medians."
    )
    sections = [Section(text=about)]
    for scope, title in SCOPES.items():
        rows = table[table["scope"] == scope].drop(columns=["task", "target", "protocol", "scope"])
        if scope != "isomorph-disjoint":  # the only scope of calibration
            rows = rows.drop(columns=["crps", *_coverage_levels(rows)])
        sections.append(Section(f"Scored on {title}", table=rows))
    figures = {}
    if frame["n_train"].nunique() > 1:
        figures["kendall_tau"] = partial(plot_predictions, frame)
    if frame["crps"].notna().any():
        figures["calibration"] = partial(plot_calibration, frame)
    home = Path(folder)
    files = write_markdown(
        home / "summary.md", "Comparison of predictors", sections, figures=figures
    )
    write_atomically(
        home / "results.csv", frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    )
    return [home / "results.csv", *files]
