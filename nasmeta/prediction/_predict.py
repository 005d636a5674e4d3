"""A comparison of predictors with its summary and its files."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nasmeta.analysis import summarise_predictions, write_prediction_summary
from nasmeta.checks import check_names
from nasmeta.files import require_writable
from nasmeta.prediction._benchmark import benchmark_predictors
from nasmeta.prediction._models import PredictorsLike
from nasmeta.tasks import Task


@dataclass(frozen=True, eq=False)
class PredictorComparison:
    """How well predictors order cells.

    Attributes
    ----------
    frame : DataFrame
        One row a fit and scope, see `nasmeta.predict`.
    summary : DataFrame
        One row a predictor, scope and number of labels.
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
    """Compare predictors: how well they order the cells of a space from few labels.

    A predictor is fitted on the task's signal (validation, mean of the measured seeds) of n random cells, and its
    order of cells is compared with their test values. The cells of a draw are the same for all predictors.

    Parameters
    ----------
    predictors : str, sequence of str, or mapping of label to name or estimator
        ``NAME`` or ``NAME:ENCODER``, or several of these joined by ``/`` as an ensemble. Names are those
        of `nasmeta.predictors.make_predictor`, and of proxies, ``parameters`` and ``flops``, which order cells without
        any label. An encoder is one or several names joined by ``+``, see `make_encoder`; and ``default``, the
        predictor's own; ``proxies``, the zero-cost proxies that this project has measured; ``published-proxies``, those
        of the table. A name in `nasmeta.meta.META_PREDICTORS`, such as ``maml``, is meta-trained first, with seed 0; a
        file that `nasmeta.meta_train` wrote, or the name of a shipped model, is read. An estimator of scikit-learn's
        kind gets cells, shape (n,). Left out, those that suit the space.
    task : str or Task, default "nb201/cifar10"
        A task, or in short a dataset of nb201 such as ``cifar10``.
    folder : path, optional
        For the journal, ``results.csv``, ``summary.md`` and figures: the same call again goes on after any end, a kill
        included. Estimators that are handed over are told apart by their class and parameters; where a parameter's
        content cannot be told, such as that of a lambda, a `SettingError` says which. Fits by code of yours that has
        changed since are refused.
    **options
        What follows.

    Other Parameters
    ----------------
    protocol : {"few", "half"}, default "few"
        Labels of `sizes` cells, or of half of the cells.
    sizes : iterable of int, optional
        Numbers of labels; of 10, 20, 50, 78, 156, 469, 781 and 1,563 those below half of the cells where left out.
    target : {"test", "valid"}, optional
        What the predicted order is compared with: test values, or the signal itself. Test where left out, and the
        signal where it is no validation, so that there is no test beside it.
    encoder : str, optional
        Of the predictors that name none.
    settings : mapping of label to mapping, optional
        Keyword arguments of `make_predictor`, or of the meta-predictor.
    sources : names of tasks or families, Tasks or SourceTasks, optional
        What a meta-predictor that is meta-trained here learns from; by default the family of the task without its
        dataset.
    draws : int, default 5
    rule : {"upstream", "zero", "skip", "function"}, default "upstream"
        What counts as isomorphic, see `CellSpace.canonical`; ``function``, the strictest, is
        `CellSpace.function_classes`.
    seed : int, default 0
        The seeds of the draws are spawned from it.
    progress : bool, default False
        Show a progress bar on stderr.

    Returns
    -------
    PredictorComparison
        ``files``: what was written; ``remarks``: which models have learnt from the task's own data, so that their
        scores are no honest test; ``summary``: one row a predictor, scope and number of labels, means over the draws
        with 95 % intervals (``_low``, ``_high``) of ``kendall_tau`` and ``spearman``, medians of seconds;

        ``frame``: one row a fit and scope, in the order of predictors, sizes and draws. Columns: task; target (its
        address and release); protocol; scope (``isomorph-disjoint``: scored on cells of which no isomorph gave a label,
        the figure to quote; ``unseen``: on all that gave none; ``all``, as published work does); predictor (the label);
        encoder; n_train (with ``half`` about so many, for whole classes are drawn); draw; n_scored; kendall_tau (τ-b)
        and spearman, against the target; rmse, against the signal in its unit; crps and coverage_10 … coverage_95 (of
        the central intervals), against the signal on at most 2,000 isomorph-disjoint cells, where the predictor knows
        a deviation; fit_seconds and predict_seconds (of all cells), and the processor's time for both, cpu_seconds.
        NaN where nothing is known.

    Raises
    ------
    UnknownNameError, SettingError, JournalError, LeakageError
    ColumnError
        Where the table here has no test values; the message names the command that brings them.

    Examples
    --------
    >>> import nasmeta as nm
    >>> found = nm.predict(["ridge", "nwot"], "cifar10", sizes=[78], target="valid", draws=2)
    >>> tau = found.summary.query("scope == 'all'").set_index("predictor")["kendall_tau"]
    >>> bool(tau["ridge"] > tau["nwot"]), len(found.frame), found.files
    (True, 12, ())
    """
    check_names("predict", "option", options, [*inspect.signature(benchmark_predictors).parameters][2:])
    asked = f"nb201/{task}" if isinstance(task, str) and "/" not in task else task
    home = None if folder is None else Path(folder)
    if home is not None:
        require_writable(home, folder=True)
    frame = benchmark_predictors(predictors, asked, folder=home, **options)
    files = () if home is None else tuple(write_prediction_summary(frame, home))
    return PredictorComparison(frame, summarise_predictions(frame), files)


# What help and completion show in place of **options.
predict.__signature__ = inspect.signature(benchmark_predictors).replace(  # type: ignore[attr-defined]
    return_annotation=PredictorComparison
)
