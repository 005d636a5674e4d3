"""One row a (task, searcher): the table beside the curves, and its Markdown form."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmeta.analysis._frame import read_runs
from nasmeta.analysis._metrics import evaluations_to_optimum
from nasmeta.analysis._statistics import bootstrap_interval, interval_columns
from nasmeta.errors import SettingError

if TYPE_CHECKING:
    import pandas as pd

_BUDGETS = (50, 100, 200)


def summarise(
    frame: pd.DataFrame, at: Iterable[int] = (50, 100, 200), level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Summarise the runs of each (task, searcher).

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame.
    at : iterable of int
        Counts of evaluations at which the incumbent's value is given; those that no searcher's runs all reach are left
        out. A run that found the optimum keeps it.
    level : float
        Level of all intervals.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    DataFrame, one row a (task, searcher)
        ``task, searcher, runs``;
        ``value_at_N, value_at_N_std`` for each N (mean and standard deviation over the runs, in the task's unit;
        NaN where a run without the optimum ended before);
        ``final_regret, final_regret_low, final_regret_high`` (mean at the end of the runs, bootstrap interval);
        ``share_solved, …_low, …_high`` and ``evaluations_to_optimum, …_low, …_high`` as in the function
        `evaluations_to_optimum` (a mean only if every run was solved);
        ``simulated_seconds`` (mean over the runs, of a whole run).

    Raises
    ------
    SettingError
        The frame is not valid, or `at` holds something other than positive whole numbers.

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
    import pandas as pd

    budgets: list[Any] = list(dict.fromkeys(at))  # whatever a caller passed
    wrong = [budget for budget in budgets if not isinstance(budget, Integral) or budget < 1]
    if wrong:
        raise SettingError(f"Values after {wrong[0]!r} evaluations were asked for; give whole numbers of at least 1.")
    solved = evaluations_to_optimum(frame, level=level, seed=seed)
    runs = read_runs(frame, "incumbent_value", "simulated_seconds")
    end = runs.start + runs.length - 1
    values = runs.at("incumbent_value", budgets)
    rows = []
    for (task, searcher, group), of_pair in zip(runs.groups(), solved.to_dict("records"), strict=True):
        row: dict[str, Any] = {"task": task, "searcher": searcher, "runs": of_pair["runs"]}
        for column, budget in enumerate(budgets):
            value = values[group, column]
            row[f"value_at_{budget}"] = value.mean()
            row[f"value_at_{budget}_std"] = value.std(ddof=1) if len(value) > 1 else np.nan
        final = runs.columns["regret"][end[group]]
        row |= interval_columns("final_regret", final.mean(), bootstrap_interval(final, level=level, seed=seed))
        for name, source in (("share_solved", "share_solved"), ("evaluations_to_optimum", "mean")):
            row |= {f"{name}{bound}": of_pair[f"{source}{bound}"] for bound in ("", "_low", "_high")}
        row["simulated_seconds"] = runs.columns["simulated_seconds"][end[group]].mean()
        rows.append(row)
    table = pd.DataFrame(rows)
    unreached = [f"value_at_{budget}" for budget in budgets if table[f"value_at_{budget}"].isna().all()]
    return table.drop(columns=[name + deviation for name in unreached for deviation in ("", "_std")])


def usual_budgets(frame: pd.DataFrame) -> list[int]:
    """Return the usual budgets that were used, and the whole one where it is none of these."""
    longest = int(frame["evaluation"].max())
    return sorted({budget for budget in _BUDGETS if budget < longest} | {longest})[-3:]
