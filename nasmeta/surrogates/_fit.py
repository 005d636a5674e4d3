"""Fitting a surrogate to part of a table."""

from __future__ import annotations

import platform
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nasmeta
from nasmeta.errors import LabelError, SettingError
from nasmeta.predictors import isomorph_split
from nasmeta.spaces import CellSpace, choice_one_hot, to_content
from nasmeta.surrogates._features import class_features
from nasmeta.surrogates._noise import SeedNoise, fit_noise
from nasmeta.surrogates._process import fit_process
from nasmeta.surrogates._scores import score_predictions
from nasmeta.surrogates._surrogate import Surrogate, choice_costs
from nasmeta.tasks import Task, get_task

_FEWEST, _FEWEST_TRAINED = 50, 20  # different networks, measured and in the training set


def fit_surrogate(task: str | Task, train_fraction: float = 0.8, seed: int = 0, steps: int = 80) -> Surrogate:
    """Fit a surrogate to part of a task's table.

    The task may be on any space, and its table may be incomplete. The split keeps isomorphic architectures together (of
    cells, rule ``upstream``); held-out labels are used for the scores only. Labels of architectures that compute the
    same function are averaged, which reduces their noise. Hyperparameters maximise the marginal likelihood of the
    training labels. Training seconds, if the task has a cost, are a linear function of the choices. The seed noise is
    fitted to the single seeds of the training set, of cells to those with a live path.

    Parameters
    ----------
    task : str or Task
    train_fraction : float, default 0.8
        Largest fraction of the architectures to train on, between 0 and 1.
    seed : int, default 0
        Seed of the split and the batches.
    steps : int, default 80
        Of the optimiser.

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
    if task.objective is not None:
        raise SettingError("task", task.name, "a task of one column, such as nb201/cifar10")
    if not 0 < train_fraction < 1:
        raise SettingError("train_fraction", train_fraction, "a number between 0 and 1")
    measured = np.flatnonzero(np.isfinite(task.values))
    n_different = len(np.unique(task.space.function_classes[measured]))
    if n_different < _FEWEST:
        raise LabelError(f"different networks in {task.name}", n_different, f"at least {_FEWEST}")
    split_rng, batch_rng = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
    train, _ = isomorph_split(task.space, rng=split_rng, test_fraction=1.0 - train_fraction, architectures=measured)
    train = np.sort(train)
    trained = np.isin(np.arange(task.space.size), train)

    classes = task.space.function_classes[train]
    counts = np.bincount(classes)
    observed = np.flatnonzero(counts).astype(np.int32)
    labels = np.bincount(classes, task.sign * task.values[train])[observed] / counts[observed]
    if len(observed) < _FEWEST_TRAINED or np.ptp(labels) <= 1e-9 * np.abs(labels).max():
        expected = f"at least {_FEWEST_TRAINED}, whose values differ"
        raise LabelError(f"different networks in the training set of {task.name}", len(observed), expected)
    process = fit_process(class_features(task.space), observed, labels, counts[observed], batch_rng, steps)
    surrogate = Surrogate(_card(task, train, train_fraction, seed, len(measured)), process, trained)
    surrogate.noise = _fit_noise(task, train, surrogate.values)
    surrogate.cost_coefficients, surrogate.card["cost_r2"] = _fit_costs(task, train)
    surrogate.card["scores"] = surrogate.score(task)
    return surrogate


def _card(task: Task, train: NDArray[np.int32], fraction: float, seed: int, n_measured: int) -> dict[str, Any]:
    """Return the data card, without scores."""
    rule = "upstream" if isinstance(task.space, CellSpace) else "the space's own"
    return {
        "task": task.name,
        "table": task.table_name,
        "space": to_content(task.space),
        "signal": task.signal.to_dict(),
        "column": asdict(task.column),
        "measured_cells": n_measured,
        "training_cells": len(train),
        "training_cells_sha256": sha256(train.astype("<i4").tobytes()).hexdigest(),
        "split": {"rule": rule, "train_fraction": float(fraction), "seed": int(seed)},
        "model": "warped Gaussian process, sum of Matérn-3/2 kernels with a lengthscale a feature",
        "written_by": f"nasmeta {nasmeta.__version__}, numpy {np.__version__}, Python {platform.python_version()}",
    }


def _fit_costs(task: Task, train: NDArray[np.int32]) -> tuple[NDArray[np.float64] | None, float | None]:
    """Return the coefficients of the training seconds, shape (1 + n_choices,), and R² on held-out architectures."""
    if not task.has_cost:
        return None, None
    costs, known = task.cost_seconds, np.isfinite(task.cost_seconds)
    good = train[known[train]]
    if not (costs[good] > 0).any():
        return None, None
    one_hot = choice_one_hot(task.space.positions, task.space.codes[good]).counts
    solution = np.linalg.lstsq(np.column_stack([np.ones(len(good)), one_hot]), costs[good], rcond=None)
    coefficients = solution[0].astype(np.float64)
    known[train] = False
    r2 = score_predictions(costs[known], choice_costs(task.space, coefficients)[known])["r2"]
    return coefficients, r2


def _fit_noise(task: Task, train: NDArray[np.int32], means: NDArray[np.float64]) -> SeedNoise | None:
    """Fit the seed noise of the training set; `means` are the predictions of all architectures, shape (size,)."""
    if task.signal.seed != "mean":
        return None
    live = train[task.space.live_edges[train].any(axis=1)] if isinstance(task.space, CellSpace) else train
    seeds = np.array([*task.table.of_seeds(task.column).values()], np.float64)
    return fit_noise(means[live], seeds.T.reshape(task.space.size, -1)[live])
