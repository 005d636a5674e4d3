"""Cells as the networks read them: features of whole cells, and the tree of their beginnings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import CellSpace, get_space

__all__ = ["CellTree", "cell_features", "cell_tree"]


@cache
def cell_features(space: CellSpace) -> NDArray[np.float32]:
    """Return what the prediction network reads of every cell, float32, shape (n_cells, n_features).

    Operations of the edges; and operations of the edges, live paths and operation counts of the representative of the
    cells that compute the same (rule ``zero``), in the layout of NAS-Bench-201 on every space; columns have zero mean
    and unit deviation there.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> cell_features(get_space("nb201")).shape, cell_features(get_space("tnb101")).shape
    ((15625, 105), (4096, 105))
    """
    common = get_space("nb201")
    table = np.concatenate(
        [common.feature("edges").counts, common.feature("paths").counts, common.feature("operations").counts], axis=1
    )
    table = table[common.canonical(np.arange(common.size), rule="zero")]
    table = np.concatenate([common.feature("edges").counts, table], axis=1).astype(np.float64)
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    rows = np.arange(space.size) if space == common else common.from_digits(space.digits)
    features: NDArray[np.float32] = table[rows].astype(np.float32)
    return features


@dataclass(frozen=True)
class CellTree:
    """All beginnings of cells: the operations of the first 0 to 5 edges, and which of them a cell runs through.

    Attributes
    ----------
    beginnings : ndarray of float32, shape (n_beginnings, n_edges * n_operations + n_edges)
        Operations so far, one-hot, in the layout of NAS-Bench-201, and which edge comes next, one-hot.
    path : ndarray of int64, shape (n_cells, n_edges)
        For every cell and edge the beginning before that edge.
    digits : ndarray of int64, shape (n_cells, n_edges)
        The operation that follows.
    first : ndarray of int64, shape (n_edges,)
        Where the beginnings before each edge start.
    n_operations : int
        Of the space; the layout may have more.
    """

    beginnings: NDArray[np.float32]
    path: NDArray[np.int64]
    digits: NDArray[np.int64]
    first: NDArray[np.int64]
    n_operations: int


@cache
def cell_tree(space: CellSpace) -> CellTree:
    """Return the tree of a space.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> tree = cell_tree(get_space("nb201"))
    >>> tree.beginnings.shape, tree.path[0].tolist()
    ((3906, 36), [0, 5, 28, 142, 713, 3567])
    """
    layout, n_operations, n_edges = get_space("nb201").n_operations, space.n_operations, space.n_edges
    rows, first, n_before = [], [], 0
    for edge in range(n_edges):
        first.append(n_before)
        count = n_operations**edge
        so_far = np.arange(count)[:, None] // n_operations ** np.arange(edge - 1, -1, -1) % n_operations
        row = np.zeros((count, n_edges * layout + n_edges), dtype=np.float32)
        for place in range(edge):
            row[np.arange(count), place * layout + so_far[:, place]] = 1.0
        row[:, n_edges * layout + edge] = 1.0
        rows.append(row)
        n_before += count
    digits = space.digits.astype(np.int64)
    path = np.empty_like(digits)
    rank = np.zeros(space.size, dtype=np.int64)
    for edge in range(n_edges):
        path[:, edge] = first[edge] + rank
        rank = rank * n_operations + digits[:, edge]
    return CellTree(np.concatenate(rows), path, digits, np.array(first), n_operations)
