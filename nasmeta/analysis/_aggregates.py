"""Scores over all tasks (Agarwal et al., 2021), with stratified bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._frame import names_in
from nasmeta.analysis._losses import paired_losses
from nasmeta.analysis._statistics import quantile_interval
from nasmeta.arrays import Floats, Integers
from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.pages import interval_columns

_RESAMPLES = 2000  # bootstrap draws


def random_label(frame: pd.DataFrame) -> str:
    """Return the label under which random search on the whole space was compared.

    The frame of `nasmeta.compare` records the classes of the searchers. Without that record, as in
    a frame from a CSV file, the label is ``random``.
    """
    recorded = frame.attrs.get("random_search") or {"": {"random": True}}
    searchers = names_in(frame, "searcher")
    for label in searchers:
        if any(of_task.get(label) for of_task in recorded.values()):
            return label
    raise SettingError(
        "reference", None, f"one of {', '.join(searchers)}", "Random search was not compared."
    )


def aggregate_scores(
    frame: pd.DataFrame,
    at: float | None = None,
    x: XAxis | None = None,
    reference: str | None = None,
) -> pd.DataFrame:
    """Aggregate the scores of each searcher over all tasks and runs, with 95 % stratified bootstrap intervals.

    The score of a run is 1 − regret / (mean regret of the reference on that task): 1 at the
    optimum, 0 at the mean regret of the reference. The optimality gap is the mean distance from 1.
    The bootstrap draws runs within each task.

    Parameters
    ----------
    frame, at, x
        As in `average_ranks`.
    reference : str, optional
        Label of a searcher; by default random search.

    Returns
    -------
    DataFrame, one row per searcher, the highest interquartile mean first
        ``searcher, runs`` (over all tasks), ``reference``; ``iqm`` (interquartile mean of the
        scores), ``median`` (of the tasks' mean scores), ``mean`` and ``optimality_gap``, each with
        ``…_low`` and ``…_high``.

    Raises
    ------
    SettingError, UnknownNameError
        If the frame is not valid, it contains neither `reference` nor random search, or the
        reference always found the optimum of a task.

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
    losses = paired_losses(frame, at, x)
    reference = reference or random_label(frame)
    if reference not in losses.searchers:
        raise UnknownNameError.of("searcher", reference, losses.searchers)
    position = losses.searchers.index(reference)
    scale = np.array([regret[:, position].mean() for regret in losses.by_task()])  # (tasks,)
    if (scale == 0).any():
        raise SettingError("reference", reference, "a searcher with regrets on each task")
    scores = 1 - losses.regret[:, :, -1] / scale[losses.task, None]  # (runs, searchers)
    runs_of_tasks = [np.flatnonzero(losses.task == code) for code in range(len(losses.tasks))]
    rng = np.random.default_rng(0)
    rows = []
    for column, searcher in enumerate(losses.searchers):
        of_searcher = scores[:, column]
        drawn = [rng.choice(runs, size=(_RESAMPLES, len(runs))) for runs in runs_of_tasks]
        of_draws = _measures(of_searcher[np.hstack(drawn)], runs_of_tasks)
        row = {"searcher": searcher, "runs": len(scores), "reference": reference}
        for name, value in _measures(of_searcher, runs_of_tasks).items():
            row |= interval_columns(name, value, quantile_interval(of_draws[name]))
        rows.append(row)
    return pd.DataFrame(rows).sort_values("iqm", ascending=False, kind="stable", ignore_index=True)


def _measures(scores: Floats, runs_of_tasks: Sequence[Integers]) -> dict[str, Floats]:
    """Return the measures of the scores (…, runs) of a searcher, (…) each."""
    from scipy.stats import trim_mean

    mean = scores.mean(axis=-1)
    means_of_tasks = [scores[..., runs].mean(axis=-1) for runs in runs_of_tasks]
    return {
        "iqm": np.asarray(trim_mean(scores, 0.25, axis=-1)),
        "median": np.median(means_of_tasks, axis=0),
        "mean": mean,
        "optimality_gap": 1 - mean + 0.0,  # 0.0 instead of -0.0
    }
