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


_DASHES = (0, (5, 1.5))  # of true fronts and optima


@house_style()
def plot_front(run: Any, width: Width) -> Figure:
    """Draw the first two objectives: evaluations, the front found and the true one."""
    total = inches(width, 5.6)
    figure = new_figure(total, PROPORTION * total)
    axes = _titled(figure.subplots(), run, total)
    values, signs = run.values[:, :2], run.evaluator.signs[:2]
    front = values[run.front_positions]  # shape (n_front, 2)
    axes.plot(values[:, 1], values[:, 0], "o", color="0.7", markersize=3, label="evaluated")
    shown = front
    if run.evaluator.front is not None:
        true_front = run.evaluator.front.values[:, :2]
        label = run.evaluator.front_name
        _line(axes, true_front, signs, color="0.35", linestyle=_DASHES, label=label)
        shown = np.vstack([front, true_front])
    marker = {"marker": "o", "markersize": 3.5}
    _line(axes, front, signs, color=COLOURS["blue"], label="front found", **marker)
    # Very bad values would squeeze the front.
    axes.set(ylim=robust_limits(shown[:, 0]), xlim=robust_limits(shown[:, 1]))
    first, second = run.evaluator.columns[:2]
    axes.set_ylabel(value_label(first.metric_name, first.unit))
    axes.set_xlabel(value_label(second.metric_name, second.unit))
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
    # From the best to the worst first objective, so from the worst to the best second one.
    order = np.argsort(-signs[0] * values[:, 0], kind="stable")
    y, x = values[order].T
    # Of more objectives, show the points on the front of two.
    utilities = signs[1] * x
    best = utilities >= np.maximum.accumulate(utilities)
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
    style: Any = {"color": COLOURS["blue"], "drawstyle": "steps-post"}
    axes.plot(frame[x], frame["incumbent_value"], label=best, **style)
    if not isnan(evaluator.optimum):
        dashed: Any = {"linestyle": _DASHES, "label": evaluator.optimum_name}
        axes.axhline(evaluator.optimum, color="0.35", linewidth=0.8, **dashed)
    last = frame["incumbent_value"].iloc[-1]
    shown = [*robust_limits(frame["value"]), last, evaluator.optimum]
    low, high = np.nanmin(shown), np.nanmax(shown)
    margin = 0.03 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    clock = "training" if isnan(evaluator.optimum) else "simulated"
    seconds = f"{clock} time (s)"
    axes.set_xlabel("evaluations" if x == "evaluation" else seconds)
    axes.set_ylabel(value_label(evaluator.column.metric_name, evaluator.column.unit))
    axes.locator_params(axis="x", nbins=5)
    figure.legend(loc="outside lower center", ncols=3)
    return figure
