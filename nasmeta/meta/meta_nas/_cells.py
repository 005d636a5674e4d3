"""Architectures as the networks read them: features of whole ones, and the tree of their beginnings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._reference import (
    further_features,
    in_reference,
    position_feature,
    representatives,
)
from nasmeta.spaces import SearchSpace, reference_space


@cache
def cell_features(space: SearchSpace) -> NDArray[np.float32]:
    """Return what the prediction network reads of every architecture, float32, shape (size, n_features).

    The choices of its positions; and choices and other counts of the representative of those that compute the same
    (of cells operations of the edges, live paths and operation counts), in the layout of the reference space: that of
    NAS-Bench-201 for its relatives. Columns have zero mean and unit deviation there.
    """
    common = reference_space(space)
    choices = common.feature(position_feature(common)).counts
    others = [common.feature(name).counts for name in further_features(common)]
    table = np.concatenate([choices, *others], axis=1)[representatives(common)]
    table = np.concatenate([choices, table], axis=1).astype(np.float64)
    table = table[:, table.min(axis=0) < table.max(axis=0)]
    table = (table - table.mean(axis=0)) / table.std(axis=0)
    features: NDArray[np.float32] = table[in_reference(space)].astype(np.float32)
    return features


@dataclass(frozen=True)
class CellTree:
    """All beginnings: the choices of the first positions, and which of the beginnings an architecture runs through.

    Attributes
    ----------
    beginnings : ndarray of float32, shape (n_beginnings, n_columns + n_positions)
        Choices so far, one-hot, in the layout of the reference space, and which position comes next, one-hot.
    path : ndarray of int64, shape (size, n_positions)
        For every architecture and position the beginning before that position.
    codes : ndarray of int64, shape (size, n_positions)
        The choice that follows.
    follows : ndarray of int64, shape (n_beginnings, most choices)
        The beginning, or after the last position the architecture, that each choice leads to; -1 where it leads to
        none.
    """

    beginnings: NDArray[np.float32]
    path: NDArray[np.int64]
    codes: NDArray[np.int64]
    follows: NDArray[np.int64]

    @property
    def allowed(self) -> NDArray[np.bool_] | None:
        """Which choices lead on, shape (n_beginnings, most choices); None where all do."""
        leads: NDArray[np.bool_] = self.follows >= 0
        return None if leads.all() else leads


@cache
def cell_tree(space: SearchSpace) -> CellTree:
    """Return the tree of a space."""
    common = reference_space(space)
    layout = common.feature(position_feature(common)).counts[in_reference(space)]
    ends = np.cumsum(common.n_choices)
    codes, most = space.codes.astype(np.int64), max(space.n_choices)
    rows, path = [], np.empty_like(codes)
    rank, n_before = np.zeros(space.size, dtype=np.int64), 0
    for position, n in enumerate(space.n_choices):
        _, first, begun = np.unique(rank, return_index=True, return_inverse=True)
        row = np.zeros((len(first), layout.shape[1] + space.n_positions), dtype=np.float32)
        upto = ends[position - 1] if position else 0
        row[:, :upto] = layout[first, :upto]
        row[:, layout.shape[1] + position] = 1.0
        rows.append(row)
        path[:, position] = n_before + begun.ravel()
        n_before += len(first)
        rank = rank * n + codes[:, position]
    follows = np.full((n_before, most), -1, dtype=np.int64)
    after = np.c_[path[:, 1:], np.arange(space.size)]
    follows[path, codes] = after
    return CellTree(np.concatenate(rows), path, codes, follows)
