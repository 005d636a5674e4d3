"""Posteriors of exact Gaussian processes over all architectures of a space, extended one observation at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.linalg import blas, solve_triangular

from nasmeta.arrays import AnyFloats, Floats, Floats32, Integers
from nasmeta.gaussian_process._exact import JITTER
from nasmeta.gaussian_process._fit import Objective, Prior, fit
from nasmeta.gaussian_process._inputs import Inputs
from nasmeta.gaussian_process._kernels import Hyperparameters
from nasmeta.gaussian_process._spaces import Model

_LARGEST_BLOCK = 2**22  # covariances computed at once
_FIRST_ROOM = 256  # observations, in memory that is taken as rows are written; doubled if necessary


class FunctionPrior(Protocol):
    """A Gaussian prior over functions of the architectures of a space.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.gaussian_process import FunctionPrior, GridPosterior, Hyperparameters, KernelPrior, count_model
    >>> from nasmeta.spaces import get_space
    >>> hyperparameters = Hyperparameters(np.ones(1), np.ones(1), noise=0.1)
    >>> prior: FunctionPrior = KernelPrior(count_model(get_space("nb201"), ["edges"]), hyperparameters)
    >>> mean, deviation = GridPosterior(prior).posterior(np.empty(0))
    >>> mean[:2], deviation[:2]
    (array([0., 0.]), array([1., 1.]))
    """

    @property
    def noise(self) -> float:
        """Variance of the noise of one observation."""

    @property
    def variance(self) -> AnyFloats:
        """Prior variance of the function at each architecture, shape (size,)."""

    def row(self, architecture: int) -> Floats32:
        """Return the prior covariances of one architecture and all, shape (size,)."""


@dataclass(frozen=True, eq=False)
class KernelPrior:
    """The prior of a kernel.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.gaussian_process import Hyperparameters, count_model
    >>> from nasmeta.spaces import get_space
    >>> model = count_model(get_space("nb201"), ["edges"])
    >>> KernelPrior(model, Hyperparameters(np.ones(1), np.full(1, 3.0), 0.01)).row(0)[0].item()
    1.0
    """

    model: Model
    hyperparameters: Hyperparameters
    codes: dict[int, Integers] = field(default_factory=dict)  # of the architectures with a row

    @property
    def noise(self) -> float:
        """Variance of the noise of one observation."""
        return self.hyperparameters.noise

    @property
    def _inputs(self) -> Inputs:
        return self.model.inputs

    @cached_property
    def _linear(self) -> dict[int, int]:
        """The dimension of each linear term."""
        terms = enumerate(self.model.kernel.terms)
        return {t: term[0] for t, term in terms if not set(term) <= set(self._inputs.whole)}

    @cached_property
    def _smooth(self) -> list[int]:
        """The other terms, whose distances are whole numbers."""
        return [t for t in range(len(self.model.kernel.terms)) if t not in self._linear]

    @cached_property
    def variance(self) -> Floats:
        """Prior variance of the function at each architecture, shape (size,)."""
        variances = self.hyperparameters.variances
        total = np.full(len(self._inputs.dimensions[0].class_of), variances[self._smooth].sum())
        for term, dimension in self._linear.items():
            values = self._inputs.dimensions[dimension].values
            total += variances[term] * np.einsum("ij,ij->j", values, values)
        return total

    @cached_property
    def _table(self) -> Floats32:
        """Covariance by code, shape (n_codes,), without linear terms."""
        return self._smooth_covariance(self._inputs.combinations())

    def _smooth_covariance(self, distances: Floats | Integers) -> Floats32:
        h = replace(self.hyperparameters, variances=self.hyperparameters.variances[self._smooth])
        return self.model.kernel.part(self._smooth).covariance(distances, h).astype(np.float32)

    def row(self, architecture: int) -> Floats32:
        """Return the prior covariances of one architecture and all, shape (size,)."""
        if self._inputs.has_codes:
            if architecture not in self.codes:
                self.codes[architecture] = self._inputs.codes_from(architecture)
            row = self._table.take(self.codes[architecture])
        else:
            row = self._smooth_covariance(self._inputs.from_one(architecture))
        for term, dimension in self._linear.items():
            slopes = np.float32(self.hyperparameters.variances[term])
            row += slopes * self._inputs.dimensions[dimension].from_one(architecture)
        return row

    def covariance(self, architectures: Integers, others: Integers) -> Floats32:
        """Return the prior covariances of some architectures and others, shape (n, n_others)."""
        if self._inputs.has_codes and not self._linear:
            return self._table.take(self._inputs.codes_between(architectures, others))
        covariance = np.empty((len(architectures), len(others)), np.float32)
        for row, architecture in zip(covariance, architectures.tolist(), strict=True):
            row[:] = self.row(architecture)[others]
        return covariance

    def combined(self, architectures: Integers, weights: Floats) -> Floats:
        """Return the weighted sum of the covariances of all architectures with some, shape (size,) or (size, n_tasks).

        The weights have the shape (n,) or (n, n_tasks).
        """
        everything = np.arange(len(self.variance))
        total = np.zeros((len(everything), *weights.shape[1:]))
        n_rows = max(1, _LARGEST_BLOCK // len(everything))
        for first in range(0, len(architectures), n_rows):
            block = slice(first, first + n_rows)
            total += self.covariance(architectures[block], everything).T @ weights[block]
        return total


class GridPosterior:
    """Posterior of an exact Gaussian process, kept for every architecture of a space.

    L is the Cholesky factor of the covariance of the n observed architectures. It keeps V = L⁻¹
    K(observed, all) and adds one row per observation, so a step costs O(n * size) and nothing is
    approximated. Mean and variance follow Rasmussen and Williams, "Gaussian Processes for Machine
    Learning", 2006, algorithm 2.1.

    Parameters
    ----------
    prior : FunctionPrior
    mean : ndarray, shape (size,), optional
        Prior mean, by default zero.

    Examples
    --------
    >>> import numpy as np
    >>> class Independent:
    ...     noise, variance = 0.25, np.ones(3)
    ...     def row(self, architecture):
    ...         return np.eye(3, dtype=np.float32)[architecture]
    >>> process = GridPosterior(Independent())
    >>> process.add(1)
    >>> mean, deviation = process.posterior(np.array([5.0]))
    >>> mean.round(2), (deviation**2).round(2)
    (array([0., 4., 0.]), array([1. , 0.2, 1. ]))
    """

    def __init__(self, prior: FunctionPrior, mean: AnyFloats | None = None) -> None:
        self._prior = prior
        self.mean = mean
        self.architectures: list[int] = []
        self._variance = prior.variance.astype(np.float32)
        self._rows = np.empty((_FIRST_ROOM, len(self._variance)), dtype=np.float32)  # V
        self._factor = np.zeros((_FIRST_ROOM, _FIRST_ROOM))  # L

    def __len__(self) -> int:
        return len(self.architectures)

    def _reserve(self, n: int) -> None:
        """Provide memory for n observations."""
        room = len(self._rows)
        if n > room:
            more = max(n, 2 * room) - room
            self._rows = np.concatenate(
                [self._rows, np.empty((more, self._rows.shape[1]), np.float32)]
            )
            self._factor = np.pad(self._factor, (0, more))

    def add(self, architecture: int) -> None:
        """Observe one more architecture; `posterior` takes its label."""
        n = len(self.architectures)
        self._reserve(n + 1)
        left = self._rows[:n, architecture]
        label_variance = float(self._prior.variance[architecture]) + self._prior.noise + JITTER
        pivot = np.sqrt(max(label_variance - float(left @ left), JITTER))
        row = self._prior.row(architecture) - left @ self._rows[:n]
        row /= np.float32(pivot)
        self._rows[n] = row
        self._factor[n, :n] = left
        self._factor[n, n] = pivot
        self.architectures.append(architecture)
        self._variance -= row * row

    def extend(self, architectures: Sequence[int]) -> None:
        """Observe several architectures at once."""
        self._reserve(len(self.architectures) + len(architectures))
        self.architectures += architectures
        self.recompute(self._prior)

    def forget_last(self, n: int) -> None:
        """Remove the last `n` observations."""
        for _ in range(n):
            self.architectures.pop()
            row = self._rows[len(self.architectures)]
            self._variance += row * row

    def recompute(self, prior: FunctionPrior) -> None:
        """Compute the posterior of the same observations under a prior."""
        self._prior = prior
        n = len(self.architectures)
        rows = self._rows[:n]
        for row, architecture in zip(rows, self.architectures, strict=True):
            row[:] = prior.row(architecture)
        covariance = rows[:, self.architectures].astype(np.float64)
        covariance[np.diag_indices(n)] += prior.noise + JITTER
        factor = np.linalg.cholesky(covariance)
        self._factor[:n, :n] = factor
        # rowsᵀ ← rowsᵀ L⁻ᵀ in place: the transpose has Fortran's order, so nothing is copied.
        blas.strsm(
            1.0, factor.astype(np.float32), rows.T, side=1, lower=1, trans_a=1, overwrite_b=1
        )
        self._variance = prior.variance.astype(np.float32) - np.einsum("ij,ij->j", rows, rows)

    @property
    def factor(self) -> Floats:
        """Lower Cholesky factor of the covariance of the observations, shape (n, n)."""
        return self._factor[: len(self.architectures), : len(self.architectures)]

    def posterior(self, labels: Floats) -> tuple[Floats, Floats]:
        """Return posterior mean and deviation of every architecture, both float64, shape (size,).

        The deviation describes the function, without noise. Labels, shape (n,), are in the order of
        the observations.
        """
        n = len(self.architectures)
        residual = labels if self.mean is None else labels - self.mean[self.architectures]
        weights = solve_triangular(self.factor, residual, lower=True, check_finite=False)
        mean = (weights.astype(np.float32) @ self._rows[:n]).astype(np.float64)
        if self.mean is not None:
            mean += self.mean
        return mean, np.sqrt(np.maximum(self._variance, 1e-12)).astype(np.float64)


class GaussianProcess(GridPosterior):
    """The posterior under a model of the space, with hyperparameters that can be fitted.

    Parameters
    ----------
    model : Model
        For example `count_model` of a space.
    hyperparameters : Hyperparameters, optional
        By default the medians of the model's prior; only `fit` changes them.
    mean : ndarray, shape (size,), optional
        Prior mean, by default zero.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.gaussian_process import count_model
    >>> from nasmeta.spaces import get_space
    >>> process = GaussianProcess(count_model(get_space("nb201")))
    >>> for architecture in (0, 1, 2):
    ...     process.add(architecture)
    >>> mean, deviation = process.posterior(np.array([-1.0, 0.0, 1.0]))
    >>> mean.shape, bool(deviation[0] < deviation[3])
    ((15625,), True)
    """

    _prior: KernelPrior

    def __init__(
        self,
        model: Model,
        hyperparameters: Hyperparameters | None = None,
        mean: AnyFloats | None = None,
    ) -> None:
        if hyperparameters is None:
            hyperparameters = model.kernel.hyperparameters(model.prior.mean)
        super().__init__(KernelPrior(model, hyperparameters), mean)
        self.model = model

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The kernel's hyperparameters, and the noise."""
        return self._prior.hyperparameters

    def set_hyperparameters(self, hyperparameters: Hyperparameters) -> None:
        """Recompute the posterior with other hyperparameters."""
        self.recompute(KernelPrior(self.model, hyperparameters, self._prior.codes))

    def fit(self, labels: Floats, prior: Prior | None = None) -> None:
        """Maximise the posterior density of the hyperparameters from the current ones, and update the posterior.

        Labels have the shape (n,), in the order of the observations, and prior mean zero. By
        default, the model's prior is used.
        """
        pairs = self.model.inputs.among(self.architectures)
        if prior is None:
            prior = self.model.prior
        objective = Objective(self.model.kernel, pairs, [labels], prior)
        self.set_hyperparameters(fit(objective, self.hyperparameters))

    def log_evidence(self, labels: Floats) -> float:
        """Return the log marginal likelihood plus the log prior density of the hyperparameters relative to its maximum.

        The summand n / 2 log 2π of the likelihood is left out. Labels have the shape (n,).
        """
        weights = solve_triangular(self.factor, labels, lower=True, check_finite=False)
        offset = (self.hyperparameters.logarithms - self.model.prior.mean) / self.model.prior.std
        return float(
            -0.5 * (weights @ weights + offset @ offset) - np.log(np.diag(self.factor)).sum()
        )
