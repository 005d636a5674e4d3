"""Kernels as data: which dimensions a term multiplies, and how a correlation declines with the distance in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from nasmeta.arrays import Floats, Integers

ChainRule: TypeAlias = Callable[[Floats], Floats]
"""A map from the derivative with respect to each covariance, shape (n_pairs,), to the gradient by logarithms."""


@dataclass(frozen=True)
class Matern:
    r"""A Matérn correlation of half-integer order: a polynomial times an exponential.

    .. math:: k(r) = p(s) \exp(-s), \quad s = \text{scale} \cdot r

    The distance r is in lengthscales (Rasmussen and Williams, "Gaussian Processes for Machine
    Learning", 2006, section 4.2.1).

    Examples
    --------
    >>> import numpy as np
    >>> np.exp(MATERN_52.log(np.array([0.0, 1.0]))).round(3)
    array([1.   , 0.524])
    """

    scale: float
    coefficients: tuple[float, ...]  # of the polynomial, ascending

    def log(self, r: Floats) -> Floats:
        """Return log k(r), of the shape of the distances."""
        s = self.scale * r
        if self._is_exponential:
            return -s
        logarithm: Floats = np.log(_polynomial(self.coefficients, s)) - s
        return logarithm

    def decline(self, r: Floats) -> Floats:
        """Return the derivative of log k with respect to the log lengthscale: s (1 - p'(s) / p(s))."""
        s = self.scale * r
        if self._is_exponential:
            return s
        decline: Floats = s * (
            1 - _polynomial(self._derivative, s) / _polynomial(self.coefficients, s)
        )
        return decline

    @cached_property
    def _is_exponential(self) -> bool:
        """Whether p = 1, so its logarithm and derivative are 0, which saves half of the time."""
        return self.coefficients == (1.0,)

    @cached_property
    def _derivative(self) -> list[float]:
        return [i * coefficient for i, coefficient in enumerate(self.coefficients)][1:]


def _polynomial(coefficients: Sequence[float], s: Floats) -> Floats | float:
    """Evaluate a polynomial by Horner's rule; NumPy's class takes five times as long for few distances."""
    total: Floats | float = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        total = total * s + coefficient
    return total


EXPONENTIAL = Matern(1.0, (1.0,))
"""The Matérn correlation of order 1/2, :math:`e^{-r}`."""

MATERN_52 = Matern(5**0.5, (1.0, 1.0, 1 / 3))
"""The Matérn correlation of order 5/2."""


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of a `Kernel`, and the noise.

    Examples
    --------
    >>> import numpy as np
    >>> h = Hyperparameters(np.array([0.3, 0.2]), np.array([3.0, 6.0]), noise=0.01)
    >>> h.logarithms.shape
    (5,)
    """

    variances: Floats  # (n_terms,)
    lengthscales: Floats  # (n_lengthscales,): one per dimension with a correlation
    noise: float  # variance of the noise of one observation

    @property
    def logarithms(self) -> Floats:
        """All of them as logarithms, shape (n_hyperparameters,): variances, lengthscales, noise."""
        logarithms: Floats = np.log(np.r_[self.variances, self.lengthscales, self.noise])
        return logarithms


@dataclass(frozen=True)
class Kernel:
    r"""A sum of terms; each is a product over some dimensions of the distance between two points.

    .. math:: k(d) = \sum_t v_t \prod_{i \in t} k_i(d_i / \ell_i)

    A dimension without a correlation is an unchanged factor: an inner product, or 1 for two labels
    of one task and 0 for others.

    Examples
    --------
    >>> import numpy as np
    >>> product = Kernel(terms=((0, 1),), correlations=(EXPONENTIAL, None))
    >>> distances = np.array([[0.0, 2.0, 2.0], [1.0, 1.0, 0.0]])  # three pairs of points
    >>> product.covariance(distances, Hyperparameters(np.array([0.5]), np.array([2.0]), noise=0.1)).round(3)
    array([0.5  , 0.184, 0.   ])
    """

    terms: tuple[tuple[int, ...], ...]
    correlations: tuple[Matern | None, ...]  # one per dimension

    @cached_property
    def correlated(self) -> list[int]:
        """The dimensions with a correlation, in the order of the lengthscales."""
        return [i for i, correlation in enumerate(self.correlations) if correlation is not None]

    @cached_property
    def _terms_with(self) -> list[list[int]]:
        """The terms that contain each dimension."""
        return [
            [t for t, term in enumerate(self.terms) if i in term]
            for i in range(len(self.correlations))
        ]

    def hyperparameters(self, logarithms: Floats) -> Hyperparameters:
        """Return the hyperparameters of these logarithms, shape (n_hyperparameters,)."""
        values = np.exp(logarithms)
        n_terms = len(self.terms)
        return Hyperparameters(values[:n_terms], values[n_terms:-1], float(values[-1]))

    def part(self, terms: Sequence[int]) -> Kernel:
        """Return the sum of some terms."""
        return Kernel(tuple(self.terms[t] for t in terms), self.correlations)

    def covariance(self, distances: Floats | Integers, hyperparameters: Hyperparameters) -> Floats:
        """Return the covariances of pairs of points, shape (n_pairs,), without noise.

        Distances have the shape (n_dimensions, n_pairs).
        """
        covariance: Floats = self._by_term(distances, hyperparameters).sum(axis=0)
        return covariance

    def with_gradient(
        self, distances: Floats | Integers, hyperparameters: Hyperparameters
    ) -> tuple[Floats, ChainRule]:
        """Return the covariances of pairs, shape (n_pairs,), and the gradient by logarithms of any function of them.

        The gradient has one entry per variance and per lengthscale; the noise is not part of the
        kernel.
        """
        by_term = self._by_term(distances, hyperparameters)

        def chain_rule(by_covariance: Floats) -> Floats:
            weighted = by_term * by_covariance  # (n_terms, n_pairs)
            by_lengthscale = []
            for i, lengthscale in zip(self.correlated, hyperparameters.lengthscales, strict=True):
                correlation = self.correlations[i]
                assert correlation is not None
                decline = correlation.decline(distances[i] / lengthscale)
                by_lengthscale.append(weighted[self._terms_with[i]].sum(axis=0) @ decline)
            return np.concatenate([weighted.sum(axis=1), by_lengthscale])

        return by_term.sum(axis=0), chain_rule

    def _by_term(self, distances: Floats | Integers, hyperparameters: Hyperparameters) -> Floats:
        """Return each term's part of the covariance, shape (n_terms, n_pairs)."""
        logarithms = dict[int, Floats]()  # of the correlations
        for i, lengthscale in zip(self.correlated, hyperparameters.lengthscales, strict=True):
            correlation = self.correlations[i]
            assert correlation is not None
            logarithms[i] = correlation.log(distances[i] / lengthscale)
        parts = np.empty((len(self.terms), distances.shape[1]))
        for part, term, variance in zip(parts, self.terms, hyperparameters.variances, strict=True):
            part[:] = 0
            for i in term:
                if i in logarithms:
                    part += logarithms[i]
            np.exp(part, out=part)
            part *= variance
            for i in term:
                if i not in logarithms:
                    part *= distances[i]
        return parts


def sum_of_exponentials(n_dimensions: int) -> Kernel:
    """Return a sum of exponential kernels, one per dimension.

    >>> sum_of_exponentials(2).terms
    ((0,), (1,))
    """
    return Kernel(tuple((i,) for i in range(n_dimensions)), (EXPONENTIAL,) * n_dimensions)
