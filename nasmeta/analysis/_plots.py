"""Search curves as pictures for print: regret against evaluations or simulated seconds, a panel per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from nasmeta.analysis._curves import XAxis, regret_curves
from nasmeta.analysis._styles import style, tidy
from nasmeta.analysis._units import column_of, regret_unit
from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.files import writing
from nasmeta.pictures import Width, fitting_size, house_style, inches, new_figure, points, text_inches, wrapped
from nasmeta.places import checked_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_X_LABELS = {"evaluation": "evaluations", "simulated_seconds": "simulated training time (s)"}
_CENTRES = {
    "mean": ("mean", "low", "high", "{level:g} % bootstrap interval of the mean"),
    "median": ("median", "q25", "q75", "quartiles"),
}
_FORMATS: dict[str, dict[str, Any]] = {
    "png": {"dpi": 200},
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
}
_COLUMNS, _PANEL_WIDTH, _PANEL_HEIGHT = 3, 2.45, 2.35  # inches; three panels fill the text width of a paper
_LEGEND_HANDLE = 3.2  # length of a line in the legend, in letters; short ones hide the line style
_NARROWEST = 1.8  # inches that a panel has at least
_MOST_ROWS = 5  # of a legend by a cautious guess of its width; one with more is measured
_LABELS = 1.1  # inches that the labels of the vertical axis and the gaps between panels take
_SMALLEST = 0.7  # part of their size to which the letters of a legend may shrink
_MOST_DECADES = 3  # of the logarithmic part of the regret axis


@house_style()
def plot_regret(
    frame: pd.DataFrame,
    x: XAxis = "evaluation",
    centre: Literal["mean", "median"] = "mean",
    tasks: Sequence[str] | None = None,
    unit: str | None = None,
    share_y: bool = True,
    level: float = 0.95,
    seed: int = 0,
    width: Width = None,
) -> Figure:
    """Draw search curves, one panel per task, one line per searcher; `regret_curves` returns their numbers.

    If the optimum of a task is not known, the best value so far is drawn instead of the regret.
    Both axes are logarithmic. A regret of 0 has no logarithm, so the regret axis becomes linear close to 0 and the
    optimum is a separate line: every value is at its true position. A curve ends at the optimum,
    or as soon as not all of its runs are known.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame.
    x : {"evaluation", "simulated_seconds"}
        The horizontal axis.
    centre : {"mean", "median"}
        The mean with its bootstrap interval, or the median with the quartiles.
    tasks : sequence of str, optional
        The tasks to draw, in this order; all by default.
    unit : str, optional
        Unit of the regret, for the label of the axis. By default that of the tasks, with their metric if all
        share it, such as ``percentage points of validation accuracy``.
    share_y : bool
        Whether all panels have the same regret axis; switch it off for tasks in different units.
    level, seed : float, int
        Level and seed of the bootstrap interval.
    width : str or float, optional
        Of the figure: a name in `nasmeta.analysis.WIDTHS`, such as ``"icml"`` for a column and ``"icml-full"`` for the
        text of that paper, or inches. By default panels have 2.45 inches, three per row.

    Returns
    -------
    matplotlib.figure.Figure
        A free-standing figure, unknown to pyplot; write it with `save_figure`. Fonts, colours and lines are those of
        the user's rcParams if these are set.

    Raises
    ------
    SettingError
        The frame is not valid, or `x`, `centre`, `level` or `width` are not possible.
    UnknownNameError
        A task that the frame does not hold, or an unknown width.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "nb201/cifar10", "searcher": "random", "seed": [0, 0, 1, 1], "evaluation": [1, 2, 1, 2],
    ...     "regret": [1.0, 0.0, 3.0, 1.0]})
    >>> figure = plot_regret(frame)
    >>> figure.axes[0].get_title(), figure.axes[0].get_xscale()
    ('nb201/cifar10', 'log')
    """
    if centre not in _CENTRES:
        raise SettingError(f"The centre cannot be {centre!r}; possible are {', '.join(_CENTRES)}.")
    values = has_unknown_optimum(frame)
    curves = regret_curves(frame, x, level=level, seed=seed, column="incumbent_value" if values else "regret")
    known = list(frame["task"].unique())
    searchers = list(frame["searcher"].unique())
    names = list(known if tasks is None else tasks)
    for name in names:
        if name not in known:
            raise UnknownNameError.of("task", name, known)
    unit = regret_unit([column_of(str(name)) for name in names]) if unit is None else unit
    columns, rows = columns_in(width, len(names), _COLUMNS)
    total = inches(width, columns * _PANEL_WIDTH + (_PANEL_WIDTH / 2 if columns == 1 else 0))
    drawn = curves[curves["task"].isin(names)]
    shown = [name for name in searchers if name in set(drawn["searcher"])]
    legend_columns, _ = _legend_columns([str(name) for name in shown], total)
    panel_height = _PANEL_HEIGHT * (min(1.0, 1.15 * total / columns / _PANEL_WIDTH) if rows > 1 and width else 1)
    height = rows * panel_height + 0.3 + 0.17 * -(-len(shown) // legend_columns)
    figure = new_figure(total, height)
    panels = figure.subplots(rows, columns, sharey=share_y, squeeze=False).ravel()
    handles: dict[str, Any] = {}
    for position, (panel, name) in enumerate(zip(panels, names, strict=False)):
        of_task = drawn[drawn["task"] == name]
        for order, searcher in enumerate(searchers):
            curve = of_task[of_task["searcher"] == searcher]
            if len(curve):
                handles[searcher] = _draw(panel, curve, x, centre, order, len(searchers), ends=not values)
        (_set_value_axes if values else _set_axes)(panel, drawn if share_y else of_task, centre)
        title_panel(panel, str(name), (total - _LABELS) / columns)
        if position + columns >= len(names):  # nothing below it
            panel.set_xlabel(_X_LABELS[x].removeprefix("simulated " if values else ""))
        if position % columns == 0:
            panel.set_ylabel(fill(f"best found ({_of_values(unit)})" if values else f"regret ({unit})", 28))
    for unused in panels[len(names) :]:
        unused.remove()
    counts = sorted(set(drawn["runs"]))
    title = f"{centre} of {' to '.join(map(str, counts[:: max(1, len(counts) - 1)]))} runs"
    band = _CENTRES[centre][3].format(level=100 * level)
    legend_below(
        figure, {name: handles[name] for name in shown}, "one run" if counts == [1] else f"{title}; band: {band}"
    )
    return figure


def _of_values(unit: str) -> str:
    """Return the unit of values for the unit of their differences."""
    return "percent" if unit == "percentage points" else unit.removeprefix("percentage points of ")


def columns_in(width: Width, panels: int, most: int, narrowest: float = _NARROWEST) -> tuple[int, int]:
    """Return the numbers of columns and rows of panels in a figure of this width."""
    fitting = most if width is None else max(1, int(inches(width, 0.0) / narrowest))
    columns = min(panels, most, fitting)
    return columns, -(-panels // columns)


def title_panel(panel: Axes, title: str, width: float) -> None:
    """Put a title above a panel, small enough not to reach into the next one."""
    from matplotlib import rcParams

    panel.set_title(title, fontsize=fitting_size(title, width, rcParams["axes.titlesize"]))


def legend_below(figure: Figure, handles: Mapping[str, Any], title: str | None, spacing: float = 1.5) -> int:
    """Put a legend below the axes of a figure with constrained layout; return how many rows it has."""
    from matplotlib import rcParams

    names, width = [str(name) for name in handles], float(figure.get_size_inches()[0])
    columns, shrink = _legend_columns(names, width)
    legend = figure.legend(
        list(handles.values()),
        names,
        loc="outside lower center",
        ncols=columns,
        title=None if title is None else wrapped(title, width - 0.15, rcParams["legend.title_fontsize"]),
        fontsize=rcParams["legend.fontsize"] if shrink == 1 else 8 * shrink,
        handlelength=_LEGEND_HANDLE,
        columnspacing=spacing,
    )
    legend.get_title().set_multialignment("center")
    return -(-len(names) // columns)


def _legend_columns(names: Sequence[str], width: float) -> tuple[int, float]:
    """Spread the legend evenly over as few rows as fit a width in inches; with smaller letters, if need be."""
    from matplotlib import rcParams

    size = points(8)
    entry = (_LEGEND_HANDLE + 2.5 + 0.62 * max(map(len, names))) * size / 72  # handle, gaps and letters
    fitting, shrink = min(len(names), max(1, int(width / entry))), 1.0
    if -(-len(names) // fitting) > _MOST_ROWS or entry > width:
        entry = max(text_inches(name, rcParams["legend.fontsize"]) for name in names)
        entry += (_LEGEND_HANDLE + 2.3) * size / 72
        fitting = min(len(names), max(1, int((width - 0.1) / entry)))
        if fitting == 1 and len(names) > _MOST_ROWS and (width - 0.1) / 2 / entry > _SMALLEST:
            fitting, shrink = 2, (width - 0.1) / 2 / entry * size / 8
    return -(-len(names) // -(-len(names) // fitting)), shrink


def _draw(panel: Axes, curve: pd.DataFrame, x: XAxis, centre: str, position: int, n_searchers: int, ends: bool) -> Any:
    """Draw one searcher's line and band; a regret ends where it meets the optimum."""
    middle, low, high, _ = _CENTRES[centre]
    zero = np.flatnonzero(curve[middle] == 0) if ends else np.empty(0, dtype=np.int64)
    if len(zero):
        curve = curve.iloc[: zero[0] + 1]
    look = style(position)
    panel.fill_between(curve[x], curve[low], curve[high], color=look.colour, alpha=0.16, linewidth=0, step="post")
    (line,) = panel.plot(
        curve[x],
        curve[middle],
        drawstyle="steps-post",
        markevery=(0.02 + 0.2 * position / n_searchers, 0.2),  # staggered, in parts of the axes' diagonal
        label=curve["searcher"].iloc[0],
        **look.line(**({"markersize": 5.5} if look.marker in "PX" else {})),
    )
    if len(zero):
        panel.plot(
            curve[x].iloc[-1:],
            [0.0],
            marker=look.marker,
            color=look.colour,
            markersize=5,
            clip_on=False,
            zorder=5,
            linestyle="",
        )
    return line


