"""What a surrogate sees of a cell: which function it computes, and what that function is made of."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import CellSpace

__all__ = ["FEATURE_SETS", "class_features", "function_classes"]

FEATURE_SETS = ("edges", "paths", "operations", "shape")

_PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))  # edges of the four paths from node 0 to node 3
_INPUT, _NO_TERM = 1, 0


def _sums(terms: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return a sum as its sorted terms, shape (n_cells, n_terms), absent ones first."""
    return np.sort(np.stack(terms, axis=1), axis=1)


@cache
def function_classes(space: CellSpace) -> NDArray[np.int32]:
    """Return for every cell which function its network computes, as a number from 0 on.

    A node is a sum of terms. ``none``, and any operation on a sum without terms, adds no term; ``skip_connect`` adds
    the terms of its source themselves; the order of terms does not count. So this is the isomorphism rule ``zero`` with
    nested sums laid flat, and coarser than it and than the upstream rule. Class 0 is that of an output without terms:
    the cells without a live path.

    Returns
    -------
    ndarray of int32, shape (n_cells,), read-only

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> from nasmeta.surrogates import function_classes
    >>> int(function_classes(get_space("nb201")).max()) + 1
    4930
    """
    digits = space.digits.astype(np.int64)
    n_real = space.n_operations - 2  # without none and skip_connect
    base = 2 + n_real * (4 + n_real) * n_real  # above the terms of node 1 and node 2 that are single

    # A sum of one term has that term as its id, one without terms 0, and one of two terms a number above all terms.
    def added(edge: int, terms: NDArray[np.int64], ids: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return the terms that an edge adds to its target, absent ones 0."""
        digit = digits[:, edge]
        real = np.where((digit >= 2) & (ids != _NO_TERM), 2 + n_real * ids + digit - 2, _NO_TERM)
        passed = np.where((digit == 1)[:, None], terms, _NO_TERM)
        return [passed[:, 0] + real, *passed.T[1:]]

    network_input = np.full((space.n_cells, 1), _INPUT, dtype=np.int64)
    first = np.stack(added(0, network_input, network_input[:, 0]), axis=1)
    second = _sums([*added(1, network_input, network_input[:, 0]), *added(2, first, first[:, 0])])
    _, numbers = np.unique(second[:, 0] * base + second[:, 1], return_inverse=True)
    second_ids = np.where(second[:, 0] == _NO_TERM, second[:, 1], base + numbers.ravel())
    output = _sums(
        [*added(3, network_input, network_input[:, 0]), *added(4, first, first[:, 0]), *added(5, second, second_ids)]
    )
    _, classes = np.unique(output, axis=0, return_inverse=True)
    found: NDArray[np.int32] = classes.ravel().astype(np.int32)
    found.flags.writeable = False
    return found


def _pruned(space: CellSpace) -> NDArray[np.int64]:
    """Return the digits of all cells, with ``none`` on each edge that lies on no path from input to output."""
    digits = space.digits.astype(np.int64)
    live = digits != 0
    reached1 = live[:, 0]
    reached2 = live[:, 1] | (live[:, 2] & reached1)
    needed2 = live[:, 5]
    needed1 = live[:, 4] | (live[:, 2] & needed2)
    always = np.ones(space.n_cells, dtype=bool)
    digits[~np.stack([needed1, needed2, reached1 & needed2, always, reached1, reached2], axis=1)] = 0
    return digits


@cache
def class_features(space: CellSpace) -> tuple[NDArray[np.float32], ...]:
    """Return the features of every function class, one array a set of `FEATURE_SETS`.

    They are those of the class's member whose live digits come first in lexicographic order, each divided by its
    standard deviation over the classes (at least 0.2), which no label enters.

    * ``edges``: which operation each edge has, one-hot; ``none`` where it is on no live path.
    * ``paths``: how many paths apply each sequence of operations, skips left out.
    * ``operations``: how often each operation occurs on live edges.
    * ``shape``: lengths of the four paths without skips, and how many convolutions each has, both in descending order
      (-1 for a dead path); how many paths live, the most convolutions on one, and how many are the identity.

    Returns
    -------
    tuple of ndarray of float32, shape (n_classes, n_features)

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> from nasmeta.surrogates import class_features
    >>> [features.shape for features in class_features(get_space("nb201"))]
    [(4930, 30), (4930, 40), (4930, 4), (4930, 11)]
    """
    classes, digits = function_classes(space), _pruned(space)
    order = np.lexsort((*digits.T[::-1], classes))
    digits = digits[order[np.diff(classes[order], prepend=-1) > 0]]
    n, k = len(digits), space.n_operations

    one_hot = (digits[:, :, None] == np.arange(k)).reshape(n, -1)
    operations = (digits[:, :, None] == np.arange(1, k)).sum(axis=1)
    counts = np.zeros((n, (k - 1) ** 3))
    length, convolutions, lives = np.zeros((3, n, len(_PATHS)))
    for j, path in enumerate(_PATHS):
        sequence = np.zeros(n, dtype=np.int64)
        for edge in path:
            digit = digits[:, edge]
            sequence = np.where(digit >= 2, sequence * (k - 1) + digit - 1, sequence)
        on_path = digits[:, path]
        live = (on_path != 0).all(axis=1)
        counts[live, sequence[live]] += 1
        lives[:, j] = live
        length[:, j] = np.where(live, (on_path >= 2).sum(axis=1), -1)
        convolutions[:, j] = np.where(live, ((on_path == 2) | (on_path == 3)).sum(axis=1), -1)
    shape = np.column_stack(
        [
            -np.sort(-length, axis=1),
            -np.sort(-convolutions, axis=1),
            lives.sum(axis=1),
            convolutions.max(axis=1),
            (length == 0).sum(axis=1),
        ]
    )
    paths = counts[:, counts.any(axis=0)]
    return tuple(
        np.asarray(part / np.maximum(part.std(axis=0), 0.2), dtype=np.float32)
        for part in (one_hot, paths, operations, shape)
    )
