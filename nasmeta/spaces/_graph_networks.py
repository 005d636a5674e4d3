"""The space of NAS-Bench-Graph: graph neural networks of four nodes, each fed by one earlier node or by the input."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nasmeta.arrays import Array, Booleans, Integers
from nasmeta.spaces._features import CountFeature
from nasmeta.spaces._notation import CellCodec
from nasmeta.spaces._positions import Position
from nasmeta.spaces._search_space import SearchSpace

_OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
_SKIP = _OPERATIONS.index("skip")
# The parent of each node; 0 is the input. Nodes that feed no other node feed the output.
_MACROS = ("0000", "0001", "0011", "0012", "0013", "0111", "0112", "0122", "0123")
_PARENTS = np.array([[int(digit) for digit in macro] for macro in _MACROS])
_N_NODES = 4
# Interchangeable nodes: with the same parent, and without children. In 0012 two branches are, see
# below.
_ALIKE = {"0000": [0, 1, 2, 3], "0001": [1, 2], "0011": [2, 3], "0111": [1, 2, 3], "0122": [2, 3]}


def canonical_networks(codes: Integers) -> Integers:
    """Return the key of each network in NAS-Bench-Graph, int, shape (n, 5): macro and operations.

    A redundant skip moves to the front, as a node that passes the input on: a skip that feeds a
    node, that lacks siblings, or that passes the input to the output. A skip from an inner node
    with other children to the output stays. Then interchangeable nodes are sorted by operation.
    Nodes are visited once, in order, as in the benchmark's code, which gives exactly its 26,206
    keys.
    """
    parents, operations = _PARENTS[codes[:, 0]], np.asarray(codes[:, 1:]).astype(np.int64)
    for node in range(_N_NODES):
        feeds = (parents == node + 1).any(axis=1)
        alone = (parents == parents[:, [node]]).sum(axis=1) == 1
        idle = (operations[:, node] == _SKIP) & (
            feeds | alone | _hands_on_the_input(parents, operations)[:, node]
        )
        without = np.where(parents == node + 1, parents[:, [node]], parents)
        shifted = without + (without <= node)
        order = [node, *(other for other in range(_N_NODES) if other != node)]
        shifted = shifted[:, order]
        shifted[:, 0] = 0
        parents = np.where(idle[:, None], shifted, parents)
        operations = np.where(idle[:, None], operations[:, order], operations)
    for unsorted, sorted_, order in (
        ("0121", "0112", [0, 1, 3, 2]),
        ("0113", "0112", [0, 2, 1, 3]),
    ):
        rows = (parents == [int(digit) for digit in unsorted]).all(axis=1)
        operations[rows] = operations[rows][:, order]
        parents[rows] = [int(digit) for digit in sorted_]
    place = np.array([1000, 100, 10, 1])
    macro = np.searchsorted(_PARENTS @ place, parents @ place)
    for name, nodes in _ALIKE.items():
        rows = np.flatnonzero(macro == _MACROS.index(name))[:, None]
        operations[rows, nodes] = np.sort(operations[rows, nodes], axis=1)
    first, second, third, fourth = operations.T
    swapped = (macro == _MACROS.index("0012")) & (
        (first > second) | ((first == second) & (third > fourth))
    )
    operations[swapped] = operations[swapped][:, [1, 0, 3, 2]]
    return np.column_stack([macro, operations])


def _hands_on_the_input(parents: Integers, operations: Integers) -> Booleans:
    """Return whether each node is a skip that is fed by the input or by such a skip, shape (n, 4)."""
    bare = np.ones((len(parents), _N_NODES + 1), dtype=bool)
    rows = np.arange(len(parents))
    for node in range(_N_NODES):
        bare[:, node + 1] = (operations[:, node] == _SKIP) & bare[rows, parents[:, node]]
    return bare[:, 1:]


class _Trees:
    """The live nodes of networks with codes (n, 5); skips that pass the input on are part of the input."""

    def __init__(self, codes: Integers) -> None:
        n, rows, parents = len(codes), np.arange(len(codes)), _PARENTS[codes[:, 0]]
        self.operations = codes[:, 1:].astype(np.int64)
        self.live = ~_hands_on_the_input(parents, self.operations)
        live_or_input = np.column_stack([np.zeros(n, dtype=bool), self.live])
        self.parents = np.where(live_or_input[rows[:, None], parents], parents, 0)
        depths, fed = np.zeros((2, n, _N_NODES + 1), dtype=np.int64)
        for node in range(_N_NODES):
            depths[:, node + 1] = np.where(
                self.live[:, node], depths[rows, self.parents[:, node]] + 1, 0
            )
            fed[rows, self.parents[:, node]] += self.live[:, node]
        self.depths = depths[:, 1:]
        self.leaves = self.live & (fed[:, 1:] == 0)


def _totals(kinds: Integers, n_kinds: int, weights: Array) -> NDArray[np.int8]:
    """Return the sum of the nodes' weights for each kind of node, shape (n, n_kinds); kinds and weights (n, 4)."""
    numbers = np.arange(len(kinds))[:, None] * n_kinds + kinds
    totals = np.bincount(numbers.ravel(), weights.ravel(), len(kinds) * n_kinds)
    return totals.reshape(-1, n_kinds).astype(np.int8)


