"""The forms of a cell: index, string, digits, operations, adjacency matrix, converted and checked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.errors import CellError

__all__ = ["EDGES", "N_NODES", "Cell", "CellForms", "CellLike", "Notation", "shown"]

N_NODES = 4
EDGES: tuple[tuple[int, int], ...] = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))

Cell: TypeAlias = "int | np.integer[Any] | str"
CellLike: TypeAlias = "Cell | Sequence[Cell] | NDArray[Any]"


def _short(text: str, limit: int = 120) -> str:
    """Leave out the middle of a text that is too long for a message."""
    return text if len(text) <= limit else f"{text[: limit // 2]}...{text[-limit // 2 :]}"


def shown(value: object) -> str:
    """Return a short text of anything, for messages."""
    try:
        return _short(repr(value))
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return f"an overlong {type(value).__name__}"


def _as_array(values: Any, what: str) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as reason:
        raise CellError(f"{what} must form an array, with rows of one length: {_short(str(reason))}") from reason


@dataclass(frozen=True)
class Notation:
    """How a space writes its cells: ``write`` digits to a string, ``read`` it back.

    ``read`` raises ValueError with the reason where the string is not of this notation.
    """

    write: Callable[[Iterable[int]], str]
    read: Callable[[str], tuple[int, ...]]


class CellForms:
    """The conversions of `CellSpace`, which has all of them; see there.

    Parameters
    ----------
    name, operations, notation, official_order
        As in `CellSpace`.
    """

    edges = EDGES
    n_nodes = N_NODES
    n_edges = len(EDGES)

    def __init__(
        self, name: str, operations: Sequence[str], notation: Notation, official_order: ArrayLike | None = None
    ) -> None:
        self.name = name
        self.operations = tuple(operations)
        self.notation = notation
        self.n_operations = len(self.operations)
        self.n_cells = self.n_operations**self.n_edges
        self.n_neighbours = self.n_edges * (self.n_operations - 1)
        self._place_values = self.n_operations ** np.arange(self.n_edges - 1, -1, -1, dtype=np.int32)
        rank = np.arange(self.n_cells) if official_order is None else official_order
        self._rank_of_cell = np.asarray(rank, dtype=np.int32)
        self._cell_of_rank = np.empty(self.n_cells, dtype=np.int32)
        self._cell_of_rank[self._rank_of_cell] = np.arange(self.n_cells, dtype=np.int32)

    # -- cells, checked ---------------------------------------------------------------------------------------------
    @overload  # a str is a Sequence[str] too, but the first signature takes it
    def index_of(self, cells: Cell) -> int: ...  # type: ignore[overload-overlap]
    @overload
    def index_of(self, cells: Sequence[Cell] | NDArray[Any]) -> NDArray[np.int32]: ...
    def index_of(self, cells: CellLike) -> int | NDArray[np.int32]:
        """Return the official index of each cell, checked.

        Parameters
        ----------
        cells : int, str, or sequence or array of them, shape (n,)
            Indices (Python's or numpy's integers) or strings in the space's notation. A column of a data frame is
            taken in the order of its rows, whatever its index.

        Returns
        -------
        int or ndarray of int32, shape (n,)
            A number for one cell, an array for several.

        Raises
        ------
        CellError
            For a negative or too large index, a float, a bool, an unknown string or operation.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").index_of(-1)
        Traceback (most recent call last):
        nasmeta.errors.CellError: -1 is no cell of nb201: indices run from 0 to 15624.
        """
        several: Any = cells
        if isinstance(several, str | int | np.integer | bytes | bytearray | Mapping | Set):
            return self._index_of_one(several)
        if hasattr(several, "__array__"):  # a pandas Series, too: its [i] would be a look-up by label
            array = _as_array(several, "Cells")
            if array.ndim == 0:
                return self._index_of_one(array[()])
            if array.ndim > 1 or array.dtype.kind in "iu":
                return self._checked(array)
            several = array
        elif not isinstance(several, Collection):
            return self._index_of_one(several)
        flat: list[Any] = list(several)
        for cell in flat:
            if isinstance(cell, list | tuple) or getattr(cell, "ndim", 0) > 0:
                raise CellError(
                    f"Cells must be one-dimensional (n,), but an element is {shown(cell)}. "
                    "Use from_digits or from_adjacency for digits and matrices."
                )
        return np.array([self._index_of_one(cell) for cell in flat], dtype=np.int32)

    def _index_of_one(self, cell: Any) -> int:
        if isinstance(cell, str):
            try:
                digits = self.notation.read(cell)
            except ValueError as reason:
                raise CellError(
                    f"{shown(cell)} is no cell of {self.name}: {_short(str(reason))} "
                    f"Operations: {', '.join(self.operations)}; the form: {self.to_string(0)!r}."
                ) from None
            return int(self._cell_of_rank[int(np.dot(digits, self._place_values))])
        if isinstance(cell, np.ndarray) and cell.ndim == 0:
            cell = cell[()]
        if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | np.integer):
            raise CellError(
                f"{shown(cell)} ({type(cell).__name__}) is no cell of {self.name}: a cell is an integer index "
                f"from 0 to {self.n_cells - 1}, or a string such as {self.to_string(0)!r}."
            )
        if not 0 <= cell < self.n_cells:
            raise CellError(f"{shown(int(cell))} is no cell of {self.name}: indices run from 0 to {self.n_cells - 1}.")
        return int(cell)

    def _checked(self, cells: NDArray[Any]) -> NDArray[np.int32]:
        if cells.ndim != 1:
            raise CellError(f"Cells must be one-dimensional (n,), not of shape {cells.shape}.")
        if cells.size and (cells.min() < 0 or cells.max() >= self.n_cells):
            wrong = cells[(cells < 0) | (cells >= self.n_cells)][0]
            raise CellError(f"{int(wrong)} is no cell of {self.name}: indices run from 0 to {self.n_cells - 1}.")
        return cells.astype(np.int32, copy=False)

    # -- forms ------------------------------------------------------------------------------------------------------
    @cached_property
    def digits(self) -> NDArray[np.int8]:
        """Digits of all cells, int8, shape (n_cells, n_edges), in the official order; read-only."""
        digits = (self._rank_of_cell[:, None] // self._place_values % self.n_operations).astype(np.int8)
        digits.flags.writeable = False
        return digits

    def to_digits(self, cells: CellLike) -> NDArray[np.int8]:
        """Return the operation digit of every edge, int8, shape (n_edges,) for one cell or (n, n_edges).

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").to_digits(0)
        array([4, 2, 1, 2, 1, 1], dtype=int8)
        """
        return self.digits[self.index_of(cells)]

    def from_digits(self, digits: ArrayLike) -> int | NDArray[np.int32]:
        """Return the cell, or cells, with these digits of shape (n_edges,) or (n, n_edges).

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").from_digits([4, 2, 1, 2, 1, 1])
        0
        """
        array = _as_array(digits, "Digits")
        if array.dtype.kind not in "iu" or array.ndim not in (1, 2) or array.shape[-1] != self.n_edges:
            raise CellError(
                f"Digits must be integers of shape ({self.n_edges},) or (n, {self.n_edges}), "
                f"not {array.dtype} of shape {array.shape}."
            )
        if array.size and (array.min() < 0 or array.max() >= self.n_operations):
            raise CellError(
                f"Digits of {self.name} run from 0 to {self.n_operations - 1} ({', '.join(self.operations)}); "
                f"got {array.min()} to {array.max()}."
            )
        cells = self._cell_of_rank[array.astype(np.int64) @ self._place_values]
        return int(cells) if array.ndim == 1 else cells

    @overload
    def to_string(self, cells: Cell) -> str: ...  # type: ignore[overload-overlap]
    @overload
    def to_string(self, cells: Sequence[Cell] | NDArray[Any]) -> list[str]: ...
    def to_string(self, cells: CellLike) -> str | list[str]:
        """Return the official string of one cell, or a list of strings."""
        digits = self.to_digits(cells)
        if digits.ndim == 1:
            return self.notation.write(digits.tolist())
        return [self.notation.write(row) for row in digits.tolist()]

    def ops_of(self, cells: CellLike) -> NDArray[np.str_]:
        """Return the operation names of the edges, shape (n_edges,) for one cell or (n, n_edges).

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("tnb101").ops_of("64-41414-3_03_120").tolist()
        ['nor_conv_3x3', 'none', 'nor_conv_3x3', 'skip_connect', 'nor_conv_1x1', 'none']
        """
        return np.array(self.operations)[self.to_digits(cells)]

    def from_ops(self, operations: ArrayLike) -> int | NDArray[np.int32]:
        """Return the cell, or cells, with these operation names of shape (n_edges,) or (n, n_edges)."""
        names = _as_array(operations, "Operations")
        for name in names.ravel().tolist():
            if not isinstance(name, str) or name not in self.operations:
                raise CellError(
                    f"{shown(name)} is no operation of {self.name}. Possible: {', '.join(self.operations)}."
                )
        digits = np.zeros(names.shape, dtype=np.int8)
        for digit, operation in enumerate(self.operations):
            digits[names == operation] = digit
        return self.from_digits(digits)

    def to_adjacency(self, cells: CellLike) -> NDArray[np.int8]:
        """Return adjacency matrices with operations, int8, shape (4, 4) for one cell or (n, 4, 4).

        Entry (i, j) is the digit of the operation on the edge i→j plus one; 0 where there is no edge.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").to_adjacency(0)
        array([[0, 5, 3, 3],
               [0, 0, 2, 2],
               [0, 0, 0, 2],
               [0, 0, 0, 0]], dtype=int8)
        """
        digits = self.to_digits(cells)
        matrices = np.zeros((*digits.shape[:-1], N_NODES, N_NODES), dtype=np.int8)
        sources, targets = zip(*EDGES, strict=True)
        matrices[..., sources, targets] = digits + 1
        return matrices

    def from_adjacency(self, matrices: ArrayLike) -> int | NDArray[np.int32]:
        """Return the cell, or cells, of adjacency matrices as `to_adjacency` writes them."""
        array = _as_array(matrices, "Adjacency matrices")
        if array.dtype.kind not in "iu" or array.ndim not in (2, 3) or array.shape[-2:] != (N_NODES, N_NODES):
            raise CellError(
                f"Adjacency matrices must be integers of shape (4, 4) or (n, 4, 4), not {array.dtype} {array.shape}."
            )
        sources, targets = zip(*EDGES, strict=True)
        upper = array[..., sources, targets].astype(np.int64)
        if np.count_nonzero(array) != np.count_nonzero(upper):
            raise CellError("An adjacency matrix has an entry on or below its diagonal; edges go from i to j > i.")
        return self.from_digits(upper - 1)
