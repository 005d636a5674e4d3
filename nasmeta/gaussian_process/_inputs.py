"""Distances between points, dimension by dimension: from one point to all, and among a few."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.arrays import Architectures, Array, Floats, Integers

_MOST_CODES = 2**16 - 1  # combinations of distances, so that a code has two bytes


@dataclass(frozen=True, eq=False)
class Dimension:
    """The values that a kernel compares in one dimension; points with equal values share a class.

    Examples
    --------
    >>> import numpy as np
    >>> widths = Dimension(np.array([[16, 32, 64]]), np.array([0, 0, 1, 2]), "difference", largest=48)
    >>> widths.from_one(1).tolist()
    [0, 0, 16, 48]
    """

    values: Array  # (n_columns, n_classes)
    class_of: Integers  # (n_points,)
    metric: str  # "difference": sum of absolute differences; "choices": number of different values; "product"
    largest: int = (
        0  # an upper bound of the distances, which are whole numbers; 0 for inner products
    )
    unit: int = 1  # distance of two different values

    def from_one(self, point: int) -> Array:
        """Return the distance, or the inner product, of a point and every point, shape (n_points,)."""
        own = self.values[:, self.class_of[point], None]
        to_class: Array
        if self.metric == "product":
            if point not in self._products:
                self._products[point] = (own[:, 0] @ self.values).take(self.class_of)
            return self._products[point]
        if self.metric == "choices":
            to_class = (self.values != own).sum(axis=0, dtype=self._type) * self._type(self.unit)
        else:
            to_class = np.abs(self.values - own).sum(axis=0, dtype=self._type)
        return to_class.take(self.class_of)

    def among(self, points: Integers) -> Array:
        """Return the distances, or the inner products, of all pairs of some points, shape (n, n)."""
        if self.metric == "product":
            values = self.values[:, self.class_of[points]]
            products: Array = values.T @ values
            return products
        return self.between(points, points)

    def between(self, points: Integers, others: Integers) -> Integers:
        """Return the distances of some points and others, shape (n, n_others)."""
        classes, class_of_other = np.unique(self.class_of[others], return_inverse=True)
        to_class = np.zeros((len(points), len(classes)), self._type)
        for values in self.values:
            own, other = values[self.class_of[points], None], values[classes]
            if self.metric == "choices":
                to_class += (own != other) * self._type(self.unit)
            else:
                to_class += np.abs(own - other).astype(self._type, copy=False)
        distances: Integers = to_class.take(class_of_other, axis=1)
        return distances

    @cached_property
    def _products(self) -> dict[int, Array]:
        """Inner products of some points and all: a Gaussian process needs them again after each fit."""
        return {}

    @cached_property
    def _type(self) -> Any:
        return np.min_scalar_type(self.largest).type


@dataclass(frozen=True, eq=False)
class Inputs:
    """All points of a space, as a kernel sees them.

    If distances are whole numbers with at most 65,535 combinations, a pair of points has a *code*:
    the number of its combination. A covariance is then one look-up in a table of all combinations.

    Examples
    --------
    >>> import numpy as np
    >>> width = Dimension(np.array([[0, 1, 2]]), np.arange(3), "difference", largest=2)
    >>> inputs = Inputs((width, width))
    >>> inputs.codes_from(0), inputs.combinations().shape
    (array([0, 4, 8], dtype=uint16), (2, 9))
    """

    dimensions: tuple[Dimension, ...]

    @cached_property
    def whole(self) -> list[int]:
        """The dimensions with distances that are whole numbers."""
        return [i for i, dimension in enumerate(self.dimensions) if dimension.metric != "product"]

    @cached_property
    def bases(self) -> tuple[int, ...]:
        """The number of possible distances in each of these dimensions."""
        return tuple(self.dimensions[i].largest + 1 for i in self.whole)

    @property
    def has_codes(self) -> bool:
        """Whether there are few enough combinations of distances."""
        return math.prod(self.bases) <= _MOST_CODES

    def codes_from(self, point: int) -> NDArray[np.uint16]:
        """Return the codes of the pairs of one point with all, shape (n_points,)."""
        return self._codes([self.dimensions[i].from_one(point) for i in self.whole])

    def codes_between(self, points: Integers, others: Integers) -> NDArray[np.uint16]:
        """Return the codes of the pairs of some points and others, shape (n, n_others)."""
        return self._codes([self.dimensions[i].between(points, others) for i in self.whole])

    def _codes(self, distances: list[Integers]) -> NDArray[np.uint16]:
        """Return the codes of pairs from their distances in each whole dimension."""
        codes = np.zeros(distances[0].shape, np.uint16)
        for of_pairs, base in zip(distances, self.bases, strict=True):
            codes *= np.uint16(base)
            codes += of_pairs.astype(np.uint16, copy=False)
        return codes

    def combinations(self) -> Integers:
        """Return the distances of each code, shape (n_whole, n_codes)."""
        return np.indices(self.bases).reshape(len(self.bases), -1)

    def from_one(self, point: int) -> Floats:
        """Return the distances of one point and all, shape (n_dimensions, n_points)."""
        return np.array([dimension.from_one(point) for dimension in self.dimensions], np.float64)

    def among(self, points: Architectures | Sequence[int]) -> Pairs:
        """Return the pairs of some points."""
        points = np.asarray(points, np.intp)
        if len(self.whole) < len(self.dimensions):
            return Pairs.all_of(
                np.array([dimension.among(points) for dimension in self.dimensions], np.float64)
            )
        return Pairs.of(
            np.stack([dimension.among(points) for dimension in self.dimensions]), self.bases
        )


@dataclass(frozen=True, eq=False)
class Pairs:
    """The distinct vectors of distances among n points, so that a covariance is computed once for each.

    400 labels of four tasks of NAS-Bench-201 have 408 distinct vectors among 160,000 pairs.

    Examples
    --------
    >>> import numpy as np
    >>> pairs = Pairs.of(np.array([[[0, 2], [2, 0]]]))
    >>> pairs.distances, pairs.index
    (array([[0, 2]]), array([[0, 1],
           [1, 0]]))
    """

    distances: Floats | Integers  # (n_dimensions, n_distinct)
    index: Integers  # (n, n): of the vector of each pair

    @classmethod
    def of(cls, distances: Integers | Floats, bases: Sequence[int] | None = None) -> Pairs:
        """Find the distinct vectors among distances that are whole numbers, shape (n_dimensions, n, n)."""
        if bases is None:
            bases = [int(of_one.max(initial=0)) + 1 for of_one in distances]
        if math.prod(bases) > np.iinfo(np.int64).max:
            return cls.all_of(distances)
        codes = np.ravel_multi_index(tuple(distances.astype(np.intp)), bases)
        _, first, index = np.unique(codes, return_index=True, return_inverse=True)
        return cls(distances.reshape(len(distances), -1)[:, first], index.reshape(codes.shape))

    @classmethod
    def all_of(cls, distances: Floats | Integers) -> Pairs:
        """Keep every pair, for distances that hardly repeat, shape (n_dimensions, n, n)."""
        n = distances.shape[1]
        return cls(distances.reshape(len(distances), n * n), np.arange(n * n).reshape(n, n))

    def to_matrix(self, covariance: Floats) -> Floats:
        """Return the matrix, shape (n, n), of covariances of the distinct vectors, shape (n_distinct,)."""
        return covariance[self.index]

    def by_vector(self, by_covariance: Floats) -> Floats:
        """Return derivatives by the distinct covariances, shape (n_distinct,), from derivatives by the matrix."""
        total: Floats = np.bincount(
            self.index.ravel(), weights=by_covariance.ravel(), minlength=self.distances.shape[1]
        ).astype(np.float64, copy=False)
        return total