def _set_axes(panel: Axes, curves: pd.DataFrame, centre: str) -> None:
    """Scale both axes to the curves; below the threshold the regret axis is linear down to 0."""
    from matplotlib.ticker import FuncFormatter, NullFormatter, SymmetricalLogLocator

    middle, _, high, _ = _CENTRES[centre]
    values = curves[middle].to_numpy()
    positive = values[values > 0]
    top = float(positive.max()) if len(positive) else 1.0
    smallest = max(float(positive.min()) if len(positive) else 1.0, top / 10**_MOST_DECADES)
    threshold = 10.0 ** np.floor(np.log10(smallest))
    panel.set_xscale("log")
    panel.set_yscale("symlog", linthresh=threshold, linscale=0.5)
    panel.set_ylim(-0.12 * threshold, 1.3 * max(top, float(curves[high].fillna(0).max())))
    panel.yaxis.set_minor_locator(SymmetricalLogLocator(base=10, linthresh=threshold, subs=list(range(2, 10))))
    plain = FuncFormatter(lambda value, _: f"{value:,.10g}")
    panel.yaxis.set_major_formatter(plain)
    panel.yaxis.set_minor_formatter(NullFormatter())
    if panel.get_xlim()[1] <= 10_000:
        panel.xaxis.set_major_formatter(plain)
    panel.axhline(0, color="0.35", linewidth=0.8, zorder=1)
    panel.text(
        0.02,
        0,
        "optimum",
        transform=panel.get_yaxis_transform(),
        fontsize=points(7),
        color="0.35",
        ha="left",
        va="bottom",
    )
    tidy(panel)


