"""Encoders of an architecture's choices, and of a cell's paths and graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations, product
from typing import Any, ClassVar

import numpy as np

from nasmeta.arrays import AnyFloats, Array
from nasmeta.predictors._encoders._encoder import CellEncoder, CellSpaceEncoder, Encoded
from nasmeta.spaces import RANGE_STEPS, CellSpace, SearchSpace, choice_one_hot

# Names in columns, as papers on NAS-Bench-201 abbreviate them.
_SHORT = {
    "skip_connect": "skip",
    "nor_conv_1x1": "conv1x1",
    "nor_conv_3x3": "conv3x3",
    "avg_pool_3x3": "pool",
}
_MOST_FOR_ALL_SETS = 6  # operations; with more, only sets of one, two and all of them
_MOST_ONE_HOT = 32  # choices of an ordered position that `CountEncoder` encodes one-hot


class GraphEncoder(CellSpaceEncoder):
    """Properties of the live graph: edges on a path from input to output without ``none``.

    Live edges, paths and inner nodes; depth; degrees of all nodes; and for each set of operations
    other than ``none`` (15 in NAS-Bench-201): the shortest path of these operations alone, the
    largest number of them on one path, their number, and their degrees at input and output. With
    more than six operations, only sets of one, two and all. After the neural graph features of
    Kadlecová et al., "Surprisingly strong performance prediction with neural graph features", ICML
    2024, on live edges only.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        A space of cells, of any graph and operations.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> encoder = make_encoder("graph").set_output(transform="pandas")
    >>> encoder.transform([0])[["live_edges", "live_paths", "depth"]].to_numpy()
    array([[6., 4., 3.]])
    """

    def _table(self) -> Encoded:
        return _graph(self._cells())


@lru_cache(maxsize=4)
def _graph(space: CellSpace) -> Encoded:
    """Return the features of all cells, integers, shape (size, n_features), and their names; see `GraphEncoder`."""
    live = space.live_edges  # (size, n_edges)
    last = space.n_nodes - 1
    # Each live edge is on a live path, so a path of live edges is live.
    path_is_live = np.stack([live[:, path].all(axis=1) for path in space.paths], axis=1)
    inner = [live[:, _edges_at(space, node)[0]].any(axis=1) for node in range(1, last)]
    columns: dict[str, Array] = {
        "live_edges": live.sum(axis=1),
        "live_paths": path_is_live.sum(axis=1),
        "live_inner_nodes": np.sum([np.zeros(space.size), *inner], axis=0),
        "depth": (path_is_live * [len(path) for path in space.paths]).max(axis=1),
    }
    for node in range(space.n_nodes):
        into, out = _edges_at(space, node)
        columns[f"in_degree_{node}"] = live[:, into].sum(axis=1)
        columns[f"out_degree_{node}"] = live[:, out].sum(axis=1)
    del columns["in_degree_0"], columns[f"out_degree_{last}"]
    no_path = max(map(len, space.paths)) + 1  # longer than the longest path
    for chosen, name in _sets(space):
        among = live & np.isin(space.digits, chosen)  # live edges with one of these operations
        shortest = np.full(space.size, no_path)
        most = np.zeros(space.size, dtype=np.int64)
        for i, path in enumerate(space.paths):
            on_path = among[:, path].sum(axis=1)
            shortest = np.where(on_path == len(path), np.minimum(shortest, len(path)), shortest)
            most = np.maximum(most, on_path * path_is_live[:, i])
        columns[f"shortest_{name}_path"] = shortest
        columns[f"most_{name}_on_path"] = most
        columns[f"live_{name}"] = among.sum(axis=1)
        columns[f"out_degree_0_{name}"] = among[:, _edges_at(space, 0)[1]].sum(axis=1)
        columns[f"in_degree_{last}_{name}"] = among[:, _edges_at(space, last)[0]].sum(axis=1)
    kind = np.min_scalar_type(-max(space.n_edges, len(space.paths)) - 1)
    return np.stack([column.astype(kind) for column in columns.values()], axis=1), tuple(columns)


def _sets(space: CellSpace) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield sets of operations other than ``none``, each with its name."""
    digits = [digit for digit in range(space.n_operations) if digit != space.none]
    short = [_SHORT.get(operation, operation) for operation in space.operations]
    names = short if len(set(short)) == len(short) else space.operations
    few = len(digits) <= _MOST_FOR_ALL_SETS
    for size in range(1, len(digits) + 1) if few else (1, 2, len(digits)):
        for chosen in combinations(digits, size):
            yield chosen, "+".join(names[digit] for digit in chosen)


