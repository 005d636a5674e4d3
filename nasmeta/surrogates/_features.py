"""The features of a surrogate: one row per class of architectures that compute the same function."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from nasmeta.arrays import Architectures, Array, Floats, Floats32, Integers
from nasmeta.spaces import CellSpace, SearchSpace, choice_one_hot

FEATURE_SETS = ("edges", "paths", "operations", "shape")


def feature_sets(space: SearchSpace) -> tuple[str, ...]:
    """Return the names of the feature sets of a space: `FEATURE_SETS` for cells, else its count features.

    A large space has one set, ``places``: the choices of unordered positions, one-hot, and the
    places of the choices of ordered positions, from 0 to 1.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> from nasmeta.surrogates import feature_sets
    >>> feature_sets(get_space("nb201")), feature_sets(get_space("graphgym"))
    (('edges', 'paths', 'operations', 'shape'), ('positions', 'levels'))
    """
    if space.is_large:
        return ("places",)
    return FEATURE_SETS if isinstance(space, CellSpace) else space.feature_names


def places(space: SearchSpace, architectures: Architectures) -> Floats:
    """Return the features ``places`` of architectures, float64, shape (n, n_features); see `feature_sets`."""
    codes = space.codes_of(architectures)
    ordered = [number for number, position in enumerate(space.positions) if position.ordered]
    one_hot = choice_one_hot(space.positions, codes, ordered).counts
    columns = [one_hot.astype(np.float64)]
    for number in ordered:
        position = space.positions[number]
        columns.append(position.places[codes[:, number]])
    return np.column_stack(columns)


@lru_cache(maxsize=8)
def class_features(space: SearchSpace) -> tuple[Floats32, ...]:
    """Return the features of each class of `SearchSpace.function_classes`, one array per set of `feature_sets`.

    The arrays are float32, shape (n_classes, n_features).

    For cells, they belong to the member with the lexicographically first live digits:

    * ``edges``: the operation of each edge, one-hot; ``none`` for edges without a live path.
    * ``paths``: the number of paths with each sequence of operations, without skips.
    * ``operations``: the number of live edges with each operation.
    * ``shape``: the lengths of paths without skips, and their numbers of convolutions (operations
      that neither skip nor pool), both in descending order (-1 for a dead path); the number of live
      paths, the most convolutions on a path, and the number of identity paths.

    For other spaces, they are the count features of the first member. Each feature is divided by
    its standard deviation over the classes (at least 0.2).

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> from nasmeta.surrogates import class_features
    >>> [features.shape for features in class_features(get_space("nb201"))]
    [(4930, 30), (4930, 40), (4930, 4), (4930, 11)]
    """
    classes = space.function_classes
    if isinstance(space, CellSpace):
        parts = _of_cells(space, classes)
    else:
        _, first = np.unique(classes, return_index=True)
        counts = [space.feature(name).counts for name in space.feature_names]
        parts = tuple(part[first].astype(np.float64) for part in counts)
    scaled = []
    for part in parts:
        deviations = np.maximum(part.std(axis=0), 0.2)
        scaled.append((part / deviations).astype(np.float32))
    return tuple(scaled)


def classes_of(space: SearchSpace, architectures: Architectures) -> Array:
    """Return the class of each architecture, shape (n,): its function or, in a large space, itself."""
    if space.is_large:
        return architectures
    return space.function_classes[architectures]


def features_at(space: SearchSpace, classes: Array) -> tuple[Array, ...]:
    """Return the features of some classes, shape (n, n_features) each."""
    if space.is_large:
        return (places(space, classes),)
    return tuple(part[classes] for part in class_features(space))


def _of_cells(space: CellSpace, classes: Integers) -> tuple[Floats, ...]:
    """Return the four feature sets of `FEATURE_SETS`, each of shape (n_classes, n_features)."""
    dead = -1 if space.none is None else space.none
    digits = np.where(space.live_edges, space.digits, dead).astype(np.int64)
    # The member of each class with the lexicographically first live digits.
    order = np.lexsort((digits @ space.place_values, classes))
    is_first = np.diff(classes[order], prepend=-1) > 0
    members = order[is_first]
    digits = digits[members]
    convolutional = [
        digit for digit in space.real_operations if "pool" not in space.operations[digit].lower()
    ]
    all_operations = np.arange(space.n_operations)
    one_hot = digits[:, :, None] == all_operations  # (n_classes, n_edges, n_operations)
    operations = one_hot.sum(axis=1)[:, all_operations != space.none]
    # Each of shape (n_classes, n_paths), -1 for dead paths.
    lengths, convolutions = np.full((2, len(digits), len(space.paths)), -1.0)
    for column, path in enumerate(space.paths):
        on_path = digits[:, path]
        live = (on_path != dead).all(axis=1)
        on_live_path = on_path[live]
        lengths[live, column] = np.isin(on_live_path, space.real_operations).sum(axis=1)
        convolutions[live, column] = np.isin(on_live_path, convolutional).sum(axis=1)
    descending_lengths = -np.sort(-lengths, axis=1)
    descending_convolutions = -np.sort(-convolutions, axis=1)
    n_live_paths = (lengths >= 0).sum(axis=1)
    n_identities = (lengths == 0).sum(axis=1)
    shape = np.column_stack(
        [
            descending_lengths,
            descending_convolutions,
            n_live_paths,
            convolutions.max(axis=1),
            n_identities,
        ]
    )
    paths = space.feature("paths").counts[members]
    edges = one_hot.reshape(len(digits), -1)
    return tuple(part.astype(np.float64) for part in (edges, paths, operations, shape))
