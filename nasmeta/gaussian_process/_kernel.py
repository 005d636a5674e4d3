"""Covariances: sums of exponential kernels, of architectures by their count features and of labelled points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.spaces import SearchSpace, place_values

ChainRule: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From the derivative by a covariance, shape (n, n), to the gradient by the logarithms of hyperparameters."""

Covariance: TypeAlias = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], ChainRule]]
"""From the logarithms of hyperparameters to the covariance of labels, noise included, and its chain rule."""

Prior: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Mean and standard deviation of the logarithms of hyperparameters."""

_MOST_CODES = 2**24  # entries of a table of covariances
_MOST_LEVELS = 4096  # columns of the matrix product in `CellKernel.codes_between`
_ONE_HOT = {"positions", "edges"}  # in these features the distance is twice the number of different choices
_OF_POSITIONS = {*_ONE_HOT, "levels", "steps"}  # features that tell the choice of each position
_LENGTHSCALE = 3.0  # in the L1 distance of counts; one edit of an edge is a distance of 2
_LONG = 0.3  # share of the mean distance
_MOST_PRODUCTS = 2**20  # entries of a table of products
_SHARE = 0.5  # prior median of the lengthscales, relative to the mean distance times the number of positions
_SPREAD = 0.7  # prior deviation of their logarithms


def weak_prior(n_features: int, lengthscales: NDArray[np.float64] | float = 3.0) -> Prior:
    """Return mean and standard deviation of the log-normal prior of the hyperparameters, for unit-variance labels.

    Variances around 0.5, lengthscales around 3 or `CellKernel.typical_lengthscales`, noise around 0.02,
    each within a factor of e. Both arrays are float64, shape (2 * n_features + 1,).

    Examples
    --------
    >>> import numpy as np
    >>> mean, std = weak_prior(2)
    >>> np.exp(mean)
    array([0.5 , 0.5 , 3.  , 3.  , 0.02])
    """
    lengths = np.broadcast_to(np.log(lengthscales), n_features)
    mean = np.r_[np.full(n_features, np.log(0.5)), lengths, np.log(0.02)]
    return mean, np.ones(2 * n_features + 1)


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of a `CellKernel` with noise.

    Examples
    --------
    >>> import numpy as np
    >>> h = Hyperparameters(np.array([0.3, 0.2]), np.array([3.0, 6.0]), noise=0.01)
    >>> h.prior_variance, h.logarithms.shape
    (0.5, (5,))
    """

    variances: NDArray[np.float64]  # (n_features,); of a `PositionKernel`, (1,)
    lengthscales: NDArray[np.float64]  # (n_features,); of a `PositionKernel`, (n_positions,)
    noise: float  # variance of the noise of one observation

    @property
    def logarithms(self) -> NDArray[np.float64]:
        """All of them as logarithms, shape (n_hyperparameters,): variances, lengthscales, noise."""
        logarithms: NDArray[np.float64] = np.log(np.r_[self.variances, self.lengthscales, self.noise])
        return logarithms

    @classmethod
    def from_logarithms(cls, logarithms: NDArray[np.float64], n_variances: int | None = None) -> Hyperparameters:
        """Invert `logarithms`, shape (n_hyperparameters,); by default there are as many variances as lengthscales."""
        n = len(logarithms) // 2 if n_variances is None else n_variances
        values = np.exp(logarithms)
        return cls(values[:n], values[n:-1], float(values[-1]))

    @property
    def prior_variance(self) -> float:
        """Variance of the function, equal for all architectures."""
        return float(self.variances.sum())


@cache
def _classes(space: SearchSpace, feature: str) -> tuple[NDArray[np.integer], NDArray[np.intp]]:
    """Return the distinct feature vectors, shape (n_columns, n_classes), and the class of every architecture."""
    if feature in _ONE_HOT:  # codes give the same distances as one-hot vectors
        return np.ascontiguousarray(space.codes.T), np.arange(space.size)
    counts = space.feature(feature).counts
    ranks = counts @ place_values((counts.max(axis=0).astype(np.int64) + 1).tolist())  # one number per row sorts faster
    _, first, classes = np.unique(ranks, return_index=True, return_inverse=True)
    return np.ascontiguousarray(counts[first].T), classes.ravel()


def _mean_difference(levels: NDArray[np.integer]) -> float:
    """Return the mean absolute difference of all pairs of levels, shape (n,): the sum of 2 F (1 - F) over the levels.

    F is the distribution function of the levels (Gini's mean difference).
    """
    below = np.bincount(levels - levels.min()).cumsum() / len(levels)
    return float((2 * below * (1 - below)).sum())


