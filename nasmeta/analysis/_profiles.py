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


def performance_profiles(
    frame: pd.DataFrame,
    at: float | None = None,
    x: XAxis | None = None,
    reference: str | None = None,
    thresholds: npt.ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the share of runs with a normalised regret of at most τ, for every τ (Agarwal et al. 2021).

    A higher curve is better; if curves cross, no single number describes the comparison.
    Arguments are as in `aggregate_scores`; a regret of 1 is the mean of the reference searcher on that task. By
    default, 200 `thresholds` from 0 to the largest regret, at most 1.5, are used. Each task has the same weight, and
    the stratified bootstrap is pointwise.

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
        thresholds = np.linspace(0, min(1.5, float(regrets.max())), 200)
    tau = np.unique(np.asarray(thresholds, dtype=np.float64))
    by_task = [regrets[losses.task == code] for code in range(len(losses.tasks))]
    rng, parts = np.random.default_rng(seed), []
    for column, searcher in enumerate(losses.searchers):
        below = [(regret[:, column, None] <= tau).astype(np.float64) for regret in by_task]  # (runs, k) each
        draws = stratified_draws([len(runs) for runs in below], 2000, rng)
        resampled = [drawn @ runs / len(runs) for drawn, runs in zip(draws, below, strict=True)]
        low, high = quantile_interval(np.mean(resampled, axis=0), level)
        share = np.mean([runs.mean(axis=0) for runs in below], axis=0)
        part = {"searcher": searcher, "threshold": tau, "share": share, "share_low": low, "share_high": high}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def runtime_profiles(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the share of runs that found the optimum within n evaluations, for every n, averaged over the tasks.

    The share is a step function. There is a row for evaluation 1, each step, and the end, at which the first unsolved
    run ended. Searchers may have different numbers of runs.

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
    needed, parts = runs.to_optimum, []
    for code, searcher in enumerate(runs.searchers):
        chosen = runs.searcher == code
        absent = set(runs.tasks) - {runs.tasks[task] for task in runs.task[chosen]}
        if absent:
            raise SettingError(f"task without a run of {searcher}", min(absent), "a run of every searcher on each task")
        end = runs.length[chosen & np.isinf(needed)].min(initial=runs.length.max())
        points = np.unique(np.r_[1, needed[chosen & (needed <= end)], end]).astype(np.int64)
        shares = [
            (needed[chosen & (runs.task == task)][:, None] <= points).mean(axis=0) for task in range(len(runs.tasks))
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

    It has the unit of the regret. All evaluations have the same weight; with `log`, evaluation n has the weight
    log((n + 1) / n), and each tenfold of the budget the same weight. Over simulated seconds the curve is a step
    function, which begins when every run of the task has its first evaluation. By default, the budget is the largest
    at which all runs are known.

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
            raise SettingError("simulated seconds of the first evaluation", begin, "a number above 0")
        edges = np.log(edges)
    return float((np.diff(edges) * height).sum() / (edges[-1] - edges[0]))
