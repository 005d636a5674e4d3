"""Cells of one space as cells of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces._cell_forms import CellLike
from nasmeta.spaces._cell_space import CellSpace

__all__ = ["move_cells"]


def move_cells(cells: CellLike, source: CellSpace, target: CellSpace) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the cells of another space with the same operations on the same edges, where it has them.

    TransNAS-Bench-101 has four of NAS-Bench-201's five operations, so all its cells move there; a cell with average
    pooling has no counterpart the other way round.

    Parameters
    ----------
    cells : cells of `source`, shape (n,)
    source, target : CellSpace

    Returns
    -------
    moved : ndarray of int32, shape (n_kept,)
        Cells of `target`.
    kept : ndarray of bool, shape (n,)
        Which of `cells` have a counterpart.

    Raises
    ------
    CellError
        Where something is no cell of `source`.

    Examples
    --------
    >>> from nasmeta.spaces import get_space, move_cells
    >>> moved, kept = move_cells([0, 6111], get_space("nb201"), get_space("tnb101"))
    >>> kept.tolist(), get_space("tnb101").to_string(moved)
    ([False, True], ['64-41414-3_33_132'])
    """
    digits = np.atleast_2d(source.to_digits(cells))
    counterpart = np.array([target.operations.index(op) if op in target.operations else -1 for op in source.operations])
    moved = counterpart[digits]
    kept = np.asarray((moved >= 0).all(axis=1))
    found = target.from_digits(moved[kept]) if kept.any() else np.empty(0, np.int32)
    return np.asarray(found, np.int32), kept
