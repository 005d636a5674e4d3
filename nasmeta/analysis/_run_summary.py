"""How the runs of a comparison ended: what they had by a budget of seconds, which have no value, which ended early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import check_frame, count_runs, full_epochs, has_value
from nasmeta.analysis._tables import spread
from nasmeta.checks import decimals_of
from nasmeta.errors import NasmetaError
from nasmeta.registry import names_from_file

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo

Seconds = float | Mapping[str, float] | None  # the budget, one for all tasks or one a task

_SPLITS = {"valid": "validation", "train": "training", "": ""}  # as people call them
_REASONS = 3  # of failures, those that are told
_WHY = {
    "exhausted": "exhausted: no cell was left",
    "stalled": "stalled: the searcher proposed nothing new for very long",
}


def asked_runs(frame: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return how many runs of each (task, searcher) were asked for, with those that have no row."""
    told: Mapping[str, Mapping[str, int]] = frame.attrs.get("runs", {})
    asked = {(task, searcher): n for task, of_task in told.items() for searcher, n in of_task.items()}
    return asked | {pair: n for pair, n in count_runs(frame).items() if pair not in asked}


def digits_of(rows: pd.DataFrame, unit: str) -> int:
    """Return with how many decimals values are written, of a results frame's rows on a task."""
    return decimals_of(
        rows["value"] if "value" in rows and rows["value"].notna().any() else rows["incumbent_value"], unit
    )


@names_from_file()
def column_of(task: str) -> ColumnInfo | None:
    """Return what is known of a task's values; None where the task is not known here."""
    from nasmeta.tasks import get_task

    try:
        return get_task(task).column
    except NasmetaError:
        return None


def regret_unit(columns: Sequence[ColumnInfo | None]) -> str:
    """Return the unit of the regrets of some tasks, with the metric where it is the same of all."""
    known = [column for column in columns if column is not None]
    units = {column.unit for column in known}
    names = {f"{_SPLITS.get(c.split or '', c.split)} {c.metric_name}".strip() for c in known}
    if len(known) < len(columns) or len(units) != 1:
        return "each task's own unit"
    (unit,), one = units, len(names) == 1
    if unit == "percent":
        return "percentage points" + (f" of {names.pop()}" if one else "")
    return (names.pop() if one else "each task's own metric") if unit == "1" else unit


def ends(frame: pd.DataFrame, task: str, seconds: Seconds, digits: int = 2) -> dict[str, dict[str, str]]:
    """Return by heading and searcher how the runs on a task ended: best values, and the number of evaluations.

    Where what crosses the budget counts, what had ended by the budget stands beside it. Runs without a value are not
    in the means, which then say of how many runs they are; `remarks` says why.
    """
    rows = frame[frame["task"] == task]
    asked = {searcher: n for (name, searcher), n in asked_runs(frame).items() if name == task}
    limit = seconds.get(task) if isinstance(seconds, Mapping) else seconds
    full = rows[
        (rows["epochs"] == _full_epochs(rows, task)) & has_value(rows)
    ]  # the incumbent before is the worst cell, which nobody chose
    columns: dict[str, dict[str, str]] = {}
    if limit is not None and _crossing_counts(rows):
        columns[f"by {limit:,.0f} s"] = _means(full[full["simulated_seconds"] <= limit], asked, digits)
    columns["at the end"] = _means(full, asked, digits)
    lengths = (
        rows.groupby(["searcher", "seed"], sort=False, observed=True)
        .size()
        .groupby("searcher", sort=False, observed=True)
        .mean()
    )
    columns["evaluations"] = {str(searcher): f"{length:.0f}" for searcher, length in lengths.items()}
    return columns


def ends_note(frame: pd.DataFrame) -> str:
    """Say what the values of `ends` are."""
    values = "best value, mean ± standard deviation over the runs"
    if _crossing_counts(frame):
        return (
            f"by n s: {values}, of what had ended by then\n"
            "at the end: the same with what had begun by then and ended later, which counts (overshoot=count)"
        )
    return f"at the end: {values}, of what ended within the seconds (overshoot=discard)"


def remarks(frame: pd.DataFrame, evaluations: int) -> list[str]:
    """Say which runs are alike, which have no value, and which ended before the budget and without the optimum."""
    said = [
        f"{label} on {', '.join(tasks)}: all runs alike, so without ± and interval"
        for label, tasks in deterministic_searchers(frame).items()
    ]
    unknown = [str(task) for task, rows in frame.groupby("task", observed=True) if rows["regret"].isna().all()]
    if unknown:
        said.append(f"{', '.join(unknown)}: the optimum is not known, so there are no regrets")
        lost = frame[frame["task"].isin(unknown)]
        if failed := failed_of(lost):
            said.append(f"{', '.join(unknown)}: {failed}")
    full = {str(task): _full_epochs(rows, str(task)) for task, rows in frame.groupby("task", observed=True)}
    grouped = frame.groupby(["task", "searcher"], sort=False, observed=True)
    by_pair = {(str(task), str(searcher)): rows for (task, searcher), rows in grouped}
    for (task, searcher), asked in asked_runs(frame).items():
        rows = by_pair.get((task, searcher))
        begun = 0 if rows is None else rows["seed"].nunique()
        if begun < asked:
            said.append(
                f"{searcher} on {task}: {asked - begun} of its {asked} runs finished no evaluation and are in no mean"
            )
        if rows is not None:
            if task in unknown:
                said += without_value(rows, f"{searcher} on {task}", asked)
                continue
            valued = rows.loc[rows["epochs"] == full[task], "seed"].nunique()
            if valued < begun:
                said.append(
                    f"{searcher} on {task}: {begun - valued} of its {asked} runs finished no full training and have no "
                    "best value; regrets and curves put the task's worst cell in its place"
                )
    last = frame.groupby(["task", "searcher", "seed"], sort=False, observed=True).tail(1)
    for why, meaning in _WHY.items():
        short = last[(last["evaluation"] < evaluations) & (last["stopped"] == why)]
        for (task_name, name), runs in short.groupby(["task", "searcher"], sort=False, observed=True):
            said.append(
                f"{name} on {task_name}: of its runs {len(runs)} ended before {evaluations:,} evaluations ({meaning})"
            )
    return said


