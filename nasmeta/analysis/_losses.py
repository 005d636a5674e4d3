"""The regrets that ranks and tests compare: of every searcher in the same blocks, at the same budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nasmeta.analysis._curves import XAxis, check_axis, evaluations_by
from nasmeta.analysis._frame import FloatArray, IntArray, Runs, check_frame, read_runs
from nasmeta.errors import SettingError


@dataclass(frozen=True)
class Losses:
    """Regrets of all searchers in all blocks; a block is one (task, seed)."""

    x: XAxis  # what a budget counts
    tasks: tuple[str, ...]
    searchers: tuple[str, ...]
    at: FloatArray  # (tasks, k): the budgets of each task
    task: IntArray  # (blocks,): positions in `tasks`, in their order
    seed: npt.NDArray[Any]  # (blocks,)
    regret: FloatArray  # (blocks, searchers, k), never NaN

    @property
    def sizes(self) -> list[int]:
        """Number of blocks of each task."""
        return [int((self.task == code).sum()) for code in range(len(self.tasks))]

    def last(self) -> FloatArray:
        """Return the regrets at the largest budget, float64 (blocks, searchers)."""
        return self.regret[:, :, -1]

    def of_task(self, position: int) -> FloatArray:
        """Return the regrets of one task's blocks at the largest budget, float64 (blocks of the task, searchers)."""
        of_task: FloatArray = self.regret[self.task == position, :, -1]
        return of_task


def budget_axis(frame: pd.DataFrame) -> XAxis:
    """Return the axis of the runs' budget: simulated seconds if unsolved runs differ in their number of evaluations."""
    if "simulated_seconds" not in frame.columns or not (frame["simulated_seconds"] > 0).any():
        return "evaluation"
    runs = read_runs(frame)
    return "evaluation" if len(set(runs.length[~runs.solved].tolist())) <= 1 else "simulated_seconds"


def paired_losses(frame: pd.DataFrame, at: npt.ArrayLike | None = None, x: XAxis | None = None) -> Losses:
    """Read the regret of each searcher after the same budgets, in every (task, seed).

    By default the axis is that of the runs' budget (`budget_axis`), and the budget is the largest at which all runs are
    known: in the whole frame for evaluations, on each task for simulated seconds. A run that found the optimum is known
    at any budget.
    """
    check_frame(frame, needed=["task", "searcher", "seed", "evaluation", "regret"])
    x = budget_axis(frame) if x is None else x
    check_axis(x)
    runs = read_runs(frame, x)
    budgets = _budgets(runs, at, x)
    place = place_of_runs(runs)
    by_run = np.empty((len(runs.task), budgets.shape[1]))
    for code in range(len(runs.tasks)):
        rows = np.flatnonzero(runs.task == code)  # the runs of a task lie together
        group = slice(int(rows[0]), int(rows[-1]) + 1)
        by_run[group] = runs.at("regret", evaluations_by(runs, group, x, budgets[code]), group)
    first = place[:, 0]
    return Losses(x, runs.tasks, runs.searchers, budgets, runs.task[first], runs.seed[first], by_run[place])


def _budgets(runs: Runs, at: npt.ArrayLike | None, x: XAxis) -> FloatArray:
    """Return the budgets of each task (tasks, k), all of them known."""
    value = runs.columns[x]
    first, last = value[runs.start], value[runs.start + runs.length - 1]
    reach = np.where(runs.solved, np.inf, last)
    codes = range(len(runs.tasks))
    least = np.array([first[runs.task == code].max() for code in codes])
    most = np.array([reach[runs.task == code].min() for code in codes])
    longest = np.array([last[runs.task == code].max() for code in codes])
    if x == "evaluation":  # one number for all tasks, so that it can be said in one word
        least, most, longest = (np.full(len(codes), f) for f in (least.max(), most.min(), longest.max()))
    if at is None:
        budgets = np.where(np.isinf(most), longest, most)[:, None]
    else:
        asked = np.unique(np.asarray(at, dtype=np.float64))  # sorted
        if asked.ndim != 1 or len(asked) == 0 or not np.isfinite(asked).all():
            raise SettingError(f"Budgets must be finite numbers, at least one; they are {at!r}.")
        if x == "evaluation" and (asked != np.round(asked)).any():
            raise SettingError(f"Evaluations are whole numbers; asked for {asked[asked % 1 != 0][0]:g}.")
        budgets = np.tile(asked, (len(codes), 1))
    wrong = (budgets < least[:, None]) | (budgets > most[:, None])
    if wrong.any():
        code, column = np.argwhere(wrong)[0]
        where = "" if x == "evaluation" else f" on {runs.tasks[code]}"
        unit = "evaluations" if x == "evaluation" else "simulated seconds" if runs.known.all() else "seconds"
        if least[code] > most[code]:
            raise SettingError(f"No budget in {unit}{where} is one at which all runs have begun and none has ended.")
        raise SettingError(
            f"Ranks after {budgets[code, column]:g} {unit} were asked for; the shortest run without the optimum"
            f"{where} ended after {most[code]:g}, so {least[code]:g} to {most[code]:g} are possible."
        )
    return budgets


def place_of_runs(runs: Runs) -> IntArray:
    """Return the position of each searcher's run in each (task, seed), int64 (blocks, searchers)."""
    table = pd.DataFrame(
        {"task": runs.task, "seed": runs.seed, "searcher": runs.searcher, "run": np.arange(len(runs.task))}
    ).pivot(index=["task", "seed"], columns="searcher", values="run")
    place = table.to_numpy(dtype=np.float64)
    if np.isnan(place).any():
        row, column = np.argwhere(np.isnan(place))[0]
        task, seed = table.index[row]
        raise SettingError(
            f"Ranks and paired tests need a run of every searcher for every (task, seed): {runs.searchers[column]!r} "
            f"has none for task {runs.tasks[task]!r}, seed {seed}. Leave that searcher or those seeds out."
        )
    return place.astype(np.int64)
