"""Pictures over all tasks: the critical-difference diagram, the course of the ranks, and profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from nasmeta.analysis._aggregates import normalised_regrets
from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._plots import has_unknown_optimum, legend_below
from nasmeta.analysis._profiles import performance_profiles, runtime_profiles
from nasmeta.analysis._ranks import Blocks, Friedman, friedman_test, rank_curves
from nasmeta.analysis._styles import style, tidy
from nasmeta.errors import SettingError, needing
from nasmeta.pictures import Width, house_style, inches, new_figure, points, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _HEIGHT = 4.6, 2.9  # inches


@house_style(framed=True)
def plot_critical_difference(
    frame: pd.DataFrame | Friedman,
    at: float | None = None,
    x: XAxis | None = None,
    over: Blocks = "runs",
    level: float = 0.05,
    width: Width = 6.5,
) -> Figure:
    """Draw the average ranks, with a bar over each group of searchers that Nemenyi's test does not tell apart.

    The drawing is that of scikit-posthocs, in the form of Demšar (2006).

    Parameters
    ----------
    frame : DataFrame (rows,) or Friedman
        A results frame, or a result of `friedman_test`; then the next four parameters are not used.
    at, x, over, level
        As in `friedman_test`.
    width : str or float, default 6.5
        Of the figure, as in `plot_regret`; names are on both sides of the axis, below 4.5 inches only on the left.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    NasmetaError
        The extra ``report`` is not installed.
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
    from matplotlib import rcParams

    width = inches(width, 6.5)
    result = frame if isinstance(frame, Friedman) else friedman_test(frame, at, x, over, level)
    with needing("The critical-difference diagram", "report"):
        from scikit_posthocs import critical_difference_diagram
    k = len(result.ranks)
    one_side = width < 4.5
    lines = (k if one_side else (k + 1) // 2) + _bars(result)
    figure = new_figure(width, (0.62 + 0.21 * (lines + (not one_side))) * points(1.0))
    axes = figure.subplots()
    artists = critical_difference_diagram(
        result.ranks,
        result.nemenyi,
        alpha=result.level,
        ax=axes,
        left_only=one_side,
        label_fmt_left="{label}  {rank:.2f} ",
        label_fmt_right=" {rank:.2f}  {label}",
        label_props={"fontsize": points(8.5)},
        elbow_props={"linewidth": 0.9, "color": "0.15"},
        marker_props={"marker": "o", "s": 12, "color": "black"},
        crossbar_props={"linewidth": 2.6, "color": "#0072B2", "solid_capstyle": "round"},
        text_h_margin=0.02 * k,
    )
    axes.set_xlim(1, k)
    axes.set_xticks(range(1, k + 1) if k <= 10 else range(1, k + 1, 2))
    axes.tick_params(labelsize=rcParams["xtick.labelsize"])
    title = f"average rank over {result.blocks} blocks (1 is the best)"
    if one_side:  # the names take much of the width, and a title over the axes alone would be cut off
        figure.suptitle(wrapped(title, width - 0.15, points(8.5)), fontsize=points(8.5))
    else:
        axes.set_title(title, fontsize=points(8.5), pad=4)
    bottom = min(label.get_position()[1] for label in artists["labels"])
    axes.set_ylim(bottom - 0.6, 0.9 if one_side else 2.3)
    if not one_side:
        _ruler(axes, result)
    return figure


def _bars(result: Friedman) -> int:
    """Return how many bars may lie on one another."""
    alike = (result.nemenyi.to_numpy() >= result.level).sum(axis=1)
    return int(min(4, (alike > 1).any() + (len(set(alike.tolist())) > 1)))


def _ruler(axes: Axes, result: Friedman) -> None:
    """Draw the length of the critical difference above the axis."""
    difference = min(result.critical_difference, len(result.ranks) - 1)
    y = 1.9
    axes.plot([1, 1 + difference], [y, y], color="0.2", linewidth=1.2, marker="|", markersize=5)
    axes.text(
        1 + difference,
        y,
        f"  critical difference {result.critical_difference:.2f}",
        fontsize=points(8),
        va="center",
        ha="left",
    )


@house_style()
def plot_ranks(frame: pd.DataFrame, x: XAxis | None = None, width: Width = None) -> Figure:
    """Draw the average rank of each searcher against the budget.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame with a run of every searcher for every (task, seed) in it.
    x : {"evaluation", "simulated_seconds"}, optional
        The horizontal axis; by default that of the budget, as in `average_ranks`. Training times differ between tasks,
        so seconds are shares of the largest budget at which all runs on a task are known.
    width : str or float, optional
        As in `plot_regret`; 4.6 inches by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SettingError
        The frame is not valid, or searchers lack runs that others have.

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
    budget, time = curves.columns[1], "time" if has_unknown_optimum(frame) else "simulated time"
    figure, axes = _canvas(width)
    handles = _lines(axes, curves, budget, "rank")
    axes.set_xscale("log")
    axes.set_xlabel("evaluations" if budget == "evaluation" else f"share of the {time}")
    axes.set_ylabel("average rank")
    axes.set_ylim(len(handles) + 0.15, 0.85)  # 1 is the best, so it is on top
    _finish(figure, axes, handles, "y")
    return figure


@house_style()
def plot_profiles(
    frame: pd.DataFrame,
    kind: Literal["performance", "runtime"] = "performance",
    at: float | None = None,
    x: XAxis | None = None,
    reference: str | None = None,
    target: float = 0.0,
    width: Width = None,
) -> Figure:
    """Draw the share of runs against how good they are, or against how many evaluations they needed.

    A performance profile (Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice",
    NeurIPS 2021) has the share of runs whose normalised regret is at most τ, a runtime profile the share that reached
    the target within n evaluations; each task has the same weight.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame.
    kind : {"performance", "runtime"}
        Performance profiles have pointwise bootstrap intervals of 95 %.
    at : int, optional
        Of the performance profile: the budget at which regrets are compared; by default the last that all runs reach.
    x : {"evaluation", "simulated_seconds"}, optional
        The axis of `at`; by default that of the budget, as in `average_ranks`.
    reference : str, optional
        Label of the searcher whose mean regret on a task is 1; by default that of random search.
    target : float
        Of the runtime profile: the regret to be reached.
    width : str or float, optional
        As in `plot_regret`; 4.6 inches by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    SettingError, UnknownNameError
        The frame is not valid, or kind, target or reference are not possible.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "t", "searcher": ["gp"] * 2 + ["random"] * 2, "seed": [0, 1] * 2, "evaluation": 1,
    ...     "regret": [0.0, 1.0, 2.0, 2.0]})
    >>> plot_profiles(frame).axes[0].get_ylabel()
    'share of the runs'
    """
    figure, axes = _canvas(width)
    if kind == "performance":
        curves = performance_profiles(frame, at, x, reference)
        reference = normalised_regrets(frame, at, x, reference)[2]
        handles = _lines(axes, curves, "threshold", "share", ("share_low", "share_high"))
        axes.set_xlabel(_broken(figure, f"regret τ, in parts of the mean regret of {reference}"))
        axes.set_xlim(0, float(curves["threshold"].max()))
    elif kind == "runtime":
        curves = runtime_profiles(frame, target)
        handles = _lines(axes, curves, "evaluation", "share")
        axes.set_xscale("log")
        axes.set_xlabel("evaluations until " + ("the optimum" if target == 0 else f"a regret of {target:g}"))
    else:
        raise SettingError(f"The kind of profile cannot be {kind!r}; possible are 'performance' and 'runtime'.")
    axes.set_ylabel("share of the runs")
    axes.set_ylim(-0.02, 1.03)
    _finish(figure, axes, handles, "both")
    return figure


def _canvas(width: Width) -> tuple[Figure, Axes]:
    figure = new_figure(inches(width, _WIDTH), _HEIGHT)
    return figure, figure.subplots()


def _broken(figure: Figure, label: str) -> str:
    """Return the label of the horizontal axis in lines that are not wider than the axis."""
    from matplotlib import rcParams

    return wrapped(label, float(figure.get_size_inches()[0]) - 0.9, rcParams["axes.labelsize"])


def _lines(
    axes: Axes, curves: pd.DataFrame, x: str, y: str, band: tuple[str, str] | None = None
) -> dict[str, Any]:  # fmt: skip
    """Draw a step line for each searcher; return the lines by name."""
    handles = {}
    searchers = list(dict.fromkeys(curves["searcher"]))
    for position, searcher in enumerate(searchers):
        rows, look = curves[curves["searcher"] == searcher], style(position)
        if band is not None:
            axes.fill_between(
                rows[x], rows[band[0]], rows[band[1]], color=look.colour, alpha=0.14, linewidth=0, step="post"
            )
        (handles[searcher],) = axes.plot(
            rows[x],
            rows[y],
            drawstyle="steps-post",
            markevery=(0.02 + 0.2 * position / len(searchers), 0.2),
            **look.line(),
        )
    return handles


def _finish(figure: Figure, axes: Axes, handles: dict[str, Any], grid: Literal["y", "both"]) -> None:
    from matplotlib.ticker import FuncFormatter

    if axes.get_xscale() == "log" and axes.get_xlim()[1] <= 10_000:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    tidy(axes, grid)
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, np.nextafter(0, 1)) if axes.get_xscale() == "log" else low, high)
    figure_width, figure_height = figure.get_size_inches()
    rows = legend_below(figure, handles, title=None)
    figure.set_size_inches(figure_width, figure_height + 0.17 * rows)
