"""Predictors: scores over the draws, pictures of them, and the summary in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import check_frame
from nasmeta.analysis._plots import columns_in, legend_below, save_figure, title_panel
from nasmeta.analysis._statistics import bootstrap_interval, interval_columns
from nasmeta.analysis._styles import style, tidy
from nasmeta.analysis._tables import to_markdown
from nasmeta.errors import JournalError, SettingError, UnknownNameError
from nasmeta.files import writing
from nasmeta.pictures import Width, house_style, inches, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KEY = ["task", "target", "protocol", "scope", "predictor", "n_train"]
_WITH_INTERVAL = ("kendall_tau", "spearman")
_WITHOUT = ("rmse", "crps", "fit_seconds", "predict_seconds", "cpu_seconds")
_NEEDED = (*_KEY, "draw", *_WITH_INTERVAL, *_WITHOUT)
_NAMES = {"kendall_tau": "Kendall's τ", "spearman": "Spearman's ρ"}
_SCOPES = {  # in headings
    "isomorph-disjoint": "on cells without a labelled isomorph",
    "unseen": "on cells without a label",
    "all": "on all cells",
}
_PANEL_WIDTH, _PANEL_HEIGHT = 3.4, 2.8  # inches; two panels fill the text width of a paper
SCOPES = {  # in headings
    "isomorph-disjoint": "cells of which no isomorph gave a label",
    "unseen": "cells that gave no label",
    "all": "all cells, as published work scores",
}


def summarise_predictions(frame: pd.DataFrame, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Summarise the draws of each predictor, scope and number of labels.

    There is one row per (task, target, protocol, scope, predictor, n_train): ``draws``; ``kendall_tau``, ``spearman``,
    and bootstrap intervals of these means over the draws (``_low``, ``_high``), NaN if a draw lacks a value; means
    of ``rmse, crps, coverage_10 … coverage_95``; medians of ``fit_seconds, predict_seconds, cpu_seconds``.

    >>> import nasmeta as nm
    >>> frame = nm.predict(["parameters", "flops"], sizes=[50], target="valid", draws=3).frame
    >>> table = summarise_predictions(frame)
    >>> table.loc[table["scope"] == "all", ["predictor", "draws", "kendall_tau"]].round(2).values.tolist()
    [['parameters', 3, 0.53], ['flops', 3, 0.53]]
    """
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
    """Raise a SettingError unless a frame of `nasmeta.predict` has all columns and each draw once."""
    check_frame(frame, _NEEDED, "predict")
    twice = frame[frame.duplicated([*_KEY, "draw"])]
    if frame.empty or len(twice):
        raise SettingError(f"The frame has {'a draw twice' if len(twice) else 'no draw'}; give each draw once.")


def coverage_columns(frame: pd.DataFrame) -> dict[str, float]:
    """Return the columns of coverage that a frame has, with their levels."""
    names = [str(name) for name in frame.columns if str(name).startswith("coverage_")]
    return {name: float(name.removeprefix("coverage_")) / 100 for name in names}


