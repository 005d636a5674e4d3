"""Figures of a comparison: search curves, ranks, and the critical-difference diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nasmeta.analysis._curves import XAxis, regret_curves
from nasmeta.analysis._frame import names_in
from nasmeta.analysis._power import POWER, RUNS
from nasmeta.analysis._ranks import SIGNIFICANT, Friedman, friedman_test, rank_curves
from nasmeta.analysis._units import column_of, regret_unit
from nasmeta.checks import check_names
from nasmeta.errors import needing
from nasmeta.pages import range_text
from nasmeta.plotting import (
    Style,
    Width,
    draw_grid,
    draw_line,
    highlighted,
    house_style,
    inches,
    label_panels,
    legend_below,
    log_axis,
    new_figure,
    new_panels,
    panel_titles,
    points,
    styles,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DECADES = 3  # of the logarithmic part of the regret axis
_DARK = "0.35"  # grey, of the optimum and other levels
_SIZE = (3.3, 2.6)  # inches, of a figure with a single panel


@house_style()
def plot_regret(
    frame: pd.DataFrame,
    x: XAxis = "evaluation",
    tasks: Sequence[str] | None = None,
    unit: str | None = None,
    share_y: bool = True,
    width: Width = None,
    highlight: Sequence[str] | None = None,
    caption: bool | None = None,
) -> Figure:
    """Draw search curves, one panel per task, one line per searcher; `regret_curves` returns their numbers.

    Lines are means over the runs, and bands their 95 % bootstrap intervals.

    If the optimum of a task is not known, the best value so far is drawn instead of the regret.
    Both axes are logarithmic. The regret axis becomes linear close to 0, and the optimum is a
    separate line. A curve ends at the optimum, or with the first run that used its whole budget.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame.
    x : {"evaluation", "simulated_seconds"}
        The horizontal axis.
    tasks : sequence of str, optional
        The tasks to draw, in this order; all by default.
    unit : str, optional
        Unit of the regret, for the label of the axis. By default the tasks' unit, with their metric
        if all share it, such as ``percentage points of validation accuracy``.
    share_y : bool
        Whether all panels have the same regret axis; switch it off for tasks in different units.
    width : str or float, optional
        Width of the figure: a name in `nasmeta.plotting.WIDTHS`, such as ``"icml"`` for a column
        and ``"icml-full"`` for the text of that paper, or inches. By default panels have 2.45
        inches, three per row.
    highlight : sequence of str, optional
        Searchers in colour; the others are grey. By default all. If there are more than eight, the
        five with the lowest regret on average over the axis.
    caption : bool, optional
        Whether the figure states the number of runs and the meaning of the band. By default it
        does, unless `width` is the name of a venue: there, the paper's caption should state them.

    Returns
    -------
    matplotlib.figure.Figure
        A figure that pyplot does not manage; write it with `save_figure`. It uses the fonts,
        colours and lines of the user's rcParams if these are set.

    Raises
    ------
    SettingError
        If the frame is not valid, or `x` or `width` are not possible.
    UnknownNameError
        If the frame does not have a task, or the width is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "nb201/cifar10", "searcher": "random", "seed": [0, 0, 1, 1], "evaluation": [1, 2, 1, 2],
    ...     "regret": [1.0, 0.0, 3.0, 1.0]})
    >>> figure = plot_regret(frame)
    >>> figure.axes[0].get_title(), figure.axes[0].get_xscale()
    ('CIFAR-10', 'log')
    """
    has_optimum = not has_unknown_optimum(frame)
    column = "regret" if has_optimum else "incumbent_value"
    curves = regret_curves(frame, x, column)
    names = known = names_in(frame, "task")
    if tasks is not None:
        names = list(tasks)
    check_names("this frame", "task", names, known)
    curves = curves[curves["task"].isin(names)]
    figure, panels = new_panels(panel_titles(names), width, (2.45, 2.35), sharey=share_y)
    best_first = searchers = names_in(frame, "searcher")
    if has_optimum:
        means = curves.groupby(["searcher", "task"], sort=False)["mean"].mean()  # over the axis
        mean_ranks = means.unstack().rank().mean(axis=1)  # tasks may have different units
        best_first = mean_ranks.sort_values().index.tolist()
    looks = styles(searchers, highlighted(best_first, highlight))
    for panel, task in zip(panels, names, strict=True):
        of_task = curves[curves["task"] == task]
        for searcher, curve in of_task.groupby("searcher", sort=False):
            name = str(searcher)
            if has_optimum:
                curve = _until_optimum(panel, curve, x, looks[name])
            draw_line(panel, name, looks, curve[x], curve["mean"], (curve["low"], curve["high"]))
        log_axis(panel)
        if has_optimum:
            _scale_regrets(panel, curves if share_y else of_task)
        draw_grid(panel)
    if unit is None:
        unit = regret_unit([column_of(name, frame) for name in names])
    label_panels(panels, *_axis_labels(x, unit, has_optimum))
    if caption is None:
        caption = not isinstance(width, str)
    title = ""
    if caption:
        title = _caption(range_text(curves["runs"]))
    legend_below(figure, title, width)
    return figure


def _until_optimum(panel: Axes, curve: pd.DataFrame, x: XAxis, look: Style) -> pd.DataFrame:
    """Return a curve up to its first regret of 0, and mark this point on the line of the optimum."""
    solved = np.flatnonzero(curve["mean"] == 0)
    if len(solved) == 0:
        return curve
    curve = curve.iloc[: solved[0] + 1]
    end = curve[x].iloc[-1:]
    panel.plot(
        end, [0.0], zorder=5, color=look.colour, marker=look.marker, linestyle="", clip_on=False
    )
    return curve


def _axis_labels(x: XAxis, unit: str, has_optimum: bool) -> tuple[str, str]:
    """Return the labels of both axes, from the unit of the regret."""
    horizontal = "evaluations"
    if x == "simulated_seconds":
        horizontal = "simulated time (s)" if has_optimum else "training time (s)"
    if has_optimum:
        return horizontal, f"regret ({unit})"
    if unit == "percentage points":
        return horizontal, "best found (percent)"
    return horizontal, f"best found ({unit.removeprefix('percentage points of ')})"


def _caption(runs: str) -> str:
    if runs == "1":
        return "one run"
    return f"mean of {runs} runs; band: 95 % bootstrap interval of the mean"


def _scale_regrets(panel: Axes, curves: pd.DataFrame) -> None:
    """Scale the regret axis: logarithmic, and linear from a threshold down to the optimum."""
    from matplotlib.ticker import FuncFormatter, NullFormatter, SymmetricalLogLocator

    means = curves["mean"].to_numpy()
    positive = means[means > 0]
    largest = float(positive.max(initial=0)) or 1.0
    smallest = float(positive.min(initial=largest))
    # The power of ten below the smallest mean, but not far below the largest.
    threshold = 10.0 ** np.floor(np.log10(max(smallest, largest / 10**_DECADES)))
    panel.set_yscale("symlog", linthresh=threshold, linscale=0.5)
    top = max(largest, float(curves["high"].fillna(0).max()))
    panel.set_ylim(-0.12 * threshold, 1.3 * top)
    ticks = SymmetricalLogLocator(base=10, linthresh=threshold, subs=list(range(2, 10)))
    axis = panel.yaxis
    axis.set_minor_locator(ticks)
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())
    panel.axhline(0, color=_DARK, linewidth=0.8, zorder=1)
    along_axis = panel.get_yaxis_transform()  # x in widths of the panel, y in data
    size = points(7)
    panel.text(0.02, 0, "optimum", transform=along_axis, fontsize=size, color=_DARK, va="bottom")


def has_unknown_optimum(frame: pd.DataFrame) -> bool:
    """Return whether a results frame lacks regrets, because the optimum of a task is not known."""
    return "regret" in frame.columns and bool(frame["regret"].isna().any())


@house_style()
def plot_ranks(
    frame: pd.DataFrame,
    x: XAxis | None = None,
    width: Width = None,
    highlight: Sequence[str] | None = None,
) -> Figure:
    """Draw the average rank of each searcher against the budget.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame with a run of every searcher for every (task, seed).
    x : {"evaluation", "simulated_seconds"}, optional
        The horizontal axis; by default the axis of the budget, as in `average_ranks`. Training
        times differ between tasks, so seconds are shares of the largest budget at which all runs on
        a task are known.
    width : str or float, optional
        As in `plot_regret`; 4.6 inches by default.
    highlight : sequence of str, optional
        Searchers in colour; by default all, or of more than eight the five with the best ranks at
        the end.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SettingError
        If the frame is not valid, or searchers lack runs that others have.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "t", "searcher": ["a", "a", "b", "b"], "seed": 0, "evaluation": [1, 2, 1, 2],
    ...     "regret": [3.0, 0.5, 2.0, 1.0]})
    >>> plot_ranks(frame).axes[0].get_ylabel()
    'average rank'
    """
    curves = rank_curves(frame, x)
    budget = curves.columns[1]
    searchers = names_in(curves, "searcher")
    figure, (axes,) = new_panels([""], width, _SIZE)
    last_ranks = curves.groupby("searcher", observed=True)["rank"].last()
    best_first = list(map(str, last_ranks.sort_values().index))
    looks = styles(searchers, highlighted(best_first, highlight))
    for name in searchers:
        rows = curves[curves["searcher"] == name]
        draw_line(axes, name, looks, rows[budget], rows["rank"])
    axes.set_ylim(len(searchers) + 0.15, 0.85)  # rank 1 is at the top
    log_axis(axes)
    draw_grid(axes, "y")
    amount = "evaluations"
    if budget != "evaluation":
        amount = "share of the simulated time"
        if has_unknown_optimum(frame):
            amount = "share of the time"
    rank = "average rank"
    if frame.attrs.get("predicted"):
        rank = "average rank by predicted values"
    label_panels([axes], amount, rank)
    legend_below(figure, width=width)
    return figure


@house_style()
def plot_power(plan: pd.DataFrame, width: Width = None) -> Figure:
    """Draw the power (share of comparisons that show a difference) against the number of runs, one panel per task.

    A curve may fall. If all runs of both searchers find the optimum, a comparison tests evaluations,
    else regrets. With more runs, it is more likely that one misses the optimum.

    Parameters
    ----------
    plan : DataFrame (pairs,)
        A result of `nasmeta.plan`.
    width : str or float, optional
        As in `plot_regret`.

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import nasmeta as nm
    >>> plan = nm.plan(["random", "evolution"], "nb201/cifar10", repeats=3, evaluations=20)
    >>> plot_power(plan).axes[0].get_ylabel()
    'power'
    """
    pairs = plan.assign(pair=plan["searcher"] + " – " + plan["other"])
    needed = pairs.groupby("pair")["needed"].max()
    hardest_first = needed.sort_values(ascending=False).index.tolist()
    looks = styles(names_in(pairs, "pair"), highlighted(hardest_first, None))
    tasks = names_in(plan, "task")
    figure, panels = new_panels(panel_titles(tasks), width, (2.45, 2.35))
    for panel, task in zip(panels, tasks, strict=True):
        for row in pairs[pairs["task"] == task].to_dict("records"):
            power = _power_by_runs(row)
            draw_line(panel, row["pair"], looks, power.index, power)
        panel.axhline(POWER, color=_DARK, linewidth=0.8, zorder=1)
        panel.set_ylim(-0.03, 1.03)
        log_axis(panel)
        draw_grid(panel)
    label_panels(panels, "runs", "power")
    legend_below(figure, width=width)
    return figure


def _power_by_runs(row: Mapping[Any, Any]) -> pd.Series[float]:
    """Return the power for a pair by the number of runs, as far as its row of a plan has it."""
    power = {runs: row[f"shown_{runs}"] for runs in RUNS if f"shown_{runs}" in row}
    if row["needed"] < np.inf:
        power[row["needed"] - 1] = row["share_before"]
        power[row["needed"]] = row["share"]
    return pd.Series(power).sort_index()


@house_style()
def plot_critical_difference(result: pd.DataFrame | Friedman, width: Width = 6.5) -> Figure:
    """Draw the average ranks, with a bar over each group of searchers that Nemenyi's test does not distinguish.

    scikit-posthocs draws the diagram, in the form of Demšar (2006).

    Parameters
    ----------
    result : DataFrame (rows,) or Friedman
        A results frame, or a result of `friedman_test`.
    width : str or float, default 6.5
        Width of the figure, as in `plot_regret`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MissingPackageError
        If the extra ``report`` is not installed.
    SettingError
        As in `friedman_test`.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "t", "searcher": ["a", "b", "c"] * 4, "seed": [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3], "evaluation": 1,
    ...     "regret": [1.0, 2.0, 3.0, 1.0, 3.0, 2.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0]})
    >>> figure = plot_critical_difference(frame)
    """
    with needing("The critical-difference diagram", "report"):
        from scikit_posthocs import critical_difference_diagram
    if not isinstance(result, Friedman):
        result = friedman_test(result)
    total = inches(width, 6.5)
    k = len(result.ranks)
    size = points(8.5)
    figure = new_figure(total, (1.2 + 0.21 * k) * points(1.0))
    axes = figure.subplots()
    looks = styles(map(str, result.ranks.index))
    artists = critical_difference_diagram(
        result.ranks,
        result.nemenyi,
        alpha=SIGNIFICANT,
        ax=axes,
        left_only=True,
        label_fmt_left="{label}  {rank:.2f} ",
        label_props={"fontsize": size},
        color_palette={name: look.colour for name, look in looks.items()},
        elbow_props={"linewidth": 1.0},
        marker_props={"s": 12},
        crossbar_props={"linewidth": 2.6, "color": "0.3", "solid_capstyle": "round"},
        text_h_margin=0.02 * k,
    )
    for name, elbow in zip(result.ranks.index, artists["elbows"], strict=True):
        elbow.set_linestyle(looks[name].line()["linestyle"])
    for (bar,) in artists["crossbars"]:
        bar.set_xdata(sorted(bar.get_xdata()))  # the package draws them in the order of a set
    axes.set_xlim(1, k)
    step = 1 if k <= 10 else 2
    axes.set_xticks(range(1, k + 1, step))
    lowest = min(label.get_position()[1] for label in artists["labels"])
    axes.set_ylim(lowest - 0.6, 0.9)
    draw_grid(axes, "x")
    blocks = f"average rank over {result.blocks} blocks"
    title = f"{blocks}; critical difference {result.critical_difference:.2f}"
    figure.suptitle(wrapped(title, total - 0.15, size), fontsize=size)
    return figure
