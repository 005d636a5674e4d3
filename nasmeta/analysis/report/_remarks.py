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
    recorded = frame.attrs.get("runs", {})
    asked = {
        (task, searcher): n for task, of_task in recorded.items() for searcher, n in of_task.items()
    }
    return count_runs(frame) | asked


def trained(frame: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether it is a full training and the run has a best value by then."""
    valued = pd.Series(has_value(frame), frame.index)
    return valued & (frame["epochs"] == full_epochs(frame)) if "epochs" in frame.columns else valued


def deterministic_runs(frame: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the (task, searcher) with several runs that evaluated the same architectures in the same order.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"task": "t", "searcher": list("aabb"), "seed": [0, 1, 0, 1], "cell": [7, 7, 7, 8]})
    >>> deterministic_runs(frame)
    {('t', 'a')}
    """
    pairs = set()
    for (task, searcher), rows in frame.groupby(["task", "searcher"], sort=False, observed=True):
        runs = {
            tuple(architectures) for _, architectures in rows.groupby("seed", sort=False)["cell"]
        }
        if len(runs) == 1 and rows["seed"].nunique() > 1:
            pairs.add((str(task), str(searcher)))
    return pairs


def without_spread_of_equals(summary: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a summary without deviations and intervals for searchers whose runs are identical."""
    equal = deterministic_runs(frame)
    rows = [pair in equal for pair in zip(summary["task"], summary["searcher"], strict=True)]
    summary = summary.copy()
    summary.loc[rows, list(summary.filter(regex="_(std|low|high)$"))] = np.nan
    return summary


def failures_of(rows: pd.DataFrame) -> str:
    """Return the most frequent reasons of failures with their counts; empty if no evaluation failed."""
    if "failure" not in rows.columns:
        return ""
    counts = rows["failure"].astype(str).value_counts().drop("", errors="ignore")
    listed = ", ".join(f"{n} × {why}" for why, n in counts[:_REASONS].items())
    return listed + ", …" * (len(counts) > _REASONS)


def run_remarks(frame: pd.DataFrame) -> list[str]:
    """Return the remarks on the runs."""
    frame = frame.assign(trained=trained(frame), valued=has_value(frame))
    grouped = frame.groupby(["task", "searcher"], sort=False, observed=True)
    by_pair = {(str(task), str(searcher)): rows for (task, searcher), rows in grouped}
    remarks = []
    for searcher, rows in frame.groupby("searcher", sort=False, observed=True):
        if why := failures_of(rows):
            failed = (rows["failure"].astype(str) != "").sum()
            remarks.append(f"{searcher}: {failed:,} of {len(rows):,} evaluations failed: {why}.")
    stored = frame.attrs.get("stored", {})
    remarks += [
        f"{', '.join(searchers)}: stored runs of {version}."
        for version, searchers in stored.items()
    ]
    alike: dict[str, list[str]] = {}
    for task, searcher in sorted(deterministic_runs(frame)):
        if by_pair[task, searcher]["valued"].any():
            alike.setdefault(searcher, []).append(task)
    for searcher, tasks in alike.items():
        remarks.append(
            f"{searcher} on {', '.join(tasks)}: all runs are identical, so its values have no ± and interval."
        )
    for (task, searcher), asked in asked_runs(frame).items():
        rows = by_pair.get((task, searcher), frame.iloc[:0])
        remarks += _of_pair(rows, f"{searcher} on {task}", asked)
    return remarks


def _of_pair(rows: pd.DataFrame, who: str, asked: int) -> Iterator[str]:
    """Yield remarks on missing runs of a searcher on a task, runs without a value, and runs that ended early."""
    begun = rows["seed"].nunique()
    if begun < asked:
        yield f"{who}: {asked - begun} of its {asked} runs finished no evaluation and are left out."
    if lost := begun - rows.loc[rows["trained"], "seed"].nunique():
        why = failures_of(rows)
        yield (
            f"{who}: {lost} of its {asked} runs {'has' if lost == 1 else 'have'} no best value, as "
            f"{NOTHING_SUCCEEDED}{why and f' (failed: {why})'}. Means of values leave such runs out; ranks, "
            "tests and curves use the worst value."
        )
    if "stopped" in rows.columns:
        for why, ended in ENDED_EARLY.items():
            last = rows[rows["stopped"] == why].groupby("seed")["evaluation"].max()
            if len(last):
                after = range_text(last, ",")
                yield f"{who}: {len(last)} of its {asked} runs {ended} after {after} evaluations and keep their value."
