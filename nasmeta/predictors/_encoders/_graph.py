"""Encoder of properties of the graph that a cell's live edges form."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.predictors._encoders._base import ENCODERS, CellSpaceEncoder
from nasmeta.spaces import CellSpace

# Names in columns, as papers on NAS-Bench-201 abbreviate them.
_SHORT = {"skip_connect": "skip", "nor_conv_1x1": "conv1x1", "nor_conv_3x3": "conv3x3", "avg_pool_3x3": "pool"}
_MOST_FOR_ALL_SETS = 6  # operations; of more, sets of one, two and all of them


@ENCODERS.register("graph")
class GraphEncoder(CellSpaceEncoder):
    """Properties of the live graph: edges on a path from input to output that no ``none`` interrupts.

    Live edges, paths and inner nodes; depth; degrees of all nodes; and for each set of operations other than ``none``,
    here 15: the shortest path of these operations alone, how many of them the path with most of them has, their number,
    and their degrees at input and output. Of more than six operations only sets of one, two and all. After the neural
    graph features of Kadlecová et al., "Surprisingly strong performance prediction with neural graph features", ICML
    2024, here on live edges only.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
        Of cells, of any graph and operations.
    canonical : bool, default False
        Whether isomorphic cells get one encoding.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> encoder = make_encoder("graph").set_output(transform="pandas")
    >>> encoder.transform([0])[["live_edges", "live_paths", "depth"]].to_numpy()
    array([[6., 4., 3.]])
    """

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        return _graph(self._cells())


@lru_cache(maxsize=4)
def _graph(space: CellSpace) -> tuple[NDArray[Any], tuple[str, ...]]:
    digits, live, last = space.digits, space.live_edges, space.n_nodes - 1
    # A path whose edges all pass something lives, and so do its edges.
    path_is_live = np.stack([live[:, path].all(axis=1) for path in space.paths], axis=1)
    inner = [live[:, _edges_at(space, node)[0]].any(axis=1) for node in range(1, last)]
    columns: dict[str, NDArray[Any]] = {
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
        among = live & np.isin(digits, chosen)
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
    edges = list(enumerate(space.edges))
    return [i for i, (_, target) in edges if target == node], [i for i, (source, _) in edges if source == node]
