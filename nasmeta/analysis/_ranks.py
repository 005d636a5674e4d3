"""Average ranks of searchers, also over the budget, and Friedman's test with Nemenyi's critical difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._losses import Losses, paired_losses
from nasmeta.arrays import Array, Floats
from nasmeta.errors import SettingError

SIGNIFICANT = 0.05  # level of all tests
_POINTS = 80  # of a curve of ranks


def average_ranks(
    frame: pd.DataFrame, at: float | None = None, x: XAxis | None = None
) -> pd.DataFrame:
    """Rank the searchers by their regret after the same budget; 1 is the best.

    Searchers are ranked within each (task, seed); ties share the average rank. The mean is taken
    over the seeds of a task and then over the tasks.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame with a run of every searcher for every (task, seed).
    at : float, optional
        The budget; by default the runs' budget, or the largest that all runs reach. Runs that found
        the optimum, stalled or exhausted the space keep their last value.
    x : {"evaluation", "simulated_seconds"}, optional
        The axis of the budget. By default evaluations, or simulated seconds if the other runs ended
        after different numbers of evaluations.

    Returns
    -------
    DataFrame, one row per searcher, the best first
        ``searcher``, for evaluations ``evaluation`` (= `at`), one column for each task, ``mean``.

    Raises
    ------
    SettingError
        If the frame is not valid, a run is missing, or one of the other runs ended before `at`.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "cifar10", "searcher": ["a", "a", "b", "b", "c", "c"], "seed": 0,
    ...     "evaluation": [1, 2, 1, 2, 1, 2], "regret": [3.0, 0.5, 2.0, 0.5, 0.9, 0.9]})
    >>> print(average_ranks(frame).to_string(index=False))
    searcher  evaluation  cifar10  mean
           a           2      1.5   1.5
           b           2      1.5   1.5
           c           2      3.0   3.0
    """
    losses = paired_losses(frame, at, x)
    ranks = _mean_ranks(losses)[:, :, -1]  # (tasks, searchers)
    columns: dict[str, object] = {"searcher": losses.searchers}
    if losses.x == "evaluation":
        columns["evaluation"] = int(losses.at[0, -1])
    columns |= zip(losses.tasks, ranks, strict=True)
    result = pd.DataFrame(columns)
    result["mean"] = ranks.mean(axis=0)
    return result.sort_values("mean", kind="stable", ignore_index=True)


def rank_curves(frame: pd.DataFrame, x: XAxis | None = None) -> pd.DataFrame:
    """Follow the average rank of each searcher over the budget, at up to 80 budgets on a log scale.

    The cost of a training differs between tasks, so over simulated seconds the budget is a share (0
    to 1) of the largest budget at which all runs of a task are known.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "cifar10", "searcher": ["a", "a", "b", "b"], "seed": 0,
    ...     "evaluation": [1, 2, 1, 2], "regret": [3.0, 0.5, 2.0, 1.0]})
    >>> print(rank_curves(frame).to_string(index=False))
    searcher  evaluation  rank
           a           1   2.0
           a           2   1.0
           b           1   1.0
           b           2   2.0
    """
    whole = paired_losses(frame, x=x)
    shown: Array  # (k,), on the axis of the curves
    budgets: Array  # (k,) or (tasks, k), on the axis of the losses
    if whole.x == "evaluation":
        name = "evaluation"
        budgets = np.unique(np.geomspace(1, whole.at[0, -1], _POINTS).round())
        shown = budgets.astype(np.int64)
    else:
        name = "budget_share"
        first_rows = frame[frame["evaluation"] == 1]
        first_ends = first_rows.groupby("task", observed=True)["simulated_seconds"].max()
        begin = np.array([first_ends[task] for task in whole.tasks])[:, None]
        shown = np.geomspace((begin / whole.at).max(), 1, _POINTS)
        budgets = np.clip(shown * whole.at, begin, whole.at)  # despite rounding errors
    losses = paired_losses(frame, budgets, whole.x)
    ranks = _mean_ranks(losses).mean(axis=0)  # (searchers, k)
    searchers = np.array(whole.searchers, dtype=object)
    curves = pd.DataFrame({"searcher": np.repeat(searchers, len(shown))})
    curves[name] = np.tile(shown, len(searchers))
    curves["rank"] = ranks.ravel()
    return curves


def _mean_ranks(losses: Losses) -> Floats:
    """Return the mean ranks over the seeds of each task, float64 (tasks, searchers, k)."""
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(losses.regret, axis=1))  # (blocks, searchers, k)
    by_task = []
    for code in range(len(losses.tasks)):
        blocks = losses.task == code
        by_task.append(ranks[blocks].mean(axis=0))
    return np.array(by_task)


@dataclass(frozen=True)
class Friedman:
    """Result of Friedman's test, with Nemenyi's comparison of all pairs.

    Statistic and p-value are 0 and 1 if all searchers tie in every block.
    """

    statistic: float  # Friedman's χ², corrected for ties
    p_value: float
    blocks: int
    ranks: pd.Series[float]  # average rank of each searcher over the blocks, the best first
    critical_difference: float  # between average ranks, at the level of 0.05 (Nemenyi 1963)
    # (searchers, searchers): p-values of all pairs, in the order of `ranks`; 1 on the diagonal
    nemenyi: pd.DataFrame


def friedman_test(frame: pd.DataFrame, at: float | None = None, x: XAxis | None = None) -> Friedman:
    """Test whether searchers differ, and which pairs, by their ranks (Demšar 2006).

    A block is one (task, seed), so the result holds for these tasks and other seeds. Ranks within a
    block do not depend on the unit of the regret, so tasks may have different units.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame with a run of every searcher for every (task, seed).
    at, x
        Budget and its axis, as in `average_ranks`.

    Returns
    -------
    Friedman

    Raises
    ------
    SettingError
        If the frame is not valid, or there are fewer than 3 searchers or 2 blocks.

    Notes
    -----
    J. Demšar: Statistical Comparisons of Classifiers over Multiple Data Sets. JMLR 7, 2006.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "t", "searcher": ["a", "b", "c"] * 4, "seed": [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3], "evaluation": 1,
    ...     "regret": [1.0, 2.0, 3.0, 1.0, 3.0, 2.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0]})
    >>> result = friedman_test(frame)
    >>> round(result.statistic, 2), round(result.p_value, 3), result.ranks.to_dict()
    (6.5, 0.039, {'a': 1.0, 'b': 2.25, 'c': 2.75})
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    losses = paired_losses(frame, at, x)
    regret = losses.regret[:, :, -1]
    n, k = regret.shape
    if k < 3 or n < 2:
        raise SettingError(
            f"Friedman's test needs at least 3 searchers and 2 blocks; there are {k} and {n}."
        )
    ranks = np.asarray(rankdata(regret, axis=1))
    statistic = 0.0
    p_value = 1.0
    if (ranks != ranks[0, 0]).any():  # SciPy divides by zero if all tie in all blocks
        statistic, p_value = map(float, friedmanchisquare(*regret.T))
    mean = pd.Series(ranks.mean(axis=0), index=list(losses.searchers))
    mean = mean.sort_values(kind="stable")
    # Nemenyi (1963): sqrt(2) times a difference of average ranks over its standard error
    # sqrt(k (k + 1) / (6 n)) is a studentized range of k normal variables.
    error = np.sqrt(k * (k + 1) / (6 * n))
    values = mean.to_numpy()
    differences = np.abs(values[:, None] - values)  # (searchers, searchers)
    p_values = studentized_range.sf(differences / error * np.sqrt(2), k, np.inf)
    critical_range = studentized_range.ppf(1 - SIGNIFICANT, k, np.inf)
    return Friedman(
        statistic=statistic,
        p_value=p_value,
        blocks=n,
        ranks=mean,
        critical_difference=float(critical_range / np.sqrt(2) * error),
        nemenyi=pd.DataFrame(p_values, index=mean.index, columns=mean.index),
    )
