"""The regrets that ranks and tests compare: of every searcher in the same blocks, at the same budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from nasmeta.analysis._curves import XAxis, evaluations_by
from nasmeta.analysis._frame import Runs, read_runs
from nasmeta.arrays import Floats, Integers
from nasmeta.errors import SettingError


@dataclass(frozen=True)
class Losses:
    """Regrets of all searchers in all blocks; a block is one (task, seed)."""

    x: XAxis  # of the budgets
    tasks: tuple[str, ...]
    searchers: tuple[str, ...]
    at: Floats  # (tasks, k): the budgets of each task
    task: Integers  # (blocks,): positions in `tasks`, in their order
    regret: Floats  # (blocks, searchers, k), never NaN
    to_optimum: Floats  # (blocks, searchers): evaluations to the optimum, inf if not found

    def by_task(self) -> list[Floats]:
        """Return the regrets at the largest budget by task, float64 (blocks of the task, searchers) each."""
        return [self.regret[self.task == code, :, -1] for code in range(len(self.tasks))]


def budget_axis(frame: pd.DataFrame) -> XAxis:
    """Return the axis of the runs' budget: simulated seconds if these ended a run, or if the runs' lengths differ."""
    if "simulated_seconds" not in frame.columns or not (frame["simulated_seconds"] > 0).any():
        return "evaluation"
    runs = read_runs(frame)
    equal = len(set(runs.length[~runs.final].tolist())) <= 1
    return "evaluation" if equal and not runs.timed.any() else "simulated_seconds"


def paired_losses(frame: pd.DataFrame, at: npt.ArrayLike | None = None, x: XAxis | None = None) -> Losses:
    """Read the regret of each searcher after the same budgets, in every (task, seed).

    `at` contains ascending budgets, (k,) or (tasks, k). By default the axis is `budget_axis`, and the budget is
    the runs' own: one for the whole frame for evaluations, one per task for simulated seconds. If it is not recorded,
    the largest budget is used at which all runs are known. Runs that found the optimum or ended early keep their last
    value.
    """
    x = budget_axis(frame) if x is None else x
    runs = read_runs(frame, x)
    budgets = _budgets(runs, at, x)
    place = _place_of_runs(runs)
    by_run = np.concatenate(
        [
            runs.at("regret", evaluations_by(runs, group, x, budgets[runs.task[group.start]]), group)
            for _, _, group in runs.groups()
        ]
    )
    return Losses(x, runs.tasks, runs.searchers, budgets, runs.task[place[:, 0]], by_run[place], runs.to_optimum[place])


def _budgets(runs: Runs, at: npt.ArrayLike | None, x: XAxis) -> Floats:
    """Return the budgets of each task (tasks, k), all of them known; numbers of evaluations are equal on all tasks."""
    first, last, reach = runs.columns[x][runs.start], runs.ends(x), runs.reach(x)
    given = None if at is None else np.atleast_1d(np.asarray(at, dtype=np.float64))
    budgets = []
    for code, task in enumerate(runs.tasks):
        rows = runs.task == code if x == "simulated_seconds" else np.ones(len(last), dtype=bool)
        least, most = first[rows].max(), reach[rows].min()
        if given is None:
            usual = last[rows].max() if np.isinf(most) else most
            recorded = runs.seconds[rows].min() if x == "simulated_seconds" else np.nan
            of_task = np.array([max(least, np.fmin(usual, recorded))])
        else:
            of_task = given[code] if given.ndim == 2 else given
        if not (least <= of_task[0] and of_task[-1] <= most):
            raise SettingError("at", of_task.tolist(), f"{least:g} to {most:g}, which all runs on {task} reach")
        budgets.append(of_task)
    return np.array(budgets)


def _place_of_runs(runs: Runs) -> Integers:
    """Return the position of each searcher's run in each (task, seed), int64 (blocks, searchers)."""
    table = pd.DataFrame(
        {"task": runs.task, "seed": runs.seed, "searcher": runs.searcher, "run": np.arange(len(runs.task))}
    ).pivot(index=["task", "seed"], columns="searcher", values="run")
    place = table.to_numpy(dtype=np.float64)
    if np.isnan(place).any():
        lacking = ", ".join(runs.searchers[column] for column in np.unique(np.argwhere(np.isnan(place))[:, 1]))
        raise SettingError(f"Ranks and paired tests need runs of all searchers with equal seeds; {lacking} lacks some.")
    return place.astype(np.int64)