@house_style()
def plot_predictions(
    frame: pd.DataFrame,
    metric: Literal["kendall_tau", "spearman"] = "kendall_tau",
    scopes: Sequence[str] = ("isomorph-disjoint", "all"),
    level: float = 0.95,
    seed: int = 0,
    width: Width = None,
) -> Figure:
    """Draw a rank correlation against the number of labels, a panel per scope, a line per predictor.

    Parameters
    ----------
    frame : DataFrame (rows,)
        The ``frame`` that `nasmeta.predict` returns, of one task, target and protocol.
    metric : {"kendall_tau", "spearman"}
    scopes : sequence of str
    level, seed : float, int
        Of the bootstrap interval of the mean that the band shows.
    width : str or float, optional
        As in `plot_regret`; 3.4 inches per panel by default.

    Returns
    -------
    matplotlib.figure.Figure
        A free-standing figure, unknown to pyplot; write it with `save_figure`.

    Raises
    ------
    SettingError, UnknownNameError

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.predict(["ridge", "nwot"], sizes=[20, 78], target="valid", draws=2).frame
    >>> [axes.get_title() for axes in plot_predictions(frame).axes]
    ['on cells without a labelled isomorph', 'on all cells']
    """
    if metric not in _NAMES:
        raise UnknownNameError.of("metric", metric, _NAMES)
    table = summarise_predictions(_of_one(frame), level, seed)
    for scope in scopes:
        if scope not in set(table["scope"]):
            raise UnknownNameError.of("scope", scope, list(table["scope"].unique()))
    figure, panels = _panels(len(scopes), width)
    handles: dict[str, Any] = {}
    names = [str(name) for name in table["predictor"].unique()]
    for panel, scope in zip(panels, scopes, strict=True):
        for position, name in enumerate(names):
            rows = table[(table["scope"] == scope) & (table["predictor"] == name)].sort_values("n_train")
            if len(rows):
                handles[name] = _line(panel, rows["n_train"], rows[metric], position)
                panel.fill_between(
                    rows["n_train"], rows[f"{metric}_low"], rows[f"{metric}_high"],
                    color=style(position).colour, alpha=0.16, linewidth=0,
                )  # fmt: skip
        panel.set_xscale("log")
        _numbers(panel, table["n_train"])
        title_panel(panel, _SCOPES.get(scope, scope), _panel_width(figure, panel))
        _label(panel, "labels", f"{_NAMES[metric]} with {_target(table)}")
    title = f"mean of {_counts(table['draws'])} draws; band: {100 * level:g} % bootstrap interval"
    legend_below(figure, handles, title, spacing=2.0)
    return figure


@house_style()
def plot_calibration(frame: pd.DataFrame, n_train: Sequence[int] | None = None, width: Width = None) -> Figure:
    """Draw the coverage of central intervals against the probability that they claim, a panel per number of labels.

    Parameters
    ----------
    frame : DataFrame (rows,)
        The ``frame`` that `nasmeta.predict` returns, of one task, target and protocol.
    n_train : sequence of int, optional
        Numbers of labels to show; by default the smallest and the largest.
    width : str or float, optional
        As in `plot_regret`; 3.4 inches per panel by default.

    Returns
    -------
    matplotlib.figure.Figure
        Below the diagonal a predictor is too sure of itself, above it too careful.

    Raises
    ------
    SettingError
        The frame is not valid, no predictor in it knows a deviation, or it has no such number of labels.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.predict(["gp", "parameters"], sizes=[50, 100], target="valid", draws=2).frame
    >>> len(plot_calibration(frame).axes)
    2
    """
    checked_predictions(_of_one(frame))
    levels = coverage_columns(frame)
    known = frame[(frame["scope"] == "isomorph-disjoint") & frame[list(levels)].notna().all(axis=1)]
    if not len(levels) or not len(known):
        raise SettingError("No predictor in this frame knows a deviation, so there is no calibration to show.")
    sizes = sorted(known["n_train"].unique())
    chosen = list(dict.fromkeys([sizes[0], sizes[-1]] if n_train is None else n_train))
    if not chosen or not set(chosen) <= set(sizes):
        raise SettingError(f"Choose numbers of labels that the frame has: {', '.join(map(str, sizes))}.")
    figure, panels = _panels(len(chosen), width)
    handles: dict[str, Any] = {}
    names = [str(name) for name in frame["predictor"].unique()]
    for panel, n in zip(panels, chosen, strict=True):
        panel.plot([0, 1], [0, 1], color="0.35", linewidth=0.8, zorder=1)
        for position, name in enumerate(names):
            rows = known[(known["n_train"] == n) & (known["predictor"] == name)]
            if len(rows):
                handles[name] = _line(panel, list(levels.values()), rows[list(levels)].mean(), position)
        panel.set_title(f"{n:,} labels")
        _label(panel, "claimed probability", "share of true values inside")
        panel.set(xlim=(0, 1), ylim=(0, 1))
    draws = known.groupby(["predictor", "n_train"], observed=True)["draw"].nunique()
    title = f"mean of {_counts(draws)} draws; cells without a labelled isomorph"
    legend_below(figure, handles, title, spacing=2.0)
    return figure