def _edges_at(space: CellSpace, node: int) -> tuple[list[int], list[int]]:
    """Return the positions of the edges into and out of a node."""
    into = [i for i, (_, target) in enumerate(space.edges) if target == node]
    out = [i for i, (source, _) in enumerate(space.edges) if source == node]
    return into, out


def _position_names(space: SearchSpace) -> list[str]:
    if isinstance(space, CellSpace):
        return [f"{source}to{target}" for source, target in space.edges]
    return [position.name for position in space.positions]


class OneHotEncoder(CellEncoder):
    """The choice of each position (for cells: the operation of each edge) as columns of zeros and ones.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> encoder = make_encoder("one-hot")
    >>> encoder.transform([0, 1]).shape, encoder.get_feature_names_out()[4]
    ((2, 30), '0to1=avg_pool_3x3')
    """

    def _table(self) -> Encoded:
        space = self._reference()
        columns: list[str] = []
        for name, position in zip(_position_names(space), space.positions, strict=True):
            columns += [f"{name}={choice}" for choice in position.choices]
        feature = "edges" if isinstance(space, CellSpace) else "positions"
        return space.feature(feature).counts, tuple(columns)


class AdjacencyEncoder(CellEncoder):
    """The number of the choice of each position, from 1; categorical, for trees.

    For cells this is the categorical adjacency encoding of White et al., "A study on encodings for
    neural architecture search", NeurIPS 2020: the upper triangle of the adjacency matrix, 1 for the
    first operation, ``none``.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("adjacency").transform([0])
    array([[5., 3., 2., 3., 2., 2.]])
    """

    def _table(self) -> Encoded:
        space = self._reference()
        return space.codes + np.int32(1), tuple(_position_names(space))


class PathEncoder(CellSpaceEncoder):
    """Whether a path from input to output applies a sequence of operations: zeros and ones.

    The path encoding of White, Neiswanger and Savani (BANANAS, AAAI 2021): 5 + 25 + 125 columns for
    NAS-Bench-201, as ``none`` and ``skip_connect`` are treated as operations. The encoder
    ``live-paths`` omits them.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        A space of cells.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("paths").transform([0]).sum()
    np.float64(4.0)
    """

    def _table(self) -> Encoded:
        return _paths(self._cells())


@lru_cache(maxsize=4)
def _paths(space: CellSpace) -> Encoded:
    """Return the zeros and ones of all cells, shape (size, n_sequences), and the sequences of operations."""
    architectures, columns, names = np.arange(space.size), [], []
    for length in sorted({len(path) for path in space.paths}):
        # The operations along a path are the digits of the number of its column.
        applied = np.zeros((space.size, space.n_operations**length), dtype=np.int8)
        place_values = space.n_operations ** np.arange(length - 1, -1, -1)
        for path in space.paths:
            if len(path) == length:
                sequences = space.digits[:, path].astype(np.int64) @ place_values
                applied[architectures, sequences] = 1
        columns.append(applied)
        names += ["→".join(sequence) for sequence in product(space.operations, repeat=length)]
    return np.concatenate(columns, axis=1), tuple(names)


