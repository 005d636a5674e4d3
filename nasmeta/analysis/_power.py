"""The number of runs that a comparison needs: shares of shown differences, wrong winners, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._paired_tests import Pair, fewest_runs, pairs_of, shows, signed_rank_p
from nasmeta.analysis._statistics import bootstrap_interval
from nasmeta.arrays import Booleans, Floats
from nasmeta.errors import SettingError
from nasmeta.pages import interval_columns

RUNS = (3, 10, 30, 100, 300, 1000)
POWER = 0.8
_DRAWS = 500
_MOST_CHECKED = 200  # runs with a difference: exact p-values of more take long, and the factor is at most 1.14


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
    by_searcher = frame.groupby(["task", "searcher"], observed=True)
    runs = by_searcher["seed"].nunique()
    each = pd.DataFrame(
        {"evaluations": by_searcher.size() / runs, "hours": by_searcher["cost_seconds"].sum() / 3600 / runs}
    )
    each["hours"] = each["hours"].where(each["hours"] > 0)
    rows = []
    for task in dict.fromkeys(pair.task for pair in pairs):
        of_task = [pair for pair in pairs if pair.task == task]
        resampled = Resampled(of_task, most)
        for position, pair in enumerate(of_task):
            if against is None or pair.other == against[task]:
                row = resampled.row(position)
                both = each.loc[[(task, pair.searcher), (task, pair.other)]].sum(skipna=False)
                rows.append(row | (row["needed"] * both).to_dict())
    return pd.DataFrame(rows)


class Resampled:
    """Comparisons with other numbers of runs; their seeds are drawn from the pilot, jointly for all pairs of a task."""

    def __init__(self, pairs: Sequence[Pair], most: int) -> None:
        self.pairs, self.most = pairs, most
        self._seeds = np.random.default_rng(0).integers(len(pairs[0].differences), size=(_DRAWS, max(most, *RUNS)))
        self._shares: dict[int, Floats] = {}

    def counts(self, runs: int) -> Floats:
        """Return how often each seed of the pilot was drawn, (draws, seeds); more runs extend the same draws."""
        seeds = len(self.pairs[0].differences)
        drawn = self._seeds[:, :runs] + seeds * np.arange(_DRAWS)[:, None]
        return np.bincount(drawn.ravel(), minlength=seeds * _DRAWS).reshape(_DRAWS, seeds).astype(float)

    def shares(self, runs: int) -> Floats:
        """Return the share of comparisons with this many runs that show the difference of each pair."""
        if runs < fewest_runs(len(self.pairs)):
            return np.zeros(len(self.pairs))
        if runs not in self._shares:
            self._shares[runs] = shown_in(self.pairs, self.counts(runs)).mean(axis=0)
        return self._shares[runs]

    def needed(self, position: int) -> float:
        """Return a number of runs at which at least 80 % of comparisons show a pair, but not with one run fewer."""
        low, high = 0, min(fewest_runs(len(self.pairs)), self.most)
        while self.shares(high)[position] < POWER:
            if high == self.most:
                return np.inf
            low, high = high, min(2 * high, self.most)
        while high - low > 1:
            middle = (low + high) // 2
            if self.shares(middle)[position] < POWER:
                low = middle
            else:
                high = middle
        return high

    def row(self, position: int) -> dict[str, Any]:
        """Return the difference of a pair, its shares and wrong winners, and the runs that it needs."""
        pair, needed = self.pairs[position], self.needed(position)
        difference = pair.differences
        mean = difference.mean()
        wrong = {f"wrong_{n}": (np.sign(mean or 1.0) * (self.counts(n) @ difference) < 0).mean() for n in RUNS}
        before, share = (self.shares(int(n))[position] if needed < np.inf else np.nan for n in (needed - 1, needed))
        return {
            "task": pair.task, "searcher": pair.searcher, "other": pair.other, "runs": len(difference),
            "measure": pair.measure, **interval_columns("difference", mean, bootstrap_interval(difference)), **wrong,
            **{f"shown_{n}": self.shares(n)[position] for n in RUNS if n <= self.most},
            "needed": float(needed), "share_before": before, "share": share,
        }  # fmt: skip


def shown_in(pairs: Sequence[Pair], counts: Floats) -> Booleans:
    """Return whether resampled comparisons show each pair, bool (draws, pairs), as `shows` does.

    Exact p-values are slow, so an approximation decides unless its error could change the decision. The bound of this
    error is empirical. With more than 200 differences other than 0, the approximation alone decides.
    """
    ranked = [_ranks(pair.differences, counts) for pair in pairs]
    p_values = np.column_stack([_approximate_p(*each) for each in ranked])
    runs = counts[0].sum()
    factors = np.column_stack([_error_factors(members, runs) for _, members, _ in ranked])
    shown, possible = shows(p_values * factors), shows(p_values / factors)
    p_values = np.where(shown, 0.0, 1.0)
    for draw, position in np.argwhere(shown != possible):
        groups, members, net = (of_pair[draw].astype(np.int64) for of_pair in ranked[position])
        ranks = np.repeat(groups, members)
        p_values[draw, position] = signed_rank_p(ranks, (ranks.sum() - abs((groups * net).sum())) // 2)
    return shows(p_values)


def _error_factors(members: Floats, runs: float) -> Floats:
    """Return the factor by which an approximate p-value may be wrong, (draws,), from the members of groups.

    It was found by comparison with exact p-values. Zeros take the lowest ranks, so the other ranks are nearly equal,
    as with ties.
    """
    n_used = members.sum(axis=1)
    largest_tie = np.maximum(members.max(axis=1, initial=0) / np.maximum(n_used, 1), 1 - n_used / runs)
    exponent = 60 / np.maximum(n_used, 1) ** 2 + 25 / np.maximum(n_used, 1) * largest_tie
    is_checked = (n_used > 0) & (n_used <= _MOST_CHECKED)
    return np.where(is_checked, np.exp(np.minimum(exponent, 50.0)), 1.0)


def _ranks(difference: Floats, counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Return twice the rank, the number and the sum of signs of each absolute difference, (draws, groups)."""
    size, group = np.unique(np.abs(difference), return_inverse=True)
    member = np.eye(len(size))[group]  # (seeds, groups)
    members = counts @ member
    net = counts @ (member * np.sign(difference)[:, None])
    ranks = 2 * members.cumsum(axis=1) - members + 1
    used = size > 0
    return ranks[:, used], members[:, used], net[:, used]


def _approximate_p(ranks: Floats, members: Floats, net: Floats) -> Floats:
    """Return p-values from a normal distribution, corrected for its kurtosis and for steps of the sum."""
    from scipy.special import ndtr

    sums = np.abs((ranks * net).sum(axis=1))
    squares = ranks**2
    variance = np.maximum((members * squares).sum(axis=1), 1.0)
    kurtosis = -2 * (members * squares**2).sum(axis=1) / variance**2
    steps = np.gcd.reduce(np.where(members > 0, ranks, 0).astype(np.int64), axis=1)
    z = (sums - steps) / np.sqrt(variance)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    p_values = 2 * (ndtr(-z) + density * kurtosis / 24 * (z**3 - 3 * z))
    return np.where(sums > 0, np.clip(p_values, 1e-300, 1.0), 1.0)