def _of_one(frame: pd.DataFrame) -> pd.DataFrame:
    checked_predictions(frame)
    for name in ("task", "target", "protocol"):
        if frame[name].nunique() > 1:
            raise SettingError(f"The frame has several values of {name}. Select one.")
    return frame


def _panels(count: int, width: Width) -> tuple[Figure, list[Axes]]:
    columns, rows = columns_in(width, count, count)
    figure = new_figure(inches(width, max(1.3, count) * _PANEL_WIDTH), rows * _PANEL_HEIGHT + 0.8)
    panels = list(figure.subplots(rows, columns, sharey=True, squeeze=False).ravel())
    for unused in panels[count:]:
        unused.remove()
    for panel in panels[:count]:
        tidy(panel)
    return figure, panels[:count]


def _label(panel: Axes, x: str, y: str) -> None:
    """Label the axes of a panel, the vertical one where the panel is the first of its row."""
    place = panel.get_subplotspec()
    panel.set_xlabel(x)
    if place is None or place.is_first_col():
        panel.set_ylabel(y)


def _panel_width(figure: Figure, panel: Axes) -> float:
    place = panel.get_subplotspec()
    return (float(figure.get_size_inches()[0]) - 0.7) / (1 if place is None else place.get_gridspec().ncols)


def _line(panel: Axes, x: Any, y: Any, position: int) -> Any:
    (line,) = panel.plot(x, y, **style(position).line())
    return line


def _numbers(panel: Axes, sizes: Iterable[int]) -> None:
    """Label the numbers of labels that were used, as far as they do not touch."""
    from matplotlib.ticker import NullLocator

    ticks: list[int] = []
    for n in sorted(set(sizes)):
        if not ticks or np.log10(n / ticks[-1]) > 0.17:
            ticks.append(n)
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xticks(ticks, [f"{n:,}" for n in ticks])


def _target(table: pd.DataFrame) -> str:
    address = str(table["target"].iloc[0]).split(" of ")[0].split("/")
    return f"{address[0]} {address[2]}" if len(address) > 2 else address[0]


def _counts(draws: pd.Series[int]) -> str:
    low, high = int(draws.min()), int(draws.max())
    return str(low) if low == high else f"{low} to {high}"


def write_prediction_summary(frame: pd.DataFrame, folder: str | PathLike[str]) -> list[Path]:
    """Write ``results.csv``, ``summary.md`` and the pictures of one task, target and protocol of a benchmark.

    >>> import tempfile
    >>> import nasmeta as nm
    >>> frame = nm.predict(["parameters"], sizes=[50], target="valid", draws=2).frame
    >>> with tempfile.TemporaryDirectory() as home:
    ...     [file.name for file in write_prediction_summary(frame, home)]
    ['results.csv', 'summary.md']
    """
    table = summarise_predictions(frame)
    parts = [
        "# Comparison of predictors\n",
        f"{frame['task'].iloc[0]}, compared with {frame['target'].iloc[0]}. Mean over the draws, in brackets the 95 % "
        "bootstrap interval. Seconds are medians.\n",
        *(f"**{remark}**\n" for remark in frame.attrs.get("remarks", ())),
    ]
    for scope, title in SCOPES.items():
        rows = table[table["scope"] == scope].drop(columns=["task", "target", "protocol", "scope"])
        if scope != "isomorph-disjoint":  # measured in that scope only
            rows = rows.drop(columns=["crps", *(name for name in rows if str(name).startswith("coverage_"))])
        parts += [f"## Scored on {title}\n", to_markdown(rows)]
    home = Path(folder)
    files = [home / "results.csv", home / "summary.md"]
    with writing(f"Cannot write to {home}", JournalError):
        home.mkdir(parents=True, exist_ok=True)
        frame.to_csv(files[0], index=False, float_format="%.6g")
        files[1].write_text("\n".join(parts), encoding="utf-8")
        if frame["n_train"].nunique() > 1:
            files += save_figure(plot_predictions(frame), home / "kendall_tau")
        if frame["crps"].notna().any():
            files += save_figure(plot_calibration(frame), home / "calibration")
    return files
