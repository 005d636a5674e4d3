"""The number of runs that a comparison needs: shares of shown differences, wrong winners, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._paired_tests import Pair, fewest_runs, pairs_of, shows, signed_rank_p
from nasmeta.analysis._statistics import draw_counts
from nasmeta.arrays import Booleans, Floats
from nasmeta.errors import SettingError

RUNS = (3, 10, 30, 100, 300, 1000)
POWER = 0.8
_DRAWS = 500
# Runs with a difference: exact p-values of more take long, and the factor is at most 1.14.
_MOST_CHECKED = 200


def plan_runs(
    frame: pd.DataFrame,
    at: float | None = None,
    x: XAxis | None = None,
    most: int = 1000,
    against: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Compute how many runs each pair of searchers needs on each task, from the runs of a pilot; see `nasmeta.plan`.

    `against` selects the pairs with one searcher per task, which becomes `other`.

    >>> import nasmeta as nm
    >>> plan_runs(nm.compare(["random", "evolution"], "nb201/cifar10", repeats=3, evaluations=20))["needed"].tolist()
    [86.0]
    """
    pairs = list(pairs_of(frame, at, x, against))
    if not pairs or len(pairs[0].differences) < 2:
        raise SettingError("A plan needs a pilot of at least two searchers and two runs.")
    costs = _mean_costs(frame)
    rows = []
    for task in dict.fromkeys(pair.task for pair in pairs):
        task_pairs = [pair for pair in pairs if pair.task == task]
        resampled = Resampled(task_pairs, most)
        for position, pair in enumerate(task_pairs):
            if against is not None and pair.other != against[task]:
                continue
            row = resampled.row(position)
            searchers = [(task, pair.searcher), (task, pair.other)]
            cost_per_run = costs.loc[searchers].sum(skipna=False)
            row |= (row["needed"] * cost_per_run).to_dict()
            rows.append(row)
    return pd.DataFrame(rows)


