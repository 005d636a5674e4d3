"""Spaces of cells: directed graphs with one operation on each edge."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache, partial
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.arrays import Architectures, Booleans, Integers
from nasmeta.errors import UnknownNameError
from nasmeta.spaces._cell_graph import (
    IsomorphismRule,
    complete_edges,
    expressions,
    function_classes,
    live_edges,
    live_path_counts,
    paths_between,
)
from nasmeta.spaces._datasets import canonical_dataset
from nasmeta.spaces._drawing import draw_cell
from nasmeta.spaces._enumerated_space import EnumeratedSpace
from nasmeta.spaces._features import CostFormula, FeatureBuilder, choice_counts, choice_one_hot
from nasmeta.spaces._notation import CellCodec, cell_notation
from nasmeta.spaces._packed_arrays import packed
from nasmeta.spaces._positions import Position, place_values
from nasmeta.spaces._search_space import ArchitectureLike, int_or_array, read_only


class CellSpace(EnumeratedSpace):
    """All cells on a graph: node 0 is the input, the last node the output, and each edge has one operation.

    A cell is an ``int``: its index in the official order of the space. The edges are the positions
    of the space, sorted by target: 0→1, 0→2, 1→2, 0→3, 1→3, 2→3. The *digits* of a cell, its codes,
    are the indices of its operations in `operations`.

    Parameters
    ----------
    name : str
        Short name, as used in task names.
    operations : sequence of str
    notation : CellCodec, optional
        The official string form of a cell; by default the form of NAS-Bench-201.
    official_order : array of int, shape (n_architectures,), optional
        The rank of each cell among all digit tuples in lexicographic order; by default
        lexicographic.
    parameters, multiply_adds : CostFormula, optional
        Exact costs of the benchmark's networks.
    n_nodes : int, default 4
    edges : sequence of (source, target), optional
        From lower to higher nodes; by default all.
    none, skip : str, optional
        The operations for zero and identity; by default ``none`` and ``skip_connect`` if they
        exist.
    position_names : sequence of str, optional
        By default ``SOURCE->TARGET`` for each edge.

    Attributes
    ----------
    operations : tuple of str
    edges : tuple of (int, int)
    paths : tuple of tuple of int
        The paths from input to output, as indices of edges.
    none, skip : int or None
        Digits of these operations.
    real_operations : tuple of int
        Digits of the others.
    n_nodes, n_edges, n_operations, n_architectures : int

    Examples
    --------
    >>> from nasmeta.spaces import CellSpace, get_space
    >>> space = get_space("nb201")
    >>> space.size
    15625
    >>> space.to_string(0)
    '|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|'
    >>> space.index_of(space.to_string([3, 1, 4]))
    array([3, 1, 4], dtype=int32)
    >>> CellSpace("five", ["none", "skip_connect", "conv"], n_nodes=5)
    CellSpace('five', 59,049 cells, operations: none, skip_connect, conv)
    """

    noun = "cell"

    def __init__(
        self,
        name: str,
        operations: Sequence[str],
        notation: CellCodec | None = None,
        official_order: ArrayLike | None = None,
        parameters: CostFormula | None = None,
        multiply_adds: CostFormula | None = None,
        *,
        n_nodes: int = 4,
        edges: Sequence[tuple[int, int]] | None = None,
        none: str | None = "none",
        skip: str | None = "skip_connect",
        position_names: Sequence[str] | None = None,
    ) -> None:
        self.operations = tuple(operations)
        self.n_operations = len(self.operations)
        self.n_nodes = n_nodes
        given = (
            complete_edges(n_nodes)
            if edges is None
            else {(int(source), int(target)) for source, target in edges}
        )
        self.edges = tuple(sorted(given, key=lambda edge: (edge[1], edge[0])))
        self.n_edges = len(self.edges)
        self.paths = paths_between(self.edges)
        self.none = self.operations.index(none) if none in self.operations else None
        self.skip = self.operations.index(skip) if skip in self.operations else None
        self.real_operations = tuple(
            i for i in range(self.n_operations) if i not in (self.none, self.skip)
        )
        self._costs = {"parameters": parameters, "multiply-adds": multiply_adds}
        self._position_names = position_names
        names = position_names or [f"{source}->{target}" for source, target in self.edges]
        positions = [Position(name, self.operations) for name in names]
        n_choices = [self.n_operations] * self.n_edges
        codes = None
        if official_order is not None:
            codes = np.asarray(official_order)[:, None] // place_values(n_choices) % n_choices
        notation = notation or cell_notation(self.operations, self.edges)
        super().__init__(name, positions, notation=notation, architectures=codes)

    @property
    def n_architectures(self) -> int:
        """The size of the space."""
        return self.size

    @property
    def digits(self) -> NDArray[np.int8]:
        """Digits of all cells, int8, shape (n_architectures, n_edges), in the official order; read-only."""
        return self.codes

    def __repr__(self) -> str:
        return f"CellSpace({self.name!r}, {self.n_architectures:,} cells, operations: {', '.join(self.operations)})"

    def described(self, *, features: bool = True) -> dict[str, Any]:
        """Return the definition of the space as JSON types."""
        described = {
            "name": self.name,
            "operations": list(self.operations),
            "n_nodes": self.n_nodes,
            "edges": [list(edge) for edge in self.edges],
            "none": None if self.none is None else self.operations[self.none],
            "skip": None if self.skip is None else self.operations[self.skip],
        }
        order = self.codes @ self.place_values
        if (np.diff(order) != 1).any():
            described["official_order"] = packed(order.astype(np.int32))
        if self._position_names:
            described["position_names"] = list(self._position_names)
        return described

    # -- structure
    @cached_property
    def live_edges(self) -> Booleans:
        """Whether each edge is on a path from input to output without ``none``, shape (n_architectures, n_edges)."""
        return read_only(live_edges(self.digits, self.edges, self.none))

    @cached_property
    def function_classes(self) -> Architectures:
        """The number of the function that each cell computes, int32, shape (n_architectures,).

        Coarser than any isomorphism rule: nested sums are flattened, and zero terms are omitted.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> int(get_space("nb201").function_classes.max()) + 1
        4930
        """
        return read_only(function_classes(self, self.digits))

    def _own_features(self) -> dict[str, FeatureBuilder]:
        return {
            "edges": partial(choice_one_hot, self.positions),
            "paths": partial(live_path_counts, self),
            "operations": partial(choice_counts, self.positions),
        }

    def canonical(
        self, architectures: ArchitectureLike, rule: IsomorphismRule = "upstream"
    ) -> int | Architectures:
        """Return the representative of each cell's isomorphism class: its member with the smallest index.

        Parameters
        ----------
        architectures : cell or cells
        rule : {"upstream", "skip", "zero"}
            ``upstream``: skips are contracted and zeroed inputs marked, as NATS-Bench's
            ``to_unique_str`` with ``consider_zero=True`` does (6,466 classes in NAS-Bench-201).
            ``skip``: skips only (12,751). ``zero``: in addition a zeroed input is dropped from its
            sum (5,390).

        Returns
        -------
        int or ndarray of int32, shape (n,)

        Examples
        --------
        >>> import numpy as np
        >>> from nasmeta.spaces import get_space
        >>> space = get_space("nb201")
        >>> len(np.unique(space.canonical(np.arange(space.size))))
        6466
        """
        return int_or_array(_representatives(self, rule)[self.index_of(architectures)])

    # -- forms
    def ops_of(self, architectures: ArchitectureLike) -> NDArray[np.str_]:
        """Return the operation names of the edges, shape (n_edges,) for one cell or (n, n_edges).

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("tnb101").ops_of("64-41414-3_03_120").tolist()
        ['nor_conv_3x3', 'none', 'nor_conv_3x3', 'skip_connect', 'nor_conv_1x1', 'none']
        """
        operations: NDArray[np.str_] = np.array(self.operations)[
            self.codes[self.index_of(architectures)]
        ]
        return operations

    # -- costs
    def params(self, architectures: ArchitectureLike, dataset: str) -> int | Integers:
        """Return the exact number of parameters of the benchmark's network with this cell.

        Parameters
        ----------
        architectures : cell or cells
        dataset : str
            The number of classes, and so the head, differs between datasets. Other names in tables,
            such as ``imagenet``, are accepted.

        Returns
        -------
        int or ndarray of int64, shape (n,)

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").params(0, dataset="cifar10")
        129306
        """
        return self._cost("parameters", architectures, dataset)

    def flops(self, architectures: ArchitectureLike, dataset: str) -> int | Integers:
        """Return the floating point operations of one forward pass of one image, as the benchmark counts them.

        One multiply-add is one operation, as in the official tables (in millions).

        Returns
        -------
        int or ndarray of int64, shape (n,)

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").flops(0, dataset="cifar10")
        15647370
        """
        return self._cost("multiply-adds", architectures, dataset)

    def _cost(
        self,
        kind: Literal["parameters", "multiply-adds"],
        architectures: ArchitectureLike,
        dataset: str,
    ) -> int | Integers:
        formula = self._costs[kind]
        key = canonical_dataset(dataset)
        if formula is None or key not in formula.base:
            raise UnknownNameError.of(
                f"dataset with a formula for {kind} in {self.name}:",
                dataset,
                formula.base if formula else (),
            )
        return int_or_array(formula.of(self.codes[self.index_of(architectures)], key))

    @property
    def _drawn_inches(self) -> tuple[float, float]:
        return (2.7, 1.5) if self.n_nodes == 4 else (1.2 * self.n_nodes, 0.2 * self.n_nodes + 0.6)

    def _draw_on(self, axes: Any, architecture: int) -> None:
        draw_cell(axes, self, self.digits[architecture], self.live_edges[architecture])


@lru_cache(maxsize=16)
def _representatives(space: CellSpace, rule: IsomorphismRule) -> Architectures:
    """Return the smallest index in each cell's isomorphism class, int32, read-only."""
    if rule not in get_args(IsomorphismRule):
        raise UnknownNameError.of("isomorphism rule", rule, get_args(IsomorphismRule))
    first: dict[str, int] = {}
    every = enumerate(expressions(space, space.digits, rule))
    return read_only(
        np.array([first.setdefault(expression, cell) for cell, expression in every], dtype=np.int32)
    )
