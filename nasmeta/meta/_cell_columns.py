"""Columns that describe the cells of any space, for meta-learners: structure, and proxies measured on digits."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nasmeta.predictors import normal_scores
from nasmeta.spaces import CellSpace, get_space

__all__ = ["live_edge_one_hot", "live_operation_counts", "network_columns", "proxy_scores", "structure_columns"]

_NETWORK_FEATURES = "one-hot+live-paths+operation-counts+graph"


def _in_common(space: CellSpace) -> NDArray[np.int32]:
    """Return the representative, among the cells of NAS-Bench-201 that compute the same, of each cell of a space."""
    common = get_space("nb201")
    cells = np.arange(space.size) if space == common else common.from_digits(space.digits)
    return np.asarray(common.canonical(np.asarray(cells, dtype=np.int32), rule="zero"), dtype=np.int32)


@lru_cache(maxsize=4)
def live_edge_one_hot(space: CellSpace) -> NDArray[np.float64]:
    """Return the operation of each edge that is on a live path, one-hot without none, shape (n_cells, 24)."""
    digits = get_space("nb201").digits[_in_common(space)]
    one_hot = (digits[:, :, None] == np.arange(1, 5)).reshape(len(digits), -1)
    out: NDArray[np.float64] = one_hot.astype(np.float64)
    return out


@lru_cache(maxsize=4)
def live_operation_counts(space: CellSpace) -> NDArray[np.float64]:
    """Return how many live edges have each operation but none, shape (n_cells, 4)."""
    counts: NDArray[np.float64] = live_edge_one_hot(space).reshape(space.size, -1, 4).sum(axis=1)
    return counts


@lru_cache(maxsize=4)
def proxy_scores(space: CellSpace) -> NDArray[np.float64]:
    """Return normal scores of the zero-cost proxies that this project measured on digits, shape (n_cells, 9)."""
    from nasmeta.training import measured_proxies

    return np.column_stack([normal_scores(column) for _, column in sorted(measured_proxies(space).items())])


@lru_cache(maxsize=4)
def structure_columns(space: CellSpace) -> NDArray[np.float64]:
    """Return counts of operations, all and live ones, and of live paths, standardised, shape (n_cells, n_columns)."""
    columns = (space.feature("operations").counts, live_operation_counts(space), space.feature("paths").counts)
    return _standardised(np.concatenate(columns, axis=1).astype(np.float64))


@lru_cache(maxsize=4)
def network_columns(space: CellSpace) -> NDArray[np.float32]:
    """Return what networks read of a cell: the same columns on every space, float32, shape (n_cells, n_columns).

    Encodings of the cell's representative in NAS-Bench-201, scaled over that whole space, and the proxies.
    """
    from nasmeta.predictors import make_encoder

    common = get_space("nb201")
    table = np.asarray(make_encoder(_NETWORK_FEATURES).transform(np.arange(common.size)), dtype=np.float64)
    table = np.concatenate([_standardised(table) / 2, proxy_scores(common)], axis=1)
    return table[_in_common(space)].astype(np.float32)


def _standardised(table: NDArray[np.float64]) -> NDArray[np.float64]:
    table = table[:, table.std(axis=0) > 0]
    scaled: NDArray[np.float64] = (table - table.mean(axis=0)) / table.std(axis=0)
    return scaled
