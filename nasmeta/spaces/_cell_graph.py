"""Graphs of cells: live edges and paths from input to output, and isomorphism classes.

All functions work on *digits*, the indices of the operations on the edges, shape (n_cells,
n_edges).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol, TypeAlias

import numpy as np

from nasmeta.arrays import Architectures, Booleans, Integers
from nasmeta.spaces._features import CountFeature

Edges = Sequence[tuple[int, int]]
IsomorphismRule: TypeAlias = Literal["upstream", "skip", "zero"]

_ZERO = "#"


class CellGraph(Protocol):
    """The graph and the operations of cells; `CellSpace` describes the attributes."""

    operations: tuple[str, ...]
    edges: tuple[tuple[int, int], ...]
    paths: tuple[tuple[int, ...], ...]
    none: int | None
    skip: int | None
    real_operations: tuple[int, ...]
    n_nodes: int


def complete_edges(n_nodes: int) -> tuple[tuple[int, int], ...]:
    """Return the edges from each node to all later ones, sorted by target.

    Examples
    --------
    >>> from nasmeta.spaces import complete_edges
    >>> complete_edges(3)
    ((0, 1), (0, 2), (1, 2))
    """
    return tuple((source, target) for target in range(1, n_nodes) for source in range(target))


def paths_between(edges: Edges) -> tuple[tuple[int, ...], ...]:
    """Return the paths from the first node to the last as positions of edges, short ones first."""
    last = max(target for _, target in edges)

    def paths_from(node: int) -> list[tuple[int, ...]]:
        if node == last:
            return [()]
        paths: list[tuple[int, ...]] = []
        for edge, (source, target) in enumerate(edges):
            if source == node:
                paths += [(edge, *onwards) for onwards in paths_from(target)]
        return paths

    return tuple(sorted(paths_from(0), key=lambda path: (len(path), path)))


def live_edges(digits: Integers, edges: Edges, none: int | None) -> Booleans:
    """Return whether each edge is on a path from input to output without ``none``, shape (n_cells, n_edges).

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.spaces import live_edges
    >>> live_edges(np.array([[1, 1, 0]]), [(0, 1), (0, 2), (1, 2)], none=0)
    array([[False,  True, False]])
    """
    passes: Booleans = digits != none
    live = np.zeros_like(passes)
    for path in paths_between(edges):
        live[:, path] |= passes[:, path].all(axis=1, keepdims=True)
    return live


def live_path_counts(graph: CellGraph, digits: Integers) -> CountFeature:
    """Return how many paths from input to output apply each sequence of operations.

    ``none`` kills a path, ``skip_connect`` shortens it. This is the path encoding of White,
    Neiswanger and Savani (BANANAS, AAAI 2021) on live paths, with one column per occurring
    sequence: 40 in NAS-Bench-201, 15 in TransNAS-Bench-101 micro.
    """
    base = len(graph.real_operations) + 1
    longest = max(map(len, graph.paths))
    step_of = np.zeros(len(graph.operations), dtype=np.int64)  # 0 for none and skip
    step_of[list(graph.real_operations)] = np.arange(1, base)
    steps = step_of[digits]
    counts = np.zeros((len(digits), base**longest), dtype=np.int8)
    for path in graph.paths:
        sequence = np.zeros(len(digits), dtype=np.int64)  # the steps as digits of a number
        for step in steps[:, path].T:
            sequence = np.where(step > 0, sequence * base + step, sequence)
        is_live = (digits[:, path] != graph.none).all(axis=1)
        cells = np.flatnonzero(is_live)
        counts[cells, sequence[cells]] += 1
    occurring = np.flatnonzero(counts.any(axis=0))
    names = [_sequence_name(graph, number) for number in occurring.tolist()]
    return CountFeature(counts[:, occurring], tuple(names))


def _sequence_name(graph: CellGraph, number: int) -> str:
    """Return the name of a sequence of operations, given as digits of a number; the empty one is a skip."""
    names: list[str] = []
    while number:
        number, step = divmod(number, len(graph.real_operations) + 1)
        names.insert(0, graph.operations[graph.real_operations[step - 1]])
    if names:
        return "→".join(names)
    return "identity" if graph.skip is None else graph.operations[graph.skip]


def function_classes(graph: CellGraph, digits: Integers) -> Architectures:
    """Return the number of the function that each cell computes, from 0, int32, shape (n_cells,).

    A node is a sum of terms. ``none``, and any operation on a sum without terms, adds no term;
    ``skip_connect`` adds the terms of its source; the order of terms does not matter. This is the
    isomorphism rule ``zero`` with flattened sums. Class 0 contains the cells without a live path,
    if any.
    """
    real = list(graph.real_operations)
    factor = len(real) + 1
    place_of = np.full(len(graph.operations), -1)
    place_of[real] = np.arange(len(real))
    places = place_of[digits]
    # A sum of one term has the term's id; a sum of several has the next id from `base` on. Terms
    # without sums are below `base` and terms on sums above all sums, so ids are unique.
    base = max(2 * factor ** (graph.n_nodes + 1), len(digits) * graph.n_nodes)
    id_of_sum: dict[tuple[int, ...], int] = {}
    # of each node, sorted, 0 in front, shape (n_cells, n_terms); 1: input
    terms = [np.ones((len(digits), 1), dtype=np.int64)]
    ids = [terms[0][:, 0]]
    for node in range(1, graph.n_nodes):
        parts = []
        for edge, (source, target) in enumerate(graph.edges):
            if target == node:
                is_skip = digits[:, [edge]] == graph.skip
                part = np.where(is_skip, terms[source], 0)
                has_term = (places[:, edge] >= 0) & (ids[source] != 0)
                term = 2 + factor * ids[source] + places[:, edge]
                part[:, 0] += np.where(has_term, term, 0)
                parts.append(part)
        if not parts:  # no edge leads to the node
            parts.append(0 * terms[0])
        terms.append(np.sort(np.concatenate(parts, axis=1), axis=1))
        ids.append(terms[node][:, -1].copy())
        if node < graph.n_nodes - 1:
            is_sum = (terms[node] != 0).sum(axis=1) > 1
            ids[node][is_sum] = _ids_of_sums(terms[node][is_sum], id_of_sum, base)
    _, classes = np.unique(terms[-1], axis=0, return_inverse=True)
    return classes.ravel().astype(np.int32)


def _ids_of_sums(sums: Integers, id_of_sum: dict[tuple[int, ...], int], base: int) -> Integers:
    """Return the ids of sums of terms, shape (n, n_terms); new sums get the next ids, from `base` on."""
    distinct, index = np.unique(sums, axis=0, return_inverse=True)
    ids = np.empty(len(distinct), dtype=np.int64)
    for i, row in enumerate(distinct.tolist()):
        terms = tuple(filter(None, row))
        ids[i] = id_of_sum.setdefault(terms, base + len(id_of_sum))
    return ids[index.ravel()]


def expressions(graph: CellGraph, digits: Integers, rule: IsomorphismRule) -> Iterator[str]:
    """Write the expression of each cell's output node; isomorphic cells have equal strings."""
    inputs: list[list[tuple[int, int]]] = [[] for _ in range(graph.n_nodes)]
    for edge, (source, target) in enumerate(graph.edges):
        inputs[target].append((edge, source))
    for row in digits.tolist():
        nodes = ["0"]
        for edges in inputs[1:]:
            terms = [_term(graph, row[edge], nodes[source], rule) for edge, source in edges]
            if rule == "zero":
                terms = [term for term in terms if term != _ZERO]
            nodes.append("+".join(sorted(terms)) or _ZERO)
        yield nodes[-1]


def _term(graph: CellGraph, digit: int, value: str, rule: IsomorphismRule) -> str:
    """Return the term that an edge adds, by its operation and the value of its source."""
    if rule != "skip" and (digit == graph.none or value == _ZERO):
        return _ZERO
    return value if digit == graph.skip else f"({value})@{graph.operations[digit]}"
