"""Figures of a run."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nasmeta.arrays import Floats
from nasmeta.plotting import (
    COLOURS,
    PROPORTION,
    Width,
    draw_grid,
    house_style,
    inches,
    new_figure,
    robust_limits,
    task_title,
    value_label,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@house_style()
def plot_front(run: Any, width: Width) -> Figure:
    """Draw the first two objectives: evaluations, the front found and the true one."""
    total = inches(width, 5.6)
    figure = new_figure(total, PROPORTION * total)
    axes, true = _titled(figure.subplots(), run, total), run.evaluator.front
    values, positions = run.values[:, :2], run.front_positions
    axes.plot(*values.T[::-1], "o", color="0.7", markersize=3, label="evaluated")
    signs = run.evaluator.signs[:2]
    if true is not None:
        _line(
            axes,
            true.values[:, :2],
            signs,
            color="0.35",
            linestyle=(0, (5, 1.5)),
            label=run.evaluator.front_name,
        )
    _line(
        axes,
        values[positions],
        signs,
        color=COLOURS["blue"],
        marker="o",
        markersize=3.5,
        label="front found",
    )
    # Very bad values would squeeze the front.
    shown = (
        values[positions] if true is None else np.vstack([values[positions], true.values[:, :2]])
    )
    axes.set(ylim=robust_limits(shown[:, 0]), xlim=robust_limits(shown[:, 1]))
    y, x = (value_label(info.metric_name, info.unit) for info in run.evaluator.columns[:2])
    axes.set(xlabel=x, ylabel=y)
    axes.legend(loc="best")
    return figure


def _titled(axes: Any, run: Any, total: float) -> Any:
    """Set the title of the run and the grid of its axes."""
    from matplotlib import rcParams

    title = f"{run.searcher}, seed {run.seed}: {task_title(run.task.name)}"
    axes.set_title(wrapped(title, total - 0.9, rcParams["axes.titlesize"]))
    draw_grid(axes)
    return axes


def _line(axes: Any, values: Floats, signs: Floats, **style: Any) -> None:
    """Draw the border of the region that points dominate, in two objectives."""
    order = np.argsort(-signs[0] * values[:, 0], kind="stable")
    y, x = values[
        order
    ].T  # from the best to the worst first objective, so from the worst to the best second one
    # of more objectives: those on the front of two
    best = np.maximum.accumulate(signs[1] * x) <= signs[1] * x
    # Between two neighbours, only the one with the better second objective attains x.
    axes.plot(x[best], y[best], drawstyle="steps-pre", **style)


RunAxis = Literal["evaluation", "simulated_seconds"]


@house_style()
def plot_run(run: Any, x: RunAxis, width: Width) -> Figure:
    """Draw each value as a dot, and the best so far as a line."""
    frame, evaluator, total = run.frame(), run.evaluator, inches(width, 4.6)
    figure = new_figure(total, min(2.9, PROPORTION * total))
    axes = _titled(figure.subplots(), run, total)
    axes.plot(frame[x], frame["value"], "o", color="0.6", markersize=3, label="evaluated")
    best = "best so far, mean of its seeds" if run.task.is_sampled else "best so far"
    axes.plot(
        frame[x],
        frame["incumbent_value"],
        color=COLOURS["blue"],
        drawstyle="steps-post",
        label=best,
    )
    if not isnan(evaluator.optimum):
        dashed: Any = {"linestyle": (0, (5, 1.5)), "label": evaluator.optimum_name}
        axes.axhline(evaluator.optimum, color="0.35", linewidth=0.8, **dashed)
    shown = [*robust_limits(frame["value"]), frame["incumbent_value"].iloc[-1], evaluator.optimum]
    low, high = np.nanmin(shown), np.nanmax(shown)
    axes.set_ylim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    seconds = f"{'training' if isnan(evaluator.optimum) else 'simulated'} time (s)"
    axes.set_xlabel("evaluations" if x == "evaluation" else seconds)
    info = evaluator.column
    axes.set_ylabel(value_label(info.metric_name, info.unit))
    axes.locator_params(axis="x", nbins=5)
    figure.legend(loc="outside lower center", ncols=3)
    return figure
