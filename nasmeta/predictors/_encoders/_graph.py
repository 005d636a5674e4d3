"""Encoder of properties of the graph that a cell's live edges form."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.predictors._encoders._base import ENCODERS, CellEncoder, common_space

__all__ = ["GraphEncoder"]

_SHORT = {1: "skip", 2: "conv1x1", 3: "conv3x3", 4: "pool"}
_NO_PATH = 4  # longer than the longest path


@ENCODERS.register("graph")
class GraphEncoder(CellEncoder):
    """Properties of the live graph: edges on a path from input to output that no ``none`` interrupts.

    Live edges, paths and inner nodes; depth; degrees of all nodes; and for each of the 15 sets of operations other
    than ``none``: the shortest path of these operations alone, how many of them the path with most of them has, their
    number, and their degrees at input and output. After the neural graph features of Kadlecová et al.,
    "Surprisingly strong performance prediction with neural graph features", ICML 2024, here on live edges only.

    Parameters
    ----------
    space : str, default "nb201"
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
        return _graph()


@cache
def _graph() -> tuple[NDArray[Any], tuple[str, ...]]:
    space = common_space()
    digits = space.digits
    path_is_live = np.stack([(digits[:, path] != 0).all(axis=1) for path in space.paths], axis=1)
    live = np.zeros(digits.shape, dtype=bool)
    for i, path in enumerate(space.paths):
        live[:, path] |= path_is_live[:, [i]]
    columns: dict[str, NDArray[Any]] = {
        "live_edges": live.sum(axis=1),
        "live_paths": path_is_live.sum(axis=1),
        "live_inner_nodes": live[:, 0].astype(np.int8) + (live[:, 1] | live[:, 2]),
        "depth": (path_is_live * [len(path) for path in space.paths]).max(axis=1),
    }
    for node in range(space.n_nodes):
        into, out = _edges_at(node)
        columns[f"in_degree_{node}"] = live[:, into].sum(axis=1)
        columns[f"out_degree_{node}"] = live[:, out].sum(axis=1)
    del columns["in_degree_0"], columns[f"out_degree_{space.n_nodes - 1}"]
    for size in range(1, len(_SHORT) + 1):
        for chosen in combinations(_SHORT, size):
            among = live & np.isin(digits, chosen)
            name = "+".join(_SHORT[digit] for digit in chosen)
            shortest = np.full(space.size, _NO_PATH)
            most = np.zeros(space.size, dtype=np.int64)
            for i, path in enumerate(space.paths):
                on_path = among[:, path].sum(axis=1)
                shortest = np.where(on_path == len(path), np.minimum(shortest, len(path)), shortest)
                most = np.maximum(most, on_path * path_is_live[:, i])
            columns[f"shortest_{name}_path"] = shortest
            columns[f"most_{name}_on_path"] = most
            columns[f"live_{name}"] = among.sum(axis=1)
            columns[f"out_degree_0_{name}"] = among[:, _edges_at(0)[1]].sum(axis=1)
            columns[f"in_degree_3_{name}"] = among[:, _edges_at(3)[0]].sum(axis=1)
    return np.stack(list(columns.values()), axis=1).astype(np.int8), tuple(columns)


def _edges_at(node: int) -> tuple[list[int], list[int]]:
    """Return the positions of the edges into and out of a node."""
    edges = list(enumerate(common_space().edges))
    return [i for i, (_, target) in edges if target == node], [i for i, (source, _) in edges if source == node]