class CellKernel:
    r"""Sum of exponential kernels, each on the L1 distance between count features of two architectures.

    .. math:: k(x, x') = \sum_j v_j \exp(-\lVert \phi_j(x) - \phi_j(x') \rVert_1 / \ell_j)

    The exponential of a negative L1 distance is positive definite (a product of Laplace kernels), so the sum is. The
    distances of a pair are whole numbers, so all features' distances are kept as the digits of one integer, the
    pair's *code*, and a covariance is one look-up in a table of all codes. The default features are the space's
    `kernel_features`.

    Parameters
    ----------
    space : SearchSpace
    features : sequence of str, optional
        Count features of the space; the product of their numbers of distances is at most 2**24.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.spaces import get_space
    >>> kernel = CellKernel(get_space("nb201"), ["edges"])
    >>> codes = kernel.codes(0)  # the distances of architecture 0 to all
    >>> kernel.covariance(codes, Hyperparameters(np.ones(1), np.full(1, 3.0), 0.01))[0].item()
    1.0
    """

    def __init__(self, space: SearchSpace, features: Sequence[str] | None = None) -> None:
        self.space = space
        self.features = tuple(space.kernel_features if features is None else features)
        if not self.features:
            raise SettingError("features", features, f"at least one of {', '.join(space.feature_names)}")
        counts = [space.feature(feature).counts for feature in self.features]
        # A distance is at most the sum of the columns' ranges, and at most the sum of two sums.
        self._bases = tuple(
            int(min(np.ptp(c, axis=0).astype(np.int64).sum(), 2 * c.sum(axis=1, dtype=np.int64).max())) + 1
            for c in counts
        )
        n_codes = math.prod(self._bases)
        if n_codes > _MOST_CODES:
            raise SettingError("features", self.features, f"fewer, with at most {_MOST_CODES:,} distances")
        self._parts = [(*_classes(space, feature), 2 * (feature in _ONE_HOT)) for feature in self.features]
        self.code_type = np.min_scalar_type(n_codes - 1)

    @cached_property
    def typical_lengthscales(self) -> NDArray[np.float64]:
        """Initial lengthscales, float64, shape (n_features,): 3, or 0.3 of the mean distance if that is more.

        The mean distance is 9.6 in the edges of NAS-Bench-201, and much more in ordered positions with many levels.
        """
        lengths = []
        for feature in self.features:
            counts = self.space.feature(feature).counts
            lengths.append(max(_LENGTHSCALE, _LONG * sum(_mean_difference(column) for column in counts.T)))
        return np.array(lengths)

    def codes(self, architecture: int) -> NDArray[np.unsignedinteger]:
        """Return the codes of one architecture's pairs with all, of type ``code_type``, shape (size,)."""
        codes = np.zeros(self.space.size, dtype=self.code_type)
        for base, (vectors, classes, per_choice) in zip(self._bases, self._parts, strict=True):
            own = vectors[:, classes[architecture], None]
            if per_choice:
                to_class = (vectors != own).sum(axis=0, dtype=self.code_type) * self.code_type.type(per_choice)
            else:
                to_class = np.abs(vectors - own).sum(axis=0, dtype=self.code_type)
            codes *= self.code_type.type(base)
            codes += to_class.take(classes)
        return codes

    @cached_property
    def _levels(self) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return the levels that the counts reach, shape (size, n_levels), and the value of each level in a code."""
        exact = np.float32 if math.prod(self._bases) <= 2**23 else np.float64
        levels, worth, place = [], [], 1
        for base, feature in zip(reversed(self._bases), reversed(self.features), strict=True):
            counts = self.space.feature(feature).counts
            reached = (counts[:, :, None] > np.arange(counts.max())).reshape(len(counts), -1)
            levels.append(reached[:, reached.any(axis=0)])
            worth += [float(place)] * levels[-1].shape[1]
            place *= base
        return np.hstack(levels).astype(exact), np.array(worth, dtype=exact)

    def codes_between(
        self, architectures: NDArray[np.integer], others: NDArray[np.integer]
    ) -> NDArray[np.unsignedinteger]:
        """Return the codes of all pairs of `architectures` and `others`, shape (n_architectures, n_others).

        One matrix product: the L1 distance of counts is the number of levels that only one of the two reaches. With
        too many levels, or for one architecture and most others, the codes are computed row by row.
        """
        reached = sum(c.shape[1] * int(c.max()) for c in (self.space.feature(name).counts for name in self.features))
        if reached > _MOST_LEVELS or (len(architectures) == 1 and 2 * len(others) > self.space.size):
            return np.stack([self.codes(int(architecture))[others] for architecture in architectures])
        levels, worth = self._levels
        rows, columns = levels[architectures] * worth, levels[others]
        codes = rows.sum(axis=1)[:, None] + columns @ worth - 2 * (rows @ columns.T)  # whole numbers, exact
        whole: NDArray[np.unsignedinteger] = codes.astype(self.code_type)
        return whole

    def distances(self, codes: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
        """Return the L1 distances behind codes of any shape, int64, shape (n_features, ...)."""
        return np.stack(np.unravel_index(codes.astype(np.int64), self._bases))

    def covariance(self, codes: NDArray[np.unsignedinteger], hyperparameters: Hyperparameters) -> NDArray[np.float32]:
        """Return the covariances of pairs by their codes, float32, of the codes' shape, without noise."""
        return self._table(hyperparameters).astype(np.float32).take(codes)

    def fill(self, rows: NDArray[np.float32], codes: NDArray[np.integer], hyperparameters: Hyperparameters) -> None:
        """Write the covariances of pairs by their codes into rows; both have shape (n, n_architectures)."""
        table = self._table(hyperparameters).astype(np.float32)
        for row, of_row in zip(rows, codes, strict=True):  # a row and its indices stay in the cache
            table.take(of_row, out=row, mode="clip")

    def _table(self, hyperparameters: Hyperparameters) -> NDArray[np.float64]:
        """Return the covariance of each code, shape (n_codes,)."""
        by_feature = zip(self._bases, hyperparameters.variances, hyperparameters.lengthscales, strict=True)
        parts = [v * np.exp(-np.arange(base) / ell) for base, v, ell in by_feature]
        return np.asarray(reduce(np.add.outer, parts)).ravel()

    def prior(self) -> Prior:
        """Return the prior of the hyperparameters, see `weak_prior`."""
        return weak_prior(len(self.features), self.typical_lengthscales)

    def among(self, codes: NDArray[np.unsignedinteger]) -> Covariance:
        """Return the covariance among labelled architectures as a function of the hyperparameters."""
        return SumKernel(self.distances(codes).astype(np.float64))


