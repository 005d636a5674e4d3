"""Architectures one edit apart: one position with another choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nasmeta.arrays import Architectures, Integers
from nasmeta.spaces._positions import Conditions, Position

Find = Callable[[Integers], Integers]
"""From the ranks of combinations to architectures."""


def edits_of_all(
    codes: Integers,
    positions: Sequence[Position],
    conditions: Conditions,
    place_values: Integers,
    find: Find,
) -> Integers:
    """Return the architectures one edit away from each, int32 or int64, shape (n, n_edits), padded with -1.

    They are ordered by position and choice, starting after the current choice; in a range they are
    1, 2, 4, 8 … levels below or above. An edit that makes another position inactive sets its code
    to 0.

    Parameters
    ----------
    codes : ndarray of int, shape (n, n_positions)
    positions : sequence of Position
    conditions : Conditions
    place_values : ndarray of int64, shape (n_positions,)
        Factors that turn codes into ranks.
    find : callable
        From ranks to architectures, -1 for none.
    """
    ranks = codes @ place_values
    is_active = conditions.active(codes)
    table = []
    for i, position in enumerate(positions):
        column = codes[:, i].astype(np.int64)
        for step in position.edits:
            edited = (column + step) % len(position.choices)
            is_outside = ~is_active[:, i]
            if position.scale:
                is_outside |= edited != column + step
            moved = ranks + (edited - column) * place_values[i]
            if i in conditions.decisive:
                changed = codes.astype(np.int64)
                changed[:, i] = edited
                moved = conditions.reduced(changed) @ place_values
            neighbours = find(moved)
            if is_outside.any():
                neighbours = np.where(is_outside, -1, neighbours)
            table.append(neighbours)
    if not table:
        return np.full((len(codes), 1), -1, np.int32)
    edits = np.stack(table, axis=1)
    if (edits < 0).any():
        edits = np.take_along_axis(edits, np.argsort(edits < 0, axis=1, kind="stable"), axis=1)
    return edits


def edits_of_listed(
    codes: Integers, place_values: Integers, architectures: Architectures
) -> Architectures:
    """Return the architectures one edit from each, in a listed space, int32, shape (size, most), -1 after the last.

    They are ordered by index. Sorted by all other positions, combinations that differ in one
    position are adjacent.

    Parameters
    ----------
    codes : ndarray of int, shape (n_combinations, n_positions)
        The codes of the listed combinations.
    place_values : ndarray of int64, shape (n_positions,)
        Factors that turn codes into ranks.
    architectures : ndarray of int32, shape (n_combinations,)
        The architecture of each combination; several combinations may be one architecture.
    """
    ranks = codes @ place_values
    pairs = [np.empty((2, 0), np.int32)]
    for i, place in enumerate(place_values):
        others = ranks - codes[:, i].astype(np.int64) * place
        order = np.argsort(others, kind="stable")
        others = others[order]
        for step in range(1, len(order)):
            same = np.flatnonzero(others[step:] == others[:-step])
            if not len(same):
                break
            pairs.append(architectures[np.stack([order[same], order[same + step]])])
    left, right = np.concatenate(pairs, axis=1).astype(np.int64)
    size = int(architectures.max()) + 1
    is_edit = left != right  # two combinations of one architecture are not
    left, right = left[is_edit], right[is_edit]
    both_ways = np.concatenate([left * size + right, right * size + left])
    rows, neighbours = np.divmod(np.unique(both_ways), size)
    n_neighbours = np.bincount(rows, minlength=size)
    first = np.cumsum(n_neighbours) - n_neighbours  # of each row's neighbours
    columns = np.arange(len(rows)) - first[rows]
    table = np.full((size, max(int(n_neighbours.max()), 1)), -1, np.int32)
    table[rows, columns] = neighbours
    return table


class Neighbours:
    """The neighbours of architectures: at one edit or, if there are none, at the fewest edits.

    The nearest architectures are computed on demand, because random rows of a large space have no
    neighbours.

    Parameters
    ----------
    codes : ndarray of int, shape (size, n_positions)
    edits : ndarray of int32, shape (size, most)
        The architectures one edit from each, -1 after the last.
    """

    def __init__(self, codes: Integers, edits: Architectures) -> None:
        self._columns = np.ascontiguousarray(codes.T)
        self._edits = edits
        self._nearest: dict[int, Architectures] = {}

    @property
    def is_regular(self) -> bool:
        """Whether every edit of every architecture is an architecture."""
        return bool((self._edits >= 0).all())

    def of_one(self, architecture: int) -> Architectures:
        """Return the neighbours of one architecture, int32, shape (n_neighbours,)."""
        row = self._edits[architecture]
        row = row[row >= 0]
        return row if len(row) else self._nearest_to(architecture)

    def of(self, architectures: Architectures) -> Architectures:
        """Return the neighbours of several architectures, int32, shape (n, most) with -1 after the last."""
        table = self._edits[architectures]
        alone = np.flatnonzero(table[:, 0] < 0)
        if not len(alone):
            return table
        nearest = [self._nearest_to(architecture) for architecture in architectures[alone].tolist()]
        width = max([table.shape[1], *map(len, nearest)])
        table = np.pad(table, ((0, 0), (0, width - table.shape[1])), constant_values=-1)
        for row, near in zip(alone, nearest, strict=True):
            table[row, : len(near)] = near
        return table

    def _nearest_to(self, architecture: int) -> Architectures:
        if architecture not in self._nearest:
            edits = np.zeros(len(self._edits), dtype=np.int32)
            for column in self._columns:
                edits += column != column[architecture]
            edits[architecture] = len(self._columns) + 1  # never its own neighbour
            near = np.flatnonzero(edits == edits.min()).astype(np.int32)
            self._nearest[architecture] = near[near != architecture]
        return self._nearest[architecture]
