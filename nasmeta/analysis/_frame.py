"""The results frame, checked once and arranged as arrays: the input of all statistics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nasmeta.arrays import Array, Booleans, Floats, Integers
from nasmeta.errors import SettingError

_KEYS = ("task", "searcher", "seed")
# By the value of the column `stopped`:
ENDED_EARLY = {
    "exhausted": "exhausted the space",
    "stalled": "stalled",
}


@dataclass(frozen=True)
class Runs:
    """The runs of a frame, ordered by task, searcher (both in the order of the frame) and seed."""

    tasks: tuple[str, ...]
    searchers: tuple[str, ...]
    task: Integers  # (runs,), positions in `tasks`
    searcher: Integers  # (runs,)
    seed: Array  # (runs,)
    start: Integers  # (runs,); a run's rows are start .. start + length of each column
    length: Integers
    # (runs,): whether the optimum is known; else regrets are to the best value found
    known: Booleans
    solved: Booleans  # (runs,): whether the last regret is 0 and the optimum is known
    # (runs,): whether it is solved, or ended early, so that it keeps its last value
    final: Booleans
    seconds: Floats  # (runs,): the budget in simulated seconds, NaN if none is recorded
    timed: Booleans  # (runs,): whether that budget ended the run
    columns: Mapping[str, Floats]  # (rows,) each; always with "regret" and "evaluation"

    def ends(self, x: str) -> Floats:
        """Return the last number of a column in each run, float64 (runs,)."""
        last: Floats = self.columns[x][self.start + self.length - 1]
        return last

    def reach(self, x: str) -> Floats:
        """Return the budget up to which each run is known, float64 (runs,): inf if its last value is final."""
        ends = self.ends(x)
        if x != "evaluation":
            ends = np.where(self.timed, np.fmax(ends, self.seconds), ends)
        return np.where(self.final, np.inf, ends)

    @property
    def to_optimum(self) -> Floats:
        """Evaluations until the regret was 0, float (runs,): inf in censored runs."""
        before = np.add.reduceat(self.columns["regret"] > 0, self.start, dtype=np.int64)
        return np.where(self.solved, before + 1.0, np.inf)

    def groups(self) -> Iterator[tuple[str, str, slice]]:
        """Yield (task, searcher, its runs as a slice)."""
        starts, lengths = _blocks_of_equal_rows(self.task, self.searcher)
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            task = self.tasks[self.task[start]]
            searcher = self.searchers[self.searcher[start]]
            yield task, searcher, slice(start, start + length)

    def at(self, name: str, evaluations: npt.ArrayLike, group: slice = slice(None)) -> Floats:
        """Read a column after so many evaluations, (k,) or (runs, k), of each run of a group, float64 (runs, k).

        A final run keeps its last value. Any other run is NaN beyond its last evaluation.
        """
        wanted = np.asarray(evaluations, dtype=np.int64)
        start = self.start[group, None]  # (runs, 1)
        length = self.length[group, None]
        reach = self.reach("evaluation")[group, None]
        rows = start + np.clip(wanted, 1, length) - 1
        values = self.columns[name][rows]
        known = (wanted >= 1) & (wanted <= reach)
        return np.where(known, values, np.nan)


def read_runs(frame: pd.DataFrame, *columns: str) -> Runs:
    """Check a results frame and arrange the given columns by run."""
    if frame.empty:
        raise SettingError("The results frame has no rows, so there is no run to analyse.")
    names = list(dict.fromkeys(("evaluation", "regret", *columns)))
    frame, is_known = with_regrets(frame)
    incomplete = frame[[*_KEYS, *names]].isna().any()
    if incomplete.any():
        raise SettingError(str(incomplete.idxmax()), None, "a value in every row of the frame")

    # Rows, in the order of runs and evaluations:
    task, tasks = pd.factorize(frame["task"])
    searcher, searchers = pd.factorize(frame["searcher"])
    seed = frame["seed"].to_numpy()
    order = np.lexsort((frame["evaluation"], seed, searcher, task))
    values = {name: frame[name].to_numpy(np.float64)[order] for name in names}
    start, length = _blocks_of_equal_rows(task[order], searcher[order], seed[order])
    evaluations = values["evaluation"]
    expected = np.arange(len(frame)) - np.repeat(start, length) + 1
    if (evaluations != expected).any():
        raise SettingError("evaluation", evaluations.tolist(), "1, 2, 3, … in each run")

    # Runs:
    first_rows = order[start]  # in the frame
    task = task[first_rows]
    searcher = searcher[first_rows]
    known = is_known[first_rows]
    last_regret = values["regret"][start + length - 1]
    solved = (last_regret == 0) & known
    final = solved
    if "stopped" in frame:
        ended_early = frame["stopped"].isin(list(ENDED_EARLY)).to_numpy()
        final = solved | ended_early[first_rows]
    pairs = list(zip(tasks[task], searchers[searcher], strict=True))
    seconds = _recorded(frame, "seconds", pairs)
    timed = ~final & ~np.isnan(seconds) & ~(length >= _recorded(frame, "evaluations", pairs))
    return Runs(
        tasks=tuple(map(str, tasks)),
        searchers=tuple(map(str, searchers)),
        task=task,
        searcher=searcher,
        seed=seed[first_rows],
        start=start,
        length=length,
        known=known,
        solved=solved,
        final=final,
        seconds=seconds,
        timed=timed,
        columns=values,
    )


def _blocks_of_equal_rows(*keys: Array) -> tuple[Integers, Integers]:
    """Return the first row of each block of rows with equal keys, and its length; keys have shape (rows,)."""
    is_first = np.zeros(len(keys[0]), dtype=bool)
    is_first[0] = True
    for key in keys:
        is_first[1:] |= key[1:] != key[:-1]
    start = np.flatnonzero(is_first)
    return start, np.diff(start, append=len(is_first))


def _recorded(frame: pd.DataFrame, name: str, pairs: Sequence[tuple[str, str]]) -> Floats:
    """Return a budget of the runs of these tasks and searchers, float64 (runs,): NaN if it is not recorded."""
    recorded = frame.attrs.get(name, {})
    budgets = []
    for task, searcher in pairs:
        of_task = recorded.get(task, {})
        budgets.append(of_task.get(searcher, np.nan))
    return np.array(budgets)


def with_regrets(frame: pd.DataFrame) -> tuple[pd.DataFrame, Booleans]:
    """Give tasks without a known optimum, whose regrets are all NaN, regrets to the best value that any run found.

    Return the frame, and for each row whether the optimum is known. A run without any value,
    because all evaluations failed, has the worst value of the others; see `has_value`.
    """
    lacks_regret = frame["regret"].isna().groupby(frame["task"], observed=True)
    unknown = lacks_regret.transform("all").to_numpy(dtype=bool)
    if not unknown.any() or "incumbent_value" not in frame.columns:
        return frame, np.ones(len(frame), dtype=bool)
    regrets = frame["regret"].to_numpy(dtype=np.float64, copy=True)
    tasks = frame["task"].to_numpy()
    values = frame["incumbent_value"].to_numpy(dtype=np.float64, copy=True)
    failed = np.isnan(values) & ~has_value(frame)
    for task in set(tasks[unknown]):
        rows = tasks == task
        sign = direction_of(frame[rows])
        utilities = sign * values[rows]
        worst = 0.0
        if not np.isnan(utilities).all():
            worst = np.nanmin(utilities)
        utilities[failed[rows]] = worst
        values[rows] = sign * utilities
        regrets[rows] = utilities.max() - utilities
    return frame.assign(regret=regrets, incumbent_value=values), ~unknown


def has_value(frame: pd.DataFrame) -> Booleans:
    """Return for each row whether its run has a best value by then: a full training that succeeded.

    If the optimum is known, runs always have one.
    """
    known = frame["regret"].notna().to_numpy()
    if known.all() or "evaluation" not in frame.columns:
        return np.ones(len(frame), dtype=bool)
    rows = frame[[*_KEYS, "evaluation"]].assign(good=True)
    if "failure" in frame.columns:
        rows["good"] &= frame["failure"].astype(str) == ""
    if "epochs" in frame.columns:
        rows["good"] &= frame["epochs"] == full_epochs(frame)
    in_order = rows.reset_index(drop=True).sort_values("evaluation", kind="stable")
    good = in_order.groupby(list(_KEYS), observed=True)["good"].cummax()
    valued: Booleans = known | good.sort_index().to_numpy(dtype=bool)
    return valued


def full_epochs(frame: pd.DataFrame) -> pd.Series[Any]:
    """Return the epochs of a full training for each row; the most epochs of the task if the frame records none."""
    epochs = frame.attrs.get("full_epochs", {})
    recorded = {task: max(of_task.values()) for task, of_task in epochs.items()}
    longest = frame.groupby("task", observed=True)["epochs"].transform("max")
    full = frame["task"].astype(str).map(recorded)
    return full.astype(float).fillna(longest)


def direction_of(rows: pd.DataFrame) -> float:
    """Return 1 if incumbents are the largest values of a task, -1 if they are the smallest.

    Larger is better if no run has two different values.
    """
    ordered = rows.sort_values("evaluation", kind="stable")
    runs = ordered.groupby(["searcher", "seed"], observed=True)
    steps = runs["incumbent_value"].diff()
    falls = (steps < 0).any()
    if not steps.any() and "value" in rows.columns:  # no run has two different values
        full = rows
        if "epochs" in rows.columns and rows["epochs"].notna().any():  # functions lack epochs
            full = rows[rows["epochs"] == rows["epochs"].max()]
        falls = (full["value"] > full["incumbent_value"]).any()
    return -1.0 if falls else 1.0


def count_runs(frame: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return the number of runs of each (task, searcher) in the order of the frame."""
    by_pair = frame.groupby(["task", "searcher"], sort=False, observed=True)["seed"]
    return {(str(task), str(searcher)): seeds.nunique() for (task, searcher), seeds in by_pair}


def names_in(frame: pd.DataFrame, column: str) -> list[str]:
    """Return the different names in a column, such as ``task``, in the order of the frame."""
    return [str(name) for name in frame[column].unique()]