def _position_bases(space: SearchSpace) -> tuple[int, ...]:
    """Return the number of distances in each position."""
    return tuple(len(p.choices) if p.ordered else min(len(p.choices), 2) for p in space.positions)


class PositionKernel(CellKernel):
    r"""One exponential kernel in which each position has its own lengthscale, so positions can be irrelevant.

    .. math:: k(x, x') = v \exp(-\sum_p d_p(x, x') / \ell_p)

    The distance :math:`d_p` is the difference of the levels of an ordered position, and 1 for different choices of an
    unordered one. Lengthscales per position are "automatic relevance determination" (Rasmussen and Williams, "Gaussian
    Processes for Machine Learning", 2006, section 5.1). A priori they grow with the number of positions, so a typical
    covariance does not depend on that number (Hvarfner, Hellsten and Nardi, "Vanilla Bayesian optimization performs
    great in high dimensions", ICML 2024).

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> PositionKernel(get_space("nb201")).typical_lengthscales  # half of 6 positions times a mean distance of 0.8
    array([2.4, 2.4, 2.4, 2.4, 2.4, 2.4])
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self._bases = _position_bases(space)
        columns = space.codes.T.astype(np.intp, order="C")
        self._parts = [
            (np.arange(n)[None], column, int(not position.ordered))
            for n, column, position in zip(space.n_choices, columns, space.positions, strict=True)
        ]
        self.code_type = np.min_scalar_type(math.prod(self._bases) - 1)

    @staticmethod
    def suits(space: SearchSpace) -> bool:
        """Return whether the kernel features of a space contain its positions, and a pair's distances fit in a code."""
        return (
            not _OF_POSITIONS.isdisjoint(space.kernel_features) and math.prod(_position_bases(space)) <= _MOST_PRODUCTS
        )

    @cached_property
    def typical_lengthscales(self) -> NDArray[np.float64]:
        """Prior medians of the lengthscales, float64, shape (n_positions,)."""
        lengths = []
        for _, column, per_choice in self._parts:
            same = (np.bincount(column) ** 2).sum() / len(column) ** 2
            distance = 1 - same if per_choice else _mean_difference(column)
            lengths.append(_SHARE * len(self._parts) * max(distance, 1 / len(column)))
        return np.array(lengths)

    def _table(self, hyperparameters: Hyperparameters) -> NDArray[np.float64]:
        """Return the covariance of each code, shape (n_codes,)."""
        table = hyperparameters.variances
        for base, ell in zip(self._bases, hyperparameters.lengthscales, strict=True):
            table = np.multiply.outer(table, np.exp(-np.arange(base) / ell)).ravel()
        return table

    def prior(self) -> Prior:
        """Return the prior of the hyperparameters: a variance around 1, lengthscales within a factor of 2."""
        lengths = np.log(self.typical_lengthscales)
        mean = np.r_[0.0, lengths, np.log(0.02)]
        return mean, np.r_[1.0, np.full(len(lengths), _SPREAD), 1.0]

    def among(self, codes: NDArray[np.unsignedinteger]) -> Covariance:
        """Return the covariance among labelled architectures as a function of the hyperparameters."""
        return ProductKernel(self.distances(codes).astype(np.float64))


