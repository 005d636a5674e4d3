"""Paired tests of all pairs of searchers, task by task, with Holm's correction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._losses import paired_losses
from nasmeta.analysis._ranks import SIGNIFICANT
from nasmeta.analysis._statistics import bootstrap_interval
from nasmeta.arrays import Booleans, Floats, Integers
from nasmeta.pages import interval_columns


class Pair(NamedTuple):
    """Differences of two searchers in runs of equal seeds: searcher minus other."""

    task: str
    searcher: str
    other: str
    regrets: Floats  # (runs,)
    evaluations: Floats  # (runs,), to the optimum; NaN unless both searchers found it

    def among(self, runs: Integers) -> Floats:
        """Return the compared differences of these runs: of evaluations if all of them found the optimum."""
        evaluations = self.evaluations[runs]
        if np.isnan(evaluations).any():
            return self.regrets[runs]
        return evaluations

    @property
    def differences(self) -> Floats:
        """The compared differences of all runs, (runs,)."""
        return self.among(np.arange(len(self.regrets)))

    @property
    def measure(self) -> str:
        """The name of what is compared."""
        if np.isnan(self.evaluations).any():
            return "regret"
        return "evaluations to optimum"

    def facts(self) -> dict[str, Any]:
        """Return names, number of runs, measure and mean difference with its interval, as columns of a table."""
        differences = self.differences
        interval = bootstrap_interval(differences)
        return {
            "task": self.task,
            "searcher": self.searcher,
            "other": self.other,
            "runs": len(differences),
            "measure": self.measure,
            **interval_columns("difference", differences.mean(), interval),
        }


def pairs_of(
    frame: pd.DataFrame,
    at: float | None = None,
    x: XAxis | None = None,
    against: Mapping[str, str] | None = None,
) -> Iterator[Pair]:
    """Yield the paired differences of all pairs of searchers on each task.

    They are differences of the regret after the budget. If all runs of both searchers found the
    optimum by then, they are differences of the number of evaluations to the optimum. The searcher
    `against[task]` is always the other one of its pairs.
    """
    losses = paired_losses(frame, at, x)
    regrets_by_task = losses.by_task()  # (seeds, searchers) each
    for code, task in enumerate(losses.tasks):
        regrets = regrets_by_task[code]
        to_optimum = losses.to_optimum[losses.task == code]
        found = (regrets == 0) & np.isfinite(to_optimum)
        evaluations = np.where(found, to_optimum, np.nan)  # so that differences need both
        for first, second in combinations(range(len(losses.searchers)), 2):
            if against is not None and losses.searchers[first] == against[task]:
                first, second = second, first
            yield Pair(
                task=task,
                searcher=losses.searchers[first],
                other=losses.searchers[second],
                regrets=regrets[:, first] - regrets[:, second],
                evaluations=evaluations[:, first] - evaluations[:, second],
            )


def shows(p_values: npt.ArrayLike) -> Booleans:
    """Return whether the test shows each difference of a task, bool (…, pairs), from the p-values of its pairs.

    >>> shows([0.01, 0.04, 0.03, 0.5]).tolist()
    [True, False, False, False]
    """
    return np.asarray(holm(p_values) < SIGNIFICANT)


def fewest_runs(pairs: int) -> int:
    """Return the smallest number of runs that can show a difference: n with pairs · 2 / 2^n < 0.05.

    >>> fewest_runs(28)
    11
    """
    most_that_cannot = np.floor(np.log2(2 * pairs / SIGNIFICANT))
    return int(most_that_cannot) + 1


def limit_of(runs: int, pairs: int) -> str:
    """State that a design cannot show any difference; empty if it can.

    >>> limit_of(10, 28)
    '10 runs and 28 pairs cannot show any difference (least p = .055); 11 runs can.'
    """
    if not pairs:
        return ""
    fewest = fewest_runs(pairs)
    if runs >= fewest:
        return ""
    # All signs equal, either way: p = 2 / 2^n, times the number of pairs by Holm.
    least_p = min(1.0, pairs * 2.0 ** (1 - runs))
    least_text = f"{least_p:.2g}".removeprefix("0")
    design = f"{runs} run{'s' * (runs > 1)} and {pairs} pair{'s' * (pairs > 1)}"
    return f"{design} cannot show any difference (least p = {least_text}); {fewest} runs can."


def holm(p_values: npt.ArrayLike) -> Floats:
    """Correct p-values (…, n) for multiple tests by Holm's step-down procedure.

    The family-wise error rate at a level is at most that level.

    >>> holm([0.01, 0.04, 0.03, 0.5]).tolist()
    [0.04, 0.09, 0.09, 0.5]
    """
    # Holm (1979): with p(1) <= … <= p(n), the i-th is min(1, max over j <= i of (n - j + 1) p(j)).
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, axis=-1, kind="stable")
    ascending = np.take_along_axis(p, order, axis=-1)
    factors = np.arange(p.shape[-1], 0, -1)
    stepped = np.maximum.accumulate(factors * ascending, axis=-1)
    capped = np.minimum(stepped, 1.0)
    corrected = np.empty_like(p)
    np.put_along_axis(corrected, order, capped, axis=-1)
    return corrected


def paired_tests(
    frame: pd.DataFrame,
    at: float | None = None,
    x: XAxis | None = None,
    against: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Compare every pair of searchers on each task by Wilcoxon's signed rank test of runs with equal seeds.

    The two-sided p-values are exact for any number of ties: equal differences share the mean of
    their ranks, and the distribution is taken over all changes of sign. Differences of zero follow
    Pratt (1959): they are ranked with the others, then their ranks are dropped.

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
        ``task, searcher, other, runs, measure`` (``regret``, or ``evaluations to optimum`` if all
        runs of both searchers found it); ``difference`` (mean of searcher minus other; below 0 the
        first is better) with ``difference_low, difference_high`` (95 % bootstrap interval over the
        pairs); ``better, ties, worse`` (counts of pairs); ``p_value``, and ``p_holm`` corrected for
        the pairs of the same task.

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
    rows = []
    for pair in pairs_of(frame, at, x, against):
        differences = pair.differences
        row = pair.facts()
        row["better"] = int((differences < 0).sum())
        row["ties"] = int((differences == 0).sum())
        row["worse"] = int((differences > 0).sum())
        row["p_value"] = wilcoxon_p(differences)
        rows.append(row)
    table = pd.DataFrame(rows)
    table["p_holm"] = table.groupby("task", sort=False)["p_value"].transform(holm)
    return table


def wilcoxon_p(difference: Floats) -> float:
    """Return the exact two-sided p-value of the signed rank test; 1 if all pairs tie.

    Equal differences share the mean of their ranks.

    >>> wilcoxon_p(np.full(20, -1.0)) == 2 / 2**20, wilcoxon_p(np.r_[np.full(18, -1.0), 0, 0]) == 2 / 2**18
    (True, True)
    """
    from scipy.stats import rankdata

    doubled = 2 * rankdata(np.abs(difference))  # integers, as ties share the mean of their ranks
    ranks = doubled.astype(np.int64)
    above = ranks[difference > 0]
    below = ranks[difference < 0]
    smaller = min(above.sum(), below.sum())
    return signed_rank_p(np.r_[above, below], smaller)


def signed_rank_p(ranks: Integers, smaller: int) -> float:
    """Return the two-sided p-value from the ranks of differences above and below 0, and the smaller of their two sums.

    Under the null hypothesis, each sign is a fair coin. The distribution of the sum is computed by
    adding one rank after another. Twice the mid-ranks of ties are integers, so the sums are
    positions in an array.
    """
    step = max(1, np.gcd.reduce(ranks))
    ascending = np.sort(ranks) // step
    chance = np.zeros(smaller // step + 1)  # of each sum, up to the observed one
    chance[0] = 1.0
    # With the rank r, P(sum = s) becomes (P(sum = s) + P(sum = s - r)) / 2; sums reach `last`.
    last = 0
    for rank in ascending.tolist():
        last = min(last + rank, len(chance) - 1)
        chance[: last + 1] *= 0.5
        chance[rank : last + 1] += chance[: max(0, last + 1 - rank)]
    return min(1.0, 2 * float(chance.sum()))
