"""The summary of runs: values, regrets, and evaluations to the optimum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import has_value, read_runs
from nasmeta.analysis._statistics import LEVEL, bootstrap_interval
from nasmeta.arrays import Floats
from nasmeta.pages import interval_columns

_UNKNOWN = (np.nan, np.nan)  # an interval


def summarise(frame: pd.DataFrame, at: Iterable[int] = (50, 100, 200)) -> pd.DataFrame:
    """Summarise the runs of each (task, searcher).

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame.
    at : iterable of int
        Numbers of evaluations after which to report the incumbent's value, if all runs of a
        searcher reach them. A run that found the optimum, stalled or exhausted the space keeps its
        last value.

    Returns
    -------
    DataFrame, one row per (task, searcher)
        ``task, searcher, runs``;
        ``value_at_N, value_at_N_std`` for each N (mean and standard deviation over the runs, in the task's unit;
        NaN if any other run ended earlier; runs without a successful training are left out);
        ``final_regret, final_regret_low, final_regret_high`` (mean at the end of the runs, 95 % bootstrap
        interval; if the optimum is not known, the distance to the best value that any run found);
        ``share_solved, share_solved_low, share_solved_high`` (0 to 1, 95 % Wilson interval; NaN if the optimum is not
        known);
        ``evaluations_to_optimum, …_low, …_high`` (mean and 95 % bootstrap interval; NaN unless every run was solved,
        because a mean over solved runs favours searchers that often fail);
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
    from scipy.stats import binomtest

    budgets = list(dict.fromkeys(at))
    frame = frame.assign(valued=has_value(frame))
    runs = read_runs(frame, "incumbent_value", "simulated_seconds", "valued")
    final_regrets = runs.ends("regret")  # (runs,)
    has_final_value = runs.ends("valued") != 0
    seconds = runs.ends("simulated_seconds")
    values = runs.at("incumbent_value", budgets)  # (runs, budgets)
    valued = runs.at("valued", budgets) != 0
    rows: list[dict[str, Any]] = []
    reached = set()
    for task, searcher, group in runs.groups():
        solved = runs.solved[group]
        n = len(solved)
        n_solved = int(solved.sum())
        row: dict[str, Any] = {"task": task, "searcher": searcher, "runs": n}
        for column, budget in enumerate(budgets):
            if not np.isnan(values[group, column]).any():
                reached.add(budget)
            successful = valued[group, column]
            value = pd.Series(values[group, column][successful])
            row[f"value_at_{budget}"] = value.mean(skipna=False)
            row[f"value_at_{budget}_std"] = value.std(skipna=False)
        successful = has_final_value[group]
        row |= _mean("final_regret", final_regrets[group][successful])
        share = np.nan
        interval: Any = _UNKNOWN
        if runs.known[group.start]:
            share = n_solved / n
            result = binomtest(n_solved, n)
            interval = result.proportion_ci(confidence_level=LEVEL, method="wilson")
        row |= interval_columns("share_solved", share, interval)
        to_optimum = runs.to_optimum[group]
        if n_solved < n:  # a mean over solved runs favours searchers that often fail
            to_optimum = to_optimum[:0]
        row |= _mean("evaluations_to_optimum", to_optimum)
        row["simulated_seconds"] = seconds[group].mean()
        rows.append(row)
    table = pd.DataFrame(rows)
    for budget in budgets:
        if budget not in reached:
            table = table.drop(columns=[f"value_at_{budget}", f"value_at_{budget}_std"])
    return table


def _mean(name: str, values: Floats) -> dict[str, float]:
    """Return the mean of values and its interval as columns; NaN without values."""
    if len(values) == 0:
        return interval_columns(name, np.nan, _UNKNOWN)
    return interval_columns(name, values.mean(), bootstrap_interval(values))


def usual_budgets(frame: pd.DataFrame) -> list[int]:
    """Return 50, 100 and 200 evaluations as far as runs are longer, and their whole length; at most three."""
    longest = int(frame["evaluation"].max())
    shorter = [budget for budget in (50, 100, 200) if budget < longest]
    return [*shorter, longest][-3:]