@dataclass(frozen=True, eq=False)
class SumKernel:
    """Sum of linear and exponential kernels among labelled points, as a function of its hyperparameters.

    The logarithms belong to the variances of the linear parts, the variances of the exponential parts, the lengthscales
    and the noise, in this order; without linear parts, they are the logarithms of `Hyperparameters`.

    Examples
    --------
    >>> import numpy as np
    >>> kernel = SumKernel(np.array([[[0.0, 2.0], [2.0, 0.0]]]))
    >>> covariance, chain_rule = kernel(np.log([0.5, 2.0, 0.1]))  # variance, lengthscale, noise
    >>> covariance.round(3)
    array([[0.6  , 0.184],
           [0.184, 0.6  ]])
    >>> chain_rule(np.eye(2)).round(3)  # of the trace
    array([1. , 0. , 0.2])
    """

    distances: NDArray[np.float64]  # (n_smooth, n, n), of each exponential part
    products: NDArray[np.float64] | None = None  # (n_linear, n, n): inner products, of each linear part

    def __call__(self, logarithms: NDArray[np.float64]) -> tuple[NDArray[np.float64], ChainRule]:
        """Return the covariance (n, n), noise included, and its chain rule, for logarithms (n_hyperparameters,)."""
        products = self.distances[:0] if self.products is None else self.products
        n_linear, n_parts = len(products), len(products) + len(self.distances)
        values = np.exp(logarithms)
        variances, lengthscales, noise = values[:n_parts, None, None], values[n_parts:-1], values[-1]
        parts = np.empty((n_parts, *self.distances.shape[1:]))
        parts[:n_linear] = products
        smooth = np.divide(self.distances, -lengthscales[:, None, None], out=parts[n_linear:])
        np.exp(smooth, out=smooth)
        parts *= variances
        covariance: NDArray[np.float64] = parts.sum(axis=0)
        covariance.flat[:: len(covariance) + 1] += noise

        def chain_rule(by_covariance: NDArray[np.float64]) -> NDArray[np.float64]:
            """Return the gradient by the logarithms, from the derivative (n, n) by the covariance."""
            weighted = by_covariance * parts
            by_variance = weighted.sum(axis=(1, 2))
            smooth = weighted[n_linear:]
            smooth *= self.distances
            by_lengthscale = smooth.sum(axis=(1, 2)) / lengthscales
            return np.concatenate([by_variance, by_lengthscale, [noise * np.trace(by_covariance)]])

        return covariance, chain_rule


@dataclass(frozen=True, eq=False)
class ProductKernel:
    """A product of exponential kernels among labelled points, as a function of its hyperparameters.

    The logarithms belong to the variance, the lengthscales and the noise, in this order.

    Examples
    --------
    >>> import numpy as np
    >>> kernel = ProductKernel(np.array([[[0.0, 2.0], [2.0, 0.0]]]))  # one position, two points
    >>> covariance, chain_rule = kernel(np.log([1.0, 2.0, 0.1]))
    >>> covariance.round(3)
    array([[1.1  , 0.368],
           [0.368, 1.1  ]])
    """

    distances: NDArray[np.float64]  # (n_positions, n, n)

    def __call__(self, logarithms: NDArray[np.float64]) -> tuple[NDArray[np.float64], ChainRule]:
        """Return the covariance (n, n), noise included, and its chain rule, for logarithms (n_positions + 2,)."""
        values = np.exp(logarithms)
        variance, lengthscales, noise = values[0], values[1:-1], values[-1]
        n = self.distances.shape[1]
        flat = self.distances.reshape(len(lengthscales), n * n)
        smooth = (variance * np.exp(-(1 / lengthscales) @ flat)).reshape(n, n)
        covariance = smooth.copy()
        covariance.flat[:: n + 1] += noise

        def chain_rule(by_covariance: NDArray[np.float64]) -> NDArray[np.float64]:
            """Return the gradient by the logarithms, from the derivative (n, n) by the covariance."""
            weighted = (by_covariance * smooth).ravel()
            by_lengthscale = flat @ weighted / lengthscales
            return np.concatenate([[weighted.sum()], by_lengthscale, [noise * np.trace(by_covariance)]])

        return covariance, chain_rule
