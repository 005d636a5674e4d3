"""The covariance of several tasks' functions: one part that all tasks share, one that each has for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from nasmeta.predictors import CellKernel, Hyperparameters

__all__ = ["JointHyperparameters", "fit_joint"]

_SHARED, _OWN, _LENGTH, _NOISE = 0.4, 0.1, 3.0, 0.02  # centres of the prior: tasks correlate by 0.8
_SPREADS = (1.0, 1.5, 1.0, 1.0)  # of their logarithms
_SMALLEST_NOISE = 1e-3


@dataclass(frozen=True)
class JointHyperparameters:
    r"""Hyperparameters of functions of tasks s and t at cells x and x'.

    .. math:: k((x, s), (x', t)) = \sum_j (v_j + [s = t] w_j) \exp(-d_j(x, x') / \ell_j)

    Attributes
    ----------
    shared, own : ndarray of float64, shape (n_features,)
        The variances v and w.
    lengthscales : ndarray of float64, shape (n_features,)
    noise : float
        Variance of the noise of one observation.
    """

    shared: NDArray[np.float64]
    own: NDArray[np.float64]
    lengthscales: NDArray[np.float64]
    noise: float

    @property
    def of_shared(self) -> Hyperparameters:
        """Hyperparameters of the shared part."""
        return Hyperparameters(self.shared, self.lengthscales, self.noise)

    @property
    def of_own(self) -> Hyperparameters:
        """Hyperparameters of what one task has for itself."""
        return Hyperparameters(self.own, self.lengthscales, self.noise)

    @property
    def of_one_task(self) -> Hyperparameters:
        """Hyperparameters of one task's function, shared and own part together."""
        return Hyperparameters(self.shared + self.own, self.lengthscales, self.noise)

    @property
    def logarithms(self) -> NDArray[np.float64]:
        """All of them as logarithms, shape (3 * n_features + 1,): shared, own, lengthscales, noise."""
        logarithms: NDArray[np.float64] = np.log(np.r_[self.shared, self.own, self.lengthscales, self.noise])
        return logarithms

    @classmethod
    def from_logarithms(cls, logarithms: NDArray[np.float64]) -> JointHyperparameters:
        """Inverse of `logarithms`."""
        shared, own, lengthscales = np.exp(logarithms[:-1]).reshape(3, -1)
        return cls(shared, own, lengthscales, float(np.exp(logarithms[-1])))

    @property
    def correlation(self) -> float:
        """Prior correlation of two tasks' functions at one cell."""
        return float(self.shared.sum() / (self.shared.sum() + self.own.sum()))


def _prior(n_features: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    sizes = (n_features, n_features, n_features, 1)
    centre = np.log(np.repeat((_SHARED, _OWN, _LENGTH, _NOISE), sizes))
    return centre, np.repeat(_SPREADS, sizes)


def _negative_log_posterior(
    logarithms: NDArray[np.float64],
    distances: NDArray[np.float64],
    same: NDArray[np.float64],
    labels: NDArray[np.float64],
    prior: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> tuple[float, NDArray[np.float64]]:
    """Return minus the log marginal likelihood minus the log prior, and its gradient."""
    n_features, n, _ = distances.shape
    shared, own, lengths = np.exp(logarithms[:-1]).reshape(3, n_features)
    noise = np.exp(logarithms[-1])
    decay = np.exp(-distances / lengths[:, None, None])
    covariance = noise * np.eye(n)
    for j in range(n_features):
        covariance += (shared[j] + own[j] * same) * decay[j]
    factor, failed = lapack.dpotrf(covariance, lower=True)
    if failed:
        return 1e25, np.zeros_like(logarithms)
    inverse, _ = lapack.dpotri(factor, lower=True)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weights = inverse @ labels
    value = np.log(np.diag(factor)).sum() + 0.5 * n * np.log(2 * np.pi) + 0.5 * labels @ weights
    outer = inverse - np.outer(weights, weights)
    gradient = np.empty_like(logarithms)
    for j in range(n_features):
        slope = outer * decay[j]
        in_same = slope * same
        gradient[j] = 0.5 * shared[j] * slope.sum()
        gradient[n_features + j] = 0.5 * own[j] * in_same.sum()
        by_length = shared[j] * (slope * distances[j]).sum() + own[j] * (in_same * distances[j]).sum()
        gradient[2 * n_features + j] = 0.5 * by_length / lengths[j]
    gradient[-1] = 0.5 * noise * np.trace(outer)
    centre, spread = prior
    offset = (logarithms - centre) / spread
    return float(value + 0.5 * offset @ offset), gradient + offset / spread


def fit_joint(
    kernel: CellKernel,
    cells: Sequence[NDArray[np.int32]],
    labels: Sequence[NDArray[np.float64]],
    iterations: int = 40,
) -> JointHyperparameters:
    """Maximise the joint log marginal likelihood of the tasks' labels plus a weak log prior.

    Parameters
    ----------
    kernel : CellKernel
    cells : sequence of ndarray of int32
        Labelled cells of each task; tasks need no cell in common.
    labels : sequence of ndarray of float64
        Their labels, of about zero mean and unit variance.
    iterations : int, default 40
        At most so many steps of L-BFGS.

    Returns
    -------
    JointHyperparameters
        With one task the marginal likelihood does not tell shared from own variance: there the prior speaks.
    """
    from scipy.optimize import minimize

    every = np.concatenate(cells)
    task = np.repeat(np.arange(len(cells)), [len(own) for own in cells])
    distances = kernel.distances(kernel.codes_between(every, every)).astype(np.float64)
    centre, _ = prior = _prior(len(kernel.features))
    bounds = [(c - 6.0, c + 6.0) for c in centre]
    bounds[-1] = (np.log(_SMALLEST_NOISE), bounds[-1][1])
    found = minimize(
        _negative_log_posterior,
        centre,
        args=(distances, (task[:, None] == task).astype(np.float64), np.concatenate(labels), prior),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": iterations},
    )
    return JointHyperparameters.from_logarithms(found.x)
