r"""A warped Gaussian process on several feature sets: its predictions, intervals and file.

The covariance is a sum over feature sets of Matérn-3/2 kernels with a lengthscale for each feature
(automatic relevance determination; Rasmussen and Williams, "Gaussian Processes for Machine
Learning", 2006, section 5.1). Labels u, larger is better, are warped by :math:`z = -\log(c - u)`,
where c is a learned margin above the best label, because differences matter more near the best
label. An observation that is the mean of m values has noise variance / m.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.gaussian_process import JITTER, Factored
from nasmeta.spaces import CellSpace, SearchSpace
from nasmeta.surrogates._features import classes_of, feature_sets, features_at
from nasmeta.surrogates._scores import QUANTILE

Parts: TypeAlias = "Sequence[NDArray[Any]]"

_NUMBERS = ("noise", "best", "margin", "centre")
_BLOCK = 256  # rows of a covariance at once, which fit into the cache
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
    # (n,): the number of values averaged in each label, if known
    counts: NDArray[np.int64] | None = None

    @cached_property
    def _observed_parts(self) -> Parts:
        return features_at(self.space, self.observed)

    def _unwarped(self, warped: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self.best + self.margin - np.exp(-warped), dtype=np.float64)

    def predict(self, architectures: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the posterior median of u for architectures, float64, shape (n,)."""
        parts = features_at(self.space, classes_of(self.space, architectures))
        warped = np.full(len(architectures), self.centre)
        for part, observed, inverse_lengthscale, variance in zip(
            parts, self._observed_parts, self.inverse_lengthscales, self.variances, strict=True
        ):
            warped += self._component(part, observed, inverse_lengthscale, variance)
        return self._unwarped(warped)

    def _component(
        self,
        part: NDArray[Any],
        observed: NDArray[Any],
        inverse_lengthscale: NDArray[np.float32],
        variance: float,
    ) -> NDArray[Any]:
        """Return one feature set's part of the warped prediction, shape (n,).

        Many architectures are equal in a feature set, so its kernel is computed once per distinct row.
        """
        rows, row_of = _distinct(part)
        observed_rows, observed_row_of = _distinct(observed)
        weights = variance * np.bincount(observed_row_of, weights=self.weights)
        scaled = (rows * inverse_lengthscale).astype(part.dtype)
        scaled_observed = (observed_rows * inverse_lengthscale).astype(part.dtype)
        weights = weights.astype(part.dtype)
        components = np.empty(len(rows), part.dtype)
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            components[block] = _matern(scaled[block], scaled_observed) @ weights
        return components[row_of]

    @cached_property
    def _factored(self) -> Factored:
        """The covariance of the observations with their noise."""
        noise = self.noise / np.asarray(self.counts)
        return Factored.of(self._covariance(self._observed_parts), noise + JITTER)

    def _covariance(self, parts: Parts) -> NDArray[np.float64]:
        """Return the prior covariance of other rows and the observations, shape (n_rows, n_observed)."""
        covariance = np.zeros((len(parts[0]), len(self.observed)))
        for part, observed, inverse_lengthscale, variance in zip(
            parts, self._observed_parts, self.inverse_lengthscales, self.variances, strict=True
        ):
            scale = inverse_lengthscale.astype(np.float64)
            covariance += variance * _matern(part * scale, observed * scale)
        return covariance

    def intervals(self, architectures: NDArray[np.integer]) -> NDArray[np.float64] | None:
        """Return the bounds of the 90 % predictive intervals of u, shape (2, n); None without `counts`."""
        if self.counts is None:
            return None
        bounds = []
        prior_variance = self.variances.sum() + self.noise
        for some in np.array_split(architectures, len(architectures) // _MOST_CROSSED + 1):
            cross = self._covariance(features_at(self.space, classes_of(self.space, some)))
            mean = self.centre + cross @ self.weights
            deviation = np.sqrt(prior_variance - self._factored.explained_variance(cross))
            bounds.append(mean + QUANTILE * np.stack([-deviation, deviation]))
        return self._unwarped(np.concatenate(bounds, axis=1))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of a file."""
        arrays = {
            "numbers": np.array([getattr(self, name) for name in _NUMBERS]),
            "variances": self.variances,
            "observed": self.observed,
            "weights": self.weights,
        }
        arrays.update(zip(_arrays_of_sets(self.space), self.inverse_lengthscales, strict=True))
        if self.counts is not None:
            arrays["counts"] = self.counts
        return arrays

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
    """Return the names of the arrays of the feature sets."""
    sets = feature_sets(space)
    if isinstance(space, CellSpace):
        return [f"scales_{name}" for name in sets]
    # Names of count features may not fit a file.
    return [f"scales_feature_{number}" for number in range(len(sets))]


def _distinct(part: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the distinct rows, and for each row its place among them."""
    # Roots of different numbers are linearly independent over the rationals, nearly so with the
    # small shift: different rows have different products, which are faster to sort than rows.
    roots = np.sqrt(np.arange(1.0, part.shape[1] + 1) * 2 + 1e-3)
    _, first, place_of = np.unique(part @ roots, return_index=True, return_inverse=True)
    return part[first], place_of


def _matern(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return the Matérn-3/2 kernel (1 + a) exp(-a) of scaled rows, shape (n_x, n_y)."""
    distances = scaled_distances(x, y)
    decay = np.negative(distances)
    np.exp(decay, out=decay)
    distances += 1.0
    distances *= decay
    return distances


def scaled_distances(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return the Euclidean distances between scaled rows, times the root of 3, shape (n_x, n_y)."""
    # |x - y|² = |x|² + |y|² - 2 xᵀy
    squares = x @ (-6.0 * y).T
    squares += 3.0 * np.einsum("ij,ij->i", x, x)[:, None]
    squares += 3.0 * np.einsum("ij,ij->i", y, y)
    np.maximum(squares, 0.0, out=squares)  # rounding may make them negative
    return np.sqrt(squares, out=squares)
