"""Graphs of cells: live edges and paths from input to output, and isomorphism classes.

All functions work on the digits (the operations of the edges) of all cells of a space.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import UnknownNameError
from nasmeta.spaces._features import CountFeature

if TYPE_CHECKING:
    from nasmeta.spaces._cell_space import CellSpace

Edges = Sequence[tuple[int, int]]


def complete_edges(n_nodes: int) -> tuple[tuple[int, int], ...]:
    """Return the edges from each node to all later ones, sorted by target."""
    return tuple((source, target) for target in range(1, n_nodes) for source in range(target))


def paths_between(edges: Edges) -> tuple[tuple[int, ...], ...]:
    """Return the paths from the first node to the last as positions of edges, short ones first."""
    last = max(target for _, target in edges)

    def onwards(node: int) -> list[tuple[int, ...]]:
        if node == last:
            return [()]
        return [(i, *rest) for i, (source, target) in enumerate(edges) if source == node for rest in onwards(target)]

    return tuple(sorted(onwards(0), key=lambda path: (len(path), path)))


def live_edges(digits: NDArray[np.integer], edges: Edges, none: int | None) -> NDArray[np.bool_]:
    """Return whether each edge is on a path from input to output without ``none``, shape (n, n_edges)."""
    passes = np.ones(digits.shape, dtype=bool) if none is None else digits != none
    nodes = range(max(target for _, target in edges) + 1)
    fed = np.zeros((len(nodes), len(digits)), dtype=bool)  # by the input
    used = np.zeros_like(fed)  # by the output
    fed[0] = used[-1] = True
    by_target, by_source = (sorted(enumerate(edges), key=lambda edge: edge[1][side]) for side in (1, 0))
    for i, (source, target) in by_target:
        fed[target] |= passes[:, i] & fed[source]
    for i, (source, target) in reversed(by_source):
        used[source] |= passes[:, i] & used[target]
    sources, targets = zip(*edges, strict=True)
    return passes & fed[list(sources)].T & used[list(targets)].T


def live_path_counts(space: CellSpace) -> CountFeature:
    """Return how many paths from input to output apply each sequence of operations.

    ``none`` kills a path, ``skip_connect`` shortens it. This is the path encoding of White, Neiswanger and Savani
    (BANANAS, AAAI 2021) on live paths, with one column per occurring sequence: 40 in NAS-Bench-201, 15 in
    TransNAS-Bench-101 micro.
    """
    real = space.real_operations
    base, longest = len(real) + 1, max(map(len, space.paths))
    code = np.zeros(space.n_operations, dtype=np.int64)
    code[list(real)] = np.arange(1, base)
    architectures = np.arange(space.size)
    counts = np.zeros((space.size, base**longest), dtype=np.int8)
    for path in space.paths:
        sequence = np.zeros(space.size, dtype=np.int64)
        live = np.ones(space.size, dtype=bool)
        for edge in path:
            digit = space.digits[:, edge]
            if space.none is not None:
                live &= digit != space.none
            step = code[digit]
            sequence = np.where(step > 0, sequence * base + step, sequence)
        counts[architectures[live], sequence[live]] += 1
    occurring = np.flatnonzero(counts.any(axis=0))
    return CountFeature(counts[:, occurring], tuple(_sequence_name(space, rank) for rank in occurring.tolist()))


def _sequence_name(space: CellSpace, rank: int) -> str:
    """Return the name of a sequence of operations, given as digits of a number; the empty one is a skip."""
    names: list[str] = []
    while rank:
        rank, step = divmod(rank, len(space.real_operations) + 1)
        names.insert(0, space.operations[space.real_operations[step - 1]])
    return "→".join(names) or ("identity" if space.skip is None else space.operations[space.skip])


def function_classes(space: CellSpace) -> NDArray[np.int32]:
    """Return the number of the function that each cell computes, from 0, int32, shape (n_architectures,).

    A node is a sum of terms. ``none``, and any operation on a sum without terms, adds no term; ``skip_connect`` adds
    the terms of its source; the order of terms does not matter. This is the isomorphism rule ``zero`` with flattened
    sums. Class 0 contains the cells without a live path, if any.
    """
    digits = space.digits.astype(np.int64)
    real = np.array(space.real_operations, dtype=np.int64)
    factor = len(real) + 1
    place = np.full(space.n_operations, -1)
    place[real] = np.arange(len(real))
    terms = {0: np.ones((space.size, 1), dtype=np.int64)}  # of each node, sorted, 0 in front; 1: input
    ids = {0: terms[0][:, 0]}
    # A sum of one term has the term's id; a sum of several has the id `base` plus its number. Terms without sums are
    # below `base` and terms on sums above all sums, so ids are unique.
    base = max(2 * factor ** (space.n_nodes + 1), space.size * space.n_nodes)
    sums = np.empty((0, 1), dtype=np.int64)
    last = space.n_nodes - 1
    for node in range(1, space.n_nodes):
        parts = []
        for edge, (source, target) in enumerate(space.edges):
            if target == node:
                digit = digits[:, edge]
                applied = np.where((place[digit] >= 0) & (ids[source] != 0), 2 + factor * ids[source] + place[digit], 0)
                passed = np.where((digit == (-1 if space.skip is None else space.skip))[:, None], terms[source], 0)
                parts.append(np.column_stack([passed[:, 0] + applied, passed[:, 1:]]))
        terms[node] = np.sort(np.concatenate(parts, axis=1), axis=1) if parts else np.zeros((space.size, 1), np.int64)
        several = (terms[node] != 0).sum(axis=1) > 1
        ids[node] = terms[node][:, -1]
        if several.any() and node != last:
            sums, number = _numbered(terms[node][several], sums)
            ids[node] = ids[node].copy()
            ids[node][several] = base + number
    _, classes = np.unique(terms[last], axis=0, return_inverse=True)
    return classes.ravel().astype(np.int32)


def _numbered(rows: NDArray[np.int64], seen: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all distinct rows, with the rows seen before first, and the number of each row."""
    width = rows.shape[1]
    before = np.zeros((len(seen), width), dtype=np.int64)
    before[:, width - seen.shape[1] :] = seen
    distinct, inverse = np.unique(np.concatenate([before, rows]), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    number = np.full(len(distinct), -1, dtype=np.int64)
    number[inverse[: len(before)]] = np.arange(len(before))
    new = np.flatnonzero(number < 0)
    number[new] = len(before) + np.arange(len(new))
    return np.concatenate([before, distinct[new]]), number[inverse[len(before) :]]


IsomorphismRule: TypeAlias = Literal["upstream", "skip", "zero"]

_ZERO = "#"


def _expression(digits: Sequence[int], space: CellSpace, rule: IsomorphismRule) -> str:
    """Write the expression of the output node; isomorphic cells have equal strings."""
    terms: dict[int, list[str]] = {target: [] for _, target in space.edges}
    nodes = {0: "0"}
    last = 0
    for (source, target), digit in zip(space.edges, digits, strict=True):  # sorted by target
        while last < target:
            nodes[last] = _sum(terms.get(last, []), rule) if last else "0"
            last += 1
        value = nodes[source]
        if rule != "skip" and (digit == space.none or value == _ZERO):
            term = _ZERO
        elif digit == space.skip:
            term = value
        else:
            term = f"({value})@{space.operations[digit]}"
        terms[target].append(term)
    return _sum(terms[last], rule)


def _sum(terms: list[str], rule: IsomorphismRule) -> str:
    kept = [term for term in terms if term != _ZERO] if rule == "zero" else terms
    return "+".join(sorted(kept)) or _ZERO


@lru_cache(maxsize=16)
def class_representatives(space: CellSpace, rule: IsomorphismRule) -> NDArray[np.int32]:
    """Return the smallest index in each cell's isomorphism class, int32, read-only."""
    if rule not in get_args(IsomorphismRule):
        raise UnknownNameError.of("isomorphism rule", rule, get_args(IsomorphismRule))
    first: dict[str, int] = {}
    representatives = np.array(
        [
            first.setdefault(_expression(row, space, rule), architecture)
            for architecture, row in enumerate(space.digits.tolist())
        ],
        dtype=np.int32,
    )
    representatives.flags.writeable = False
    return representatives
