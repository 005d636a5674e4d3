"""Decisions between two searchers while runs are added."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nasmeta.analysis._frame import FloatArray, IntArray, read_runs
from nasmeta.analysis._ranks import SIGNIFICANT

FEWEST_RUNS = 10  # before the first decision, because the sequence is asymptotic
_SHARPEST = 50  # number of runs at which the intervals are narrowest


def looks_of(first: int, most: int) -> IntArray:
    """Return the numbers of runs after which pairs are compared, each a quarter larger than the one before.

    >>> looks_of(10, 30).tolist()
    [10, 13, 17, 22, 28, 30]
    """
    looks = [min(first, most)]
    while looks[-1] < most:
        looks.append(min(most, -(-5 * looks[-1] // 4)))
    return np.array(looks, dtype=np.int64)


def sequence_radius(deviation: npt.ArrayLike, runs: npt.ArrayLike, level: float = SIGNIFICANT) -> FloatArray:
    """Return the radius of an asymptotic confidence sequence of a mean.

    All its intervals together contain the mean with probability 1 − level, so one may look after each run and stop at
    any time. The bound is that of Waudby-Smith et al. (2024, theorem 2.2), with the quantiles of Student's distribution
    in place of the normal one.

    Parameters
    ----------
    deviation : array_like of float (k,)
        Standard deviation of the first n runs.
    runs : array_like of int (k,)
        The numbers n, at least 2.
    level : float
        Probability that any of the intervals is wrong.

    Notes
    -----
    The bound needs the first runs to show the shape of the differences. If few runs have large regrets, begin with more
    than ten runs: with a probability of 5 % per run, half of all first rounds of ten see none.

    I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas: Time-uniform central limit theory and asymptotic
    confidence sequences. Annals of Statistics 52(6), 2024.

    Examples
    --------
    >>> sequence_radius([1.0, 1.0], [20, 100]).round(2).tolist()
    [0.81, 0.31]
    """
    from scipy.stats import norm, t

    n = np.asarray(runs, dtype=np.float64)
    scale = -2 * np.log(level)
    spread = n * (scale + np.log(scale + 1)) / _SHARPEST + 1  # nρ² + 1, with the ρ of the narrowest interval
    quantile = np.sqrt(spread / (spread - 1) * (scale + np.log(spread)))
    return np.asarray(t.isf(norm.sf(quantile), n - 1) * np.asarray(deviation) / np.sqrt(n))


def decide(
    frame: pd.DataFrame, margins: Mapping[str, float], first: int = FEWEST_RUNS, most: int = 1000
) -> pd.DataFrame:
    """Decide which of two searchers has the smaller mean regret at the end of the runs, for all pairs of each task.

    Runs of equal seeds are paired. A pair is decided as soon as its `sequence_radius`, at the level of 0.05 divided by
    the pairs of the task, excludes zero, or excludes all differences of the margin and more.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame; searchers may have different numbers of runs.
    margins : mapping of task to float
        Differences that do not matter, in the unit of the regret.
    first, most : int
        The pairs are compared after `first` runs, then after each quarter more, up to `most`.

    Returns
    -------
    DataFrame, one row per (task, pair)
        ``task, searcher, other, runs`` (used for the decision), ``difference`` (mean regret of searcher minus other)
        with ``difference_low, difference_high``, ``margin``, and ``winner``: a name, ``"neither"`` if the difference is
        smaller than the margin, or ``""`` without a decision.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.compare(["random", "local-search"], "nb201/cifar100", repeats=10, evaluations=100)
    >>> decide(frame, {"nb201/cifar100": 0.2})["winner"].tolist()
    ['local-search']
    """
    runs = read_runs(frame)
    regret = runs.columns["regret"][runs.start + runs.length - 1]
    last = pd.Series(regret, pd.MultiIndex.from_arrays([runs.task, runs.seed, runs.searcher])).unstack()
    rows = []
    for code, task in enumerate(runs.tasks):
        table: Any = last.loc[code]
        table = table.dropna(axis=1, how="all")
        pairs = list(combinations(table.columns, 2))
        for one, other in pairs:
            difference = (table[one] - table[other]).dropna().to_numpy()
            two = runs.searchers[one], runs.searchers[other]
            found = _decision(difference, two, margins[task], SIGNIFICANT / len(pairs), looks_of(first, most))
            rows.append({"task": task, "searcher": two[0], "other": two[1], **found})
    return pd.DataFrame(rows)


def _decision(
    difference: FloatArray, pair: tuple[str, str], margin: float, level: float, looks: IntArray
) -> dict[str, Any]:
    """Return the first decision of a pair, else its last state."""
    n = looks[looks <= len(difference)] if len(difference) >= looks[0] else np.array([len(difference)])
    mean = np.cumsum(difference)[n - 1] / n
    deviation = np.array([difference[:k].std(ddof=1) for k in n])
    radius = sequence_radius(deviation, n, level)
    low, high = mean - radius, mean + radius
    states = [high < 0, low > 0, (-margin < low) & (high < margin)]
    winner = np.where(n >= looks[0], np.select(states, [*pair, "neither"], ""), "")
    at = int((winner != "").argmax()) if (winner != "").any() else len(n) - 1
    return {
        "runs": int(n[at]), "difference": mean[at], "difference_low": low[at], "difference_high": high[at],
        "margin": margin, "winner": str(winner[at]),
    }  # fmt: skip
