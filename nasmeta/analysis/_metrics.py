"""Evaluations to the optimum with censored runs, and the summary of runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import has_value, read_runs
from nasmeta.analysis._statistics import LEVEL, bootstrap_interval, interval_columns


def evaluations_to_optimum(frame: pd.DataFrame) -> pd.DataFrame:
    """Count the evaluations until the optimum, without assumptions about unsolved runs.

    ``mean`` is a number only if every run was solved, because a mean over solved runs favours searchers that often
    fail. Always known are the share solved, the median (an unsolved run is infinite), and the mean of
    min(evaluations, cap); ``cap`` is the smallest budget of an unsolved run. Restricted means are comparable only at
    the same cap.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame with the columns task, searcher, seed, evaluation and regret.

    Returns
    -------
    DataFrame, one row per (task, searcher)
        ``task, searcher, runs, solved``;
        ``share_solved, share_solved_low, share_solved_high`` (0 to 1, 95 % Wilson interval);
        ``mean, mean_low, mean_high`` (95 % bootstrap interval; all NaN unless every run was solved);
        ``median`` (inf if it is beyond the budget; NaN if an unsolved run with a smaller budget may be below it);
        ``restricted_mean, cap`` (if every run was solved, the cap is the largest count). All are NaN if the optimum is
        not known.

    Raises
    ------
    SettingError
        If the frame is not valid.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "nb201/cifar10", "searcher": "random", "seed": [0, 0, 1, 1, 1, 2],
    ...     "evaluation": [1, 2, 1, 2, 3, 1], "regret": [0.3, 0.0, 2.0, 0.5, 0.5, 0.0]})
    >>> table = evaluations_to_optimum(frame)
    >>> print(table[["runs", "solved", "mean", "median", "restricted_mean", "cap"]].to_string(index=False))
     runs  solved  mean  median  restricted_mean  cap
        3       2   NaN     2.0              2.0    3
    """
    from scipy.stats import binomtest

    runs = read_runs(frame)
    count = runs.to_optimum
    rows = []
    for task, searcher, group in runs.groups():
        evaluations, solved, known = count[group], runs.solved[group], bool(runs.known[group.start])
        n_runs, n_solved = len(solved), int(solved.sum())
        share = binomtest(n_solved, n_runs).proportion_ci(confidence_level=LEVEL, method="wilson")
        row: dict[str, Any] = {"task": task, "searcher": searcher, "runs": n_runs, "solved": n_solved}
        cap = median = np.nan
        if known:
            cap = int(evaluations.max() if solved.all() else runs.length[group][~solved].min())
            median = float(np.median(evaluations))
            row |= interval_columns("share_solved", n_solved / n_runs, share)
        else:
            row |= _unknown("share_solved")
        if solved.all():
            row |= interval_columns("mean", evaluations.mean(), bootstrap_interval(evaluations))
        else:
            row |= _unknown("mean")
        row["median"] = np.nan if cap < median < np.inf else median
        row["restricted_mean"] = float(np.minimum(evaluations, cap).mean())
        rows.append(row | {"cap": cap})
    return pd.DataFrame(rows)


def _unknown(name: str) -> dict[str, float]:
    return interval_columns(name, np.nan, (np.nan, np.nan))


def summarise(frame: pd.DataFrame, at: Iterable[int] = (50, 100, 200)) -> pd.DataFrame:
    """Summarise the runs of each (task, searcher).

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame.
    at : iterable of int
        Numbers of evaluations after which to report the incumbent's value, if all runs of a searcher reach them. A run
        that found the optimum, stalled or exhausted the space keeps its last value.

    Returns
    -------
    DataFrame, one row per (task, searcher)
        ``task, searcher, runs``;
        ``value_at_N, value_at_N_std`` for each N (mean and standard deviation over the runs, in the task's unit;
        NaN if any other run ended earlier; runs without a successful training are left out);
        ``final_regret, final_regret_low, final_regret_high`` (mean at the end of the runs, 95 % bootstrap
        interval; if the optimum is not known, the distance to the best value that any run found);
        ``share_solved, …_low, …_high`` and ``evaluations_to_optimum, …_low, …_high`` as in the function
        `evaluations_to_optimum` (a mean only if every run was solved);
        ``simulated_seconds`` (mean over the runs, of a whole run).

    Raises
    ------
    SettingError
        If the frame is not valid.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "cifar10", "searcher": "random", "seed": [0, 0, 1, 1], "evaluation": [1, 2, 1, 2],
    ...     "incumbent_value": [90.0, 91.0, 88.0, 90.0], "regret": [1.0, 0.0, 3.0, 1.0],
    ...     "simulated_seconds": [10.0, 20.0, 12.0, 24.0]})
    >>> table = summarise(frame, at=[2])
    >>> print(table[["value_at_2", "final_regret", "share_solved", "simulated_seconds"]].to_string(index=False))
     value_at_2  final_regret  share_solved  simulated_seconds
           90.5           0.5           0.5               22.0
    """
    budgets = list(dict.fromkeys(at))
    solved = evaluations_to_optimum(frame)
    runs = read_runs(frame.assign(valued=has_value(frame)), "incumbent_value", "simulated_seconds", "valued")
    ends = {name: runs.ends(name) for name in runs.columns}
    values, valued = runs.at("incumbent_value", budgets), runs.at("valued", budgets)
    rows, reached = [], set()
    for (task, searcher, group), of_pair in zip(runs.groups(), solved.to_dict("records"), strict=True):
        row: dict[str, Any] = {"task": task, "searcher": searcher, "runs": of_pair["runs"]}
        for column, budget in enumerate(budgets):
            if not np.isnan(values[group, column]).any():
                reached.add(budget)
            value = values[group, column][valued[group, column] != 0]
            row[f"value_at_{budget}"] = value.mean() if len(value) else np.nan
            row[f"value_at_{budget}_std"] = value.std(ddof=1) if len(value) > 1 else np.nan
        final = ends["regret"][group][ends["valued"][group] != 0]
        if len(final):
            row |= interval_columns("final_regret", final.mean(), bootstrap_interval(final))
        else:
            row |= _unknown("final_regret")
        for name, source in (("share_solved", "share_solved"), ("evaluations_to_optimum", "mean")):
            row |= {f"{name}{bound}": of_pair[f"{source}{bound}"] for bound in ("", "_low", "_high")}
        row["simulated_seconds"] = ends["simulated_seconds"][group].mean()
        rows.append(row)
    table = pd.DataFrame(rows)
    unreached = [f"value_at_{budget}" for budget in budgets if budget not in reached]
    return table.drop(columns=[name + deviation for name in unreached for deviation in ("", "_std")])


def usual_budgets(frame: pd.DataFrame) -> list[int]:
    """Return 50, 100 and 200 evaluations as far as runs are longer, and their whole length; at most three."""
    longest = int(frame["evaluation"].max())
    return sorted({budget for budget in (50, 100, 200) if budget < longest} | {longest})[-3:]