def without_value(rows: pd.DataFrame, who: str, asked: int) -> list[str]:
    """Say which runs of a searcher on a task have no best value, and why; nothing where all have one."""
    lost = rows["seed"].nunique() - rows.loc[has_value(rows), "seed"].nunique()
    if not lost:
        return []
    why = failures_of(rows)
    return [
        f"{who}: {lost} of its {asked} runs {'has' if lost == 1 else 'have'} no best value, as "
        f"{nothing_succeeded(rows)}{why and f' (failed: {why})'}; means leave {'it' if lost == 1 else 'them'} out"
    ]


def nothing_succeeded(rows: pd.DataFrame) -> str:
    """Say that runs have no best value, in the words for what they did; a function has no epochs of training."""
    of_function = "epochs" in rows.columns and bool((rows["epochs"] == 0).all())
    return f"no {'evaluation' if of_function else 'full training'} succeeded"


def known_seconds(seconds: pd.Series[Any]) -> pd.Series[Any]:
    """Return what runs took, NaN where that is 0: nobody recorded what their evaluations cost."""
    return seconds.where(seconds > 0)


def failed_of(rows: pd.DataFrame) -> str:
    """Return how many of the evaluations failed, and why, in words; empty where none did."""
    why = failures_of(rows)
    return why and f"{(rows['failure'].astype(str) != '').sum():,} of {len(rows):,} evaluations failed: {why}"


def failures_of(rows: pd.DataFrame) -> str:
    """Return how often evaluations failed, and why, in words; empty where none did."""
    if "failure" not in rows.columns:
        return ""
    counts = rows["failure"].astype(str).value_counts().drop("", errors="ignore")
    said = ", ".join(f"{n} × {why}" for why, n in counts[:_REASONS].items())
    return said + ", …" * (len(counts) > _REASONS)


def _means(rows: pd.DataFrame, asked: Mapping[str, int], digits: int) -> dict[str, str]:
    last = rows.groupby(["searcher", "seed"], sort=False, observed=True)["incumbent_value"].last()
    texts = {}
    for searcher, values in last.groupby("searcher", sort=False, observed=True):
        some = len(values) < asked[str(searcher)]
        of = f" ({len(values)} of {asked[str(searcher)]} runs)" if some else ""
        texts[str(searcher)] = spread(values.mean(), values.std(), digits) + of
    return texts


def _full_epochs(rows: pd.DataFrame, task: str) -> int:
    """Return the epochs of a full training; of a task that is not known here the longest training there was.

    Where no optimum is known, something else than the task's table has answered, and its trainings may be shorter.
    """
    from nasmeta.tasks import get_task

    if len(rows) and rows["regret"].isna().all():
        return int(full_epochs(rows).max())
    try:
        return get_task(task).signal.epochs or 0
    except NasmetaError:
        return int(rows["epochs"].max())


def _crossing_counts(frame: pd.DataFrame) -> bool:
    return not frame["clock"].astype(str).str.contains("overshoot discard").any()


def deterministic_runs(frame: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the (task, searcher) of which several runs evaluated the same cells in the same order.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"task": "t", "searcher": list("aabb"), "seed": [0, 1, 0, 1], "cell": [7, 7, 7, 8]})
    >>> deterministic_runs(frame)
    {('t', 'a')}
    """
    check_frame(frame, needed=["cell"])
    found = set()
    for (task, searcher), rows in frame.groupby(["task", "searcher"], sort=False, observed=True):
        runs = {tuple(cells) for _, cells in rows.groupby("seed", sort=False)["cell"]}
        if len(runs) == 1 and rows["seed"].nunique() > 1:
            found.add((str(task), str(searcher)))
    return found


def deterministic_searchers(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Return the tasks of each searcher on which its runs are the same, and not only for having all failed."""
    found: dict[str, list[str]] = {}
    frame = frame.groupby(["task", "searcher"], observed=True).filter(lambda rows: has_value(rows).any())
    for task, searcher in sorted(deterministic_runs(frame)):
        found.setdefault(searcher, []).append(task)
    return found


def without_spread_of_equals(summary: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a summary without deviations and intervals where all runs are alike: one run says nothing of others."""
    equal = deterministic_runs(frame)
    rows = [(str(task), str(name)) in equal for task, name in zip(summary["task"], summary["searcher"], strict=True)]
    spreads = [column for column in summary if str(column).endswith(("_std", "_low", "_high"))]
    summary = summary.copy()
    summary.loc[rows, spreads] = np.nan
    return summary
