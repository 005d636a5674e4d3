"""Fronts that runs find: empirical attainment surfaces, and distances from the true front."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import names_in
from nasmeta.arrays import Facts, Floats
from nasmeta.errors import NasmetaError
from nasmeta.plotting import (
    Width,
    draw_grid,
    draw_line,
    house_style,
    label_panels,
    legend_below,
    new_panels,
    panel_titles,
    robust_limits,
    styles,
    value_label,
)
from nasmeta.registry import names_from_file
from nasmeta.tasks import MultiObjectiveTask, get_task

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def attainment_surfaces(
    frame: pd.DataFrame,
    task: MultiObjectiveTask | str | None = None,
    *,
    at: int | None = None,
    shares: Sequence[float] = (25, 50, 75),
) -> pd.DataFrame:
    """Return the attainment surface of each searcher for several shares of its runs.

    A run attains a point if one of its evaluations is at least as good in each objective. The
    surface of 50 percent is the median front (Grunert da Fonseca, Fonseca and Hall, "Inferential
    performance assessment of stochastic optimisers and the attainment function", EMO 2001); moocore
    computes it exactly. The columns ``objective_1, objective_2, …`` are the corners of each
    surface, in their units; `shares` are in percent.

    >>> import nasmeta as nm
    >>> frame = nm.compare(["random"], ["nb201/cifar10+train_seconds"], repeats=3, evaluations=20)
    >>> attainment_surfaces(frame, shares=[50]).columns.to_list()
    ['searcher', 'share', 'objective_1', 'objective_2']
    """
    import moocore

    task, rows, names = _evaluations(frame, task, at)
    parts = []
    for searcher, runs in rows.groupby("searcher", sort=False, observed=True):
        costs = -task.signs * runs[names].to_numpy(np.float64)  # (n, n_objectives)
        seeds = runs["seed"].to_numpy(np.float64)
        # moocore minimises, and returns the costs and the share of each corner.
        corners = moocore.eaf(costs, seeds, percentiles=list(shares))
        part = pd.DataFrame(-task.signs * corners[:, :-1], columns=names)
        part.insert(0, "share", corners[:, -1])
        part.insert(0, "searcher", str(searcher))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def front_distances(
    frame: pd.DataFrame, task: MultiObjectiveTask | str | None = None, *, at: int | None = None
) -> pd.DataFrame:
    """Return the mean distance of the front that each run found from the true front.

    This is the modified inverted generational distance IGD+ (Ishibuchi et al., "Modified distance
    calculation in generational distance and inverted generational distance", EMO 2015), computed by
    moocore. For each architecture of the true front, it is the distance to the nearest architecture
    of the run, in the objectives in which the run is worse. A few architectures at the bend of the
    front determine most of a hypervolume; here all have the same weight.

    Parameters
    ----------
    frame : DataFrame (rows,)
        The result of `nasmeta.compare` on tasks with several objectives.
    task : MultiObjectiveTask or str, optional
        By default the only task of the frame.
    at : int, optional
        Number of evaluations; by default at the end of the runs.

    Returns
    -------
    DataFrame
        ``searcher, seed, igd_plus``: in percent of the front's range in each objective; 0 once all
        of it is found.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.analysis import front_distances
    >>> frame = nm.compare(["random", "ehvi"], ["nb201/cifar10+train_seconds"], repeats=2, evaluations=40)
    >>> mean = front_distances(frame).groupby("searcher")["igd_plus"].mean()
    >>> bool(mean["ehvi"] < mean["random"])
    True
    """
    import moocore

    task, rows, names = _evaluations(frame, task, at)
    scaled = task.front.scaled
    front = scaled(task.front.values)  # (n_front, n_objectives)
    distances = []
    for (searcher, seed), run in rows.groupby(["searcher", "seed"], sort=False, observed=True):
        values = scaled(run[names].to_numpy(np.float64))
        distance = moocore.igd_plus(values, ref=front, maximise=True)
        distances.append((str(searcher), seed, 100 * float(distance)))
    return pd.DataFrame(distances, columns=["searcher", "seed", "igd_plus"])


@house_style()
def plot_attainment(frame: pd.DataFrame, *, at: int | None = None, width: Width = None) -> Figure:
    """Draw the median attainment surface of each searcher, its quartiles as a band, and the true front.

    Parameters
    ----------
    frame : DataFrame (rows,)
        The result of `nasmeta.compare`. There is a panel for each task with two objectives that is
        known by name.
    at : int, optional
        Number of evaluations; by default at the end of the runs.
    width : str or float, optional
        As in `nasmeta.analysis.plot_regret`.

    Returns
    -------
    matplotlib.figure.Figure
        Points of the true front that are far from the others are cut off.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.compare(["random", "nsga2"], ["nb201/cifar10+train_seconds"], repeats=3, evaluations=20)
    >>> plot_attainment(frame).axes[0].get_title()
    'CIFAR-10, training time'
    """
    chosen = tasks_with_two(frame)
    titles = panel_titles([task.name for task in chosen])
    figure, panels = new_panels(titles, width, (2.6, 2.4))
    for panel, task in zip(panels, chosen, strict=True):
        predictions = frame.attrs.get("predicted", {}).get(task.name, {})
        surfaces = attainment_surfaces(frame, task, at=at)
        _draw_surfaces(panel, task, surfaces, _front_name(task, predictions))
        draw_grid(panel)
        labels = []
        for part in task.parts:
            column = part.column
            if part.name in predictions:
                column = column.predicted_by(predictions[part.name])
            labels.append(value_label(column.metric_name, column.unit))
        y_label, x_label = labels
        label_panels([panel], x_label, y_label)
    legend_below(figure, width=width)
    return figure


def _front_name(task: MultiObjectiveTask, predictions: Facts) -> str:
    """Return the name of the front of a task in the legend, given the predicted objectives of the frame."""
    if any(part.column.predicted for part in task.parts):
        return "predicted front"
    if predictions:
        return "measured front"
    return "true front"


def _draw_surfaces(
    panel: Axes, task: MultiObjectiveTask, surfaces: pd.DataFrame, front_name: str
) -> None:
    """Draw the first objective against the second one: the front, and the surfaces of each searcher."""
    front = task.front.values  # (n_front, 2)
    # An attained value of the second objective is attained for all worse values, too.
    step: Literal["pre", "post"] = "pre" if task.signs[1] > 0 else "post"
    grid = np.unique(np.r_[surfaces["objective_2"], front[:, 1]])
    heights = _heights(front, task, grid)
    panel.plot(grid, heights, color="0.35", drawstyle=f"steps-{step}", label=front_name)
    looks = styles(names_in(surfaces, "searcher"))
    for searcher, rows in surfaces.groupby("searcher", sort=False):
        lines = {}
        for share, corners in rows.groupby("share"):
            points = corners.filter(like="objective").to_numpy()
            lines[share] = _heights(points, task, grid)
        draw_line(panel, str(searcher), looks, grid, lines[50], (lines[25], lines[75]), step)
    panel.set(xlim=robust_limits(front[:, 1]), ylim=robust_limits(front[:, 0]))


def _heights(points: Floats, task: MultiObjectiveTask, grid: Floats) -> Floats:
    """Return the best first objective of the points (n, 2) that reach each second one (k,); NaN if none does."""
    first_sign, second_sign = task.signs
    utilities = first_sign * points[:, 0]
    reaches = second_sign * points[:, 1] >= second_sign * grid[:, None]  # (k, n)
    best = np.where(reaches, utilities, -np.inf).max(axis=1)
    best[np.isinf(best)] = np.nan
    return np.asarray(first_sign * best)


def _evaluations(
    frame: pd.DataFrame, task: MultiObjectiveTask | str | None, at: int | None
) -> tuple[MultiObjectiveTask, pd.DataFrame, list[str]]:
    """Return a task, by default the only one, its first `at` evaluations in each run, and the columns of objectives."""
    if not isinstance(task, MultiObjectiveTask):
        known = {candidate.name: candidate for candidate in _tasks_of(frame)}
        task = known[task or "".join(known)]
    rows = frame[frame["task"] == task.name]
    if at is not None:
        rows = rows[rows["evaluation"] <= at]
    return task, rows, [f"objective_{i + 1}" for i in range(task.n_objectives)]


def tasks_with_two(frame: pd.DataFrame) -> list[MultiObjectiveTask]:
    """Return the tasks of a frame that have two objectives and are known by name."""
    return [task for task in _tasks_of(frame) if task.n_objectives == 2]


@names_from_file()
def _tasks_of(frame: pd.DataFrame) -> list[MultiObjectiveTask]:
    """Return the tasks of a frame with several objectives that are known by name."""
    tasks = []
    for name in names_in(frame, "task"):
        with suppress(NasmetaError):
            task = get_task(name)
            if isinstance(task, MultiObjectiveTask):
                tasks.append(task)
    return tasks
