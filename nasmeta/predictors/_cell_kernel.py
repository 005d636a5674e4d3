"""Covariance between cells: a sum of exponential kernels on count features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import UnknownNameError
from nasmeta.predictors._cell_features import edge_one_hot, live_path_counts, operation_counts
from nasmeta.spaces import CellSpace

__all__ = ["FEATURES", "CellKernel", "Hyperparameters"]

FEATURES: Mapping[str, Callable[[CellSpace], NDArray[np.int8]]] = {
    "edges": edge_one_hot,
    "paths": live_path_counts,
    "operations": operation_counts,
}


_BASE = 2 * CellSpace.n_edges + 1  # a distance is at most this less one: every edge differs, each in two counts


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of a `CellKernel` with noise.

    Attributes
    ----------
    variances, lengthscales : ndarray of float64, shape (n_features,)
    noise : float
        Variance of the noise of one observation.
    """

    variances: NDArray[np.float64]
    lengthscales: NDArray[np.float64]
    noise: float

    @property
    def logarithms(self) -> NDArray[np.float64]:
        """All of them as logarithms, shape (2 * n_features + 1,): variances, lengthscales, noise."""
        logarithms: NDArray[np.float64] = np.log(np.r_[self.variances, self.lengthscales, self.noise])
        return logarithms

    @classmethod
    def from_logarithms(cls, logarithms: NDArray[np.float64]) -> Hyperparameters:
        """Inverse of `logarithms`."""
        n = len(logarithms) // 2
        variances, lengthscales = np.exp(logarithms[:n]), np.exp(logarithms[n : 2 * n])
        return cls(variances, lengthscales, float(np.exp(logarithms[-1])))

    @property
    def prior_variance(self) -> float:
        """Variance of the function at any cell."""
        return float(self.variances.sum())


@cache
def _classes(space: CellSpace, feature: str) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    """Return the distinct feature vectors, shape (n_counts, n_classes), and the class of every cell."""
    vectors, classes = np.unique(FEATURES[feature](space), axis=0, return_inverse=True)
    return np.ascontiguousarray(vectors.T), classes.ravel().astype(np.int32)


class CellKernel:
    r"""Sum of exponential kernels, each on the L1 distance between count features of two cells.

    .. math:: k(x, x') = \sum_j v_j \exp(-\lVert \phi_j(x) - \phi_j(x') \rVert_1 / \ell_j)

    The exponential of a negative L1 distance is positive definite (a product of Laplace kernels), so the sum is.

    Parameters
    ----------
    space : CellSpace
    features : sequence of {"edges", "paths", "operations"}
        Which counts are compared; see `edge_one_hot`, `live_path_counts`, `operation_counts`.

    Notes
    -----
    The distances of a pair of cells are whole numbers, so all features' distances are kept as the digits of one
    integer, the pair's *code*, and a covariance is one look-up in a table of all codes.

    Examples
    --------
    >>> from nasmeta.predictors import CellKernel
    >>> from nasmeta.spaces import get_space
    >>> kernel = CellKernel(get_space("nb201"), ("edges", "paths"))
    >>> kernel.distances(kernel.codes(0))[:, :3]
    array([[ 0, 10, 10],
           [ 0,  8,  6]])
    """

    def __init__(self, space: CellSpace, features: Sequence[str] = ("edges", "paths", "operations")) -> None:
        for feature in features:
            if feature not in FEATURES:
                raise UnknownNameError.of("feature", feature, FEATURES)
        self.space = space
        self.features = tuple(features)
        self._parts = [_classes(space, feature) for feature in self.features]
        self.code_type = np.min_scalar_type(_BASE ** len(self.features) - 1)

    def codes(self, cell: int) -> NDArray[np.unsignedinteger]:
        """Return the codes of one cell's pairs with all cells, of type ``code_type``, shape (n_cells,)."""
        codes = np.zeros(self.space.n_cells, dtype=self.code_type)
        for vectors, classes in self._parts:
            to_class = np.abs(vectors - vectors[:, classes[cell], None]).sum(axis=0, dtype=self.code_type)
            codes *= self.code_type.type(_BASE)
            codes += to_class[classes]
        return codes

    @cached_property
    def _levels(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return which levels each cell's counts reach, shape (n_cells, n_levels), and what a level adds to a code."""
        levels, worth = [], []
        for digit, feature in enumerate(reversed(self.features)):
            counts = FEATURES[feature](self.space)
            reached = (counts[:, :, None] > np.arange(counts.max())).reshape(len(counts), -1)
            levels.append(reached[:, reached.any(axis=0)])
            worth += [float(_BASE**digit)] * levels[-1].shape[1]
        return np.hstack(levels).astype(np.float32), np.array(worth, dtype=np.float32)

    def codes_between(self, cells: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
        """Return the codes of all pairs of a cell of `cells` and one of `others`, shape (n_cells, n_others).

        One matrix product: the L1 distance of counts is the number of levels that only one of the two reaches.
        """
        levels, worth = self._levels
        rows, columns = levels[cells] * worth, levels[others]
        codes = rows.sum(axis=1)[:, None] + columns @ worth - 2 * (rows @ columns.T)  # below 2 ** 24: exact in float32
        whole: NDArray[np.unsignedinteger] = codes.astype(self.code_type)
        return whole

    def distances(self, codes: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
        """Return the L1 distances behind codes of any shape, int64, shape (n_features, ...)."""
        return np.stack(np.unravel_index(codes.astype(np.int64), (_BASE,) * len(self.features)))

    def covariance(self, codes: NDArray[np.unsignedinteger], hyperparameters: Hyperparameters) -> NDArray[np.float32]:
        """Return the covariances of pairs by their codes, float32, of the codes' shape."""
        table = np.zeros(1)
        for v, ell in zip(hyperparameters.variances, hyperparameters.lengthscales, strict=True):
            table = np.add.outer(table, v * np.exp(-np.arange(_BASE) / ell)).ravel()
        covariances: NDArray[np.float32] = table.astype(np.float32)[codes]
        return covariances
