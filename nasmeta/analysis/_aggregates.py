"""Scores over all tasks (Agarwal et al., 2021), with stratified bootstrap intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._losses import paired_losses
from nasmeta.analysis._statistics import quantile_interval
from nasmeta.arrays import Floats
from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.pages import interval_columns

_RESAMPLES = 2000


def random_label(frame: pd.DataFrame) -> str:
    """Return the label under which random search on the whole space was compared.

    The frame of `nasmeta.compare` records the classes of the searchers. Without that record, as in
    a frame from a CSV file, the label is ``random``.
    """
    recorded = frame.attrs.get("random_search") or {"": {"random": True}}
    searchers = [str(name) for name in frame["searcher"].unique()]
    for label in searchers:
        if any(of_task.get(label, False) for of_task in recorded.values()):
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
    from scipy.stats import trim_mean

    losses = paired_losses(frame, at, x)
    reference = reference or random_label(frame)
    if reference not in losses.searchers:
        raise UnknownNameError.of("searcher", reference, losses.searchers)
    position = losses.searchers.index(reference)
    scale = np.array([regret[:, position].mean() for regret in losses.by_task()])
    if (scale == 0).any():
        raise SettingError("reference", reference, "a searcher with regrets on each task")
    regrets = losses.regret[:, :, -1] / scale[losses.task, None]
    rng = np.random.default_rng(0)
    strata = [np.flatnonzero(losses.task == code) for code in range(len(losses.tasks))]

    def measures(scores: Floats) -> dict[str, Floats]:  # (…, runs), in the order of the tasks
        return {
            "iqm": np.asarray(trim_mean(scores, 0.25, axis=-1)),
            "median": np.median([scores[..., rows].mean(axis=-1) for rows in strata], axis=0),
            "mean": scores.mean(axis=-1),
            "optimality_gap": 1 - scores.mean(axis=-1) + 0.0,
        }

    rows = []
    for column, searcher in enumerate(losses.searchers):
        scores = 1 - regrets[:, column]
        drawn = np.concatenate(
            [
                scores[rows][rng.integers(len(rows), size=(_RESAMPLES, len(rows)))]
                for rows in strata
            ],
            axis=1,
        )
        of_draws = measures(drawn)
        row: dict[str, object] = {"searcher": searcher, "runs": len(scores), "reference": reference}
        for name, value in measures(scores).items():
            row |= interval_columns(name, value, quantile_interval(of_draws[name]))
        rows.append(row)
    return pd.DataFrame(rows).sort_values("iqm", ascending=False, kind="stable", ignore_index=True)
