"""Performance and runtime profiles over all runs, and the anytime area."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from nasmeta.analysis._aggregates import normalised_regrets
from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._frame import FloatArray, read_runs
from nasmeta.analysis._losses import paired_losses
from nasmeta.analysis._statistics import (
    bootstrap_interval,
    interval_columns,
    quantile_interval,
    stratified_draws,
)
from nasmeta.errors import SettingError

_POINTS = 200


def performance_profiles(
    frame: pd.DataFrame,
    at: float | None = None,
    x: XAxis | None = None,
    reference: str | None = None,
    thresholds: npt.ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
    n_resamples: int = 2000,
) -> pd.DataFrame:
    """Give the share of runs whose normalised regret is at most τ, for every τ (Agarwal et al. 2021).

    A higher curve is better; if curves cross, no single number describes the comparison.
    Arguments are as in `normalised_regrets`, a regret of 1 being the mean of the reference searcher on that task; there
    are 200 `thresholds` from 0 to the largest regret, at most 1.5, if none are given. Each task has the same weight,
    and the stratified bootstrap is pointwise.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "t", "searcher": ["gp"] * 2 + ["random"] * 2, "seed": [0, 1] * 2, "evaluation": 1,
    ...     "regret": [0.0, 1.0, 2.0, 2.0]})
    >>> profile = performance_profiles(frame, thresholds=[0, 0.5, 1])
    >>> profile["share"].tolist()
    [0.5, 1.0, 1.0, 0.0, 0.0, 1.0]
    """
    losses, regrets, _ = normalised_regrets(frame, at, x, reference)
    if thresholds is None:
        thresholds = np.linspace(0, min(1.5, float(regrets.max())), _POINTS)
    tau = np.unique(np.asarray(thresholds, dtype=np.float64))
    by_task = [regrets[losses.task == code] for code in range(len(losses.tasks))]
    rng, parts = np.random.default_rng(seed), []
    for column, searcher in enumerate(losses.searchers):
        below = [(regret[:, column, None] <= tau).astype(np.float64) for regret in by_task]  # (runs, k) each
        draws = stratified_draws([len(runs) for runs in below], n_resamples, rng)
        resampled = [drawn @ runs / len(runs) for drawn, runs in zip(draws, below, strict=True)]
        low, high = quantile_interval(np.mean(resampled, axis=0), level)
        share = np.mean([runs.mean(axis=0) for runs in below], axis=0)
        part = {"searcher": searcher, "threshold": tau, "share": share, "share_low": low, "share_high": high}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def runtime_profiles(frame: pd.DataFrame, target: float = 0.0) -> pd.DataFrame:
    """Give the share of runs that reached a regret within n evaluations, for every n, averaged over the tasks.

    The share is a step function, written where it changes, from evaluation 1 to the last at which it is known: where
    the first run that had not reached the target ended. Searchers may have different numbers of runs.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "t", "searcher": "a", "seed": [0, 0, 1, 1, 1], "evaluation": [1, 2, 1, 2, 3],
    ...     "regret": [0.5, 0.0, 4.0, 2.0, 1.0]})
    >>> print(runtime_profiles(frame).to_string(index=False))
    searcher  evaluation  share
           a           1    0.0
           a           2    0.5
           a           3    0.5
    """
    runs = read_runs(frame)
    needed = np.add.reduceat(runs.columns["regret"] > target, runs.start, dtype=np.int64) + 1.0
    needed[needed > runs.length] = np.inf
    parts = []
    for code, searcher in enumerate(runs.searchers):
        own = runs.searcher == code
        absent = set(runs.tasks) - {runs.tasks[task] for task in runs.task[own]}
        if absent:
            raise SettingError(f"{searcher} has no run on {min(absent)}: a profile over tasks needs all of them.")
        end = runs.length[own & np.isinf(needed)].min(initial=runs.length.max())
        points = np.unique(np.r_[1, needed[own & (needed <= end)], end]).astype(np.int64)
        shares = [
            (needed[own & (runs.task == task)][:, None] <= points).mean(axis=0) for task in range(len(runs.tasks))
        ]
        parts.append(pd.DataFrame({"searcher": searcher, "evaluation": points, "share": np.mean(shares, axis=0)}))
    return pd.concat(parts, ignore_index=True)


def anytime_area(
    frame: pd.DataFrame,
    until: float | None = None,
    x: XAxis | None = None,
    log: bool = False,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Average the regret over the whole budget: the area under a run's regret curve, divided by the axis' length.

    So it has the regret's unit. Evaluations weigh alike, or with `log` by log((n + 1) / n), so that each tenfold of the
    budget counts the same. Over simulated seconds the curve is a step function, from the time when every run of the
    task has its first evaluation. If `until` is left out, the budget is the largest at which all runs are known.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "t", "searcher": "a", "seed": 0, "evaluation": [1, 2, 3], "regret": [4.0, 1.0, 1.0]})
    >>> float(anytime_area(frame)["area"][0]), round(float(anytime_area(frame, log=True)["area"][0]), 6)
    (2.0, 2.5)
    """
    losses = paired_losses(frame, until, x)
    x, budgets = losses.x, losses.at[:, -1]
    runs = read_runs(frame, x)
    first = runs.columns[x][runs.start]
    rows = []
    for task, searcher, group in runs.groups():
        of_task = runs.task == runs.task[group.start]
        begin, end = 1.0 if x == "evaluation" else float(first[of_task].max()), float(budgets[runs.task[group.start]])
        parts = [slice(s, s + n) for s, n in zip(runs.start[group], runs.length[group], strict=True)]
        areas = np.array(
            [_area(runs.columns[x][part], runs.columns["regret"][part], begin, end, x, log) for part in parts]
        )
        area = interval_columns("area", areas.mean(), bootstrap_interval(areas, level=level, seed=seed))
        until = int(end) if x == "evaluation" else end
        rows.append({"task": task, "searcher": searcher, "runs": len(areas), "until": until, **area})
    return pd.DataFrame(rows)


def _area(ends: FloatArray, regret: FloatArray, begin: float, end: float, x: XAxis, log: bool) -> float:
    """Return the mean of one run's step function on [begin, end]; evaluation n holds from n to n + 1."""
    if x == "evaluation":
        end += 1
    if begin == end:
        return float(regret[np.searchsorted(ends, begin, side="right") - 1])
    inner = (ends > begin) & (ends < end)
    edges = np.r_[begin, ends[inner], end]
    height = np.r_[regret[np.searchsorted(ends, begin, side="right") - 1], regret[inner]]
    if log:
        if begin <= 0:
            raise SettingError(f"Simulated seconds begin at {begin}; a log scale needs them above 0.")
        edges = np.log(edges)
    return float((np.diff(edges) * height).sum() / (edges[-1] - edges[0]))
