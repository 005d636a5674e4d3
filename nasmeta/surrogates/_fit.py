"""Fitting a surrogate to part of a table."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import nasmeta
from nasmeta.checks import check_names
from nasmeta.errors import LabelError, SettingError
from nasmeta.predictors import isomorph_split
from nasmeta.spaces import CellSpace, SearchSpace, choice_one_hot, to_content
from nasmeta.surrogates._divergence import Divergence, diverged_trainings
from nasmeta.surrogates._estimator import EstimatorModel
from nasmeta.surrogates._features import classes_of
from nasmeta.surrogates._noise import SeedNoise, fit_noise
from nasmeta.surrogates._process import Process
from nasmeta.surrogates._process_fit import fit_process
from nasmeta.surrogates._scores import score_predictions
from nasmeta.surrogates._surrogate import Surrogate, choice_costs
from nasmeta.tasks import MultiObjectiveTask, Task, get_task

_PROCESS = "warped Gaussian process, sum of Matérn-3/2 kernels with a lengthscale a feature"
_FEWEST, _FEWEST_TRAINED = 50, 20  # different networks, measured and in the training set


def fit_surrogate(
    task: str | Task,
    train_fraction: float = 0.8,
    seed: int = 0,
    steps: int = 80,
    *,
    predictor: Any = None,
    groups: Sequence[str] = (),
    diverged: float | str | None = None,
    train: ArrayLike | None = None,
) -> Surrogate:
    """Fit a surrogate to part of a task's table.

    The task may be on any space, and its table may be incomplete. If the architectures are rows of
    a data frame, such as random configurations, the surrogate predicts the whole space
    (`SearchSpace.whole`). The split keeps isomorphic architectures together (for cells, rule
    ``upstream``); held-out labels are used for the scores only. Labels of architectures that
    compute the same function are averaged, which reduces their noise. By default the model is a
    Gaussian process. Its hyperparameters maximise the marginal likelihood of the training labels.
    Training seconds, if the task has a cost, are a linear function of the choices. The seed noise
    is fitted to the single seeds of the training set; for cells, to those with a live path.

    Parameters
    ----------
    task : str or Task
    train_fraction : float, default 0.8
        Largest fraction of the architectures to train on, between 0 and 1.
    seed : int, default 0
        Seed of the split and the batches.
    steps : int, default 80
        Of the optimiser.
    predictor : str or estimator, optional
        Another model: the name of a predictor, such as xgboost, or a scikit-learn regressor. Only
        ``xgboost`` can be saved.
    groups : sequence of str, optional
        Positions whose combinations, such as models of one size, stay on one side of the split.
    diverged : float or str, optional
        Trainings with worse values, in the unit of the task, are treated as diverged; or the name
        of a column that is 1 for them. The mean is fitted to the others; a logistic regression
        predicts the probability of divergence.
    train : array-like of int, shape (n_trained,), optional
        The architectures to train on, such as those of a published split, instead of a random part.

    Returns
    -------
    Surrogate
        The card contains the scores on held-out architectures.

    Raises
    ------
    UnknownNameError
    SettingError
        If the task has several columns, or a setting is impossible.
    LabelError
        If there are too few labels, or all are equal.

    Examples
    --------
    >>> from nasmeta.surrogates import fit_surrogate
    >>> surrogate = fit_surrogate("nb201/cifar10", train_fraction=0.05, steps=5)
    >>> surrogate.card["scores"]["held out"]["tau"] > 0.6
    True
    """
    task = get_task(task) if isinstance(task, str) else task
    if isinstance(task, MultiObjectiveTask) or task.objective is not None or task.space.is_large:
        raise SettingError(
            "task", task.name, "a task of one column of a table, such as nb201/cifar10"
        )
    if not 0 < train_fraction < 1:
        raise SettingError("train_fraction", train_fraction, "a number between 0 and 1")
    fails = diverged_trainings(task, diverged)
    (space, at), measured = task.space.whole, np.flatnonzero(np.isfinite(task.values) | fails)
    n_different = len(np.unique(classes_of(space, at[measured])))
    if n_different < _FEWEST:
        raise LabelError(f"different networks in {task.name}", n_different, f"at least {_FEWEST}")
    split_rng, batch_rng = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    check_names(
        f"the space {space.name}",
        "position",
        groups,
        [position.name for position in space.positions],
    )
    keys = (
        task.space.to_frame().groupby(list(groups), sort=False, dropna=False).ngroup().to_numpy()
        if groups
        else None
    )
    rule = "upstream" if isinstance(space, CellSpace) else "the space's own"
    rule = f"groups of {', '.join(groups)}" if groups else rule
    if train is None:
        train, _ = isomorph_split(
            task.space,
            rng=split_rng,
            test_fraction=1.0 - train_fraction,
            architectures=measured,
            groups=keys,
        )
    else:
        rule = "given"
    train = np.intersect1d(train, measured)
    kept, utilities = train[~fails[train]], task.sign * task.values
    observed, rows = np.unique(classes_of(space, at[kept]), return_inverse=True)
    counts = np.bincount(rows)
    labels = np.bincount(rows, utilities[kept]) / counts
    if len(observed) < _FEWEST_TRAINED or np.ptp(labels) <= 1e-9 * np.abs(labels).max():
        expected = f"at least {_FEWEST_TRAINED}, whose values differ"
        raise LabelError(
            f"different networks in the training set of {task.name}", len(observed), expected
        )
    model: Process | EstimatorModel
    if predictor is None:
        model = fit_process(space, observed, labels, counts, batch_rng, steps)
    else:
        model = EstimatorModel.fit(space, predictor, at[kept], utilities[kept], seed)
    trained = np.unique(at[train]) if space.is_large else np.isin(np.arange(space.size), at[train])
    surrogate = Surrogate(_card(task, space, train, len(measured)), model, trained)
    surrogate.card |= {
        "split": {"rule": rule, "train_fraction": float(train_fraction), "seed": int(seed)},
        "model": _PROCESS if predictor is None else str(predictor),
        "largest": float(np.abs(labels).max()),
        "diverged": diverged,
    }
    if fails[train].any():
        surrogate.card["diverged_mean"] = float(np.nanmean(task.values[train[fails[train]]]))
        surrogate.divergence = Divergence.fit(space, at[train], fails[train])
    surrogate.noise = _fit_noise(task, train, surrogate.means(at[train]))
    surrogate.cost_coefficients, surrogate.card["cost_r2"] = _fit_costs(task, train)
    surrogate.card["scores"] = surrogate.score(task)
    return surrogate


def _card(
    task: Task, space: SearchSpace, train: NDArray[np.int32], n_measured: int
) -> dict[str, Any]:
    """Return the facts of the data card that do not depend on the model."""
    return {
        "task": task.name,
        "table": task.table_name,
        "space": to_content(space),
        "signal": task.signal.to_dict(),
        "column": asdict(task.column),
        "measured_cells": n_measured,
        "training_cells": len(train),
        "training_cells_sha256": sha256(train.astype("<i4").tobytes()).hexdigest(),
        "written_by": f"nasmeta {nasmeta.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
    }


def _fit_costs(
    task: Task, train: NDArray[np.int32]
) -> tuple[NDArray[np.float64] | None, float | None]:
    """Return the coefficients of the training seconds, shape (1 + n_choices,), and R² on held-out architectures."""
    if not task.has_cost:
        return None, None
    (space, at), costs, known = task.space.whole, task.cost_seconds, np.isfinite(task.cost_seconds)
    good = train[known[train]]
    if not (costs[good] > 0).any():
        return None, None
    one_hot = choice_one_hot(space.positions, space.codes_of(at[good])).counts
    solution = np.linalg.lstsq(
        np.column_stack([np.ones(len(good)), one_hot]), costs[good], rcond=None
    )
    coefficients = solution[0].astype(np.float64)
    known[train] = False
    r2 = score_predictions(costs[known], choice_costs(space, coefficients, at[known]))["r2"]
    return coefficients, r2


def _fit_noise(
    task: Task, train: NDArray[np.int32], means: NDArray[np.float64]
) -> SeedNoise | None:
    """Fit the seed noise of the training set, shape (n_trained,), around these predictions."""
    if task.signal.seed != "mean":
        return None
    live = (
        task.space.live_edges[train].any(axis=1)
        if isinstance(task.space, CellSpace)
        else slice(None)
    )
    seeds = np.array([*task.table.of_seeds(task.column).values()], np.float64)
    return fit_noise(means[live], seeds.T.reshape(task.space.size, -1)[train[live]])
