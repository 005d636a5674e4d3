"""Architectures one edit apart: one position with another choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError

if TYPE_CHECKING:
    from nasmeta.spaces._search_space import SearchSpace

_MOST = 200_000_000  # entries of a table


def neighbour_table(space: SearchSpace) -> NDArray[np.int32]:
    """Return the neighbours of all architectures, int32, shape (size, most), -1 after the last.

    Where every edit leads to an architecture, they stand in the order of positions and, from the own choice on, of
    choices; else in that of their indices. Architectures of a look-up-only space that have no neighbour at one edit
    get those at the fewest edits that there are.
    """
    n_edits = sum(n - 1 for n in space.n_choices)
    if space.size * max(n_edits, 1) > _MOST:
        raise SettingError(
            f"{space.name} has up to {n_edits:,} neighbours for each of {space.size:,} architectures, too many to "
            "list: give a column with so many different choices as several columns."
        )
    raw = space.raw_codes.astype(np.int64)
    own = space.architecture_of_raw
    place_values = space.place_values
    ranks = raw @ place_values
    columns = []
    for position, n in enumerate(space.n_choices):
        for step in range(1, n):
            changed = (raw[:, position] + step) % n
            columns.append(space.find(ranks + (changed - raw[:, position]) * place_values[position]))
    table = np.stack(columns, axis=1) if columns else np.full((len(raw), 1), -1, np.int32)
    if own is None and (table >= 0).all():
        return table
    rows = np.repeat(np.arange(space.size, dtype=np.int32) if own is None else own, table.shape[1])
    return _padded(space, rows, table.ravel())


def _padded(space: SearchSpace, rows: NDArray[np.int32], found: NDArray[np.int32]) -> NDArray[np.int32]:
    keep = (found >= 0) & (found != rows)
    pairs = np.unique(rows[keep].astype(np.int64) * space.size + found[keep])
    rows, found = (pairs // space.size).astype(np.int32), (pairs % space.size).astype(np.int32)
    lonely = np.setdiff1d(np.arange(space.size, dtype=np.int32), rows)
    if len(lonely) and space.size > 1:
        near_rows, near = _nearest(space, lonely)
        order = np.argsort(np.concatenate([rows, near_rows]), kind="stable")
        rows, found = np.concatenate([rows, near_rows])[order], np.concatenate([found, near])[order]
    counts = np.bincount(rows, minlength=space.size)
    table = np.full((space.size, max(int(counts.max(initial=0)), 1)), -1, np.int32)
    starts = np.cumsum(counts) - counts
    table[rows, np.arange(len(rows)) - starts[rows]] = found
    return table


def _nearest(space: SearchSpace, lonely: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return (architecture, other) for those that are fewest edits apart."""
    rows, others = [], []
    chunk = max(1, 20_000_000 // (space.size * space.n_positions))
    for first in range(0, len(lonely), chunk):
        some = lonely[first : first + chunk]
        edits = (space.codes[some][:, None, :] != space.codes[None, :, :]).sum(axis=2, dtype=np.int16)
        edits[np.arange(len(some)), some] = space.n_positions + 1
        row, other = np.nonzero(edits == edits.min(axis=1, keepdims=True))
        rows.append(some[row])
        others.append(other.astype(np.int32))
    return np.concatenate(rows), np.concatenate(others)
