"""Exact Gaussian process on groups of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from nasmeta.arrays import Array, Floats, Floats32
from nasmeta.gaussian_process import (
    JITTER,
    Conditioned,
    Objective,
    Pairs,
    fit,
    sum_of_exponentials,
    weak_prior,
)
from nasmeta.predictors._estimators._scaled import Prediction, ScaledRegressor

_MOST_COUNT = 8  # larger whole numbers are measurements
_MEDIAN_DISTANCE = 6.0  # of scaled groups of measurements: the edits between two random cells
_FIT_ON, _ITERATIONS = 400, 20  # labels and L-BFGS steps of the marginal likelihood
_BLOCK = 4096  # rows of covariances in memory


class GPRegressor(ScaledRegressor):
    r"""Exact Gaussian process with a sum of exponential kernels, one for each group of features.

    .. math:: k(x, x') = \sum_j v_j \exp(-d_j(x, x') / \ell_j)

    With :math:`d_j` the Euclidean distance in group j this is the Matérn kernel of order 1/2.
    Variances, lengthscales and noise maximise the marginal likelihood with a weak prior (Rasmussen
    and Williams 2006, sec. 5.4).

    Parameters
    ----------
    groups : sequence of int, optional
        Numbers of consecutive columns that form a group; by default one group.
    labels : {"rank", "value"}, default "rank"
        Learn normal scores of ranks, or the values themselves.

    Notes
    -----
    Columns of small whole numbers are used as they are; groups with other columns are standardised and scaled to a
    median distance of six, so the prior on lengthscales suits both. The marginal likelihood is maximised on
    at most 400 labels, evenly spaced in rank; the posterior uses all labels. Fitting costs O(n³).

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import PREDICTORS
    >>> X = np.linspace(0, 1, 30)[:, None]
    >>> mean, std = PREDICTORS["gp"]().fit(X, np.sin(6 * X[:, 0])).predict([[0.25]], return_std=True)
    >>> mean.round(1), bool(std[0] > 0)
    (array([1.]), True)
    """

    default_encoder: ClassVar[str | None] = "one-hot+live-paths+graph"

    def __init__(self, groups: Sequence[int] | None = None, labels: str = "rank") -> None:
        self.groups = groups
        self.labels = labels

    def _fit(self, X: Floats, scores: Floats) -> None:
        """Fit hyperparameters and weights to features, shape (n, n_features), and scores, shape (n,).

        ``process_`` is the process of the centred scores, conditioned on all labels.
        """
        sizes = [X.shape[1]] if self.groups is None else list(self.groups)
        self.sizes_ = sizes
        self.train_, self.mean_ = X, float(scores.mean())
        every = np.argsort(scores, kind="stable")
        n_fit = min(len(X), _FIT_ON)
        few = every[np.linspace(0, len(X) - 1, n_fit).round().astype(np.int64)]
        self._set_scales(X[few])
        pairs = Pairs.all_of(self._distances(X[few], X[few]).astype(np.float64))
        labels = scores - self.mean_
        objective = Objective(
            sum_of_exponentials(len(sizes)), pairs, [labels[few]], weak_prior(len(sizes))
        )
        self.hyperparameters_ = fit(objective, iterations=_ITERATIONS)
        covariance = self._covariance(X, X).astype(np.float64)
        self.process_ = Conditioned.on(covariance, self.hyperparameters_.noise + JITTER, labels)

    def _predict(self, X: Floats, return_std: bool) -> Prediction:
        """Return posterior mean and deviation of noisy scores, each of shape (n,), in blocks of rows."""
        mean, variance = np.empty(len(X)), np.empty(len(X))
        prior = self.hyperparameters_.variances.sum() + self.hyperparameters_.noise
        for start in range(0, len(X), _BLOCK):
            part = slice(start, start + _BLOCK)
            covariance = self._covariance(X[part], self.train_)
            mean[part] = self.process_.mean(covariance) + self.mean_
            if return_std:
                variance[part] = prior - self.process_.explained_variance(covariance)
        return mean, np.sqrt(np.maximum(variance, JITTER)) if return_std else None

    # -- distances
    def _parts(self, X: Floats) -> list[Floats]:
        """Split features, shape (n, n_features), into groups, shape (n, size)."""
        return np.split(X, np.cumsum(self.sizes_)[:-1], axis=1)

    def _set_scales(self, X: Floats) -> None:
        """Set the scale of each column from some features, shape (m, n_features): 1 in groups of counts."""
        self.scales_: list[Floats] = []
        for part, whole in zip(self._parts(X), self._parts(self.train_), strict=True):
            if _are_counts(whole):
                self.scales_.append(np.ones(part.shape[1]))
                continue
            scale = np.where(whole.std(axis=0) > 0, whole.std(axis=0), 1.0)
            some = part / scale
            distances = _distance(some, some)
            positive = distances[distances > 0]
            median = float(np.median(positive)) if len(positive) else 1.0
            self.scales_.append(scale * median / _MEDIAN_DISTANCE)

    def _distances(self, rows: Floats, columns: Floats) -> Floats32:
        """Return the distances in each group, float32, shape (n_groups, n_rows, n_columns)."""
        parts = zip(self._parts(rows), self._parts(columns), self.scales_, strict=True)
        return np.stack([_distance(a / scale, b / scale) for a, b, scale in parts])

    def _covariance(self, rows: Floats, columns: Floats) -> Floats32:
        """Return the prior covariances, float32, shape (n_rows, n_columns)."""
        total = np.zeros((len(rows), len(columns)), dtype=np.float32)
        h = self.hyperparameters_
        parts = zip(
            self._parts(rows),
            self._parts(columns),
            self.scales_,
            h.variances,
            h.lengthscales,
            strict=True,
        )
        for a, b, scale, variance, lengthscale in parts:
            distance = _distance(a / scale, b / scale)
            distance *= np.float32(-1 / lengthscale)
            np.exp(distance, out=distance)
            distance *= np.float32(variance)
            total += distance
        return total


def _distance(a: Floats, b: Floats) -> Floats32:
    """Return pairwise Euclidean distances, float32, shape (len(a), len(b))."""
    distances: Floats32
    if _are_counts(a) and _are_counts(b):  # small whole numbers are exact in float32
        distances = _squared(a.astype(np.float32), b.astype(np.float32))
    else:
        distances = np.maximum(_squared(a, b), 0).astype(np.float32)
    return np.sqrt(distances, out=distances)


def _squared(a: Array, b: Array) -> Array:
    """Return squared L2 distances, shape (len(a), len(b)), by one matrix product, in the type of `a` and `b`."""
    squared: Array = a @ b.T
    squared *= -2
    squared += np.einsum("ij,ij->i", a, a)[:, None]
    squared += np.einsum("ij,ij->i", b, b)
    return squared


def _are_counts(x: Floats) -> bool:
    """Return whether all entries, shape (n, size), are whole numbers from 0 to 8."""
    return bool(
        x.size == 0 or (x.min() >= 0 and x.max() <= _MOST_COUNT and (x == np.round(x)).all())
    )