class _FeatureEncoder(CellEncoder):
    """Base of encoders of one count feature of the space."""

    feature: ClassVar[str]

    @classmethod
    def works_on(cls, space: SearchSpace) -> bool:
        """Return whether the space has the count feature."""
        return cls.feature in space.feature_names

    def _table(self) -> Encoded:
        counts, names = self._reference().feature(self.feature)
        return counts, _each_once(names)


class LivePathEncoder(_FeatureEncoder):
    """The number of paths from input to output that apply a sequence of operations.

    ``none`` kills a path and ``skip_connect`` shortens it, so the counts describe the computation;
    see `SearchSpace.feature`.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        A space with the count feature ``paths``, such as a space of cells.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("live-paths", space="tnb101").transform([0, 4095]).sum(axis=1)
    array([0., 4.])
    """

    feature = "paths"


class OperationCountEncoder(_FeatureEncoder):
    """The number of occurrences of each operation, or of each choice that several positions share.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        A space with the count feature ``operations``.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("operation-counts").transform([0])
    array([[0., 3., 2., 0., 1.]])
    """

    feature = "operations"


class CountEncoder(CellEncoder):
    """All count features of the space, for any space.

    The levels of ordered positions, such as widths, are divided by the highest and range from 0 to
    1. An ordered position of more than 32 choices is not encoded one-hot, but by its level and the
    logarithm of its level.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> from nasmeta.spaces import SearchSpace
    >>> space = SearchSpace("mlp", {"width": [16, 32, 64], "act": ["relu", "tanh"]})
    >>> encoder = make_encoder("counts", space).set_output(transform="pandas")
    >>> encoder.transform(["width=32,act=tanh"]).iloc[0].to_dict()
    {'width=16': 0.0, 'width=32': 1.0, 'width=64': 0.0, 'act=relu': 0.0, 'act=tanh': 1.0, 'width': 0.5}
    """

    def _table(self) -> Encoded:
        return _all_counts(self._reference())[:2]

    def group_sizes(self) -> list[int]:
        """Return the number of columns of each count feature: a Gaussian process has one kernel for each."""
        return _all_counts(self._reference())[2]


# The largest value of each column, the same for all listed parts of a space.
_HIGHEST: dict[str, Callable[[SearchSpace], Any]] = {
    "levels": lambda space: [max(int(p.bins[-1]), 1) for p in space.positions if p.ordered],
    "ranges": lambda space: RANGE_STEPS,
}


@lru_cache(maxsize=4)
def _all_counts(space: SearchSpace) -> tuple[Array, tuple[str, ...], list[int]]:
    """Return the counts of the whole space, (size, n_features), the names of the columns, and the sizes of groups.

    A group is the columns of one count feature; empty groups are left out.
    """
    wide = []  # positions with too many choices for a column each
    for i, position in enumerate(space.positions):
        is_list = position.ordered and not position.scale
        if is_list and len(position.choices) > _MOST_ONE_HOT:
            wide.append(i)
    parts: list[AnyFloats] = []  # (size, n_columns) each
    names: list[str] = []
    for feature in space.feature_names:
        if feature == "positions" and wide:
            counts, columns = choice_one_hot(space.positions, space.codes, without=wide)
        else:
            counts, columns = space.feature(feature)
        highest = _HIGHEST[feature](space) if feature in _HIGHEST else 1
        parts.append(counts / highest)
        names += columns
    if wide:
        # The logarithm of the level, counted from 1, is 1 at the last of n levels.
        logarithms = np.log1p(space.codes[:, wide].astype(np.float64))
        n_levels = [len(space.positions[i].choices) for i in wide]
        parts.append(logarithms / np.log(n_levels))
        names += [f"log_{space.positions[i].name}" for i in wide]
    table = np.concatenate([part.astype(np.float32) for part in parts], axis=1)
    sizes = [part.shape[1] for part in parts if part.shape[1]]
    return table, _each_once(names), sizes


def _each_once(names: Sequence[str]) -> tuple[str, ...]:
    """Return names, with a number added to repeated ones, such as the same choice of two kinds of positions."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(unique)
