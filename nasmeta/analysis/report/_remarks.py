"""Remarks on the runs of a comparison: identical, failed, unfinished, without a value, or ended early."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import ENDED_EARLY, count_runs, full_epochs, has_value
from nasmeta.pages import range_text

NOTHING_SUCCEEDED = "no full evaluation succeeded"
_REASONS = 3  # of failures in a remark


def asked_runs(frame: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return the number of requested runs of each (task, searcher), including runs without any row."""
    runs = count_runs(frame)
    for task, of_task in frame.attrs.get("runs", {}).items():
        for searcher, n in of_task.items():
            runs[task, searcher] = n
    return runs


def trained(frame: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether it is a full training and the run has a best value by then."""
    valued = pd.Series(has_value(frame), frame.index)
    if "epochs" in frame.columns:
        valued &= frame["epochs"] == full_epochs(frame)
    return valued


def deterministic_runs(frame: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the (task, searcher) with several runs that evaluated the same architectures in the same order.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"task": "t", "searcher": list("aabb"), "seed": [0, 1, 0, 1], "cell": [7, 7, 7, 8]})
    >>> deterministic_runs(frame)
    {('t', 'a')}
    """
    pairs = set()
    for (task, searcher), rows in frame.groupby(["task", "searcher"], sort=False, observed=True):
        by_seed = rows.groupby("seed", sort=False)["cell"]
        runs = [tuple(architectures) for _, architectures in by_seed]
        if len(runs) > 1 and len(set(runs)) == 1:
            pairs.add((str(task), str(searcher)))
    return pairs


def without_spread_of_equals(summary: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a summary without deviations and intervals for searchers whose runs are identical."""
    identical = deterministic_runs(frame)
    pairs = zip(summary["task"], summary["searcher"], strict=True)
    rows = [pair in identical for pair in pairs]
    summary = summary.copy()
    summary.loc[rows, list(summary.filter(regex="_(std|low|high)$"))] = np.nan
    return summary


def failures_of(rows: pd.DataFrame) -> str:
    """Return the most frequent reasons of failures with their counts; empty if no evaluation failed."""
    if "failure" not in rows.columns:
        return ""
    counts = rows["failure"].astype(str).value_counts().drop("", errors="ignore")
    reasons = [f"{n} × {reason}" for reason, n in counts[:_REASONS].items()]
    if len(counts) > _REASONS:
        reasons.append("…")
    return ", ".join(reasons)


def run_remarks(frame: pd.DataFrame) -> list[str]:
    """Return the remarks on the runs."""
    frame = frame.assign(trained=trained(frame))
    remarks = []
    for searcher, rows in frame.groupby("searcher", sort=False, observed=True):
        reasons = failures_of(rows)
        if reasons:
            n_failed = (rows["failure"].astype(str) != "").sum()
            evaluations = f"{n_failed:,} of {len(rows):,} evaluations"
            remarks.append(f"{searcher}: {evaluations} failed: {reasons}.")
    for version, searchers in frame.attrs.get("stored", {}).items():
        remarks.append(f"{', '.join(searchers)}: stored runs of {version}.")
    identical = deterministic_runs(frame) & count_runs(frame[has_value(frame)]).keys()
    tasks_of: dict[str, list[str]] = {}
    for task, searcher in sorted(identical):
        tasks_of.setdefault(searcher, []).append(task)
    for searcher, tasks in tasks_of.items():
        remarks.append(
            f"{searcher} on {', '.join(tasks)}: all runs are identical, so its values have no ± and interval."
        )
    grouped = frame.groupby(["task", "searcher"], sort=False, observed=True)
    by_pair = {(str(task), str(searcher)): rows for (task, searcher), rows in grouped}
    for (task, searcher), asked in asked_runs(frame).items():
        rows = by_pair.get((task, searcher), frame.iloc[:0])
        remarks += _of_pair(rows, f"{searcher} on {task}", asked)
    return remarks


def _of_pair(rows: pd.DataFrame, who: str, asked: int) -> Iterator[str]:
    """Yield remarks on missing runs of a searcher on a task, runs without a value, and runs that ended early."""
    begun = rows["seed"].nunique()
    if begun < asked:
        yield f"{who}: {asked - begun} of its {asked} runs finished no evaluation and are left out."
    lost = begun - rows.loc[rows["trained"], "seed"].nunique()
    if lost:
        verb = "has" if lost == 1 else "have"
        cause = NOTHING_SUCCEEDED
        reasons = failures_of(rows)
        if reasons:
            cause += f" (failed: {reasons})"
        yield (
            f"{who}: {lost} of its {asked} runs {verb} no best value, as {cause}. "
            "Means of values leave such runs out; ranks, tests and curves use the worst value."
        )
    if "stopped" not in rows.columns:
        return
    for reason, ended in ENDED_EARLY.items():
        lengths = rows[rows["stopped"] == reason].groupby("seed")["evaluation"].max()
        if len(lengths):
            after = f"after {range_text(lengths, ',')} evaluations"
            yield f"{who}: {len(lengths)} of its {asked} runs {ended} {after} and keep their value."
