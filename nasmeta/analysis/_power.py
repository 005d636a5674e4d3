"""The number of runs that a comparison needs: effects, wrong winners, power, costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._losses import paired_losses
from nasmeta.analysis._ranks import SIGNIFICANT
from nasmeta.analysis._statistics import bootstrap_interval, quantile_interval
from nasmeta.arrays import Floats
from nasmeta.errors import SettingError
from nasmeta.pages import interval_columns

RUNS = (3, 10, 30, 100, 300, 1000)
POWER = 0.8
_DRAWS = 2000
_LARGEST = 1e6  # SciPy has no noncentral t distribution of larger effects
_LARGE = 100  # more runs: the mean is taken as normal


class Pair(NamedTuple):
    """Differences of two searchers in runs of equal seeds."""

    task: str
    searcher: str
    other: str
    measure: str  # "regret", or "evaluations to optimum" if no regret is left
    differences: Floats  # (runs,), searcher minus other


def pairs_of(
    frame: pd.DataFrame,
    at: float | None = None,
    x: XAxis | None = None,
    against: Mapping[str, str] | None = None,
    regrets_only: bool = False,
) -> Iterator[Pair]:
    """Yield the paired differences of all pairs of searchers on each task.

    They are differences of the regret after the budget. If all runs of both searchers found the optimum by then, they
    are differences of the number of evaluations to the optimum, unless `regrets_only`. The searcher `against[task]` is
    always the other one of its pairs.
    """
    losses = paired_losses(frame, at, x)
    for code, (task, regret) in enumerate(zip(losses.tasks, losses.by_task(), strict=True)):
        evaluations = losses.to_optimum[losses.task == code]
        for two in combinations(range(len(losses.searchers)), 2):
            pair = two[::-1] if against is not None and losses.searchers[two[0]] == against[task] else two
            solved = not regrets_only and (regret[:, pair] == 0).all() and np.isfinite(evaluations[:, pair]).all()
            first, second = (evaluations if solved else regret)[:, pair].T
            measure = "evaluations to optimum" if solved else "regret"
            yield Pair(task, losses.searchers[pair[0]], losses.searchers[pair[1]], measure, first - second)


def power(effect: float, runs: npt.ArrayLike, level: float = SIGNIFICANT) -> Floats:
    """Return the probability that a two-sided paired t-test of so many runs finds the right winner.

    Parameters
    ----------
    effect : float
        Mean of the paired differences divided by their standard deviation.
    runs : array_like of int
        Numbers of runs, at least 2.
    level : float
        Level of the test.

    Examples
    --------
    >>> power(0.5, [10, 34]).round(2).tolist()
    [0.29, 0.81]
    """
    from scipy.stats import nct, t

    n = np.asarray(runs)
    return np.asarray(nct.sf(t.isf(level / 2, n - 1), n - 1, min(effect, _LARGEST) * np.sqrt(n)))


def runs_needed(effect: npt.ArrayLike, level: float = SIGNIFICANT, most: int = 1000) -> Floats:
    """Return the smallest number of runs at which a paired t-test has a power of 80 %; inf beyond `most` runs.

    >>> runs_needed([0.5, 0.1, 0.01]).tolist()
    [34.0, 787.0, inf]
    """
    smallest = _smallest_effects(level, most)
    n = np.r_[2 : most + 1, np.inf]
    return np.asarray(n[np.searchsorted(-smallest, -np.asarray(effect, np.float64))])


@cache
def _smallest_effects(level: float, most: int) -> Floats:
    """Return the effect with a power of 80 % for each number of runs from 2, descending."""
    from scipy.special import nctdtrinc
    from scipy.stats import t

    n = np.arange(2, most + 1)
    return np.asarray(nctdtrinc(n - 1, 1 - POWER, t.isf(level / 2, n - 1)) / np.sqrt(n))


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
    >>> plan_runs(nm.compare(["random", "evolution"], "nb201/cifar10", repeats=3, evaluations=20))["runs"].tolist()
    [3]
    """
    pairs = list(pairs_of(frame, at, x, against))
    if not pairs or len(pairs[0].differences) < 2:
        raise SettingError("A plan needs a pilot of at least two searchers and two runs.")
    level = SIGNIFICANT * len({pair.task for pair in pairs}) / len(pairs)
    if against is not None:
        pairs = [pair for pair in pairs if pair.other == against[pair.task]]
    by_searcher = frame.groupby(["task", "searcher"], observed=True)
    runs = by_searcher["seed"].nunique()
    each = pd.DataFrame(
        {"evaluations": by_searcher.size() / runs, "hours": by_searcher["cost_seconds"].sum() / 3600 / runs}
    )
    each["hours"] = each["hours"].where(each["hours"] > 0)
    rows = []
    for pair in pairs:
        row = _row(pair, level, most)
        both = each.loc[[(pair.task, pair.searcher), (pair.task, pair.other)]].sum(skipna=False)
        rows.append(row | (row["needed"] * both).to_dict())
    return pd.DataFrame(rows)


def _row(pair: Pair, level: float, most: int) -> dict[str, Any]:
    """Return effect, wrong winners and needed runs of a pair."""
    from scipy.stats import norm

    difference = pair.differences
    n, mean, deviation = len(difference), difference.mean(), difference.std(ddof=1)
    rng, sign = np.random.default_rng(0), np.sign(mean) or 1.0
    effect = _ratio(mean, deviation)
    means = rng.choice(difference, (_DRAWS, _LARGE)).cumsum(axis=1)
    shares = [(sign * means[:, k - 1] < 0).mean() if k <= _LARGE else norm.sf(abs(effect) * k**0.5) for k in RUNS]
    wrong = {f"wrong_{k}": float(share) if deviation else 0.0 for k, share in zip(RUNS, shares, strict=True)}
    draws = rng.choice(difference, (_DRAWS, n))
    effects = np.maximum(sign * _ratio(draws.mean(axis=1), draws.std(axis=1, ddof=1)), 0)
    bounds = quantile_interval(runs_needed(effects, level, most), method="inverted_cdf")
    return {
        "task": pair.task, "searcher": pair.searcher, "other": pair.other, "runs": n, "measure": pair.measure,
        **interval_columns("difference", mean, bootstrap_interval(difference)), "effect": effect, **wrong,
        "level": level, **interval_columns("needed", runs_needed(abs(effect), level, most), bounds),
    }  # fmt: skip


def _ratio(mean: Any, deviation: Any) -> Any:
    """Return mean / deviation; 0 if both are 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.equal(mean, 0), 0.0, np.divide(mean, deviation))[()]
