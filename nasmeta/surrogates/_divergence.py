"""The probability that a training diverges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from nasmeta.arrays import Architectures, Booleans, Floats
from nasmeta.spaces import SearchSpace
from nasmeta.surrogates._features import places
from nasmeta.tasks import Task

_INVERSE_PENALTY = 10.0  # chosen by cross-validation on scan-llm and scan-vlm, which agree


@dataclass(frozen=True, eq=False)
class Divergence:
    """A logistic regression on the features of `places`, their squares and their products."""

    space: SearchSpace
    weights: Floats  # (1 + n_features,): a constant first

    @classmethod
    def fit(cls, space: SearchSpace, architectures: Architectures, fails: Booleans) -> Divergence:
        """Fit the model to trainings and whether they diverged, shape (n,)."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=5_000)
        model.fit(_products(space, architectures), fails)
        return cls(space, np.append(model.intercept_, model.coef_[0]))

    def predict(self, architectures: Architectures) -> Floats:
        """Return the probabilities, shape (n,)."""
        constant, weights = self.weights[0], self.weights[1:]
        logits = constant + _products(self.space, architectures) @ weights
        return np.asarray(expit(logits))


def _products(space: SearchSpace, architectures: Architectures) -> Floats:
    """Return the features x_i and all x_i x_j with i <= j, shape (n, n_products)."""
    x = places(space, architectures)
    i, j = np.triu_indices(x.shape[1])
    return np.concatenate([x, x[:, i] * x[:, j]], axis=1)


def diverged_trainings(task: Task, diverged: float | str | None) -> Booleans:
    """Return whether the training of each architecture diverged, shape (size,); see `fit_surrogate`."""
    if isinstance(diverged, str):
        return np.asarray(task.table.column(task.signal.dataset, diverged) == 1)
    worst = -np.inf
    if diverged is not None:
        worst = task.sign * diverged
    return np.asarray(task.sign * task.values < worst)
