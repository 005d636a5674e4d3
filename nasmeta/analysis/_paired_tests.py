"""Paired tests of all pairs of searchers, task by task, with Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._power import pairs_of
from nasmeta.analysis._statistics import bootstrap_interval
from nasmeta.arrays import Floats
from nasmeta.pages import interval_columns


def holm(p_values: npt.ArrayLike) -> Floats:
    """Correct p-values for multiple tests by Holm's step-down procedure.

    The family-wise error rate at a level is at most that level.

    >>> holm([0.01, 0.04, 0.03, 0.5]).tolist()
    [0.04, 0.09, 0.09, 0.5]
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def paired_tests(
    frame: pd.DataFrame,
    at: float | None = None,
    x: XAxis | None = None,
    against: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Compare every pair of searchers on each task by Wilcoxon's signed rank test of runs with equal seeds.

    The two-sided p-values are exact for any number of ties: equal differences share the mean of their ranks, and the
    distribution is taken over all changes of sign. Differences of zero follow Pratt (1959): they are ranked with the
    others, then their ranks are dropped.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame with a run of every searcher for every (task, seed).
    at, x
        Budget and its axis, as in `average_ranks`.
    against : mapping of task to str, optional
        A searcher of each task that is always the other one of its pairs.

    Returns
    -------
    DataFrame, one row per (task, pair)
        ``task, searcher, other, runs``; ``difference`` (mean of searcher minus other in the unit of the regret; below 0
        the first is better) with ``difference_low, difference_high`` (95 % bootstrap interval over the
        pairs); ``better, ties, worse`` (counts of pairs); ``p_value``, and ``p_holm`` corrected for the pairs of the
        same task.

    Raises
    ------
    SettingError
        If the frame is not valid, or a run is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "t", "searcher": ["a", "b"] * 6, "seed": [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5], "evaluation": 1,
    ...     "regret": [1.0, 2.0, 1.0, 3.5, 1.0, 4.0, 1.0, 2.5, 1.0, 4.5, 1.0, 1.5]})
    >>> print(paired_tests(frame)[["searcher", "other", "difference", "better", "p_value"]].to_string(index=False))
    searcher other  difference  better  p_value
           a     b        -2.0       6  0.03125
    """
    rows = [
        {
            "task": pair.task,
            "searcher": pair.searcher,
            "other": pair.other,
            "runs": len(pair.differences),
            **interval_columns("difference", pair.differences.mean(), bootstrap_interval(pair.differences)),
            "better": int((pair.differences < 0).sum()),
            "ties": int((pair.differences == 0).sum()),
            "worse": int((pair.differences > 0).sum()),
            "p_value": wilcoxon_p(pair.differences),
        }
        for pair in pairs_of(frame, at, x, against, regrets_only=True)
    ]
    table = pd.DataFrame(rows)
    table["p_holm"] = table.groupby("task", sort=False)["p_value"].transform(holm)
    return table


def wilcoxon_p(difference: Floats) -> float:
    """Return the exact two-sided p-value of the signed rank test; 1 if all pairs tie.

    Under the null hypothesis, each sign is a fair coin. The distribution of the rank sum of positive differences is
    computed by adding one rank after another. Ranks, or twice the mid-ranks of ties, are integers, so the sums are
    positions in an array.

    >>> wilcoxon_p(np.full(20, -1.0)) == 2 / 2**20, wilcoxon_p(np.r_[np.full(18, -1.0), 0, 0]) == 2 / 2**18
    (True, True)
    """
    from scipy.stats import rankdata

    halves = rankdata(np.abs(difference))
    ranks = (halves if (halves % 1 == 0).all() else 2 * halves).astype(np.int64)
    ascending = np.sort(ranks[difference != 0])
    chance = np.zeros(ascending.sum() + 1)  # of each sum
    chance[0] = 1.0
    for rank, end in zip(ascending, ascending.cumsum() + 1, strict=True):
        chance[:end] *= 0.5
        chance[rank:end] += chance[: end - rank]
    observed = ranks[difference > 0].sum()
    return min(1.0, 2 * float(min(chance[: observed + 1].sum(), chance[observed:].sum())))
