"""Search curves: regret against evaluations or simulated seconds, over the runs of each (task, searcher)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import Runs, read_runs
from nasmeta.analysis._statistics import bootstrap_interval
from nasmeta.arrays import Array, Floats, Integers
from nasmeta.errors import SettingError

XAxis = Literal["evaluation", "simulated_seconds"]

_POINTS = {"evaluation": 500, "simulated_seconds": 200}  # at most, of a default grid


def regret_curves(
    frame: pd.DataFrame,
    x: XAxis = "evaluation",
    column: str = "regret",
    points: int | None = None,
) -> pd.DataFrame:
    """Average the regret of runs, point by point, as far as every run of the (task, searcher) is known.

    A curve begins when each of its runs has an evaluation. A run that found the optimum, stalled or
    exhausted the space keeps its last value. The curve ends with the first other run, or else with
    the longest run on the task.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame.
    x : {"evaluation", "simulated_seconds"}
        The axis. Over simulated seconds a run is a step function: the regret after the evaluations
        that had ended.
    column : str
        The column to average, for example the incumbent's test value.
    points : int, optional
        The largest number of points of x: by default each evaluation (at most 500, on a log scale),
        or 200 points on a log scale of seconds for each task, with each curve's first and last
        point.

    Returns
    -------
    DataFrame, one row per (task, searcher, x)
        ``task, searcher``, x under its name, ``runs``, ``mean, low, high`` (95 % bootstrap
        interval, NaN for a single run), ``median, q25, q75``; all in the unit of the regret.

    Raises
    ------
    SettingError
        If the frame is not valid, or x is not possible.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "cifar10", "searcher": "random", "seed": [0, 0, 1, 1, 1],
    ...     "evaluation": [1, 2, 1, 2, 3], "regret": [0.5, 0.0, 4.0, 2.0, 1.0]})
    >>> print(regret_curves(frame)[["evaluation", "mean", "median"]].to_string(index=False))
     evaluation  mean  median
              1  2.25    2.25
              2  1.00    1.00
              3  0.50    0.50
    """
    runs = read_runs(frame, x, column)
    first = runs.columns[x][runs.start]  # (runs,)
    last = runs.ends(x)
    reach = runs.reach(x)
    parts = []
    for task, searcher, group in runs.groups():
        on_task = runs.task == runs.task[group.start]
        task_begin = float(first[on_task].min())
        task_end = float(last[on_task].max())
        begin = float(first[group].max())
        end = min(float(reach[group].min()), task_end)
        grid: Array = _grid(x, begin, end, task_begin, task_end, points)
        if len(grid) == 0:
            continue
        evaluations = evaluations_by(runs, group, x, grid)
        values = runs.at(column, evaluations, group)  # (runs, points)
        low, high = bootstrap_interval(values)
        q25, median, q75 = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        if x == "evaluation":
            grid = evaluations
        columns = {
            "task": task,
            "searcher": searcher,
            x: grid,
            "runs": len(values),
            "mean": values.mean(axis=0),
            "low": low,
            "high": high,
            "median": median,
            "q25": q25,
            "q75": q75,
        }
        parts.append(pd.DataFrame(columns))
    if not parts:
        raise SettingError(f"No curve has a point: at no {x} are all runs of a searcher known.")
    return pd.concat(parts, ignore_index=True)


def _grid(
    x: XAxis, begin: float, end: float, task_begin: float, task_end: float, points: int | None
) -> Floats:
    """Return the points of a curve from `begin` to `end`; those in seconds are shared by the curves of a task."""
    if begin > end:  # a run ended before another one had begun
        return np.empty(0)
    if x == "evaluation":
        most = points or _POINTS[x]
        if end <= most:
            return np.arange(1.0, end + 1)
        return np.unique(np.geomspace(1, end, most).round())
    if task_begin <= 0:
        raise SettingError(
            "simulated seconds of the first evaluation", task_begin, "a number above 0"
        )
    shared = np.geomspace(task_begin, task_end, points or _POINTS[x])
    inner = shared[(shared > begin) & (shared < end)]
    return np.unique(np.r_[begin, inner, end])


def evaluations_by(runs: Runs, group: slice, x: XAxis, points: Floats) -> Integers:
    """Count the evaluations that had ended at each point of x, (k,) or (runs, k); `runs` must hold the column x."""
    if x == "evaluation":
        return points.astype(np.int64)
    seconds = runs.columns[x]
    counts = []
    for start, length in zip(runs.start[group], runs.length[group], strict=True):
        run = seconds[start : start + length]
        counts.append(np.searchsorted(run, points, side="right"))
    return np.array(counts)
