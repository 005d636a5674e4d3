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
from typing import TypeAlias

import numpy as np

from nasmeta.arrays import Architectures, Array, Floats, Floats32, Integers
from nasmeta.gaussian_process import JITTER, Factored
from nasmeta.spaces import CellSpace, SearchSpace
from nasmeta.surrogates._features import classes_of, feature_sets, features_at
from nasmeta.surrogates._scores import QUANTILE

Parts: TypeAlias = "Sequence[Array]"

_NUMBERS = ("noise", "best", "margin", "centre")
_BLOCK = 256  # rows of a covariance at once, which fit into the cache
_MOST_CROSSED = 2_000  # architectures whose covariance with the observations is computed at once


@dataclass(frozen=True, eq=False)
class Process:
    """A fitted process of utilities u, which are values times the sign of the task."""

    space: SearchSpace
    inverse_lengthscales: tuple[Floats32, ...]  # (n_features,) each, one per feature set
    variances: Floats  # (n_sets,)
    noise: float  # variance of the noise of one value, on the warped scale
    best: float  # the warp is -log(best + margin - u)
    margin: float
    centre: float  # prior mean on the warped scale
    observed: Integers  # (n,): observed classes, see `classes_of`
    weights: Floats32  # (n,): inverse covariance times labels
    # (n,): the number of values averaged in each label, if known
    counts: Integers | None = None

    @cached_property
    def _observed_parts(self) -> Parts:
        return features_at(self.space, self.observed)

    def _unwarped(self, warped: Floats) -> Floats:
        return np.asarray(self.best + self.margin - np.exp(-warped), dtype=np.float64)

    def predict(self, architectures: Architectures) -> Floats:
        """Return the posterior median of u for architectures, float64, shape (n,)."""
        parts = features_at(self.space, classes_of(self.space, architectures))
        warped = np.full(len(architectures), self.centre)
        for number, part in enumerate(parts):
            warped += self._component(number, part)
        return self._unwarped(warped)

    def _component(self, number: int, part: Array) -> Array:
        """Return the summand of a feature set in the warped prediction, shape (n,), from its features.

        Many architectures are equal in a feature set, so its kernel is computed once per distinct row.
        """
        rows, row_of = _distinct(part)
        observed_rows, observed_row_of = _distinct(self._observed_parts[number])
        scales = self.inverse_lengthscales[number]
        scaled = (rows * scales).astype(part.dtype)
        scaled_observed = (observed_rows * scales).astype(part.dtype)
        weights = self.variances[number] * np.bincount(observed_row_of, weights=self.weights)
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

    def _covariance(self, parts: Parts) -> Floats:
        """Return the prior covariance of other rows and the observations, shape (n_rows, n_observed)."""
        covariance = np.zeros((len(parts[0]), len(self.observed)))
        for number, part in enumerate(parts):
            scales = self.inverse_lengthscales[number].astype(np.float64)
            observed = self._observed_parts[number]
            covariance += self.variances[number] * _matern(part * scales, observed * scales)
        return covariance

    def intervals(self, architectures: Architectures) -> Floats | None:
        """Return the bounds of the 90 % predictive intervals of u, shape (2, n); None without `counts`."""
        if self.counts is None:
            return None
        bounds = []
        prior_variance = self.variances.sum() + self.noise
        n_batches = len(architectures) // _MOST_CROSSED + 1
        for batch in np.array_split(architectures, n_batches):
            parts = features_at(self.space, classes_of(self.space, batch))
            cross = self._covariance(parts)  # (n_batch, n_observed)
            mean = self.centre + cross @ self.weights
            deviation = np.sqrt(prior_variance - self._factored.explained_variance(cross))
            bounds.append(mean + QUANTILE * np.stack([-deviation, deviation]))
        return self._unwarped(np.concatenate(bounds, axis=1))

    def to_arrays(self) -> dict[str, Array]:
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
    def of_arrays(cls, space: SearchSpace, arrays: Mapping[str, Array]) -> Process:
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


def _distinct(part: Array) -> tuple[Array, Integers]:
    """Return the distinct rows, and for each row its place among them."""
    # Roots of different numbers are linearly independent over the rationals, nearly so with the
    # small shift: different rows have different products, which are faster to sort than rows.
    roots = np.sqrt(np.arange(1.0, part.shape[1] + 1) * 2 + 1e-3)
    _, first, place_of = np.unique(part @ roots, return_index=True, return_inverse=True)
    return part[first], place_of


def _matern(x: Array, y: Array) -> Array:
    """Return the Matérn-3/2 kernel (1 + a) exp(-a) of scaled rows, shape (n_x, n_y)."""
    distances = scaled_distances(x, y)
    decay = np.negative(distances)
    np.exp(decay, out=decay)
    distances += 1.0
    distances *= decay
    return distances


def scaled_distances(x: Array, y: Array) -> Array:
    """Return the Euclidean distances between scaled rows, times the root of 3, shape (n_x, n_y)."""
    # |x - y|² = |x|² + |y|² - 2 xᵀy
    squares = x @ (-6.0 * y).T
    squares += 3.0 * np.einsum("ij,ij->i", x, x)[:, None]
    squares += 3.0 * np.einsum("ij,ij->i", y, y)
    np.maximum(squares, 0.0, out=squares)  # rounding may make them negative
    return np.sqrt(squares, out=squares)
