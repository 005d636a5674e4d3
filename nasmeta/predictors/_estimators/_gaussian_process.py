"""Exact Gaussian process on groups of features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
        self.ends_ = np.cumsum(sizes)[:-1]
        self.train_ = X
        self.mean_ = float(scores.mean())
        labels = scores - self.mean_
        # The hyperparameters are fitted to labels evenly spaced in rank.
        ranks = np.linspace(0, len(X) - 1, min(len(X), _FIT_ON)).round().astype(np.int64)
        fitted = np.argsort(scores, kind="stable")[ranks]
        self._set_scales(X[fitted])
        distances = np.stack(list(self._distances(X[fitted], X[fitted])))  # (n_groups, m, m)
        pairs = Pairs.all_of(distances.astype(np.float64))
        kernel, prior = sum_of_exponentials(len(sizes)), weak_prior(len(sizes))
        objective = Objective(kernel, pairs, [labels[fitted]], prior)
        self.hyperparameters_ = fit(objective, iterations=_ITERATIONS)
        covariance = self._covariance(X, X).astype(np.float64)
        self.process_ = Conditioned.on(covariance, self.hyperparameters_.noise + JITTER, labels)

    def _predict(self, X: Floats, return_std: bool) -> Prediction:
        """Return posterior mean and deviation of noisy scores, each of shape (n,), in blocks of rows."""
        mean, variance = np.empty(len(X)), np.empty(len(X))
        # The variance of a noisy score before it is conditioned on the labels.
        prior = self.hyperparameters_.variances.sum() + self.hyperparameters_.noise
        for start in range(0, len(X), _BLOCK):
            block = slice(start, start + _BLOCK)
            covariance = self._covariance(X[block], self.train_)
            mean[block] = self.process_.mean(covariance) + self.mean_
            if return_std:
                variance[block] = prior - self.process_.explained_variance(covariance)
        deviation = np.sqrt(np.maximum(variance, JITTER)) if return_std else None
        return mean, deviation

    def _set_scales(self, X: Floats) -> None:
        """Set the scale of each column from some features, shape (m, n_features): 1 in groups of counts."""
        self.scales_ = np.ones(X.shape[1])
        for columns in np.split(np.arange(X.shape[1]), self.ends_):
            group = self.train_[:, columns]
            if _are_counts(group):
                continue
            deviations = np.where(group.std(axis=0) > 0, group.std(axis=0), 1.0)
            standardised = X[:, columns] / deviations
            distances = _distance(standardised, standardised)
            positive = distances[distances > 0]
            median = float(np.median(positive)) if len(positive) else 1.0
            self.scales_[columns] = deviations * median / _MEDIAN_DISTANCE

    def _distances(self, a: Floats, b: Floats) -> Iterator[Floats32]:
        """Yield the distances in each group of features, float32, shape (len(a), len(b))."""
        groups_of_a = np.split(a / self.scales_, self.ends_, axis=1)
        groups_of_b = np.split(b / self.scales_, self.ends_, axis=1)
        for group_of_a, group_of_b in zip(groups_of_a, groups_of_b, strict=True):
            yield _distance(group_of_a, group_of_b)

    def _covariance(self, a: Floats, b: Floats) -> Floats32:
        """Return the prior covariances, float32, shape (len(a), len(b)); in place, because they fill the memory."""
        total = np.zeros((len(a), len(b)), dtype=np.float32)
        for j, values in enumerate(self._distances(a, b)):
            values *= np.float32(-1 / self.hyperparameters_.lengthscales[j])
            np.exp(values, out=values)
            values *= np.float32(self.hyperparameters_.variances[j])
            total += values
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
    # |x - y|² = |x|² - 2 x·y + |y|²
    squared: Array = a @ b.T
    squared *= -2
    squared += np.einsum("ij,ij->i", a, a)[:, None]
    squared += np.einsum("ij,ij->i", b, b)
    return squared


def _are_counts(x: Floats) -> bool:
    """Return whether all entries, shape (n, size), are whole numbers from 0 to 8."""
    if x.size == 0:
        return True
    in_range = x.min() >= 0 and x.max() <= _MOST_COUNT
    return bool(in_range and (x == np.round(x)).all())
