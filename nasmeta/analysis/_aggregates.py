"""One number over all tasks, with an interval: the measures of Agarwal et al. (2021), by a stratified bootstrap."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._frame import FloatArray
from nasmeta.analysis._losses import Losses, paired_losses
from nasmeta.analysis._statistics import interval_columns, quantile_interval, stratified_draws
from nasmeta.errors import SettingError, UnknownNameError


def normalised_regrets(
    frame: pd.DataFrame, at: float | None = None, x: XAxis | None = None, reference: str | None = None
) -> tuple[Losses, FloatArray, str]:
    """Divide each regret by the mean regret of a reference searcher on the same task at the same budget.

    On every task, 0 is then the optimum and 1 the average of the reference, whatever the unit. The default reference is
    `random_label`. Return the losses, the regrets (blocks, searchers) and the label of the reference.
    """
    losses = paired_losses(frame, at, x)
    reference = reference or random_label(frame)
    if reference not in losses.searchers:
        raise UnknownNameError.of("searcher", reference, losses.searchers)
    position = losses.searchers.index(reference)
    scale = np.array([regret[:, position].mean() for regret in losses.by_task()])
    if (scale == 0).any():
        task = losses.tasks[int(np.argmax(scale == 0))]
        raise SettingError(
            "reference", reference, "a searcher with regrets", f"All its runs found the optimum of {task}."
        )
    return losses, losses.regret[:, :, -1] / scale[losses.task, None], reference


def random_label(frame: pd.DataFrame) -> str:
    """Return the label under which random search on the whole space was compared.

    The frame of `nasmeta.compare` records the classes of the searchers. Without that record, as in a frame from a CSV
    file, the label is ``random``.
    """
    is_random = {"random": True}
    if recorded := frame.attrs.get("random_search"):
        is_random = {label: found for of_task in recorded.values() for label, found in of_task.items()}
    searchers = [str(name) for name in frame["searcher"].unique()]
    for label in searchers:
        if is_random.get(label, False):
            return label
    raise SettingError("reference", None, f"one of {', '.join(searchers)}", "Random search was not compared.")


def aggregate_scores(
    frame: pd.DataFrame,
    at: float | None = None,
    x: XAxis | None = None,
    reference: str | None = None,
    level: float = 0.95,
    seed: int = 0,
    n_resamples: int = 2000,
) -> pd.DataFrame:
    """Aggregate the scores of each searcher over all tasks and runs, with stratified bootstrap intervals.

    The score of a run is 1 − regret / (mean regret of the reference on that task): 1 at the optimum, 0 at the mean
    regret of the reference. The optimality gap is the mean distance from 1.

    Parameters
    ----------
    frame, at, x
        As in `average_ranks`.
    reference : str, optional
        Label of a searcher; by default random search.
    level, seed, n_resamples : float, int, int
        Of the bootstrap, which draws runs within each task; the searchers' draws are independent of one another.

    Returns
    -------
    DataFrame, one row per searcher, the highest interquartile mean first
        ``searcher, runs`` (over all tasks), ``reference``; ``iqm`` (interquartile mean of the scores), ``median``
        (of the tasks' mean scores), ``mean`` and ``optimality_gap``, each with ``…_low`` and ``…_high``.

    Raises
    ------
    SettingError, UnknownNameError
        If the frame is not valid, it contains neither `reference` nor random search, or the reference always found
        the optimum of a task.

    Notes
    -----
    R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare: Deep Reinforcement Learning at the Edge of
    the Statistical Precipice. NeurIPS 2021; the measures are those of its library rliable.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "t", "searcher": ["gp"] * 4 + ["random"] * 4, "seed": [0, 1, 2, 3] * 2, "evaluation": 1,
    ...     "regret": [0.0, 1.0, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0]})
    >>> print(aggregate_scores(frame)[["searcher", "iqm", "optimality_gap"]].to_string(index=False))
    searcher  iqm  optimality_gap
          gp 0.75            0.25
      random 0.00            1.00
    """
    from scipy.stats import trim_mean

    losses, regrets, reference = normalised_regrets(frame, at, x, reference)
    rng = np.random.default_rng(seed)
    strata = [np.flatnonzero(losses.task == code) for code in range(len(losses.tasks))]

    def measures(scores: FloatArray) -> dict[str, FloatArray]:  # (…, runs), in the order of the tasks
        return {
            "iqm": np.asarray(trim_mean(scores, 0.25, axis=-1)),
            "median": np.median([scores[..., rows].mean(axis=-1) for rows in strata], axis=0),
            "mean": scores.mean(axis=-1),
            "optimality_gap": 1 - np.minimum(scores, 1).mean(axis=-1) + 0.0,
        }

    rows = []
    for column, searcher in enumerate(losses.searchers):
        scores = 1 - regrets[:, column]
        drawn = np.concatenate(
            [scores[rows][rng.integers(len(rows), size=(n_resamples, len(rows)))] for rows in strata], axis=1
        )
        of_draws = measures(drawn)
        row: dict[str, object] = {"searcher": searcher, "runs": len(scores), "reference": reference}
        for name, value in measures(scores).items():
            row |= interval_columns(name, value, quantile_interval(of_draws[name], level))
        rows.append(row)
    return pd.DataFrame(rows).sort_values("iqm", ascending=False, kind="stable", ignore_index=True)


def probability_of_improvement(
    frame: pd.DataFrame,
    at: float | None = None,
    x: XAxis | None = None,
    level: float = 0.95,
    seed: int = 0,
    n_resamples: int = 2000,
) -> pd.DataFrame:
    """Estimate the probability that a run of one searcher ends better than a run of another, averaged over tasks.

    On a task it is Mann and Whitney's U / (n m): the share of all n × m pairs of runs in which the first has the
    smaller regret; a tie is one half.

    Parameters
    ----------
    frame, at, x
        As in `average_ranks`.
    level, seed, n_resamples : float, int, int
        Of the stratified bootstrap, which draws the runs of both within each task.

    Returns
    -------
    DataFrame, one row per ordered pair
        ``searcher, other, probability, probability_low, probability_high``.

    Raises
    ------
    SettingError
        As in `average_ranks`, or if there is only one searcher.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({
    ...     "task": "t", "searcher": ["a"] * 2 + ["b"] * 2, "seed": [0, 1] * 2, "evaluation": 1,
    ...     "regret": [1.0, 2.0, 2.0, 3.0]})
    >>> print(probability_of_improvement(frame)[["searcher", "other", "probability"]].to_string(index=False))
    searcher other  probability
           a     b        0.875
           b     a        0.125
    """
    losses = paired_losses(frame, at, x)
    if len(losses.searchers) < 2:
        raise SettingError("searchers", losses.searchers, "at least two")
    regrets, rng = losses.by_task(), np.random.default_rng(seed)
    sizes = [len(regret) for regret in regrets]
    draws = [stratified_draws(sizes, n_resamples, rng) for _ in losses.searchers]  # by searcher and task: (draws, runs)
    found = {}
    for one, other in combinations(range(len(losses.searchers)), 2):
        exact, resampled = [], []
        for code, regret in enumerate(regrets):
            wins = 0.5 * (1 + np.sign(regret[:, other] - regret[:, one, None]))  # (runs of one, runs of other)
            exact.append(wins.mean())
            resampled.append(((draws[one][code] @ wins) * draws[other][code]).sum(axis=1) / len(regret) ** 2)
        value, (low, high) = np.mean(exact), quantile_interval(np.mean(resampled, axis=0), level)
        found[one, other], found[other, one] = (value, low, high), (1 - value, 1 - high, 1 - low)
    names = losses.searchers
    return pd.DataFrame(
        [
            {"searcher": names[one], "other": names[other], **interval_columns("probability", value, bounds)}
            for (one, other), (value, *bounds) in sorted(found.items())
        ]
    )
