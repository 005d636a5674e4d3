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
        final = self.regret[:, :, -1]
        return [final[self.task == code] for code in range(len(self.tasks))]


def budget_axis(frame: pd.DataFrame) -> XAxis:
    """Return the axis of the runs' budget: simulated seconds if these ended a run, or if the runs' lengths differ."""
    if "simulated_seconds" not in frame.columns or not (frame["simulated_seconds"] > 0).any():
        return "evaluation"
    runs = read_runs(frame)
    lengths = runs.length[~runs.final]
    if runs.timed.any() or len(np.unique(lengths)) > 1:
        return "simulated_seconds"
    return "evaluation"


def paired_losses(
    frame: pd.DataFrame, at: npt.ArrayLike | None = None, x: XAxis | None = None
) -> Losses:
    """Read the regret of each searcher after the same budgets, in every (task, seed).

    `at` contains ascending budgets, (k,) or (tasks, k). By default the axis is `budget_axis`, and
    the budget is the runs' own: one for the whole frame for evaluations, one per task for simulated
    seconds. If it is not recorded, the largest budget is used at which all runs are known. Runs
    that found the optimum or ended early keep their last value.
    """
    if x is None:
        x = budget_axis(frame)
    runs = read_runs(frame, x)
    budgets = _budgets(runs, at, x)
    parts = []
    for _, _, group in runs.groups():
        task = runs.task[group.start]
        evaluations = evaluations_by(runs, group, x, budgets[task])
        parts.append(runs.at("regret", evaluations, group))
    regrets = np.concatenate(parts)  # (runs, k)
    position = _position_of_runs(runs)
    return Losses(
        x=x,
        tasks=runs.tasks,
        searchers=runs.searchers,
        at=budgets,
        task=runs.task[position[:, 0]],
        regret=regrets[position],
        to_optimum=runs.to_optimum[position],
    )


def _budgets(runs: Runs, at: npt.ArrayLike | None, x: XAxis) -> Floats:
    """Return the budgets of each task (tasks, k), all of them known; numbers of evaluations are equal on all tasks."""
    in_seconds = x == "simulated_seconds"
    first = runs.columns[x][runs.start]  # (runs,)
    last = runs.ends(x)
    reach = runs.reach(x)
    given = None
    if at is not None:
        given = np.atleast_1d(np.asarray(at, dtype=np.float64))
    budgets = []
    for code, task in enumerate(runs.tasks):
        rows = np.ones(len(last), dtype=bool)
        recorded = np.nan
        if in_seconds:
            rows = runs.task == code
            recorded = runs.seconds[rows].min()
        least = first[rows].max()
        most = reach[rows].min()
        if given is None:
            usable = most
            if np.isinf(most):  # the last values of all runs are final
                usable = last[rows].max()
            budget = np.array([max(least, np.fmin(usable, recorded))])
        elif given.ndim == 2:
            budget = given[code]
        else:
            budget = given
        if not (least <= budget[0] and budget[-1] <= most):
            raise SettingError(
                "at", budget.tolist(), f"{least:g} to {most:g}, which all runs on {task} reach"
            )
        budgets.append(budget)
    return np.array(budgets)


def _position_of_runs(runs: Runs) -> Integers:
    """Return the position of each searcher's run in each (task, seed), int64 (blocks, searchers)."""
    table = pd.DataFrame({"task": runs.task, "seed": runs.seed, "searcher": runs.searcher})
    table["run"] = np.arange(len(table))
    blocks = table.pivot(index=["task", "seed"], columns="searcher", values="run")
    positions = blocks.to_numpy(dtype=np.float64)
    is_missing = np.isnan(positions)
    if is_missing.any():
        searchers = np.flatnonzero(is_missing.any(axis=0))
        lacking = ", ".join(runs.searchers[searcher] for searcher in searchers)
        raise SettingError(
            f"Ranks and paired tests need runs of all searchers with equal seeds; {lacking} lacks some."
        )
    return positions.astype(np.int64)
