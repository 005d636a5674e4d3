"""The number of runs that a comparison needs."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from nasmeta.analysis import XAxis, plan_runs
from nasmeta.experiments._arguments import SearchersLike, TasksLike
from nasmeta.experiments._compare import compare
from nasmeta.experiments._folder import results_in


def plan(
    pilot: pd.DataFrame | str | os.PathLike[str] | SearchersLike,
    tasks: TasksLike = "nb201",
    *,
    repeats: int = 100,
    most: int = 1000,
    at: float | None = None,
    x: XAxis | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Compute how many runs distinguish searchers, how often fewer runs name the wrong winner, and the cost.

    Parameters
    ----------
    pilot : DataFrame, path, or searchers
        The result of `nasmeta.compare`, the folder of a finished comparison, or at least two
        searchers as in `nasmeta.compare`, which are then run as a pilot.
    tasks, repeats, options
        Arguments of `nasmeta.compare` for the pilot, such as ``evaluations=100``.
    most : int, default 1000
        Largest number of runs to consider; ``needed`` is inf for pairs that need more.
    at, x : optional
        Budget and its axis, as in `nasmeta.report`.

    Returns
    -------
    DataFrame, one row per (task, pair)
        ``task, searcher, other, runs`` (of the pilot), ``measure`` (``regret`` after the budget, or
        ``evaluations to optimum`` if all runs of both searchers found the optimum); ``difference``
        (mean of searcher minus other) with ``difference_low, difference_high`` (95 % bootstrap
        interval); ``wrong_N`` and ``shown_N`` (shares of comparisons of N runs in which the means
        name the wrong winner, and in which `nasmeta.analysis.paired_tests` shows the difference);
        ``needed`` (the number of runs with which at least 80 % of comparisons show it, inf beyond
        `most`), this ``share``, and ``share_before`` with one run fewer; ``evaluations`` and
        ``hours`` (the cost of these runs of both searchers; hours of training, NaN if the table has
        no costs). The seeds of a comparison are drawn from those of the pilot, jointly for all
        pairs of a task.

    Raises
    ------
    SettingError
        If the pilot has fewer than two searchers or runs, or there is no finished comparison.

    Examples
    --------
    >>> import nasmeta as nm
    >>> plan = nm.plan(["random", "local-search"], "nb201/cifar100", repeats=20, evaluations=100)
    >>> plan[["searcher", "other", "needed"]].to_dict("records")
    [{'searcher': 'random', 'other': 'local-search', 'needed': 7.0}]
    """
    if isinstance(pilot, str | os.PathLike):
        pilot = results_in(pilot)
    if not isinstance(pilot, pd.DataFrame):
        pilot = compare(pilot, tasks, repeats=repeats, **options)
    return plan_runs(pilot, at, x, most)
