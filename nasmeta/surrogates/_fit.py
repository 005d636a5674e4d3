"""Fitting a surrogate to part of a table."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import nasmeta
from nasmeta.arrays import Floats, Integers
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
    if isinstance(task, str):
        task = get_task(task)
    if isinstance(task, MultiObjectiveTask) or task.objective is not None or task.space.is_large:
        allowed = "a task of one column of a table, such as nb201/cifar10"
        raise SettingError("task", task.name, allowed)
    if not 0 < train_fraction < 1:
        raise SettingError("train_fraction", train_fraction, "a number between 0 and 1")
    space, indices = task.space.whole  # indices: those of the task's architectures, (task size,)
    is_diverged = diverged_trainings(task, diverged)
    measured = np.flatnonzero(np.isfinite(task.values) | is_diverged)
    n_different = len(np.unique(classes_of(space, indices[measured])))
    if n_different < _FEWEST:
        raise LabelError(f"different networks in {task.name}", n_different, f"at least {_FEWEST}")
    possible = [position.name for position in space.positions]
    check_names(f"the space {space.name}", "position", groups, possible)
    split_seed, batch_seed = np.random.SeedSequence(seed).spawn(2)
    rule = "given"
    if train is None:
        rng = np.random.default_rng(split_seed)
        train, rule = _random_part(task, measured, groups, train_fraction, rng)
    train = np.intersect1d(train, measured)

    kept = train[~is_diverged[train]]
    utilities = task.sign * task.values
    observed, rows = np.unique(classes_of(space, indices[kept]), return_inverse=True)
    counts = np.bincount(rows)  # architectures of each observed class, as the labels
    labels = np.bincount(rows, utilities[kept]) / counts
    largest = float(np.abs(labels).max(initial=0.0))
    if len(observed) < _FEWEST_TRAINED or np.ptp(labels) <= 1e-9 * largest:
        what = f"different networks in the training set of {task.name}"
        raise LabelError(what, len(observed), f"at least {_FEWEST_TRAINED}, whose values differ")
    model: Process | EstimatorModel
    if predictor is None:
        rng = np.random.default_rng(batch_seed)
        model = fit_process(space, observed, labels, counts, rng, steps)
    else:
        model = EstimatorModel.fit(space, predictor, indices[kept], utilities[kept], seed)
    trained = np.unique(indices[train])
    if not space.is_large:
        trained = np.isin(np.arange(space.size), trained)
    surrogate = Surrogate(_card(task, space, train, len(measured)), model, trained)
    surrogate.card |= {
        "split": {"rule": rule, "train_fraction": float(train_fraction), "seed": int(seed)},
        "model": _PROCESS if predictor is None else str(predictor),
        "largest": largest,
        "diverged": diverged,
    }
    failed = train[is_diverged[train]]
    if len(failed):
        surrogate.card["diverged_mean"] = float(np.nanmean(task.values[failed]))
        surrogate.divergence = Divergence.fit(space, indices[train], is_diverged[train])
    surrogate.noise = _fit_noise(task, train, surrogate.means(indices[train]))
    surrogate.cost_coefficients, surrogate.card["cost_r2"] = _fit_costs(task, train)
    surrogate.card["scores"] = surrogate.score(task)
    return surrogate


def _random_part(
    task: Task,
    measured: Integers,
    groups: Sequence[str],
    train_fraction: float,
    rng: np.random.Generator,
) -> tuple[Integers, str]:
    """Return the architectures of a random training set, and the rule of the split."""
    rule = "upstream" if isinstance(task.space, CellSpace) else "the space's own"
    keys = None
    if groups:
        rule = f"groups of {', '.join(groups)}"
        groupby = task.space.to_frame().groupby(list(groups), sort=False, dropna=False)
        keys = groupby.ngroup().to_numpy()
    train, _ = isomorph_split(
        task.space,
        rng=rng,
        test_fraction=1.0 - train_fraction,
        architectures=measured,
        groups=keys,
    )
    return train, rule


def _card(task: Task, space: SearchSpace, train: Integers, n_measured: int) -> dict[str, Any]:
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


def _fit_costs(task: Task, train: Integers) -> tuple[Floats | None, float | None]:
    """Return the coefficients of the training seconds, shape (1 + n_choices,), and R² on held-out architectures."""
    if not task.has_cost:
        return None, None
    space, indices = task.space.whole
    costs = task.cost_seconds
    is_known = np.isfinite(costs)
    timed = train[is_known[train]]
    if not (costs[timed] > 0).any():
        return None, None
    one_hot = choice_one_hot(space.positions, space.codes_of(indices[timed])).counts
    design = np.column_stack([np.ones(len(timed)), one_hot])  # (n_timed, 1 + n_choices)
    solution, *_ = np.linalg.lstsq(design, costs[timed], rcond=None)
    coefficients = solution.astype(np.float64)
    held_out = is_known.copy()
    held_out[train] = False
    predicted = choice_costs(space, coefficients, indices[held_out])
    return coefficients, score_predictions(costs[held_out], predicted)["r2"]


def _fit_noise(task: Task, train: Integers, means: Floats) -> SeedNoise | None:
    """Fit the seed noise of the training set, shape (n_trained,), around these predictions."""
    if task.signal.seed != "mean":
        return None
    columns = list(task.table.of_seeds(task.column).values())
    if not columns:
        return None
    if isinstance(task.space, CellSpace):
        is_live = task.space.live_edges[train].any(axis=1)
        train, means = train[is_live], means[is_live]
    seeds = np.stack(columns, axis=1)[train].astype(np.float64)  # (n_live, n_seeds)
    return fit_noise(means, seeds)
