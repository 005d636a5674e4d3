"""A Gaussian process conditioned on a few points, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from nasmeta.arrays import AnyFloats, Floats

JITTER = 1e-6
"""Added to the diagonal of a covariance, so its Cholesky factor exists."""


@dataclass(frozen=True, eq=False)
class Factored:
    """The covariance of n labels, as its Cholesky factor L.

    Examples
    --------
    >>> import numpy as np
    >>> factored = Factored.of(np.eye(2), noise=1.0)
    >>> factored.explained_variance(np.array([[1.0, 0.5]]))
    array([0.625])
    """

    factor: Floats  # (n, n): L, lower triangular

    @classmethod
    def of(cls, covariance: Floats, noise: Floats | float) -> Factored:
        """Factorise the covariance of n points, shape (n, n), which is overwritten, plus the noise of their labels."""
        return cls(_cholesky(covariance, noise))

    def whitened(self, cross: AnyFloats) -> AnyFloats:
        """Return L⁻¹ Kᵀ, shape (n, m), from the covariances K (m, n) of m points with the labels."""
        factor = self.factor.astype(cross.dtype, copy=False)
        whitened: AnyFloats = solve_triangular(factor, cross.T, lower=True, check_finite=False)
        return whitened

    def explained_variance(self, cross: AnyFloats) -> AnyFloats:
        """Return the prior variance minus the posterior variance of the function at m points, shape (m,)."""
        whitened = self.whitened(cross)
        explained: AnyFloats = np.einsum("ij,ij->j", whitened, whitened)
        return explained


@dataclass(frozen=True, eq=False)
class Conditioned(Factored):
    """A process with prior mean zero, conditioned on labels.

    Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, algorithm 2.1.

    Examples
    --------
    >>> import numpy as np
    >>> process = Conditioned.on(np.eye(2), noise=1.0, labels=np.array([2.0, 4.0]))
    >>> process.weights
    array([1., 2.])
    >>> process.mean(np.array([[1.0, 0.5]])), process.explained_variance(np.array([[1.0, 0.5]]))
    (array([2.]), array([0.625]))
    """

    labels: Floats  # (n,) or (n, n_tasks)
    weights: Floats  # of the same shape: the inverse covariance times the labels

    @classmethod
    def on(cls, covariance: Floats, noise: Floats | float, labels: Floats) -> Conditioned:
        """Condition on labels of n points; the covariance, shape (n, n), is overwritten, and excludes the noise."""
        factor = _cholesky(covariance, noise)
        weights = cho_solve((factor, True), labels, check_finite=False)
        return cls(factor=factor, labels=labels, weights=weights)

    def mean(self, cross: AnyFloats) -> Floats:
        """Return the posterior mean at m points, shape (m,) or (m, n_tasks), from their covariances (m, n)."""
        mean: Floats = cross @ self.weights
        return mean


def _cholesky(covariance: Floats, noise: Floats | float) -> Floats:
    """Return the lower Cholesky factor of a covariance with noise, shape (n, n); the argument is overwritten."""
    covariance[np.diag_indices(len(covariance))] += noise
    factor, _ = cho_factor(covariance, lower=True, overwrite_a=True, check_finite=False)
    return np.tril(factor)