def _set_value_axes(panel: Axes, curves: pd.DataFrame, centre: str) -> None:
    """Scale the axes of best values: time is logarithmic, values are not."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    panel.set_xscale("log")
    low, high = panel.get_xlim()
    plain = FuncFormatter(lambda value, _: f"{value:,.10g}")
    short = high < 30 * low  # with few powers of ten or none
    panel.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    panel.xaxis.set_minor_formatter(plain if short else NullFormatter())
    if high <= 10_000:
        panel.xaxis.set_major_formatter(plain)
    tidy(panel)


def has_unknown_optimum(frame: pd.DataFrame) -> bool:
    """Return whether a results frame lacks regrets, as the optimum of a task is unknown."""
    return "regret" in frame.columns and bool(frame["regret"].isna().any())


def check_formats(formats: Sequence[str]) -> None:
    """Raise a SettingError unless figures can be written so."""
    for name in formats:
        if name not in _FORMATS:
            raise SettingError(f"Figures cannot be saved as {name!r}; possible are {', '.join(_FORMATS)}.")


def save_figure(figure: Figure, path: str | PathLike[str], formats: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Write a figure as PNG (200 dots per inch), SVG and PDF; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        For example from `plot_regret`.
    path : path-like
        Where to, without a suffix: "curves" becomes "curves.png" and "curves.svg". Folders are made.
    formats : sequence of {"png", "svg", "pdf"}

    Returns
    -------
    list of Path
        In the order of the formats.

    Raises
    ------
    SettingError
        Another format.

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [file.name for file in save_figure(Figure(figsize=(1, 1)), f"{folder}/curves")]
    ['curves.png', 'curves.svg']
    """
    from matplotlib import rc_context

    check_formats(formats)
    target = checked_path("path", path)
    files = [target.with_name(f"{target.name}.{name}") for name in formats]
    with writing(f"{target} cannot be written"):
        target.parent.mkdir(parents=True, exist_ok=True)
        for name, file in zip(formats, files, strict=True):
            # Else the ids in an SVG are random, and a PDF has the time in it and letters that journals refuse.
            with rc_context({"svg.hashsalt": "nasmeta", "pdf.fonttype": 42}):
                figure.savefig(file, **_FORMATS[name])
    return files
