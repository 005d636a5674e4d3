"""The log marginal likelihood of a Gaussian process, its gradient, and hyperparameters that maximise it.

Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equations 5.8 and 5.9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

from nasmeta.arrays import AnyFloats, Floats
from nasmeta.gaussian_process._inputs import Pairs
from nasmeta.gaussian_process._kernels import Hyperparameters, Kernel

_SMALLEST_NOISE = (
    1e-3  # architectures that are equal in all features would make the covariance singular
)
_REACH = 6.0  # of the logarithms on both sides of their prior means
_IMPOSSIBLE = 1e25  # the value if a covariance is not positive definite: a line search turns back


class Prior(NamedTuple):
    """Mean and standard deviation of the logarithms of hyperparameters, each of shape (n_hyperparameters,).

    Examples
    --------
    >>> import numpy as np
    >>> Prior(np.log([0.5, 3.0, 0.02]), np.ones(3)).std
    array([1., 1., 1.])
    """

    mean: Floats
    std: Floats


def weak_prior(n_terms: int, lengthscales: Floats | float = 3.0) -> Prior:
    """Return the log-normal prior of a sum of exponential kernels, for labels of unit variance.

    Variances around 0.5, lengthscales around these, noise around 0.02, each within a factor of e.

    Examples
    --------
    >>> import numpy as np
    >>> np.exp(weak_prior(2).mean)
    array([0.5 , 0.5 , 3.  , 3.  , 0.02])
    """
    variances = np.full(n_terms, np.log(0.5))
    lengths = np.broadcast_to(np.log(lengthscales), n_terms)
    return Prior(np.r_[variances, lengths, np.log(0.02)], np.ones(2 * n_terms + 1))


class NegativeLogLikelihood(NamedTuple):
    """A negative log marginal likelihood, its derivative (n, n) with respect to K, and each task's K⁻¹ labels (n,)."""

    value: float
    by_covariance: Floats
    weights: list[Floats]


def inverse_of(factor: AnyFloats) -> Floats:
    """Return the inverse of a matrix, shape (n, n), from its lower Cholesky factor.

    Examples
    --------
    >>> import numpy as np
    >>> inverse_of(np.linalg.cholesky(np.diag([2.0, 4.0])))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    half, _ = lapack.dpotri(factor, lower=True)
    inverse: Floats = half + half.T  # the half is zero above its diagonal, which is now doubled
    np.fill_diagonal(inverse, half.diagonal())
    return inverse


def negative_log_likelihood(
    covariance: Floats, tasks: Sequence[Floats]
) -> NegativeLogLikelihood | None:
    """Return the negative log marginal likelihood of labels with mean zero; None if the covariance is not positive.

    The covariance (n, n) includes the noise; the tasks are independent labels (n,) of the same
    architectures.

    Examples
    --------
    >>> import numpy as np
    >>> round(negative_log_likelihood(np.eye(2), [np.array([1.0, 0.0])]).value, 4)  # 1/2 + log 2π
    2.3379
    """
    factor, failed = lapack.dpotrf(covariance.T, lower=True)  # in Fortran order
    if failed:
        return None
    inverse = inverse_of(factor)
    value = np.log(np.diag(factor)).sum()
    value += 0.5 * len(covariance) * np.log(2 * np.pi)
    value *= len(tasks)
    by_covariance = 0.5 * len(tasks) * inverse
    weights = []
    for labels in tasks:
        weights.append(inverse @ labels)
        value += 0.5 * labels @ weights[-1]
        by_covariance -= np.outer(0.5 * weights[-1], weights[-1])
    return NegativeLogLikelihood(float(value), by_covariance, weights)


@dataclass(frozen=True, eq=False)
class Objective:
    """The negative log posterior density of hyperparameters, and its gradient with respect to their logarithms.

    It is the negative sum of the tasks' log marginal likelihoods and the log density of the prior,
    up to a constant.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = Pairs.of(np.array([[[0, 2], [2, 0]]]))
    >>> from nasmeta.gaussian_process import sum_of_exponentials
    >>> objective = Objective(sum_of_exponentials(1), pairs, [np.array([1.0, -1.0])], weak_prior(1))
    >>> value, gradient = objective(objective.prior.mean)
    >>> round(value, 3), gradient.shape
    (4.842, (3,))
    """

    kernel: Kernel
    pairs: Pairs  # of the n labelled points
    tasks: Sequence[Floats]  # (n,) each: independent labels with mean zero
    prior: Prior

    def __call__(self, logarithms: Floats) -> tuple[float, Floats]:
        """Return the value, and the gradient of shape (n_hyperparameters,)."""
        hyperparameters = self.kernel.hyperparameters(logarithms)
        of_vectors, chain_rule = self.kernel.with_gradient(self.pairs.distances, hyperparameters)
        covariance = self.pairs.to_matrix(of_vectors)
        covariance[np.diag_indices(len(covariance))] += hyperparameters.noise
        likelihood = negative_log_likelihood(covariance, self.tasks)
        if likelihood is None:
            return _IMPOSSIBLE, np.zeros_like(logarithms)
        by_noise = hyperparameters.noise * np.trace(likelihood.by_covariance)
        gradient = np.append(chain_rule(self.pairs.by_vector(likelihood.by_covariance)), by_noise)
        offset = (logarithms - self.prior.mean) / self.prior.std
        return likelihood.value + float(0.5 * offset @ offset), gradient + offset / self.prior.std


def fit(
    objective: Objective, start: Hyperparameters | None = None, iterations: int = 15
) -> Hyperparameters:
    """Return hyperparameters of the highest posterior density, by steps of L-BFGS.

    By default, `start` is the mean of the prior. The bounds are a factor of e⁶ around that mean;
    the noise is at least 0.001.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = Pairs.of(np.abs(np.subtract.outer(range(9), range(9)))[None])
    >>> from nasmeta.gaussian_process import sum_of_exponentials
    >>> objective = Objective(sum_of_exponentials(1), pairs, [np.arange(9.0) - 4], weak_prior(1))
    >>> fit(objective).noise < 0.02  # the labels are smooth
    True
    """
    from scipy.optimize import Bounds, minimize

    mean = objective.prior.mean
    low, high = mean - _REACH, mean + _REACH
    low[-1] = np.log(_SMALLEST_NOISE)
    optimum = minimize(
        objective,
        mean if start is None else start.logarithms,
        jac=True,
        method="L-BFGS-B",
        bounds=Bounds(low, high),
        options={"maxiter": iterations},
    )
    return objective.kernel.hyperparameters(optimum.x)
