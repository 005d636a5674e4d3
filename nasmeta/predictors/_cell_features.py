"""Count features of cells: what a kernel or an encoder compares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import CellSpace

__all__ = ["PATHS", "edge_one_hot", "live_path_counts", "operation_counts"]

PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))  # edges of the four paths from node 0 to node 3


def edge_one_hot(space: CellSpace) -> NDArray[np.int8]:
    """Return which operation each edge has, int8, shape (n_cells, n_edges * n_operations).

    Examples
    --------
    >>> from nasmeta.predictors import edge_one_hot
    >>> from nasmeta.spaces import get_space
    >>> edge_one_hot(get_space("nb201"))[0].reshape(6, 5).argmax(axis=1)
    array([4, 2, 1, 2, 1, 1])
    """
    one_hot = space.digits[:, :, None] == np.arange(space.n_operations, dtype=np.int8)
    flat: NDArray[np.int8] = one_hot.reshape(space.n_cells, -1).astype(np.int8)
    return flat


def operation_counts(space: CellSpace) -> NDArray[np.int8]:
    """Return how often each operation occurs, int8, shape (n_cells, n_operations).

    This is the label histogram that starts the Weisfeiler-Lehman kernel (Shervashidze et al., JMLR 2011).

    Examples
    --------
    >>> from nasmeta.predictors import operation_counts
    >>> from nasmeta.spaces import get_space
    >>> operation_counts(get_space("nb201"))[0]
    array([0, 3, 2, 0, 1], dtype=int8)
    """
    one_hot = edge_one_hot(space).reshape(space.n_cells, space.n_edges, space.n_operations)
    counts: NDArray[np.int8] = one_hot.sum(axis=1, dtype=np.int8)
    return counts


def live_path_counts(space: CellSpace) -> NDArray[np.int8]:
    """Return how many paths from input to output apply each sequence of operations.

    ``none`` kills a path, ``skip_connect`` shortens it. The four paths of a cell give at most four counts.
    This follows the path encoding of White, Neiswanger and Savani (BANANAS, AAAI 2021), on live paths.

    Returns
    -------
    ndarray of int8, shape (n_cells, n_sequences)
        One column for each sequence of up to three operations: 40 in NAS-Bench-201, 15 in TransNAS-Bench-101 micro.

    Examples
    --------
    >>> from nasmeta.predictors import live_path_counts
    >>> from nasmeta.spaces import get_space
    >>> live_path_counts(get_space("nb201")).shape
    (15625, 40)
    """
    n_real = space.n_operations - 2  # without none and skip_connect
    base = n_real + 1
    cells = np.arange(space.n_cells)
    counts = np.zeros((space.n_cells, base**3), dtype=np.int8)
    for path in PATHS:
        sequence = np.zeros(space.n_cells, dtype=np.int64)
        live = np.ones(space.n_cells, dtype=bool)
        for edge in path:
            digit = space.digits[:, edge].astype(np.int64)
            live &= digit != 0
            sequence = np.where(digit >= 2, sequence * base + digit - 1, sequence)
        counts[cells[live], sequence[live]] += 1
    return counts[:, counts.any(axis=0)]
