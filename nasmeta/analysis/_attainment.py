"""What runs find of a front: empirical attainment surfaces, and distances from the true one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import check_frame
from nasmeta.analysis._plots import columns_in
from nasmeta.analysis._styles import style
from nasmeta.errors import NasmetaError, SettingError, UnknownNameError
from nasmeta.pictures import Width, house_style, inches, new_figure
from nasmeta.registry import names_from_file
from nasmeta.tasks import MultiObjectiveTask, get_task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def attainment_surfaces(
    frame: pd.DataFrame,
    task: MultiObjectiveTask | str | None = None,
    *,
    at: int | None = None,
    shares: Sequence[float] = (25, 50, 75),
) -> pd.DataFrame:
    """Return the attainment surface of each searcher for several shares of its runs.

    A run attains a point if one of its evaluations is at least as good in each objective. The surface of 50 percent is
    the median front (Grunert da Fonseca, Fonseca and Hall, "Inferential performance assessment of stochastic optimisers
    and the attainment function", EMO 2001); computed exactly by moocore. The columns ``objective_1, objective_2, …``
    are the corners of each surface, in their units; `shares` are in percent.

    >>> import nasmeta as nm
    >>> frame = nm.compare(["random"], ["nb201/cifar10+train_seconds"], repeats=3, evaluations=20)
    >>> attainment_surfaces(frame, shares=[50]).columns.to_list()
    ['searcher', 'share', 'objective_1', 'objective_2']
    """
    import moocore

    asked = _task_of(frame, task)
    n = asked.n_objectives
    if n > 3:
        raise SettingError(f"Attainment surfaces are of two or three objectives; {asked.name} has {n}.")
    rows, names, parts = _until(frame, asked, at), _names(asked), []
    for searcher, runs in rows.groupby("searcher", sort=False, observed=True):
        costs = -asked.signs * runs[names].to_numpy(np.float64)
        found = moocore.eaf(costs, runs["seed"].to_numpy(np.float64), percentiles=list(shares))
        part = pd.DataFrame(-asked.signs * found[:, :-1], columns=names)
        part.insert(0, "share", found[:, -1])
        part.insert(0, "searcher", str(searcher))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def front_distances(
    frame: pd.DataFrame, task: MultiObjectiveTask | str | None = None, *, at: int | None = None
) -> pd.DataFrame:
    """Return the mean distance of the front that each run found from the true front.

    The modified inverted generational distance IGD+ (Ishibuchi et al., "Modified distance calculation in generational
    distance and inverted generational distance", EMO 2015), computed by moocore: the mean over the architectures of the
    true front of the distance to the nearest of the run, counting only by how much that is worse. A hypervolume is
    mostly that of the few architectures at the bend of a front; here all of the front count the same.

    Parameters
    ----------
    frame : DataFrame (rows,)
        What `nasmeta.compare` returns, of tasks with several objectives.
    task : MultiObjectiveTask or str, optional
        By default the only task of the frame.
    at : int, optional
        Number of evaluations; by default at the end of the runs.

    Returns
    -------
    DataFrame
        ``searcher, seed, igd_plus``: in percent of the front's range in each objective; 0 once all of it is found.

    Raises
    ------
    SettingError, UnknownNameError
        If the frame does not have the task, or the task has one objective.

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

    asked = _task_of(frame, task)
    rows, names = _until(frame, asked, at), _names(asked)
    front, found = asked.front.scaled(asked.front.values), []
    for (searcher, seed), run in rows.groupby(["searcher", "seed"], sort=False, observed=True):
        distance = moocore.igd_plus(asked.front.scaled(run[names].to_numpy(np.float64)), ref=front, maximise=True)
        found.append({"searcher": str(searcher), "seed": seed, "igd_plus": 100 * float(distance)})
    return pd.DataFrame(found, columns=["searcher", "seed", "igd_plus"])


@house_style()
def plot_attainment(
    frame: pd.DataFrame,
    tasks: Sequence[MultiObjectiveTask | str] | None = None,
    *,
    at: int | None = None,
    width: Width = None,
) -> Figure:
    """Draw the median attainment surface of each searcher, its quartiles as a band, and the true front.

    Parameters
    ----------
    frame : DataFrame (rows,)
        What `nasmeta.compare` returns, of tasks with two objectives.
    tasks : sequence of MultiObjectiveTask or str, optional
        One panel each; by default all tasks of the frame with two objectives.
    at : int, optional
        Number of evaluations; by default at the end of the runs.
    width : str or float, optional
        As in `nasmeta.analysis.plot_regret`.

    Returns
    -------
    matplotlib.figure.Figure
        An end of the true front that is further from the next point than this from the other end is cut off.

    Raises
    ------
    SettingError, UnknownNameError

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.compare(["random", "nsga2"], ["nb201/cifar10+train_seconds"], repeats=3, evaluations=20)
    >>> plot_attainment(frame).axes[0].get_title()
    'nb201/cifar10+train_seconds'
    """
    asked = tasks_with_two(frame) if tasks is None else [_task_of(frame, task) for task in tasks]
    if not asked or any(task.n_objectives != 2 for task in asked):
        raise SettingError("Surfaces are drawn of tasks with two objectives; there is none, or one of another number.")
    columns, rows = columns_in(width, len(asked), 3)
    total = inches(width, columns * 2.6 + 0.4)
    figure = new_figure(total, rows * 0.8 * total / columns + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    handles: dict[str, Any] = {}
    for panel, task in zip(panels, asked, strict=False):
        surfaces = attainment_surfaces(frame, task, at=at)
        front, step = task.front.values, "pre" if task.signs[1] > 0 else "post"
        grid = np.unique(np.r_[surfaces["objective_2"], front[:, 1]])
        heights = _heights(front, task, grid)
        handles["true front"] = panel.plot(grid, heights, color="0.35", drawstyle=f"steps-{step}")[0]
        searchers = list(surfaces.groupby("searcher", sort=False))
        for i, (searcher, own) in enumerate(searchers):
            lines = {
                share: _heights(part[["objective_1", "objective_2"]].to_numpy(), task, grid)
                for share, part in own.groupby("share")
            }
            low, middle, high = (lines[share] for share in (25, 50, 75))
            look, staggered = style(i), (0.02 + 0.2 * i / len(searchers), 0.2)
            (line,) = panel.plot(grid, middle, drawstyle=f"steps-{step}", **look.line(markevery=staggered))
            handles[str(searcher)] = line
            panel.fill_between(grid, low, high, color=look.colour, alpha=0.2, step=step, linewidth=0)
        for limits, j in ((panel.set_ylim, 0), (panel.set_xlim, 1)):
            best, worst = task.front.best[j], _worst_shown(front[:, j], task.signs[j])
            margin = 0.1 * (best - worst)
            limits(*sorted((worst - margin, best + margin)))
        panel.set_title(task.name, fontsize="small")
        panel.set_ylabel(f"{task.columns[0].metric_name} ({task.columns[0].unit})", fontsize="small")
        panel.set_xlabel(f"{task.columns[1].metric_name} ({task.columns[1].unit})", fontsize="small")
    for unused in panels[len(asked) :]:
        unused.remove()
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=2 if total < 5 else 4)
    return figure


def _worst_shown(values: Any, sign: float) -> float:
    """Return the worst value of a front; the next one if that is nearer to the best value than to the worst."""
    worst, *others = sign * np.unique(sign * values)
    return float(others[0] if others and abs(others[0] - worst) > abs(others[-1] - others[0]) else worst)


def _heights(points: Any, task: MultiObjectiveTask, grid: Any) -> Any:
    """Return the best attained first objective at each second one; NaN if none is attained."""
    signs = task.signs
    reaches = signs[1] * points[:, 1] >= signs[1] * grid[:, None]
    utility = np.where(reaches, signs[0] * points[:, 0], -np.inf).max(axis=1)
    return np.where(np.isinf(utility), np.nan, signs[0] * utility)


def _until(frame: pd.DataFrame, task: MultiObjectiveTask, at: int | None) -> pd.DataFrame:
    """Return the evaluations on a task, the first so many of each run or all."""
    rows = frame[frame["task"] == task.name]
    return rows if at is None else rows[rows["evaluation"] <= at]


def _names(task: MultiObjectiveTask) -> list[str]:
    """Return the columns of a frame that hold the objectives."""
    return [f"objective_{i + 1}" for i in range(task.n_objectives)]


@names_from_file()
def _task_of(frame: pd.DataFrame, task: MultiObjectiveTask | str | None) -> MultiObjectiveTask:
    check_frame(frame, ["task"])
    names = [str(name) for name in frame["task"].unique()]
    if task is None and len(names) != 1:
        raise SettingError(f"Name one task of the frame; it has {', '.join(names) or 'none'}.")
    asked = names[0] if task is None else task
    found = get_task(asked) if isinstance(asked, str) else asked
    if found.name not in names:
        raise UnknownNameError.of("task", found.name, names)
    if not isinstance(found, MultiObjectiveTask):
        raise SettingError(f"{found.name} has one objective, so it has no front. See regret_curves.")
    return found


@names_from_file()
def tasks_with_two(frame: pd.DataFrame) -> list[MultiObjectiveTask]:
    """Return the tasks of a frame that have two objectives and are known by name here."""
    found = []
    for name in frame["task"].unique():
        with suppress(NasmetaError):
            found.append(get_task(str(name)))
    return [task for task in found if isinstance(task, MultiObjectiveTask) and task.n_objectives == 2]
