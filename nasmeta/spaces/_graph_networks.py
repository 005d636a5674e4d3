"""The space of NAS-Bench-Graph: graph neural networks of four nodes, each fed by one earlier node or by the input."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

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
# Macros that the benchmark does not list: the parents, the listed macro, and the order of the nodes in it.
_UNLISTED = (
    ((0, 1, 2, 1), (0, 1, 1, 2), [0, 1, 3, 2]),
    ((0, 1, 1, 3), (0, 1, 1, 2), [0, 2, 1, 3]),
)
# Interchangeable nodes of each macro: with the same parent, and without children.
_INTERCHANGEABLE = {
    "0000": [0, 1, 2, 3], "0001": [1, 2], "0011": [2, 3], "0111": [1, 2, 3], "0122": [2, 3],
}  # fmt: skip
_TWO_BRANCHES = _MACROS.index("0012")  # first and third node, second and fourth node


def canonical_networks(codes: Integers) -> Integers:
    """Return the key of each network in NAS-Bench-Graph, int, shape (n, 5): macro and operations.

    First, redundant skips move to the front, as nodes that pass the input on. Then interchangeable
    nodes and branches are sorted by operation. Nodes are visited once, in order, as in the
    benchmark's code, which gives exactly its 26,206 keys.

    Parameters
    ----------
    codes : ndarray of int, shape (n, 5)
        Macro and operations.
    """
    parents = _PARENTS[codes[:, 0]]
    operations = codes[:, 1:].astype(np.int64)
    for node in range(_N_NODES):
        rows = _has_redundant_skip(parents, operations, node)
        parents[rows], operations[rows] = _with_node_in_front(parents[rows], operations[rows], node)
    for unlisted, listed, order in _UNLISTED:
        rows = (parents == unlisted).all(axis=1)
        parents[rows] = listed
        operations[rows] = operations[rows][:, order]
    place_values = np.array([1000, 100, 10, 1])
    macros = np.searchsorted(_PARENTS @ place_values, parents @ place_values)
    return np.column_stack([macros, _sorted_operations(macros, operations)])


def _has_redundant_skip(parents: Integers, operations: Integers, node: int) -> Booleans:
    """Return whether a node is a skip that changes nothing, shape (n,).

    Such a skip feeds another node, has no siblings, or passes the input to the output. A skip from
    an inner node with other children to the output is not redundant.
    """
    is_skip = operations[:, node] == _SKIP
    feeds_a_node = (parents == node + 1).any(axis=1)
    has_siblings = (parents == parents[:, [node]]).sum(axis=1) > 1
    passes_input = _passes_input(parents, operations)[:, node]
    redundant: Booleans = is_skip & (feeds_a_node | ~has_siblings | passes_input)
    return redundant


def _with_node_in_front(
    parents: Integers, operations: Integers, node: int
) -> tuple[Integers, Integers]:
    """Return parents and operations, both (n, 4), after a redundant node has become the first one."""
    number = node + 1
    parents = np.where(
        parents == number, parents[:, [node]], parents
    )  # its children get its parent
    parents = np.where(parents < number, parents + 1, parents)  # earlier nodes are one place later
    others = [other for other in range(_N_NODES) if other != node]
    order = [node, *others]
    parents, operations = parents[:, order], operations[:, order]
    parents[:, 0] = 0
    return parents, operations


def _passes_input(parents: Integers, operations: Integers) -> Booleans:
    """Return whether each node is a skip that is fed by the input or by such a skip, shape (n, 4)."""
    networks = np.arange(len(parents))
    passes = np.ones((len(parents), _N_NODES + 1), dtype=bool)  # the first column is the input
    for node in range(_N_NODES):
        parent_passes = passes[networks, parents[:, node]]
        passes[:, node + 1] = parent_passes & (operations[:, node] == _SKIP)
    return passes[:, 1:]


def _sorted_operations(macros: Integers, operations: Integers) -> Integers:
    """Sort the operations (n, 4) of interchangeable nodes and branches of each network."""
    operations = operations.copy()
    for macro, nodes in _INTERCHANGEABLE.items():
        block = np.ix_(macros == _MACROS.index(macro), nodes)
        operations[block] = np.sort(operations[block], axis=1)
    first, second, third, fourth = operations.T
    wrong_order = (first > second) | ((first == second) & (third > fourth))
    rows = wrong_order & (macros == _TWO_BRANCHES)
    operations[rows] = operations[rows][:, [1, 0, 3, 2]]
    return operations


class _Trees:
    """The live nodes of networks with codes (n, 5); skips that pass the input on are part of the input.

    Attributes
    ----------
    operations, parents, depths : ndarray of int64, shape (n, 4)
        A parent is 0 for the input, else the number of a node from 1. The depth of a node that the
        input feeds is 1, of a node that is not live 0.
    live, leaves : ndarray of bool, shape (n, 4)
        Leaves feed the output.
    """

    def __init__(self, codes: Integers) -> None:
        networks = np.arange(len(codes))
        parents = _PARENTS[codes[:, 0]]
        self.operations = codes[:, 1:].astype(np.int64)
        self.live = ~_passes_input(parents, self.operations)
        input_is_live = np.zeros((len(codes), 1), dtype=bool)
        is_live = np.concatenate([input_is_live, self.live], axis=1)
        self.parents = np.where(is_live[networks[:, None], parents], parents, 0)
        # of the input, then of the nodes, shape (n, 5)
        depths, n_children = np.zeros((2, *is_live.shape), dtype=np.int64)
        for node in range(_N_NODES):
            live, parent = self.live[:, node], self.parents[:, node]
            depths[:, node + 1] = np.where(live, depths[networks, parent] + 1, 0)
            n_children[networks, parent] += live
        self.depths = depths[:, 1:]
        self.leaves = self.live & (n_children[:, 1:] == 0)
        # from 0 for the nodes that the input feeds
        self.levels = np.maximum(self.depths, 1) - 1


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
    trees = _Trees(codes)
    sources, targets = (*_OPERATIONS, "input"), (*_OPERATIONS, "output")
    names = [f"{source}→{target}" for source, target in product(sources, targets)]
    end = len(_OPERATIONS)  # the number of the input among sources, and of the output among targets
    input_column = np.full((len(codes), 1), end)
    with_input = np.concatenate([input_column, trees.operations], axis=1)
    before = np.take_along_axis(with_input, trees.parents, axis=1)
    pairs = before * len(targets) + trees.operations
    last_pairs = trees.operations * len(targets) + end
    counts = _totals(pairs, len(names), trees.live) + _totals(last_pairs, len(names), trees.leaves)
    return _that_occur(counts, names)


def _depths(codes: Integers) -> CountFeature:
    """Return the number of live nodes of each operation at each depth."""
    trees = _Trees(codes)
    names = [f"{name}@{level + 1}" for level, name in product(range(_N_NODES), _OPERATIONS)]
    kinds = trees.levels * len(_OPERATIONS) + trees.operations
    return _that_occur(_totals(kinds, len(names), trees.live), names)


def _paths(codes: Integers) -> CountFeature:
    """Return the number of paths from input to output of each length, and through each operation."""
    trees = _Trees(codes)
    networks = np.arange(len(codes))
    n_paths = np.zeros((len(codes), _N_NODES + 1), np.int64)  # through the input and each node
    n_paths[:, 1:] = trees.leaves
    for node in reversed(range(_N_NODES)):
        n_paths[networks, trees.parents[:, node]] += n_paths[:, node + 1]
    by_length = _totals(trees.levels, _N_NODES, trees.leaves)
    by_operation = _totals(trees.operations, len(_OPERATIONS), n_paths[:, 1:])
    lengths = [f"length {level + 1}" for level in range(_N_NODES)]
    return CountFeature(np.concatenate([by_length, by_operation], axis=1), (*lengths, *_OPERATIONS))


def _shape(codes: Integers) -> CountFeature:
    """Return the numbers of live nodes, of layers, and of nodes that feed the output."""
    trees = _Trees(codes)
    columns = [trees.live.sum(axis=1), trees.depths.max(axis=1), trees.leaves.sum(axis=1)]
    return CountFeature(np.stack(columns, axis=1).astype(np.int8), ("nodes", "depth", "outputs"))


def _that_occur(counts: NDArray[np.int8], names: list[str]) -> CountFeature:
    columns = np.flatnonzero(counts.any(axis=0))
    return CountFeature(counts[:, columns], tuple(names[i] for i in columns))


def _write(codes: Iterable[int]) -> str:
    macro, *digits = codes
    operations = [_OPERATIONS[digit] for digit in digits]
    return f"{_MACROS[macro]}:{','.join(operations)}"


def _read(text: str) -> tuple[int, ...]:
    text = text.strip()
    if len(text) == _N_NODES + 1 and set(text) <= set("012345678"):  # a key of the benchmark
        return tuple(map(int, text))
    macro, _, listed = text.partition(":")
    operations = [name.strip() for name in listed.split(",")]
    is_known = macro in _MACROS and set(operations) <= set(_OPERATIONS)
    if not is_known or len(operations) != _N_NODES:
        raise ValueError(
            f"Write one of {', '.join(_MACROS)}, a colon, and {_N_NODES} of {', '.join(_OPERATIONS)}."
        )
    return (_MACROS.index(macro), *map(_OPERATIONS.index, operations))


def graph_networks() -> SearchSpace:
    """NAS-Bench-Graph (Qin et al., NeurIPS 2022): 26,206 networks, in the order of the benchmark's keys."""
    raw = np.indices((len(_MACROS), *[len(_OPERATIONS)] * _N_NODES)).reshape(_N_NODES + 1, -1).T
    # the network of skips only is not part of the benchmark
    raw = raw[(raw[:, 1:] != _SKIP).any(axis=1)]
    is_key = (canonical_networks(raw) == raw).all(axis=1)
    return SearchSpace(
        "graph",
        [Position("macro", _MACROS), *(Position(f"op{i}", _OPERATIONS) for i in range(1, _N_NODES + 1))],
        architectures=np.concatenate([raw[is_key], raw[~is_key]]),
        isomorphic=canonical_networks,
        merge=True,
        features={
            "operations": _operations, "pairs": _pairs, "depths": _depths, "paths": _paths, "shape": _shape,
        },
        kernel_features=("operations", "pairs", "depths", "shape"),
        notation=CellCodec(_write, _read),
    )  # fmt: skip
