"""Deterministic runs: a searcher without chance does the same with every seed, and that is one run, not many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def deterministic_runs(frame: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the (task, searcher) of which several runs evaluated the same cells in the same order.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame; the columns task, searcher, seed and cell are used.

    Returns
    -------
    set of (str, str)

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"task": "t", "searcher": list("aabb"), "seed": [0, 1, 0, 1], "cell": [7, 7, 7, 8]})
    >>> deterministic_runs(frame)
    {('t', 'a')}
    """
    found = set()
    for (task, searcher), rows in frame.groupby(["task", "searcher"], sort=False, observed=True):
        runs = {tuple(cells) for _, cells in rows.groupby("seed", sort=False)["cell"]}
        if len(runs) == 1 and rows["seed"].nunique() > 1:
            found.add((str(task), str(searcher)))
    return found


def deterministic_searchers(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Return the tasks of each searcher on which its runs are the same."""
    found: dict[str, list[str]] = {}
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
