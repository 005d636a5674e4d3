"""Bootstrap intervals and average ranks, both computed by SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasmeta.analysis._frame import FloatArray, IntArray, read_runs
from nasmeta.errors import SettingError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["average_ranks", "bootstrap_interval", "check_level"]

_BATCH_NUMBERS = 20_000_000  # resampled numbers held at once, 160 MB


def check_level(level: float) -> None:
    """Raise a SettingError unless 0 < level < 1."""
    if not 0 < level < 1:
        raise SettingError(f"The level of an interval is {level}; it must lie between 0 and 1, for example 0.95.")


def bootstrap_interval(
    samples: npt.ArrayLike,
    statistic: Callable[..., Any] = np.mean,
    level: float = 0.95,
    axis: int = 0,
    n_resamples: int = 2000,
    seed: int | np.random.Generator = 0,
) -> tuple[FloatArray, FloatArray]:
    """Return the percentile bootstrap interval of a statistic, by `scipy.stats.bootstrap`.

    Whole runs are drawn: all points of a curve share the draws, so the cost for many points is small and the bands of
    one curve belong together.

    Parameters
    ----------
    samples : array_like of float (…, n, …)
        n independent samples along `axis`, for example (runs,) or (runs, points of a curve).
    statistic : callable
        ``statistic(array, axis=…)``, such as `numpy.mean` or `numpy.median`.
    level : float
        Coverage that the interval aims at.
    axis : int
        The axis of the independent samples.
    n_resamples : int
        Number of bootstrap draws.
    seed : int or Generator
        Of the draws.

    Returns
    -------
    low, high : float64 arrays, the shape of `samples` without `axis`
        NaN if n = 1, since one run says nothing about the spread; the statistic itself where all samples are equal.

    Raises
    ------
    SettingError
        No samples, samples that are not finite, a level outside (0, 1), or fewer than 1 resample.

    Examples
    --------
    >>> low, high = bootstrap_interval([20.0, 24.0, 19.0, 25.0, 22.0])
    >>> print(round(float(low), 1), round(float(high), 1))
    20.0 24.0
    """
    from scipy.stats import bootstrap

    check_level(level)
    if n_resamples < 1:
        raise SettingError(f"The number of resamples is {n_resamples}; it must be at least 1.")
    sample = np.moveaxis(np.atleast_1d(np.asarray(samples, dtype=np.float64)), axis, -1)
    shape, n = sample.shape[:-1], sample.shape[-1]
    if sample.size == 0:
        raise SettingError(f"There are no samples to draw from: their shape is {np.shape(samples)}.")
    if not np.isfinite(sample).all():
        raise SettingError("The samples hold NaN or inf; a bootstrap interval needs finite numbers.")
    if n == 1:
        return np.full(shape, np.nan), np.full(shape, np.nan)

    def of_draws(chosen: IntArray, axis: int) -> FloatArray:  # (batch, n) -> (…, batch)
        if statistic is np.mean:  # by how often each run was drawn: a product of matrices instead of all the draws
            batch = len(chosen)
            flat = (chosen + n * np.arange(batch)[:, None]).ravel()
            return np.asarray(sample @ (np.bincount(flat, minlength=batch * n).reshape(batch, n).T / n))
        return np.asarray(statistic(sample[..., chosen], axis=axis))

    # SciPy draws the same positions for every curve; handing it the positions alone lets us choose how they are used.
    drawn = bootstrap(
        (np.arange(n),),
        of_draws,
        vectorized=True,
        n_resamples=n_resamples,
        confidence_level=level,
        batch=max(1, min(n_resamples, _BATCH_NUMBERS // sample.size)),
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    equal = sample.min(axis=-1) == sample.max(axis=-1)
    exact = np.asarray(statistic(sample, axis=-1))
    return np.where(equal, exact, drawn.low), np.where(equal, exact, drawn.high)


def average_ranks(frame: pd.DataFrame, at: int | None = None) -> pd.DataFrame:
    """Rank the searchers by their regret after so many evaluations; 1 is the best.

    Ranks are taken within each (task, seed), ties share the average rank, then the mean is taken over the seeds of a
    task and over the tasks, each task with the same weight.

    Parameters
    ----------
    frame : DataFrame (rows,)
        A results frame with a run of every searcher for every (task, seed) in it.
    at : int, optional
        Number of evaluations; by default as many as all runs reach. Runs that found the optimum reach any number.

    Returns
    -------
    DataFrame, one row a searcher, the best first
        ``searcher, evaluation`` (= `at`), one column for each task, ``mean``.

    Raises
    ------
    SettingError
        The frame is not valid, some run is missing, or a censored run ended before `at`.

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
    import pandas as pd
    from scipy.stats import rankdata

    runs = read_runs(frame)
    reach = float(runs.reach.min())
    if at is None:
        at = int(runs.length.max() if np.isinf(reach) else reach)
    if not 1 <= at <= reach:
        raise SettingError(
            f"Ranks after {at} evaluations were asked for; the shortest run without the optimum ended after {reach:g}, "
            f"so 1 to {reach:g} are possible."
        )
    table = pd.DataFrame(
        {
            "task": runs.task,
            "seed": runs.seed,
            "searcher": runs.searcher,
            "regret": runs.at("regret", [at])[:, 0],
        }
    ).pivot(index=["task", "seed"], columns="searcher", values="regret")
    losses = table.to_numpy()
    if np.isnan(losses).any():
        row, column = np.argwhere(np.isnan(losses))[0]
        task, seed = table.index[row]
        raise SettingError(
            f"Ranks need a run of every searcher for every (task, seed): {runs.searchers[column]!r} has none for "
            f"task {runs.tasks[task]!r}, seed {seed}. Leave that searcher or those seeds out."
        )
    ranks = np.asarray(rankdata(losses, axis=1))
    of_task = table.index.get_level_values("task").to_numpy()
    per_task = {name: ranks[of_task == code].mean(axis=0) for code, name in enumerate(runs.tasks)}
    result = pd.DataFrame({"searcher": runs.searchers, "evaluation": at, **per_task})
    result["mean"] = np.mean(list(per_task.values()), axis=0)
    return result.sort_values("mean", kind="stable", ignore_index=True)