def _mean_costs(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the mean evaluations and hours of a run, by task and searcher."""
    grouped = frame.groupby(["task", "searcher"], observed=True)
    runs = grouped["seed"].nunique()
    hours = grouped["cost_seconds"].sum() / 3600 / runs
    recorded_hours = hours.where(hours > 0)
    return pd.DataFrame({"evaluations": grouped.size() / runs, "hours": recorded_hours})


class Resampled:
    """Comparisons with other numbers of runs; their seeds are drawn from the pilot, jointly for all pairs of a task."""

    def __init__(self, pairs: Sequence[Pair], most: int) -> None:
        self.pairs = pairs
        self.most = most
        self._n_seeds = len(pairs[0].differences)
        generator = np.random.default_rng(0)
        self._draws = generator.integers(self._n_seeds, size=(_DRAWS, max(most, *RUNS)))
        self._shares: dict[int, Floats] = {}

    def counts(self, runs: int) -> Floats:
        """Return how often each seed of the pilot was drawn, (draws, seeds); more runs extend the same draws."""
        return draw_counts(self._draws[:, :runs], self._n_seeds).astype(float)

    def shares(self, runs: int) -> Floats:
        """Return the share of comparisons with this many runs that show the difference of each pair."""
        if runs < fewest_runs(len(self.pairs)):
            return np.zeros(len(self.pairs))
        if runs not in self._shares:
            is_shown = shown_in(self.pairs, self.counts(runs))  # (draws, pairs)
            self._shares[runs] = is_shown.mean(axis=0)
        return self._shares[runs]

    def needed(self, position: int) -> float:
        """Return a number of runs at which at least 80 % of comparisons show a pair, but not with one run fewer."""
        too_few = 0
        enough = min(fewest_runs(len(self.pairs)), self.most)
        while self.shares(enough)[position] < POWER:
            if enough == self.most:
                return np.inf
            too_few = enough
            enough = min(2 * enough, self.most)
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            if self.shares(middle)[position] < POWER:
                too_few = middle
            else:
                enough = middle
        return enough

    def row(self, position: int) -> dict[str, Any]:
        """Return the difference of a pair, its shares and wrong winners, and the runs that it needs."""
        pair = self.pairs[position]
        row = pair.facts()
        sign = np.sign(row["difference"] or 1.0)
        for runs in RUNS:
            sums = self.counts(runs) @ pair.differences  # (draws,)
            row[f"wrong_{runs}"] = (sign * sums < 0).mean()
        for runs in RUNS:
            if runs <= self.most:
                row[f"shown_{runs}"] = self.shares(runs)[position]
        needed = self.needed(position)
        row |= {"needed": float(needed), "share_before": np.nan, "share": np.nan}
        if needed < np.inf:
            row["share_before"] = self.shares(int(needed) - 1)[position]
            row["share"] = self.shares(int(needed))[position]
        return row


def shown_in(pairs: Sequence[Pair], counts: Floats) -> Booleans:
    """Return whether resampled comparisons show each pair, bool (draws, pairs), as `shows` does.

    Exact p-values are slow, so an approximation decides unless its error could change the decision.
    The bound of this error is empirical, from p-values of at least 0.001. With more than 200
    differences other than 0, the approximation alone decides.
    """
    runs = counts[0].sum()
    ranked = []
    p_values: Floats = np.empty((len(counts), len(pairs)))
    factors = np.empty_like(p_values)
    for position, pair in enumerate(pairs):
        ranks, members, net = _ranks(pair, counts)
        ranked.append((ranks, members, net))
        p_values[:, position] = _approximate_p(ranks, members, net)
        factors[:, position] = _error_factors(members, runs)
    surely_shown = shows(p_values * factors)
    possibly_shown = shows(p_values / factors)
    # A decision that the error cannot change needs no p-value, only its side of the level.
    p_values = np.where(surely_shown, 0.0, 1.0)
    for draw, position in np.argwhere(surely_shown != possibly_shown):
        ranks, members, net = (array[draw].astype(np.int64) for array in ranked[position])
        rank_of_each = np.repeat(ranks, members)
        signed_sum = abs((ranks * net).sum())
        smaller_sum = (rank_of_each.sum() - signed_sum) // 2
        p_values[draw, position] = signed_rank_p(rank_of_each, smaller_sum)
    return shows(p_values)


def _error_factors(members: Floats, runs: float) -> Floats:
    """Return the factor by which an approximate p-value may be wrong, (draws,), from the members of groups.

    It was found by comparison with exact p-values. Zeros take the lowest ranks, so the other ranks
    are nearly equal, as with ties.
    """
    n_used = members.sum(axis=1)  # differences other than 0, (draws,)
    n = np.maximum(n_used, 1)
    share_of_largest_tie = members.max(axis=1, initial=0) / n
    share_of_zeros = 1 - n_used / runs
    ties = np.maximum(share_of_largest_tie, share_of_zeros)
    # factor = exp(60 / n^2 + 25 ties / n), fitted
    exponent = 60 / n**2 + 25 / n * ties
    factors = np.exp(np.minimum(exponent, 50.0))
    is_checked = (n_used > 0) & (n_used <= _MOST_CHECKED)
    return np.where(is_checked, factors, 1.0)


def _ranks(pair: Pair, counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Return twice the rank, the number and the sum of signs of each absolute difference, (draws, groups).

    The first groups are of regrets. They are empty in draws whose runs all found the optimum, and
    the other groups, of evaluations, are empty in all other draws.
    """
    both_found = ~np.isnan(pair.evaluations)
    all_found = (counts @ ~both_found == 0)[:, None]  # (draws, 1)
    of_regrets = _ranks_of(pair.regrets, counts * ~all_found)
    if not all_found.any():
        return of_regrets
    evaluations = np.where(both_found, pair.evaluations, 0.0)
    of_evaluations = _ranks_of(evaluations, counts * all_found)
    ranks, members, net = map(np.hstack, zip(of_regrets, of_evaluations, strict=True))
    return ranks, members, net


def _ranks_of(difference: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Return twice the rank, the number and the sum of signs of each absolute difference of one measure."""
    sizes, group_of_seed = np.unique(np.abs(difference), return_inverse=True)
    membership = np.eye(len(sizes))[group_of_seed]  # (seeds, groups), one 1 per row
    signs = np.sign(difference)[:, None]
    members = counts @ membership
    net = counts @ (membership * signs)
    # Mid-rank of a group: the members of smaller groups + (members + 1) / 2.
    ranks = 2 * members.cumsum(axis=1) - members + 1
    is_used = sizes > 0  # Pratt (1959): zeros are ranked, then dropped
    return ranks[:, is_used], members[:, is_used], net[:, is_used]


def _approximate_p(ranks: Floats, members: Floats, net: Floats) -> Floats:
    """Return p-values from a normal distribution, corrected for its kurtosis and for steps of the sum.

    The sum of ranks with random signs is symmetric, so the correction is the first Edgeworth term
    that remains.
    """
    from scipy.special import ndtr

    sums = np.abs((ranks * net).sum(axis=1))  # (draws,)
    squares = ranks**2
    # Cumulants of a sum of r with random signs: variance = sum r^2, fourth = -2 sum r^4.
    variance = np.maximum((members * squares).sum(axis=1), 1.0)
    kurtosis = -2 * (members * squares**2).sum(axis=1) / variance**2
    used_ranks = np.where(members > 0, ranks, 0)
    steps = np.gcd.reduce(used_ranks.astype(np.int64), axis=1)  # half the distance between two sums
    z = (sums - steps) / np.sqrt(variance)
    # P(Z > z) = Phi(-z) + phi(z) kurtosis / 24 (z^3 - 3 z)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    upper_tail = ndtr(-z) + density * kurtosis / 24 * (z**3 - 3 * z)
    # Far in the tail the term may exceed the probability. If all signs are equal, p = 2 / 2^n.
    least_p = 2.0 ** (1 - members.sum(axis=1))
    p_values = np.minimum(np.maximum(2 * upper_tail, least_p), 1.0)
    return np.where(sums > 0, p_values, 1.0)
