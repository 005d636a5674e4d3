"""A comparison of predictors with its summary and its files."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nasmeta.analysis import summarise_predictions, write_prediction_summary
from nasmeta.errors import SettingError
from nasmeta.places import checked_path
from nasmeta.prediction._benchmark import benchmark_predictors
from nasmeta.prediction._models import PredictorsLike
from nasmeta.tasks import Task


@dataclass(frozen=True, eq=False)
class PredictorComparison:
    """How well predictors order cells.

    Attributes
    ----------
    frame : DataFrame
        One row a fit and scope, from `nasmeta.benchmark_predictors`.
    summary : DataFrame
        One row a predictor, scope and number of labels, from `nasmeta.analysis.summarise_predictions`.
    files : tuple of Path
        What was written; empty without a folder.
    remarks : tuple of str
        Which models have learnt from the task's own data, so that their scores are no honest test.

    Examples
    --------
    >>> import nasmeta as nm
    >>> found = nm.predict("ridge", sizes=[20], target="valid", draws=1)
    >>> list(found.frame["scope"]), list(found.summary["predictor"].unique())
    (['isomorph-disjoint', 'unseen', 'all'], ['ridge'])
    """

    frame: pd.DataFrame
    summary: pd.DataFrame
    files: tuple[Path, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the scores has to know."""
        return tuple(self.frame.attrs.get("remarks", ()))


def predict(
    predictors: PredictorsLike | None = None,
    task: str | Task = "nb201/cifar10",
    *,
    folder: str | os.PathLike[str] | None = None,
    **options: Any,
) -> PredictorComparison:
    """Compare predictors: how well they order all cells from few labels.

    Parameters
    ----------
    predictors : str, sequence of str, or mapping of label to name or estimator
        As in `nasmeta.benchmark_predictors`.
    task : str or Task, default "nb201/cifar10"
        A task, or in short a dataset of nb201 such as ``cifar10``.
    folder : path, optional
        For the journal, ``results.csv``, ``summary.md`` and figures; the same call again goes on after any end.
    **options
        Keyword arguments of `nasmeta.benchmark_predictors`, such as sizes, draws and target.

    Returns
    -------
    PredictorComparison

    Raises
    ------
    UnknownNameError, SettingError, ColumnError, JournalError
        As in `nasmeta.benchmark_predictors`; also where the folder cannot be written.

    Examples
    --------
    >>> import nasmeta as nm
    >>> found = nm.predict(["ridge", "nwot"], "cifar10", sizes=[78], target="valid", draws=2)
    >>> tau = found.summary.query("scope == 'all'").set_index("predictor")["kendall_tau"]
    >>> bool(tau["ridge"] > tau["nwot"]), found.files
    (True, ())
    """
    possible = [*inspect.signature(benchmark_predictors).parameters][2:]
    for name in options:
        if name not in possible:
            raise SettingError(f"predict has no option {name!r}. Possible: {', '.join(possible)}.")
    asked = f"nb201/{task}" if isinstance(task, str) and "/" not in task else task
    home = None if folder is None else checked_path("folder", folder)
    frame = benchmark_predictors(predictors, asked, folder=home, **options)
    files = () if home is None else tuple(write_prediction_summary(frame, home))
    return PredictorComparison(frame, summarise_predictions(frame), files)
