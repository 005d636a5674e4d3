"""The covariance of several tasks' functions: one part that all tasks share, one that each has for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasmeta.predictors import CellKernel, Hyperparameters
from nasmeta.predictors._gaussian_process import ChainRule, Prior, maximise_posterior

_SHARED, _OWN, _LENGTH, _NOISE = 0.4, 0.1, 3.0, 0.02  # means of the prior: tasks correlate by 0.8
_STDS = (1.0, 1.5, 1.0, 1.0)  # of their logarithms
_ITERATIONS = 40


@dataclass(frozen=True)
class JointHyperparameters:
    r"""Hyperparameters of functions of tasks s and t at cells x and x'.

    .. math:: k((x, s), (x', t)) = \sum_j (v_j + [s = t] w_j) \exp(-d_j(x, x') / \ell_j)
    """

    shared: NDArray[np.float64]  # the variances v, shape (n_features,)
    own: NDArray[np.float64]  # the variances w, shape (n_features,)
    lengthscales: NDArray[np.float64]  # (n_features,)
    noise: float  # variance of that of one observation

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


def _prior(n_features: int) -> Prior:
    sizes = (n_features, n_features, n_features, 1)
    mean = np.log(np.repeat((_SHARED, _OWN, _LENGTH, _NOISE), sizes))
    return mean, np.repeat(_STDS, sizes)


@dataclass(frozen=True, eq=False)
class _JointKernel:
    """The covariance of labels of several tasks, of which `same` is 1 where two are of one task, else 0."""

    distances: NDArray[np.float64]
    same: NDArray[np.float64]

    def __call__(self, logarithms: NDArray[np.float64]) -> tuple[NDArray[np.float64], ChainRule]:
        """Return the covariance, noise included, and its chain rule."""
        h, same = JointHyperparameters.from_logarithms(logarithms), self.same
        decay = np.exp(-self.distances / h.lengthscales[:, None, None])
        covariance = h.noise * np.eye(len(same))
        for shared, own, part in zip(h.shared, h.own, decay, strict=True):
            covariance += (shared + own * same) * part

        def chain_rule(by_covariance: NDArray[np.float64]) -> NDArray[np.float64]:
            by_shared, by_own, by_length = np.empty((3, len(decay)))
            for j, (part, distance) in enumerate(zip(decay, self.distances, strict=True)):
                slope = by_covariance * part
                in_same = slope * same
                by_shared[j] = h.shared[j] * slope.sum()
                by_own[j] = h.own[j] * in_same.sum()
                by_length[j] = h.shared[j] * (slope * distance).sum() + h.own[j] * (in_same * distance).sum()
            by_noise = h.noise * np.trace(by_covariance)
            gradient: NDArray[np.float64] = np.r_[by_shared, by_own, by_length / h.lengthscales, by_noise]
            return gradient

        return covariance, chain_rule


def fit_joint(
    kernel: CellKernel, cells: Sequence[NDArray[np.int32]], labels: Sequence[NDArray[np.float64]]
) -> JointHyperparameters:
    """Maximise the joint log marginal likelihood of the tasks' labels plus a weak log prior, by L-BFGS.

    Labels have about zero mean and unit variance; tasks need no cell in common. With one task the likelihood does not
    tell shared from own variance: there the prior speaks.
    """
    every = np.concatenate(cells)
    task = np.repeat(np.arange(len(cells)), [len(own) for own in cells])
    distances = kernel.distances(kernel.codes_between(every, every)).astype(np.float64)
    joint = _JointKernel(distances, (task[:, None] == task).astype(np.float64))
    models = [(joint, [np.concatenate(labels)])]
    found = maximise_posterior(models, _prior(len(kernel.features)), _ITERATIONS)
    return JointHyperparameters.from_logarithms(found)
