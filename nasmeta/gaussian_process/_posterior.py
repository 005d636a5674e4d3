"""Posteriors of exact Gaussian processes over all architectures of a space, extended one observation at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, cho_factor, cho_solve, solve_triangular

from nasmeta.arrays import AnyFloats, Array, Floats, Floats32, Integers
from nasmeta.gaussian_process._kernel import CellKernel, Hyperparameters, Prior, SumKernel
from nasmeta.gaussian_process._likelihood import maximise_posterior

JITTER = 1e-6
"""Added to the diagonal of a covariance, so its Cholesky factor exists."""

_SLOPES = 0.5  # variance of a linear part, a priori
_FIRST_ROOM = 256  # observations, in memory that is taken as rows are written; doubled if necessary


def posterior_weights(covariance: Floats, noise: float, labels: Floats) -> Floats:
    """Return (K + noise I)⁻¹ labels; overwrite the covariance K. Labels (n,) or (n, n_tasks) have prior mean zero.

    Examples
    --------
    >>> import numpy as np
    >>> posterior_weights(np.eye(2), 1.0, np.array([2.0, 4.0]))
    array([1., 2.])
    """
    covariance[np.diag_indices(len(covariance))] += noise
    factor = cho_factor(covariance, lower=True, overwrite_a=True, check_finite=False)
    weights: Floats = cho_solve(factor, labels, check_finite=False)
    return weights


def _with_room(rows: Array, n: int) -> Array:
    """Return an array with at least n + 1 rows that starts with the given rows, shape (n_rows, n_columns)."""
    return rows if n < len(rows) else np.concatenate([rows, np.empty_like(rows)])


class ExactPosterior(ABC):
    """Posterior of an exact Gaussian process, kept for every architecture of a space.

    L is the Cholesky factor of the covariance of the n observed architectures. It keeps V = L⁻¹ K(observed, all) and
    adds one row per observation, so a step costs O(n * n_architectures) and nothing is approximated. Mean and variance
    are those of Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, algorithm 2.1.

    Parameters
    ----------
    variance : ndarray of float32, shape (n_architectures,)
        Prior variance of the function; overwritten.
    mean : ndarray, shape (n_architectures,), optional
        Prior mean, by default zero.

    Examples
    --------
    >>> import numpy as np
    >>> class Independent(ExactPosterior):
    ...     def _prior_covariance(self, architecture):
    ...         return np.eye(3, dtype=np.float32)[architecture]
    ...     def _label_variance(self, architecture, left, row):
    ...         return 1.25  # the prior variance and a noise of 0.25
    >>> process = Independent(np.ones(3, dtype=np.float32))
    >>> process.add(1)
    >>> mean, deviation = process.posterior(np.array([5.0]))
    >>> mean.round(2), (deviation**2).round(2)
    (array([0., 4., 0.]), array([1. , 0.2, 1. ]))
    """

    def __init__(self, variance: Floats32, mean: AnyFloats | None = None) -> None:
        self.mean = mean
        self.architectures: list[int] = []
        self._variance = variance
        self._rows = np.empty((_FIRST_ROOM, len(variance)), dtype=np.float32)
        self._factor = np.zeros((_FIRST_ROOM, _FIRST_ROOM))

    @abstractmethod
    def _prior_covariance(self, architecture: int) -> Floats32:
        """Return the prior covariances of the next observed architecture with all, shape (n_architectures,)."""

    @abstractmethod
    def _label_variance(self, architecture: int, left: Floats32, row: Floats32) -> float:
        """Return a label's variance given the earlier ones, from L⁻¹ k(observed, architecture) and covariances."""

    def __len__(self) -> int:
        return len(self.architectures)

    def add(self, architecture: int) -> None:
        """Observe one more architecture; `posterior` takes its label."""
        n = len(self.architectures)
        self._rows = _with_room(self._rows, n)
        if n == len(self._factor):
            self._factor = np.pad(self._factor, (0, n))
        left = self._rows[:n, architecture]
        row = self._prior_covariance(architecture) - left @ self._rows[:n]
        pivot = np.sqrt(self._label_variance(architecture, left, row))
        row /= np.float32(pivot)
        self._rows[n] = row
        self._factor[n, :n] = left
        self._factor[n, n] = pivot
        self.architectures.append(architecture)
        self._variance -= row * row

    def forget_last(self, n: int) -> None:
        """Remove the last `n` observations."""
        for _ in range(n):
            self.architectures.pop()
            row = self._rows[len(self.architectures)]
            self._variance += row * row

    @property
    def factor(self) -> Floats:
        """Lower Cholesky factor of the covariance of the observations, shape (n, n)."""
        return self._factor[: len(self.architectures), : len(self.architectures)]

    def posterior(self, labels: Floats) -> tuple[Floats, Floats]:
        """Return posterior mean and deviation of every architecture, both float64, shape (n_architectures,).

        The deviation is that of the function, without noise. Labels, shape (n,), are in the order of the observations.
        """
        n = len(self.architectures)
        residual = labels if self.mean is None else labels - self.mean[self.architectures]
        weights = solve_triangular(self.factor, residual, lower=True, check_finite=False)
        mean = (weights.astype(np.float32) @ self._rows[:n]).astype(np.float64)
        if self.mean is not None:
            mean += self.mean
        return mean, np.sqrt(np.maximum(self._variance, 1e-12)).astype(np.float64)


