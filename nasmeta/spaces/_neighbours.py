"""Architectures one edit apart: one position with another choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nasmeta.spaces._search_space import SearchSpace


class Neighbours:
    """The neighbours of a space's architectures: at one edit or, if there are none, at the fewest edits.

    The nearest architectures are computed on demand, because random rows of a large space have no neighbours.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._table = _edit_table(space)
        self._columns = np.ascontiguousarray(space.codes.T)
        self._nearest: dict[int, NDArray[np.int32]] = {}

    @property
    def is_regular(self) -> bool:
        """Whether every edit of every architecture is an architecture."""
        return bool((self._table >= 0).all())

    def of(self, index: int | NDArray[np.int32] | None = None) -> NDArray[np.int32]:
        """Return the neighbours of one architecture, (n,), or of several or all, (n, most) with -1 after the last."""
        if isinstance(index, int):
            found = self._table[index]
            found = found[found >= 0]
            return found if len(found) else self._nearest_to(index)
        rows = np.arange(len(self._table)) if index is None else index
        found = self._table if index is None else self._table[rows]
        nearest = {row: self._nearest_to(int(rows[row])) for row in np.flatnonzero((found < 0).all(axis=1)).tolist()}
        if not nearest:
            return found
        width = max(found.shape[1], *map(len, nearest.values()))
        table = np.pad(found, ((0, 0), (0, width - found.shape[1])), constant_values=-1)
        for row, near in nearest.items():
            table[row, : len(near)] = near
        return table

    def _nearest_to(self, index: int) -> NDArray[np.int32]:
        if index not in self._nearest:
            n_positions, n = self._columns.shape
            edits = np.zeros(n, np.int32)
            for column in self._columns:
                edits += column != column[index]
            edits[index] = n_positions + 1  # never its own neighbour
            near = np.flatnonzero(edits == edits.min()).astype(np.int32)
            self._nearest[index] = near[near != index]
        return self._nearest[index]


def _edit_table(space: SearchSpace) -> NDArray[np.int32]:
    """Return the architectures one edit from each, int32, shape (size, most), -1 after the last.

    In a complete space they are ordered by position and choice, starting after the current choice; in other spaces by
    index.
    """
    raw = space.raw_codes.astype(np.int64)
    ranks = raw @ space.place_values
    if space.is_complete:
        columns = []
        for position, n in enumerate(space.n_choices):
            for step in range(1, n):
                changed = (raw[:, position] + step) % n
                columns.append(space.find(ranks + (changed - raw[:, position]) * space.place_values[position]))
        return np.stack(columns, axis=1) if columns else np.full((space.size, 1), -1, np.int32)
    pairs = _pairs(space, ranks)
    if space.architecture_of_raw is not None:
        pairs = space.architecture_of_raw[pairs]
    one, other = pairs[:, pairs[0] != pairs[1]]
    both = np.unique(np.r_[one, other].astype(np.int64) * space.size + np.r_[other, one])
    rows, found = (both // space.size).astype(np.int32), (both % space.size).astype(np.int32)
    return _padded(rows, found, space.size)


def _pairs(space: SearchSpace, ranks: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the pairs of listed combinations that differ in one position, int32, shape (2, n_pairs).

    Sorted by all other positions, combinations that differ in one position are adjacent.
    """
    found = [np.empty((2, 0), np.int32)]
    for codes, place_value in zip(space.raw_codes.T.astype(np.int64), space.place_values, strict=True):
        others = ranks - codes * place_value
        order = np.argsort(others, kind="stable").astype(np.int32)
        others = others[order]
        for step in range(1, len(order)):
            same = np.flatnonzero(others[step:] == others[:-step])
            if not len(same):
                break
            found.append(np.stack([order[same], order[same + step]]))
    return np.concatenate(found, axis=1)


def _padded(rows: NDArray[np.integer], found: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """Return a table of n rows from entries sorted by row."""
    counts = np.bincount(rows, minlength=n)
    table = np.full((n, max(int(counts.max(initial=0)), 1)), -1, np.int32)
    starts = np.cumsum(counts) - counts
    table[rows, np.arange(len(rows)) - starts[rows]] = found
    return table