def _operations(codes: Integers) -> CountFeature:
    """Return the number of live nodes with each operation."""
    trees = _Trees(codes)
    return CountFeature(_totals(trees.operations, len(_OPERATIONS), trees.live), _OPERATIONS)


def _pairs(codes: Integers) -> CountFeature:
    """Return the number of times that each operation follows each other, including input and output."""
    trees, n = _Trees(codes), len(_OPERATIONS)
    with_input = np.column_stack([np.full(len(codes), n), trees.operations])
    before = np.take_along_axis(with_input, trees.parents, axis=1)
    counts = _totals(before * (n + 1) + trees.operations, (n + 1) ** 2, trees.live)
    counts += _totals(trees.operations * (n + 1) + n, (n + 1) ** 2, trees.leaves)
    return _that_occur(
        counts, [f"{a}→{b}" for a in (*_OPERATIONS, "input") for b in (*_OPERATIONS, "output")]
    )


def _depths(codes: Integers) -> CountFeature:
    """Return the number of live nodes of each operation at each depth."""
    trees, n = _Trees(codes), len(_OPERATIONS)
    kinds = (np.maximum(trees.depths, 1) - 1) * n + trees.operations
    counts = _totals(kinds, _N_NODES * n, trees.live)
    return _that_occur(
        counts, [f"{name}@{depth}" for depth in range(1, _N_NODES + 1) for name in _OPERATIONS]
    )


def _paths(codes: Integers) -> CountFeature:
    """Return the number of paths from input to output of each length, and through each operation."""
    trees = _Trees(codes)
    # paths through each node
    through = np.column_stack([np.zeros(len(codes), np.int64), trees.leaves])
    for node in range(_N_NODES, 0, -1):
        through[np.arange(len(codes)), trees.parents[:, node - 1]] += through[:, node]
    lengths = _totals(np.maximum(trees.depths, 1) - 1, _N_NODES, trees.leaves)
    by_operation = _totals(trees.operations, len(_OPERATIONS), through[:, 1:])
    names = (*(f"length {k}" for k in range(1, _N_NODES + 1)), *_OPERATIONS)
    return CountFeature(np.concatenate([lengths, by_operation], axis=1), names)


def _shape(codes: Integers) -> CountFeature:
    """Return the numbers of live nodes, of layers, and of nodes that feed the output."""
    trees = _Trees(codes)
    columns = [trees.live.sum(axis=1), trees.depths.max(axis=1), trees.leaves.sum(axis=1)]
    return CountFeature(np.stack(columns, axis=1).astype(np.int8), ("nodes", "depth", "outputs"))


def _that_occur(counts: NDArray[np.int8], names: list[str]) -> CountFeature:
    columns = np.flatnonzero(counts.any(axis=0))
    return CountFeature(counts[:, columns], tuple(names[i] for i in columns))


def _write(codes: Iterable[int]) -> str:
    macro, *operations = codes
    return f"{_MACROS[macro]}:{','.join(_OPERATIONS[code] for code in operations)}"


def _read(text: str) -> tuple[int, ...]:
    text = text.strip()
    if len(text) == _N_NODES + 1 and set(text) <= set("012345678"):  # a key of the benchmark
        return tuple(int(digit) for digit in text)
    macro, _, rest = text.partition(":")
    operations = [name.strip() for name in rest.split(",")]
    if (
        macro not in _MACROS
        or len(operations) != _N_NODES
        or not set(operations) <= set(_OPERATIONS)
    ):
        raise ValueError(
            f"Write one of {', '.join(_MACROS)}, a colon, and {_N_NODES} of {', '.join(_OPERATIONS)}."
        )
    return (_MACROS.index(macro), *(_OPERATIONS.index(name) for name in operations))


def graph_networks() -> SearchSpace:
    """NAS-Bench-Graph (Qin et al., NeurIPS 2022): 26,206 networks, in the order of the benchmark's keys."""
    raw = np.indices((len(_MACROS), *[len(_OPERATIONS)] * _N_NODES)).reshape(_N_NODES + 1, -1).T
    # the network of skips only is not part of the benchmark
    raw = raw[(raw[:, 1:] != _SKIP).any(axis=1)]
    own = (canonical_networks(raw) == raw).all(axis=1)
    return SearchSpace(
        "graph",
        [Position("macro", _MACROS), *(Position(f"op{i}", _OPERATIONS) for i in range(1, _N_NODES + 1))],
        architectures=np.concatenate([raw[own], raw[~own]]),
        isomorphic=canonical_networks,
        merge=True,
        features={
            "operations": _operations, "pairs": _pairs, "depths": _depths, "paths": _paths, "shape": _shape,
        },
        kernel_features=("operations", "pairs", "depths", "shape"),
        notation=CellCodec(_write, _read),
    )  # fmt: skip