class CellGP(ExactPosterior):
    """Exact Gaussian process that keeps the posterior of every architecture of a space.

    One more observation costs O(n * size). Hyperparameters stay as they are until `fit`.

    Parameters
    ----------
    kernel : CellKernel
    hyperparameters : Hyperparameters
    mean : ndarray, shape (size,), optional
        Prior mean, by default zero.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.spaces import get_space
    >>> kernel = CellKernel(get_space("nb201"))
    >>> gp = CellGP(kernel, Hyperparameters.from_logarithms(kernel.prior()[0]))
    >>> for architecture in (0, 1, 2):
    ...     gp.add(architecture)
    >>> mean, deviation = gp.posterior(np.array([-1.0, 0.0, 1.0]))
    >>> mean.shape, bool(deviation[0] < deviation[3])
    ((15625,), True)
    """

    def __init__(self, kernel: CellKernel, hyperparameters: Hyperparameters, mean: AnyFloats | None = None) -> None:
        n_architectures = kernel.space.size
        super().__init__(np.full(n_architectures, hyperparameters.prior_variance, dtype=np.float32), mean)
        self.kernel = kernel
        self.hyperparameters = hyperparameters
        self._codes = np.empty((_FIRST_ROOM, n_architectures), dtype=kernel.code_type)

    def _prior_covariance(self, architecture: int) -> Floats32:
        """Keep the codes of the architecture's pairs, and return its covariances with all, shape (size,)."""
        n = len(self.architectures)
        self._codes = _with_room(self._codes, n)
        self._codes[n] = self.kernel.codes(architecture)
        return self.kernel.covariance(self._codes[n], self.hyperparameters)

    def extend(self, architectures: list[int]) -> None:
        """Observe several architectures at once."""
        n = len(self.architectures) + len(architectures)
        self._codes, self._rows = (np.empty((max(n, len(a)), a.shape[1]), a.dtype) for a in (self._codes, self._rows))
        self._factor = np.zeros((len(self._rows), len(self._rows)))
        self.architectures += architectures
        every = np.arange(self.kernel.space.size)
        self._codes[:n] = self.kernel.codes_between(np.array(self.architectures), every)
        self.set_hyperparameters(self.hyperparameters)

    def adopt(self, other: CellGP) -> None:
        """Copy the hyperparameters of another process of this kind, before the first observation."""
        self.hyperparameters = other.hyperparameters

    def _label_variance(self, architecture: int, left: Floats32, row: Floats32) -> float:
        prior = self._prior_variance_of(architecture) + self.hyperparameters.noise + JITTER
        return max(prior - float(left @ left), JITTER)

    def _prior_variance_of(self, architecture: int) -> float:
        return self.hyperparameters.prior_variance

    @property
    def _observed_codes(self) -> NDArray[np.unsignedinteger]:
        """The kernel's codes of all pairs of observed architectures, shape (n, n)."""
        return self._codes[: len(self.architectures), self.architectures]

    def fit(self, labels: Floats, prior: Prior, iterations: int = 15) -> None:
        """Maximise the posterior density of the hyperparameters from the current ones, and update the posterior.

        Labels have the shape (n,), in the order of the observations.
        """
        own = self.hyperparameters
        among = self.kernel.among(self._observed_codes)
        fitted = maximise_posterior([(among, [labels])], prior, iterations, own.logarithms)
        self.set_hyperparameters(Hyperparameters.from_logarithms(fitted, len(own.variances)))

    def log_evidence(self, labels: Floats, prior: Prior) -> float:
        """Return the log marginal likelihood plus the log prior density of the hyperparameters relative to its maximum.

        The summand n / 2 log 2π of the likelihood is left out. Labels have the shape (n,); mean and deviation of the
        prior have the shape (n_hyperparameters,).
        """
        weights = solve_triangular(self.factor, labels, lower=True, check_finite=False)
        offset = (self.hyperparameters.logarithms - prior[0]) / prior[1]
        return float(-0.5 * (weights @ weights + offset @ offset) - np.log(np.diag(self.factor)).sum())

    def observed_distances(self) -> Integers:
        """Return the distances between the observed architectures, shape (n_features, n, n)."""
        return self.kernel.distances(self._observed_codes)

    def observed_covariance(self) -> Floats32:
        """Return the prior covariances between the observed architectures, without noise, float32, shape (n, n)."""
        return self.kernel.covariance(self._observed_codes, self.hyperparameters)

    def _fill(self, rows: Floats32) -> None:
        """Write the prior covariances of the observed architectures with all into rows, shape (n, n_architectures)."""
        self.kernel.fill(rows, self._codes[: len(rows)], self.hyperparameters)

    def _prior_variances(self) -> Floats32 | float:
        """Return the function's prior variance for each architecture, shape (n_architectures,), or one for all."""
        return self.hyperparameters.prior_variance

    def set_hyperparameters(self, hyperparameters: Hyperparameters) -> None:
        """Recompute the posterior with other hyperparameters."""
        self.hyperparameters = hyperparameters
        n = len(self.architectures)
        rows = self._rows[:n]
        self._fill(rows)
        covariance = rows[:, self.architectures].astype(np.float64)
        covariance[np.diag_indices(n)] += hyperparameters.noise + JITTER
        factor = np.linalg.cholesky(covariance)
        self._factor[:n, :n] = factor
        # rowsᵀ ← rowsᵀ L⁻ᵀ in place: the transpose has Fortran's order, so nothing is copied.
        blas.strsm(1.0, factor.astype(np.float32), rows.T, side=1, lower=1, trans_a=1, overwrite_b=1)
        self._variance = self._prior_variances() - np.einsum("ij,ij->j", rows, rows)


