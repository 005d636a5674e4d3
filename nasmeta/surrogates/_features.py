"""What a surrogate sees of a cell: which function it computes, and what that function is made of."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import CellSpace

__all__ = ["FEATURE_SETS", "class_features"]

FEATURE_SETS = ("edges", "paths", "operations", "shape")


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
    classes, digits = space.function_classes, np.where(space.live_edges, space.digits, 0).astype(np.int64)
    order = np.lexsort((*digits.T[::-1], classes))
    digits = digits[order[np.diff(classes[order], prepend=-1) > 0]]
    n, k = len(digits), space.n_operations

    one_hot = (digits[:, :, None] == np.arange(k)).reshape(n, -1)
    operations = (digits[:, :, None] == np.arange(1, k)).sum(axis=1)
    counts = np.zeros((n, (k - 1) ** 3))
    length, convolutions, lives = np.zeros((3, n, len(space.paths)))
    for j, path in enumerate(space.paths):
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
