"""A Gaussian process conditioned on a few points, exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from nasmeta.arrays import AnyFloats, Floats

JITTER = 1e-6
"""Added to the diagonal of a covariance, so its Cholesky factor exists."""


@dataclass(frozen=True, eq=False)
class Conditioned:
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

    factor: Floats  # (n, n): lower Cholesky factor of the covariance of the labels
    labels: Floats  # (n,) or (n, n_tasks)
    weights: Floats  # of the same shape: the inverse covariance times the labels

    @classmethod
    def on(cls, covariance: Floats, noise: Floats | float, labels: Floats) -> Conditioned:
        """Condition on labels of n points; the covariance, shape (n, n), is overwritten, and excludes the noise."""
        covariance[np.diag_indices(len(covariance))] += noise
        factor = np.tril(
            cho_factor(covariance, lower=True, overwrite_a=True, check_finite=False)[0]
        )
        return cls(factor, labels, cho_solve((factor, True), labels, check_finite=False))

    def mean(self, cross: AnyFloats) -> Floats:
        """Return the posterior mean at m points, shape (m,) or (m, n_tasks), from their covariances (m, n)."""
        mean: Floats = cross @ self.weights
        return mean

    def explained_variance(self, cross: AnyFloats) -> AnyFloats:
        """Return the prior variance minus the posterior variance of the function at m points, shape (m,)."""
        factor = self.factor.astype(cross.dtype, copy=False)
        half = solve_triangular(factor, cross.T, lower=True, check_finite=False)
        explained: AnyFloats = np.einsum("ij,ij->j", half, half)
        return explained
