"""How near the architectures of a space are to each other: by count features, and by what the predictor `gp` reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.predictors import CellKernel, make_predictor
from nasmeta.predictors._gaussian_process import Hyperparameters
from nasmeta.spaces import SearchSpace

LENGTHS = ((0.4, 1.2, 4.0), (1.0, 3.0, 9.0))  # of typical distances: of count features, of encodings
_MOST_COUNT = 8  # larger numbers are measurements, which are standardised
_SAMPLE = 300

Floats = NDArray[np.float32]


class Similarity:
    """Means of exponential kernels over groups of features, at several lengths, so of any number of features.

    One kind is that of `CellKernel`; the other compares the groups of columns that the predictor ``gp`` reads by their
    L2 distance over its median.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.kernel = CellKernel(space)
        n = len(self.kernel.features)
        self._counts = [
            Hyperparameters(np.full(n, 1 / n), length * self.kernel.typical_lengthscales, 0.0) for length in LENGTHS[0]
        ]
        gp = make_predictor("gp", space=space)
        table = gp[:-1].fit([0], [0.0]).transform(np.arange(space.size))
        sizes = gp[-1].groups or [table.shape[1]]
        some = np.random.default_rng(0).choice(space.size, min(_SAMPLE, space.size), replace=False)
        self._groups = [_scaled(part, some) for part in np.split(table, np.cumsum(sizes)[:-1], axis=1)]

    def between(self, cells: NDArray[np.integer], others: NDArray[np.integer]) -> list[list[Floats]]:
        """Return for each kind the similarities at each length, all of shape (n_cells, n_others)."""
        codes = self.kernel.codes_between(cells, others)
        by_counts = [self.kernel.covariance(codes, one) for one in self._counts]
        by_encoding = [np.zeros(codes.shape, np.float32) for _ in LENGTHS[1]]
        for group in self._groups:
            distances = _distances(group[cells], group[others])
            for total, length in zip(by_encoding, LENGTHS[1], strict=True):
                total += np.exp(distances * np.float32(-1 / length)) / np.float32(len(self._groups))
        return [by_counts, by_encoding]


def _scaled(part: NDArray[np.float64], some: NDArray[np.integer]) -> Floats:
    """Return a group of columns in units of the median distance of some rows."""
    if part.min() < 0 or part.max() > _MOST_COUNT or (part != np.round(part)).any():
        deviation = part.std(axis=0)
        part = (part - part.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    distances = _distances(part[some], part[some])
    apart = distances[distances > 0]
    return np.asarray(part / (float(np.median(apart)) if len(apart) else 1.0), np.float32)


def _distances(rows: NDArray[np.floating], columns: NDArray[np.floating]) -> NDArray[np.floating]:
    squared = (rows**2).sum(axis=1)[:, None] + (columns**2).sum(axis=1) - 2 * rows @ columns.T
    distances: NDArray[np.floating] = np.sqrt(np.maximum(squared, 0, out=squared), out=squared)
    return distances
