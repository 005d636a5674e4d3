r"""A warped Gaussian process on several feature sets, with lengthscales from the marginal likelihood.

The covariance is a sum over feature sets of Matérn-3/2 kernels with a lengthscale for each feature
(automatic relevance determination; Rasmussen and Williams, "Gaussian Processes for Machine
Learning", 2006, section 5.1). Labels u, larger is better, are warped by :math:`z = -\log(c - u)`,
where c is a learned margin above the best label, because differences matter more near the best
label. The margin's likelihood has the Jacobian of the warp (Snelson, Rasmussen and Ghahramani,
"Warped Gaussian processes", NeurIPS 2003). An observation that is the mean of m values has noise
variance / m.

More than 6,000 observations would need gigabytes and minutes, so a random subset of 6,000 is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from nasmeta.gaussian_process import JITTER, Conditioned, negative_log_likelihood
from nasmeta.spaces import CellSpace, SearchSpace
from nasmeta.surrogates._features import classes_of, feature_sets, features_at
from nasmeta.surrogates._scores import QUANTILE

Parts: TypeAlias = "Sequence[NDArray[Any]]"
Factors: TypeAlias = "Iterable[tuple[NDArray[np.float64], NDArray[np.float64]]]"

_NUMBERS = ("noise", "best", "margin", "centre")
_BLOCK = 256  # rows of a covariance at once, which fit into the cache
_BATCH = 600  # observations of one gradient
_MOST_OBSERVED = 6_000
_MOST_CROSSED = 2_000  # architectures whose covariance with the observations is computed at once


@dataclass(frozen=True, eq=False)
class Process:
    """A fitted process of utilities u, which are values times the sign of the task."""

    space: SearchSpace
    inverse_lengthscales: tuple[NDArray[np.float32], ...]  # (n_features,) each, one per feature set
    variances: NDArray[np.float64]  # (n_sets,)
    noise: float  # variance of the noise of one value, on the warped scale
    best: float  # the warp is -log(best + margin - u)
    margin: float
    centre: float  # prior mean on the warped scale
    observed: NDArray[np.integer]  # (n,): observed classes, see `classes_of`
    weights: NDArray[np.float32]  # (n,): inverse covariance times labels
    counts: NDArray[np.int64] | None = (
        None  # (n,): the number of values averaged in each label, if known
    )

    @cached_property
    def _known(self) -> Parts:
        return features_at(self.space, self.observed)

    def _unwarped(self, warped: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.best + self.margin - np.exp(-warped), dtype=np.float64)

    def predict(self, architectures: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the posterior median of u for architectures, float64, shape (n,).

        Each kernel is computed once per distinct row of its feature set.
        """
        parts = features_at(self.space, classes_of(self.space, architectures))
        warped = np.full(len(architectures), self.centre)
        for part, known, scale, variance in zip(
            parts, self._known, self.inverse_lengthscales, self.variances, strict=True
        ):
            rows, inverse = _distinct(part)
            others, of_known = _distinct(known)
            scaled, scaled_others = (
                (rows * scale).astype(part.dtype),
                (others * scale).astype(part.dtype),
            )
            w = (variance * np.bincount(of_known, weights=self.weights)).astype(part.dtype)
            blocks = range(0, len(rows), _BLOCK)
            component = [
                _matern(scaled[start : start + _BLOCK], scaled_others) @ w for start in blocks
            ]
            warped += np.concatenate(component)[inverse]
        return self._unwarped(warped)

    @cached_property
    def _factor(self) -> NDArray[np.float64]:
        """The Cholesky factor of the covariance of the observations."""
        covariance = self._covariance(self._known)
        covariance[np.diag_indices(len(covariance))] += (
            self.noise / np.asarray(self.counts) + JITTER
        )
        return np.asarray(np.linalg.cholesky(covariance), np.float64)

    def _covariance(self, parts: Parts) -> NDArray[np.float64]:
        """Return the prior covariance of the observations and other rows, shape (n_observed, n_rows)."""
        terms = zip(self._known, parts, self.inverse_lengthscales, self.variances, strict=True)
        scaled = (
            (known * np.float64(scale), part * np.float64(scale), v)
            for known, part, scale, v in terms
        )
        return np.asarray(sum(variance * _matern(x, y) for x, y, variance in scaled))

    def intervals(self, architectures: NDArray[np.integer]) -> NDArray[np.float64] | None:
        """Return the bounds of the 90 % predictive intervals of u, shape (2, n); None without `counts`."""
        if self.counts is None:
            return None
        ends = []
        for some in np.array_split(architectures, len(architectures) // _MOST_CROSSED + 1):
            cross = self._covariance(features_at(self.space, classes_of(self.space, some)))
            half = solve_triangular(self._factor, cross, lower=True, check_finite=False)
            deviation = np.sqrt(
                self.variances.sum() + self.noise - np.einsum("ij,ij->j", half, half)
            )
            ends.append(
                self.centre + self.weights @ cross + QUANTILE * np.stack([-deviation, deviation])
            )
        return self._unwarped(np.concatenate(ends, axis=1))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of a file."""
        arrays = {
            "numbers": np.array([getattr(self, name) for name in _NUMBERS]),
            "variances": self.variances,
            "observed": self.observed,
            "weights": self.weights,
            **dict(zip(_arrays_of_sets(self.space), self.inverse_lengthscales, strict=True)),
        }
        return arrays if self.counts is None else {**arrays, "counts": self.counts}

    @classmethod
    def of_arrays(cls, space: SearchSpace, arrays: Mapping[str, NDArray[Any]]) -> Process:
        """Rebuild a process from the arrays of `to_arrays`."""
        return cls(
            space,
            inverse_lengthscales=tuple(arrays[name] for name in _arrays_of_sets(space)),
            variances=arrays["variances"],
            observed=arrays["observed"],
            weights=arrays["weights"],
            counts=arrays.get("counts"),
            **dict(zip(_NUMBERS, arrays["numbers"].tolist(), strict=True)),
        )


def _arrays_of_sets(space: SearchSpace) -> list[str]:
    """Return the names of the arrays of the feature sets; names of count features may not fit a file."""
    names = feature_sets(space)
    return [
        f"scales_{name if isinstance(space, CellSpace) else f'feature_{i}'}"
        for i, name in enumerate(names)
    ]


def _distinct(part: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distinct rows, and for each row its place among them."""
    # different for different rows
    numbers = part @ np.sqrt(np.arange(1.0, part.shape[1] + 1) * 2 + 1e-3)
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return part[first], inverse


def _matern(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return the Matérn-3/2 kernel of scaled rows, shape (n_x, n_y)."""
    a = _scaled_distances(x, y)
    decay = np.negative(a)
    np.exp(decay, out=decay)
    a += 1.0
    a *= decay
    return a


def _scaled_distances(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return the Euclidean distances between scaled rows, times the root of 3, shape (n_x, n_y)."""
    squares = x @ (-6.0 * y).T
    squares += 3.0 * np.einsum("ij,ij->i", x, x)[:, None]
    squares += 3.0 * np.einsum("ij,ij->i", y, y)
    np.maximum(squares, 0.0, out=squares)
    return np.sqrt(squares, out=squares)


class _Likelihood:
    """Minus the log marginal likelihood of warped labels per observation, and its gradient.

    Parameters
    ----------
    parts : sequence of ndarray, each of shape (n, n_features)
        The features of the observations, one array per set.
    u : ndarray of float64, shape (n,)
        Labels, larger is better.
    counts : ndarray of int, shape (n,)
        The number of values behind each label.
    """

    def __init__(self, parts: Parts, u: NDArray[np.float64], counts: NDArray[np.int64]) -> None:
        self.parts, self.u, self.counts = [part.astype(np.float64) for part in parts], u, counts
        widths = [part.shape[1] for part in parts]
        self.bounds = np.cumsum(widths)
        self.prior = np.repeat(-0.5 * np.log(widths), widths)
        self.best, self.spread = float(u.max()), float(u.std())

    def start(self) -> NDArray[np.float64]:
        """Return the initial logarithms of inverse lengthscales, variances, noise and margin, in this order.

        All methods take logarithms of this shape, (n_hyperparameters,), and the rows of some
        observations, (n_some,).
        """
        margin = 0.1 * self.spread
        variance, n_sets = self.warped(margin).var(), len(self.parts)
        others = np.log([*[variance / n_sets] * n_sets, variance / 50, margin])
        return np.concatenate([self.prior, others], dtype=np.float64)

    def warped(self, margin: float) -> NDArray[np.float64]:
        """Return warped labels, shape (n,)."""
        warped: NDArray[np.float64] = -np.log(self.best + margin - self.u)
        return warped

    def factors(self, logarithms: NDArray[np.float64], rows: NDArray[np.intp]) -> Factors:
        """Yield for each set the factors ``v exp(-a)`` and ``1 + a`` of its kernel, both of shape (n_some, n_some).

        Their product is the Matérn-3/2 kernel (Rasmussen and Williams, equation 4.17).
        """
        *scales, variances = np.split(np.exp(logarithms[:-2]), self.bounds)
        for part, scale, variance in zip(self.parts, scales, variances, strict=True):
            x = part[rows] * scale
            a = _scaled_distances(x, x)
            yield variance * np.exp(-a), 1.0 + a

    def covariance(
        self, logarithms: NDArray[np.float64], rows: NDArray[np.intp], factors: Factors
    ) -> NDArray[np.float64]:
        """Return the covariance of observations with noise, shape (n_some, n_some), from the factors of the kernels."""
        total = np.zeros((len(rows), len(rows)))
        for decay, linear in factors:
            total += linear * decay
        total[np.diag_indices(len(rows))] += np.exp(logarithms[-2]) / self.counts[rows] + JITTER
        return total

    def gradient(
        self, logarithms: NDArray[np.float64], rows: NDArray[np.intp]
    ) -> NDArray[np.float64] | None:
        """Return the gradient by the logarithms; None if the covariance is not positive definite."""
        factors = list(self.factors(logarithms, rows))
        margin = float(np.exp(logarithms[-1]))
        z = self.warped(margin)[rows]
        likelihood = negative_log_likelihood(
            self.covariance(logarithms, rows, factors), [z - z.mean()]
        )
        if likelihood is None:
            return None
        by_scales, by_variances = [], []
        for part, (decay, linear) in zip(self.parts, factors, strict=True):
            x = part[rows]
            h = likelihood.by_covariance * decay
            by_scales.append(h.sum(axis=1) @ (x * x) - np.einsum("pi,pi->i", x, h @ x))
            by_variances.append((h * linear).sum())
        by_noise = np.diag(likelihood.by_covariance) @ (np.exp(logarithms[-2]) / self.counts[rows])
        slope = -1.0 / (self.best + margin - self.u[rows])
        by_margin = margin * (likelihood.weights[0] @ (slope - slope.mean()) - slope.sum())
        gradient: NDArray[np.float64] = np.concatenate(
            [*by_scales, by_variances, [by_noise, by_margin]]
        )
        scales = slice(len(self.prior))
        # d k / d log w_i = -3 v exp(-a) w_i² (x_i - x'_i)²
        gradient[scales] *= -6.0 * np.exp(logarithms[scales]) ** 2
        gradient /= len(rows)
        # Weak priors: a factor of e^1.5 for a lengthscale, of e for the margin around a tenth of
        # the spread.
        gradient[scales] += (logarithms[scales] - self.prior) / 1.5**2 / len(self.u)
        gradient[-1] += (logarithms[-1] - np.log(0.1 * self.spread)) / len(self.u)
        return gradient


def fit_process(
    space: SearchSpace,
    observed: NDArray[np.integer],
    u: NDArray[np.float64],
    counts: NDArray[np.int64],
    rng: np.random.Generator,
    steps: int = 80,
) -> Process:
    """Learn the hyperparameters by stochastic gradients on batches, then condition on all observations.

    Adam (Kingma and Ba, ICLR 2015) on batches of 600 drawn without replacement; its gradient is
    that of the batch's marginal likelihood, as in Chen, Zheng, Al Kontar and Raskutti, "Stochastic
    gradient descent in correlated settings: a study on Gaussian processes", NeurIPS 2020. Of more
    than 6,000 observations, a random subset is used.

    Parameters
    ----------
    space : SearchSpace
    observed : ndarray of int, shape (n,)
        The observed classes, see `classes_of`.
    u : ndarray of float64, shape (n,)
        Labels, larger is better.
    counts : ndarray of int64, shape (n,)
        Each label is the mean of so many values.
    rng : numpy.random.Generator
    steps : int, default 80
    """
    if len(u) > _MOST_OBSERVED:
        kept = np.sort(rng.permutation(len(u))[:_MOST_OBSERVED])
        observed, u, counts = observed[kept], u[kept], counts[kept]
    parts = features_at(space, observed)
    # features of classes are scaled already
    units = [np.maximum(part.std(axis=0), 0.2) if space.is_large else 1.0 for part in parts]
    likelihood = _Likelihood(
        [part / unit for part, unit in zip(parts, units, strict=True)], u, counts
    )
    logarithms = likelihood.start()
    first, second = np.zeros((2, len(logarithms)))
    low = np.full(len(logarithms), -16.0)
    low[: len(likelihood.prior)] = likelihood.prior - 5
    low[-1] = np.log(1e-3 * likelihood.spread)
    for step in range(1, steps + 1):
        gradient = likelihood.gradient(logarithms, rng.permutation(len(u))[:_BATCH])
        if gradient is None:
            continue
        first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2
        rate = 0.1 if step <= 0.7 * steps else 0.03
        move = rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-10)
        logarithms = np.maximum(logarithms - move, low)
    noise, margin = np.exp(logarithms[-2:]).tolist()
    z, every = likelihood.warped(margin), np.arange(len(u))
    centre = float(z.mean())
    covariance = likelihood.covariance(logarithms, every, likelihood.factors(logarithms, every))
    weights = Conditioned.on(covariance, 0.0, z - centre).weights
    *scales, variances = np.split(np.exp(logarithms[:-2]), likelihood.bounds)
    return Process(
        space,
        tuple((scale / unit).astype(np.float32) for scale, unit in zip(scales, units, strict=True)),
        variances,
        noise,
        likelihood.best,
        margin,
        centre,
        observed,
        weights.astype(np.float32),
        counts,
    )
