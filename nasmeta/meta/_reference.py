"""The space whose layout meta-learners read: that of NAS-Bench-201 for its relatives, so that models cross spaces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import CellSpace, SearchSpace, move_cells, reference_space


def in_reference(space: SearchSpace) -> NDArray[np.int32]:
    """Return all architectures of a space as those of its reference, int32, shape (size,)."""
    every = np.arange(space.size, dtype=np.int32)
    common = reference_space(space)
    return every if common == space else move_cells(every, space, common)[0]


def representatives(space: SearchSpace, architectures: NDArray[np.integer] | None = None) -> NDArray[np.int32]:
    """Return the representative of those that compute the same, int32, shape (n,); of all where left out.

    Of cells by the rule ``zero``, else by the space's own.
    """
    asked = np.arange(space.size) if architectures is None else architectures
    return np.asarray(space.canonical(asked, rule="zero"), dtype=np.int32)


def position_feature(space: SearchSpace) -> str:
    """Return the name of the feature that says which choice each position has."""
    return "edges" if isinstance(space, CellSpace) else "positions"


def further_features(space: SearchSpace) -> tuple[str, ...]:
    """Return the names of the features that a space's kernels compare beside the choices: of cells paths, operations.

    Examples
    --------
    >>> from nasmeta.meta._reference import further_features
    >>> from nasmeta.spaces import SearchSpace, get_space
    >>> further_features(get_space("nb201")), further_features(SearchSpace("net", {"width": [8, 16, 32]}))
    (('paths', 'operations'), ('levels',))
    """
    return tuple(name for name in space.kernel_features if name != position_feature(space))
