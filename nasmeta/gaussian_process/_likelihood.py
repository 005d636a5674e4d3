"""The log marginal likelihood of a Gaussian process, its gradient, and hyperparameters that maximise it.

Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equations 5.8 and 5.9. Each kernel provides its
chain rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from nasmeta.arrays import AnyFloats, Floats
from nasmeta.gaussian_process._kernel import Covariance, Hyperparameters, Prior, SumKernel, weak_prior

_SMALLEST_NOISE = 1e-3  # architectures that are alike in all features would make the covariance singular
_REACH = 6.0  # of the logarithms on both sides of their prior means
_IMPOSSIBLE = 1e25  # the value if a covariance is not positive definite: a line search turns back

Models: TypeAlias = Sequence[tuple[Covariance, Sequence[Floats]]]
"""Kernels of the same hyperparameters, each with the labels of the tasks that have its covariance."""


class NegativeLogLikelihood(NamedTuple):
    """Minus a log marginal likelihood, its derivative (n, n) by the covariance, and K⁻¹ labels (n,) of each task."""

    value: float
    by_covariance: Floats
    weights: list[Floats]


def inverse_of(factor: AnyFloats) -> Floats:
    """Return the inverse of a matrix, shape (n, n), by its lower Cholesky factor.

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


def negative_log_likelihood(covariance: Floats, tasks: Sequence[Floats]) -> NegativeLogLikelihood | None:
    """Return the negative log marginal likelihood of labels with mean zero; None if the covariance is not positive.

    The covariance (n, n) includes the noise; the tasks are independent labels (n,) of the same architectures.

    Examples
    --------
    >>> import numpy as np
    >>> round(negative_log_likelihood(np.eye(2), [np.array([1.0, 0.0])]).value, 4)  # 1/2 + log 2π
    2.3379
    """
    factor, failed = lapack.dpotrf(covariance.T, lower=True)  # in Fortran's order
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


def negative_log_posterior(logarithms: Floats, models: Models, prior: Prior) -> tuple[float, Floats]:
    """Return the negative sum of all models' log marginal likelihoods and the log prior, and its gradient.

    The gradient is with respect to the logarithms of the hyperparameters and has their shape.

    Examples
    --------
    >>> import numpy as np
    >>> kernel = SumKernel(np.array([[[0.0, 2.0], [2.0, 0.0]]]))
    >>> prior = weak_prior(1)
    >>> value, gradient = negative_log_posterior(prior[0], [(kernel, [np.array([1.0, -1.0])])], prior)
    >>> round(value, 3), gradient.shape
    (4.842, (3,))
    """
    mean, std = prior
    offset = (logarithms - mean) / std
    value, gradient = float(0.5 * offset @ offset), offset / std
    for kernel, tasks in models:
        covariance, chain_rule = kernel(logarithms)
        likelihood = negative_log_likelihood(covariance, tasks)
        if likelihood is None:
            return _IMPOSSIBLE, np.zeros_like(logarithms)
        value += likelihood.value
        gradient += chain_rule(likelihood.by_covariance)
    return value, gradient


def maximise_posterior(
    models: Models,
    prior: Prior,
    iterations: int,
    start: Floats | None = None,
) -> Floats:
    """Return the logarithms of the hyperparameters of highest posterior density, by steps of L-BFGS.

    By default, `start` is the mean of the prior. The bounds are a factor of e⁶ around that mean; the noise, which is
    the last hyperparameter, is at least 0.001.

    Examples
    --------
    >>> import numpy as np
    >>> kernel = SumKernel(np.array([[[0.0, 2.0], [2.0, 0.0]]]))
    >>> fitted = maximise_posterior([(kernel, [np.array([1.0, -1.0])])], weak_prior(1), iterations=20)
    >>> bool(np.exp(fitted)[1] < 3)  # the labels differ, so the lengthscale is shorter than its prior median
    True
    """
    from scipy.optimize import minimize

    bounds = [(mean - _REACH, mean + _REACH) for mean in prior[0]]
    bounds[-1] = (np.log(_SMALLEST_NOISE), bounds[-1][1])
    optimum = minimize(
        negative_log_posterior,
        prior[0] if start is None else start,
        args=(models, prior),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": iterations},
    )
    logarithms: Floats = optimum.x
    return logarithms


def fit_hyperparameters(
    distances: NDArray[np.number],
    tasks: Sequence[Floats],
    start: Hyperparameters | None = None,
    prior: Prior | None = None,
    iterations: int = 15,
) -> Hyperparameters:
    """Maximise the sum of the tasks' log marginal likelihoods plus the log prior, by steps of L-BFGS.

    The distances (n_features, n, n) are between the observed architectures; the labels (n,) of each task have mean
    zero. The search starts at the mean of the prior, by default `weak_prior`.

    Examples
    --------
    >>> import numpy as np
    >>> distances = np.abs(np.subtract.outer(range(9), range(9)))[None]
    >>> fit_hyperparameters(distances, [np.arange(9.0) - 4]).noise < 0.02  # the labels are smooth
    True
    """
    prior = weak_prior(len(distances)) if prior is None else prior
    kernel = SumKernel(distances.astype(np.float64))
    begin = None if start is None else start.logarithms
    return Hyperparameters.from_logarithms(maximise_posterior([(kernel, tasks)], prior, iterations, begin))
