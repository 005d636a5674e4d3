"""Covariances: sums of exponential kernels, of architectures by their count features and of labelled points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.spaces import SearchSpace, binned, place_values

ChainRule: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From the derivative by a covariance, shape (n, n), to the gradient by the logarithms of hyperparameters."""

Covariance: TypeAlias = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], ChainRule]]
"""From the logarithms of hyperparameters to the covariance of labels, noise included, and its chain rule."""

Prior: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Mean and standard deviation of the logarithms of hyperparameters."""

_MOST_CODES = 2**16  # entries of a table of covariances, so that codes have two bytes
_MOST_JOINT = 2**11  # entries of a table of Matérn kernels, in each step of a fit
_MOST_LEVELS = 4096  # columns of the matrix product in `CellKernel.codes_between`
_ONE_HOT = {"positions", "edges"}  # in these features the distance is twice the number of different choices
_OF_POSITIONS = {*_ONE_HOT, "levels", "steps"}  # features that tell the choice of each position
_LENGTHSCALE = 3.0  # in the L1 distance of counts; one edit of an edge is a distance of 2
_LONG = 0.3  # share of the mean distance
_SHARE = 0.5  # prior median of the lengthscales, relative to the mean distance times the number of positions
_SPREAD = 0.7, 1.0  # prior standard deviations of their logarithms, in exponential and in Matérn kernels


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


@lru_cache(maxsize=16)
def _classes(space: SearchSpace, feature: str) -> tuple[NDArray[np.integer], NDArray[np.intp]]:
    """Return the distinct feature vectors, shape (n_columns, n_classes), and the class of every architecture."""
    if feature in _ONE_HOT:  # codes give the same distances as one-hot vectors
        return np.ascontiguousarray(binned(space.positions, space.codes).T), np.arange(space.size)
    counts = space.feature(feature).counts
    ranks = counts @ place_values((counts.max(axis=0).astype(np.int64) + 1).tolist())  # one number per row sorts faster
    _, first, classes = np.unique(ranks, return_index=True, return_inverse=True)
    return np.ascontiguousarray(counts[first].T), classes.ravel()


def _mean_distance(counts: NDArray[np.integer]) -> float:
    """Return the mean L1 distance of all pairs of rows, shape (n, n_columns): the sum of 2 F (1 - F) over the levels.

    F is the distribution function of the levels of a column (Gini's mean difference).
    """
    levels = counts - counts.min(axis=0)
    columns, n_levels = counts.shape[1], int(levels.max()) + 1
    of_level = np.bincount((levels + n_levels * np.arange(columns)).ravel(), minlength=n_levels * columns)
    below = of_level.reshape(columns, n_levels).cumsum(axis=1) / len(counts)
    return float((2 * below * (1 - below)).sum())


def _groups(bases: Sequence[int], most: int) -> list[slice]:
    """Split bases into consecutive groups with products of at most `most`."""
    starts: list[int] = []
    product = 1
    for i, base in enumerate(bases):
        product *= base
        if product > most or not starts:
            starts.append(i)
            product = base
    return [slice(first, end) for first, end in pairwise([*starts, len(bases)])]


class CellKernel:
    r"""Sum of exponential kernels, each on the L1 distance between count features of two architectures.

    .. math:: k(x, x') = \sum_j v_j \exp(-\lVert \phi_j(x) - \phi_j(x') \rVert_1 / \ell_j)

    The exponential of a negative L1 distance is positive definite (a product of Laplace kernels), so the sum is. The
    distances of a pair are whole numbers, so all features' distances are kept as the digits of one integer, the
    pair's *code*, and a covariance is one look-up in a table of all codes. If there are more than 65,536 codes, the
    features form groups, and a code is a record with one integer per group. The default features are the space's
    `kernel_features`.

    Parameters
    ----------
    space : SearchSpace
    features : sequence of str, optional
        Count features of the space.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.spaces import get_space
    >>> kernel = CellKernel(get_space("nb201"), ["edges"])
    >>> codes = kernel.codes(0)  # the distances of architecture 0 to all
    >>> kernel.covariance(codes, Hyperparameters(np.ones(1), np.full(1, 3.0), 0.01))[0].item()
    1.0
    """

    _combine: np.ufunc = np.add

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
        self._parts = [(*_classes(space, feature), 2 * (feature in _ONE_HOT)) for feature in self.features]

    @cached_property
    def _groups(self) -> list[slice]:
        """Consecutive features with at most 65,536 combinations of distances, or one with more."""
        return _groups(self._bases, _MOST_CODES)

    @cached_property
    def code_type(self) -> np.dtype[Any]:
        """Type of a code: an integer, or a record of integers if there are several groups."""
        most = max(math.prod(self._bases[group]) for group in self._groups)
        return np.dtype(",".join([np.min_scalar_type(most - 1).str] * len(self._groups)))

    @cached_property
    def typical_lengthscales(self) -> NDArray[np.float64]:
        """Initial lengthscales, float64, shape (n_features,): 3, or 0.3 of the mean distance if that is more.

        The mean distance is 9.6 in the edges of NAS-Bench-201, and much more in ordered positions with many levels.
        """
        lengths = []
        for feature in self.features:
            counts = self.space.feature(feature).counts
            lengths.append(max(_LENGTHSCALE, _LONG * _mean_distance(counts)))
        return np.array(lengths)

    def codes(self, architecture: int) -> NDArray[Any]:
        """Return the codes of one architecture's pairs with all, of type ``code_type``, shape (size,)."""
        codes = np.zeros(self.space.size, dtype=self.code_type)
        for digits, group in zip(_by_group(codes), self._groups, strict=True):
            whole = digits.dtype.type
            for base, (vectors, classes, per_choice) in zip(self._bases[group], self._parts[group], strict=True):
                own = vectors[:, classes[architecture], None]
                if per_choice:
                    to_class = (vectors != own).sum(axis=0, dtype=whole) * whole(per_choice)
                else:
                    to_class = np.abs(vectors - own).sum(axis=0, dtype=whole)
                digits *= whole(base)
                digits += to_class.take(classes)
        return codes

    @cached_property
    def _levels(self) -> list[tuple[NDArray[np.floating], NDArray[np.floating]]]:
        """For each group, the levels that the counts reach, shape (size, n_levels), and the value of each in a code."""
        parts: list[tuple[NDArray[np.floating], NDArray[np.floating]]] = []
        for group in self._groups:
            exact = np.float32 if math.prod(self._bases[group]) <= 2**23 else np.float64
            levels, worth = [], []
            for place, feature in zip(place_values(self._bases[group]), self.features[group], strict=True):
                counts = self.space.feature(feature).counts
                reached = (counts[:, :, None] > np.arange(counts.max())).reshape(len(counts), -1)
                levels.append(reached[:, reached.any(axis=0) & ~reached.all(axis=0)])  # the sums below stay exact
                worth += [float(place)] * levels[-1].shape[1]
            parts.append((np.hstack(levels).astype(exact), np.array(worth, dtype=exact)))
        return parts

    def codes_between(self, architectures: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[Any]:
        """Return the codes of all pairs of `architectures` and `others`, shape (n_architectures, n_others).

        One matrix product: the L1 distance of counts is the number of levels that only one of the two reaches. With
        too many levels, or for one architecture and most others, the codes are computed row by row.
        """
        reached = sum(c.shape[1] * int(c.max()) for c in (self.space.feature(name).counts for name in self.features))
        if reached > _MOST_LEVELS or (len(architectures) == 1 and 2 * len(others) > self.space.size):
            return np.stack([self.codes(int(architecture))[others] for architecture in architectures])
        codes = np.empty((len(architectures), len(others)), self.code_type)
        for digits, (levels, worth) in zip(_by_group(codes), self._levels, strict=True):
            rows, columns = levels[architectures] * worth, levels[others]
            digits[:] = rows.sum(axis=1)[:, None] + columns @ worth - 2 * (rows @ columns.T)  # whole numbers, exact
        return codes

    def distances(self, codes: NDArray[Any]) -> NDArray[np.integer]:
        """Return the L1 distances behind codes of any shape, of the smallest type, shape (n_features, ...)."""
        by_group = zip(_by_group(codes), self._groups, strict=True)
        parts = [np.unravel_index(c.astype(np.int64), self._bases[group]) for c, group in by_group]
        smallest = np.min_scalar_type(-max(self._bases))
        return np.stack([distances.astype(smallest) for part in parts for distances in part])

    def covariance(self, codes: NDArray[Any], hyperparameters: Hyperparameters) -> NDArray[np.float32]:
        """Return the covariances of pairs by their codes, float32, of the codes' shape, without noise."""
        by_group = zip(self._tables(hyperparameters), _by_group(codes), strict=True)
        return reduce(self._combine, [table.take(digits) for table, digits in by_group])

    def fill(self, rows: NDArray[np.float32], codes: NDArray[Any], hyperparameters: Hyperparameters) -> None:
        """Write the covariances of pairs by their codes into rows; both have shape (n, n_architectures)."""
        table, *others = self._tables(hyperparameters)
        for row, of_row in zip(rows, codes, strict=True):  # a row and its indices stay in the cache
            digits, *more = _by_group(of_row)
            table.take(digits, out=row, mode="clip")
            for other, digits in zip(others, more, strict=True):
                self._combine(row, other.take(digits), out=row)

    def _tables(self, hyperparameters: Hyperparameters) -> list[NDArray[np.float32]]:
        """Return for each group the part of the covariance that belongs to its digits, shape (n_codes,)."""
        parts = self._by_distance(hyperparameters)
        tables = [reduce(self._combine.outer, parts[group]) for group in self._groups]
        return [np.asarray(table, np.float32).ravel() for table in tables]

    def _by_distance(self, hyperparameters: Hyperparameters) -> list[NDArray[np.float64]]:
        """Return each feature's part of the covariance by distance, shape (n_distances,)."""
        by_feature = zip(self._bases, hyperparameters.variances, hyperparameters.lengthscales, strict=True)
        return [v * np.exp(-np.arange(base) / ell) for base, v, ell in by_feature]

    def prior(self) -> Prior:
        """Return the prior of the hyperparameters, see `weak_prior`."""
        return weak_prior(len(self.features), self.typical_lengthscales)

    def among(self, codes: NDArray[Any]) -> Covariance:
        """Return the covariance among labelled architectures as a function of the hyperparameters."""
        return SumKernel(self.distances(codes).astype(np.float64))


def _by_group(codes: NDArray[Any]) -> list[NDArray[np.unsignedinteger]]:
    """Return views of the integers of codes, each of the codes' shape."""
    return [codes] if codes.dtype.names is None else [codes[name] for name in codes.dtype.names]


def _log_matern(r: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logarithm of the Matérn kernel of order 5/2; `r` is √5 times the distance in lengthscales."""
    return np.log1p(r + r**2 / 3) - r


class PositionKernel(CellKernel):
    r"""A product of kernels, one per position with its own lengthscale, so positions can be irrelevant.

    .. math:: k(x, x') = v \prod_p k_p(d_p(x, x') / \ell_p)

    The distance :math:`d_p` is the difference of the levels of an ordered position, and 1 for different choices of an
    unordered one. The kernel :math:`k_p` is a Matérn kernel of order 5/2 for ordered positions with at least three
    choices, which follows trends, and exponential for others. Lengthscales per position are "automatic relevance
    determination" (Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, section 5.1). A priori they
    grow with the number of positions, so a typical covariance does not depend on that number (Hvarfner, Hellsten and
    Nardi, "Vanilla Bayesian optimization performs great in high dimensions", ICML 2024).

    Parameters
    ----------
    space : SearchSpace
    uniform : bool, default False
        Whether prior lengthscales refer to architectures that have each choice equally often, not to those of `space`.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> PositionKernel(get_space("nb201")).typical_lengthscales  # half of 6 positions times a mean distance of 0.8
    array([2.4, 2.4, 2.4, 2.4, 2.4, 2.4])
    """

    _combine = np.multiply

    def __init__(self, space: SearchSpace, *, uniform: bool = False) -> None:
        self.space, self.uniform = space, uniform
        self.smooth = [i for i, p in enumerate(space.positions) if p.ordered and len(p.choices) > 2]
        self._parts, bases = [], []
        for position, column in zip(space.positions, space.codes.T.astype(np.intp, order="C"), strict=True):
            self._parts.append((position.levels[None], column, int(not position.ordered)))
            bases.append(max(int(position.levels[-1]), 1) + 1 if position.ordered else 2)
        self._bases = tuple(bases)

    @staticmethod
    def suits(space: SearchSpace) -> bool:
        """Return whether the kernel features of a space contain its positions."""
        return not _OF_POSITIONS.isdisjoint(space.kernel_features)

    def codes_between(self, architectures: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[Any]:
        """Return the codes of all pairs of `architectures` and `others`, shape (n_architectures, n_others)."""
        codes = np.zeros((len(architectures), len(others)), self.code_type)
        for digits, group in zip(_by_group(codes), self._groups, strict=True):
            for base, ((levels,), column, per_choice) in zip(self._bases[group], self._parts[group], strict=True):
                levels = levels.astype(np.int32)
                own, other = levels[column[architectures], None], levels[column[others]]
                digits *= digits.dtype.type(base)
                digits += own != other if per_choice else np.abs(own - other).astype(digits.dtype)
        return codes

    @cached_property
    def typical_lengthscales(self) -> NDArray[np.float64]:
        """Prior medians of the lengthscales, float64, shape (n_positions,)."""
        lengths = []
        for (levels,), column, per_choice in self._parts:
            column = np.arange(len(levels)) if self.uniform else column
            same = (np.bincount(column) ** 2).sum() / len(column) ** 2
            distance = 1 - same if per_choice else _mean_distance(levels[column, None])
            lengths.append(_SHARE * len(self._parts) * max(distance, 1 / len(column)))
        return np.array(lengths)

    def _by_distance(self, hyperparameters: Hyperparameters) -> list[NDArray[np.float64]]:
        parts = []
        for i, (base, ell) in enumerate(zip(self._bases, hyperparameters.lengthscales, strict=True)):
            steps = np.arange(base) / ell
            parts.append(np.exp(_log_matern(np.sqrt(5) * steps) if i in self.smooth else -steps))
        return [hyperparameters.variances[0] * parts[0], *parts[1:]]

    def prior(self) -> Prior:
        """Return the prior of the hyperparameters: a variance around 1, lengthscales within a factor of 2 or e."""
        lengths = np.log(self.typical_lengthscales)
        spread = np.full(len(lengths), _SPREAD[0])
        spread[self.smooth] = _SPREAD[1]
        return np.r_[0.0, lengths, np.log(0.02)], np.r_[1.0, spread, 1.0]

    def among(self, codes: NDArray[Any]) -> Covariance:
        """Return the covariance among labelled architectures as a function of the hyperparameters."""
        return ProductKernel(self.distances(codes), self.smooth)


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
    """A product of exponential and Matérn kernels among labelled points, as a function of its hyperparameters.

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

    distances: NDArray[np.number]  # (n_positions, n, n)
    smooth: Sequence[int] = ()  # positions with integer distances and a Matérn kernel of order 5/2

    @cached_property
    def _rough(self) -> tuple[list[int], NDArray[np.float64]]:
        """The other positions, and their distances, shape (n_rough, n * n)."""
        rough = [i for i in range(len(self.distances)) if i not in self.smooth]
        return rough, self.distances[rough].reshape(len(rough), self.distances[0].size).astype(np.float64)

    @cached_property
    def _smooth(self) -> list[tuple[list[int], list[int], NDArray[np.intp]]]:
        """Groups of smooth positions: their numbers of distances, and the joint distances of pairs, (n * n,)."""
        bases = [max(int(self.distances[i].max()), 1) + 1 for i in self.smooth]
        groups = []
        for group in _groups(bases, _MOST_JOINT):
            some = list(self.smooth[group])
            joint = np.ravel_multi_index(tuple(self.distances[some].astype(np.intp)), bases[group]).ravel()
            groups.append((some, bases[group], joint))
        return groups

    def __call__(self, logarithms: NDArray[np.float64]) -> tuple[NDArray[np.float64], ChainRule]:
        """Return the covariance (n, n), noise included, and its chain rule, for logarithms (n_positions + 2,)."""
        values = np.exp(logarithms)
        variance, lengthscales, noise = values[0], values[1:-1], values[-1]
        n = self.distances.shape[1]
        rough, flat = self._rough
        exponent = -(1 / lengthscales[rough]) @ flat
        scaled = []
        for some, bases, joint in self._smooth:  # there are few distances, so the kernel is a look-up
            scaled.append([np.sqrt(5) * np.arange(base) / lengthscales[i] for i, base in zip(some, bases, strict=True)])
            exponent += reduce(np.add.outer, map(_log_matern, scaled[-1])).take(joint)
        product = (variance * np.exp(exponent)).reshape(n, n)
        covariance = product.copy()
        covariance.flat[:: n + 1] += noise

        def chain_rule(by_covariance: NDArray[np.float64]) -> NDArray[np.float64]:
            """Return the gradient by the logarithms, from the derivative (n, n) by the covariance."""
            weighted = (by_covariance * product).ravel()
            by_lengthscale = np.empty(len(lengthscales))
            by_lengthscale[rough] = flat @ weighted / lengthscales[rough]
            for (some, bases, joint), of_group in zip(self._smooth, scaled, strict=True):
                by_distance = np.bincount(joint, weighted, math.prod(bases))
                for axis, (i, r) in enumerate(zip(some, of_group, strict=True)):
                    total = by_distance.reshape(math.prod(bases[:axis]), len(r), -1).sum(axis=(0, 2))
                    by_lengthscale[i] = total @ (r**2 * (1 + r) / (3 + 3 * r + r**2))
            return np.concatenate([[weighted.sum()], by_lengthscale, [noise * np.trace(by_covariance)]])

        return covariance, chain_rule