class TrendGP(CellGP):
    r"""A `CellGP` with a linear part, which extrapolates beyond the observations.

    Exponential kernels return to the prior mean far from all observations, but a latency grows with each operation. The
    covariance of the linear part is :math:`s \, \phi(x)^T \phi(x')` (Rasmussen and Williams, "Gaussian Processes for
    Machine Learning", 2006, section 2.7), with :math:`\phi` the standardised count features of the kernel. Each feature
    has the same share, and all of them have a squared length of 1 on average.

    The hyperparameters describe the exponential parts and the noise; `slopes` is the variance s.

    >>> import numpy as np
    >>> from nasmeta.spaces import get_space
    >>> gp = TrendGP(CellKernel(get_space("nb201")), Hyperparameters(np.full(3, 1e-3), np.ones(3), 1e-3), slopes=1.0)
    >>> conv = gp.kernel.space.feature("operations").counts[:, 2]  # fewer are faster
    >>> known = np.flatnonzero(conv > 2)[:40]
    >>> for architecture in known.tolist():
    ...     gp.add(architecture)
    >>> mean, _ = gp.posterior(-conv[known].astype(float))
    >>> bool(mean[conv == 0].mean() > mean[known].max())
    True
    """

    def __init__(self, kernel: CellKernel, hyperparameters: Hyperparameters, slopes: float = _SLOPES) -> None:
        super().__init__(kernel, hyperparameters)
        self.slopes = slopes
        self._inputs = _standardised(kernel)
        self._lengths = np.einsum("ij,ij->i", self._inputs, self._inputs)
        self._variance = self._prior_variances()

    def fit(self, labels: Floats, prior: Prior, iterations: int = 15) -> None:
        """Maximise the posterior density of all hyperparameters from the current ones, and update the posterior.

        `prior` is for the hyperparameters; the prior of `slopes` is 0.5, within a factor of e. Labels have the shape
        (n,), in the order of the observations.
        """
        inputs = self._inputs[self.architectures].astype(np.float64)
        kernel = SumKernel(self.observed_distances().astype(np.float64), (inputs @ inputs.T)[None])
        mean, std = prior
        start = np.r_[np.log(self.slopes), self.hyperparameters.logarithms]
        of_all = np.r_[np.log(_SLOPES), mean], np.r_[1.0, std]
        fitted = maximise_posterior([(kernel, [labels])], of_all, iterations, start)
        self.slopes = float(np.exp(fitted[0]))
        self.set_hyperparameters(Hyperparameters.from_logarithms(fitted[1:]))

    def adopt(self, other: CellGP) -> None:
        """Copy the hyperparameters and the variance of the linear part, before the first observation."""
        self.slopes = other.slopes  # type: ignore[attr-defined]
        super().adopt(other)

    def _prior_variances(self) -> Floats32:
        return np.asarray(self.hyperparameters.prior_variance + self.slopes * self._lengths, np.float32)

    def _prior_covariance(self, architecture: int) -> Floats32:
        linear: Floats32 = np.float32(self.slopes) * (self._inputs @ self._inputs[architecture])
        return super()._prior_covariance(architecture) + linear

    def _prior_variance_of(self, architecture: int) -> float:
        return self.hyperparameters.prior_variance + self.slopes * float(self._lengths[architecture])

    def observed_covariance(self) -> Floats32:
        return super().observed_covariance() + self._linear(self.architectures)

    def _fill(self, rows: Floats32) -> None:
        super()._fill(rows)
        rows += self._linear(slice(None))

    def _linear(self, architectures: list[int] | slice) -> Floats32:
        """Return the covariances of the linear parts of the observed architectures and some, shape (n, n_some)."""
        return np.float32(self.slopes) * (self._inputs[self.architectures] @ self._inputs[architectures].T)


def _standardised(kernel: CellKernel) -> Floats32:
    """Return standardised counts, shape (n_architectures, n_counts); rows have a mean squared length of 1."""
    parts = []
    for feature in kernel.features:
        counts = kernel.space.feature(feature).counts.astype(np.float64)
        varied = counts[:, np.ptp(counts, axis=0) > 0]
        if varied.shape[1]:
            parts.append((varied - varied.mean(axis=0)) / (varied.std(axis=0) * np.sqrt(varied.shape[1])))
    if not parts:
        return np.zeros((kernel.space.size, 1), np.float32)
    inputs: Floats32 = (np.hstack(parts) / np.sqrt(len(parts))).astype(np.float32)
    return inputs
