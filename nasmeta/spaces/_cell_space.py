"""A space of cells: four nodes, six edges, one operation an edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.spaces._cell_forms import EDGES, CellForms, CellLike, Notation, shown
from nasmeta.spaces._datasets import canonical_dataset
from nasmeta.spaces._isomorphism import IsomorphismRule, class_representatives

__all__ = ["CellSpace", "CostFormula"]


@dataclass(frozen=True)
class CostFormula:
    """A cost that is exactly linear in the operations of the edges.

    Attributes
    ----------
    base : mapping of str to int
        What the skeleton (stem, residual blocks, head) costs, for each dataset.
    per_edge : mapping of str to tuple
        For each dataset an int table of shape (n_edges, n_operations).
    """

    base: Mapping[str, int]
    per_edge: Mapping[str, tuple[tuple[int, ...], ...]]


class CellSpace(CellForms):
    """All cells of four nodes (0 is the input, 3 the output) with one operation on each of six edges.

    A cell is an ``int``: its index in the space's official order. Strings, digits and adjacency matrices are
    converted here, at the border; everything else in the package moves ``int32`` arrays of cells.
    The edges are ordered 0→1, 0→2, 1→2, 0→3, 1→3, 2→3, and a cell's *digits* are the positions of its edges'
    operations in `operations`.

    Parameters
    ----------
    name : str
        Short name, as used in task names.
    operations : sequence of str
        The operations; the first is ``none``, the second ``skip_connect``.
    notation : Notation
        The official string form of a cell.
    official_order : array of int, shape (n_cells,), optional
        For each cell its rank among all digit tuples in lexicographic order; lexicographic where left out.
    parameters, multiply_adds : CostFormula, optional
        Exact costs of the benchmark's networks.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> space = get_space("nb201")
    >>> space.n_cells
    15625
    >>> space.to_string(0)
    '|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|'
    >>> space.index_of(space.to_string([3, 1, 4]))
    array([3, 1, 4], dtype=int32)
    """

    def __init__(
        self,
        name: str,
        operations: Sequence[str],
        notation: Notation,
        official_order: ArrayLike | None = None,
        parameters: CostFormula | None = None,
        multiply_adds: CostFormula | None = None,
    ) -> None:
        super().__init__(name, operations, notation, official_order)
        self._costs = {"parameters": parameters, "multiply-adds": multiply_adds}

    def __repr__(self) -> str:
        return f"CellSpace({self.name!r}, {self.n_cells:,} cells, operations: {', '.join(self.operations)})"

    def __reduce__(self) -> tuple[Any, ...]:
        from nasmeta.spaces._catalog import get_space

        return get_space, (self.name,)

    # -- structure --------------------------------------------------------------------------------------------------
    @cached_property
    def neighbour_table(self) -> NDArray[np.int32]:
        """Neighbours of all cells, int32, shape (n_cells, n_neighbours); read-only. See `neighbours`."""
        digits = self.digits.astype(np.int32)
        columns = []
        for edge in range(self.n_edges):
            for step in range(1, self.n_operations):
                changed = (digits[:, edge] + step) % self.n_operations
                rank = self._rank_of_cell + (changed - digits[:, edge]) * self._place_values[edge]
                columns.append(self._cell_of_rank[rank])
        table = np.stack(columns, axis=1)
        table.flags.writeable = False
        return table

    def neighbours(self, cells: CellLike) -> NDArray[np.int32]:
        """Return the cells one edit away (one edge with another operation), in the order of the edges.

        Returns
        -------
        ndarray of int32, shape (n_neighbours,) for one cell or (n, n_neighbours)
            24 neighbours in NAS-Bench-201, 18 in TransNAS-Bench-101 micro.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").neighbours([0, 1]).shape
        (2, 24)
        """
        return self.neighbour_table[self.index_of(cells)]

    def canonical(self, cells: CellLike, rule: IsomorphismRule = "upstream") -> int | NDArray[np.int32]:
        """Return the representative of each cell's isomorphism class: its member with the smallest index.

        Parameters
        ----------
        cells : cell or cells
        rule : {"upstream", "skip", "zero"}
            ``upstream``: skips are contracted and zeroed inputs marked, as NATS-Bench's ``to_unique_str`` with
            ``consider_zero=True`` does (6,466 classes in NAS-Bench-201). ``skip``: skips only (12,751).
            ``zero``: in addition a zeroed input is dropped from its sum (5,390).

        Returns
        -------
        int or ndarray of int32, shape (n,)

        Examples
        --------
        >>> import numpy as np
        >>> from nasmeta.spaces import get_space
        >>> space = get_space("nb201")
        >>> len(np.unique(space.canonical(np.arange(space.n_cells))))
        6466
        """
        table = self._representatives.get(rule) if isinstance(rule, str) else None
        if table is None:
            table = self._representatives[rule] = class_representatives(self.digits, self.operations, EDGES, rule)
        found = table[self.index_of(cells)]
        return int(found) if found.ndim == 0 else found

    @cached_property
    def _representatives(self) -> dict[str, NDArray[np.int32]]:
        return {}

    def sample(self, n: int, rng: np.random.Generator, replace: bool = False) -> NDArray[np.int32]:
        """Draw cells uniformly.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator
        replace : bool, default False
            Whether a cell may be drawn twice.

        Returns
        -------
        ndarray of int32, shape (n,)

        Examples
        --------
        >>> import numpy as np
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").sample(3, np.random.default_rng(0)).shape
        (3,)
        """
        if isinstance(n, bool) or not isinstance(n, int | np.integer):
            raise SettingError(f"n is how many cells to draw, an integer, not {shown(n)} ({type(n).__name__}).")
        if not isinstance(rng, np.random.Generator):
            raise SettingError(f"rng must be a numpy.random.Generator, not {shown(rng)} ({type(rng).__name__}).")
        if n < 0 or (n > self.n_cells and not replace):
            raise SettingError(f"Cannot draw {shown(int(n))} cells from {self.name}, which has {self.n_cells:,}.")
        return rng.choice(self.n_cells, size=n, replace=replace).astype(np.int32)

    # -- costs ------------------------------------------------------------------------------------------------------
    def params(self, cells: CellLike, dataset: str) -> int | NDArray[np.int64]:
        """Return the exact number of parameters of the benchmark's network with this cell.

        Parameters
        ----------
        cells : cell or cells
        dataset : str
            The number of classes differs between the datasets, so the head does. The tables' other names of a
            dataset, such as ``imagenet``, are understood.

        Returns
        -------
        int or ndarray of int64, shape (n,)

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").params(0, dataset="cifar10")
        129306
        """
        return self._cost("parameters", cells, dataset)

    def flops(self, cells: CellLike, dataset: str) -> int | NDArray[np.int64]:
        """Return the floating point operations of one forward pass of one image, as the benchmark counts them.

        A multiply and an add count as one, as in the official tables (which print millions).

        Returns
        -------
        int or ndarray of int64, shape (n,)

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").flops(0, dataset="cifar10")
        15647370
        """
        return self._cost("multiply-adds", cells, dataset)

    def _cost(
        self, kind: Literal["parameters", "multiply-adds"], cells: CellLike, dataset: str
    ) -> int | NDArray[np.int64]:
        formula = self._costs[kind]
        key = canonical_dataset(dataset) if isinstance(dataset, str) else None
        if formula is None or key is None or key not in formula.base:
            raise UnknownNameError.of(
                f"dataset with a formula for {kind} in {self.name}:", dataset, formula.base if formula else ()
            )
        digits = self.to_digits(cells)
        per_edge = np.array(formula.per_edge[key], dtype=np.int64)
        cost: NDArray[np.int64] = formula.base[key] + per_edge[np.arange(self.n_edges), digits].sum(axis=-1)
        return int(cost) if digits.ndim == 1 else cost
