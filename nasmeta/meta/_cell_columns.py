"""Columns that describe the architectures of any space, for meta-learners: structure, and proxies measured on digits.

Zero-cost proxies are measured for the cells of NAS-Bench-201 and its relatives only; elsewhere there are no such
columns, and learners read the structure alone.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._arrays import Cells, Floats, Floats32
from nasmeta.predictors import normal_scores
from nasmeta.spaces import CellSpace, SearchSpace, get_space, move_cells, reference_space


def in_reference(space: SearchSpace) -> Cells:
    """Return all architectures of a space as those of its reference, int32, shape (size,)."""
    every = np.arange(space.size, dtype=np.int32)
    common = reference_space(space)
    return every if common == space else move_cells(every, space, common)[0]


def representatives(space: SearchSpace, architectures: NDArray[np.integer] | None = None) -> Cells:
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

    >>> from nasmeta.meta._cell_columns import further_features
    >>> from nasmeta.spaces import SearchSpace, get_space
    >>> further_features(get_space("nb201")), further_features(SearchSpace("net", {"width": [8, 16, 32]}))
    (('paths', 'operations'), ('levels',))
    """
    return tuple(name for name in space.kernel_features if name != position_feature(space))


_NETWORK_FEATURES = "one-hot+live-paths+operation-counts+graph"


def _in_common(space: SearchSpace) -> Cells:
    """Return the representative, in the reference space, of those that compute the same as each architecture."""
    return representatives(reference_space(space), in_reference(space))


def _has_proxies(space: SearchSpace) -> bool:
    return reference_space(space) == get_space("nb201")


@lru_cache(maxsize=4)
def live_choices(space: SearchSpace) -> Floats:
    """Return the choices of each architecture's representative, one-hot, shape (size, n_columns).

    Of cells the operation of each edge that is on a live path; an edge with ``none`` has no column.
    """
    common = reference_space(space)
    one_hot = common.feature(position_feature(common)).counts
    if isinstance(common, CellSpace):
        passing = np.arange(common.n_operations) != (-1 if common.none is None else common.none)
        one_hot = one_hot[:, np.tile(passing, common.n_edges)]
    return one_hot[_in_common(space)].astype(np.float64)


@lru_cache(maxsize=4)
def live_choice_counts(space: SearchSpace) -> Floats:
    """Return how many live edges have each operation but none, shape (size, n_columns); none for spaces of no cells."""
    common = reference_space(space)
    if not isinstance(common, CellSpace):
        return np.zeros((space.size, 0))
    counts: Floats = live_choices(space).reshape(space.size, common.n_edges, -1).sum(axis=1)
    return counts


def further_counts(space: SearchSpace) -> Floats:
    """Return what kernels count beside the choices, shape (size, n_columns): of cells live paths."""
    names = ["paths"] if isinstance(space, CellSpace) else further_features(space)
    counts = [space.feature(name).counts for name in names]
    return np.concatenate([np.zeros((space.size, 0)), *counts], axis=1)


@lru_cache(maxsize=4)
def proxy_scores(space: SearchSpace) -> Floats:
    """Return normal scores of the zero-cost proxies that this project measured on digits, shape (size, 9 or 0)."""
    from nasmeta.training import measured_proxies

    if not _has_proxies(space):
        return np.zeros((space.size, 0))
    if space in (get_space("nb201"), get_space("tnb101")):
        return np.column_stack([normal_scores(column) for _, column in sorted(measured_proxies(space).items())])
    return proxy_scores(get_space("nb201"))[in_reference(space)]


@lru_cache(maxsize=4)
def structure_columns(space: SearchSpace) -> Floats:
    """Return counts, standardised, shape (size, n_columns).

    Of cells those of operations, all and live ones, and of live paths; else what kernels count beside the choices, or
    the choices themselves where they count nothing else.
    """
    if isinstance(space, CellSpace):
        parts = [space.feature("operations").counts, live_choice_counts(space), space.feature("paths").counts]
    else:
        parts = [further_counts(space) if further_features(space) else space.feature("positions").counts]
    return _standardised(np.concatenate(parts, axis=1).astype(np.float64))


@lru_cache(maxsize=4)
def network_columns(space: SearchSpace) -> Floats32:
    """Return what networks read of an architecture, float32, shape (size, n_columns).

    Encodings of its representative in the reference space, scaled over that whole space, and the proxies where there
    are some: so the columns are the same on every space with that reference.
    """
    from nasmeta.predictors import make_encoder

    common = reference_space(space)
    if _has_proxies(space):
        table = np.asarray(make_encoder(_NETWORK_FEATURES).transform(np.arange(common.size)), dtype=np.float64)
    else:
        names = (position_feature(common), *further_features(common))
        table = np.concatenate([common.feature(name).counts for name in names], axis=1).astype(np.float64)
    table = np.concatenate([_standardised(table) / 2, proxy_scores(common)], axis=1)
    return table[_in_common(space)].astype(np.float32)


def _standardised(table: Floats) -> Floats:
    table = table[:, table.std(axis=0) > 0]
    scaled: Floats = (table - table.mean(axis=0)) / table.std(axis=0)
    return scaled
