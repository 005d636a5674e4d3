"""Encoders of a cell's edges, paths and operations."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.predictors._encoders._base import ENCODERS, CellEncoder, common_space

__all__ = [
    "AdjacencyEncoder",
    "LivePathEncoder",
    "OneHotEncoder",
    "OperationCountEncoder",
    "PathEncoder",
]


def _edge_names() -> list[str]:
    return [f"{source}to{target}" for source, target in common_space().edges]


@ENCODERS.register("one-hot")
class OneHotEncoder(CellEncoder):
    """Which operation each edge has: 30 columns of zeros and ones.

    Parameters
    ----------
    space : str, default "nb201"
    canonical : bool, default False
        Whether isomorphic cells get one encoding.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> encoder = make_encoder("one-hot")
    >>> encoder.transform([0, 1]).shape, encoder.get_feature_names_out()[4]
    ((2, 30), '0to1=avg_pool_3x3')
    """

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        return _one_hot()


@cache
def _one_hot() -> tuple[NDArray[Any], tuple[str, ...]]:
    space = common_space()
    return space.feature("edges").counts, tuple(
        f"{edge}={name}" for edge, name in product(_edge_names(), space.operations)
    )


@ENCODERS.register("adjacency")
class AdjacencyEncoder(CellEncoder):
    """The upper triangle of the adjacency matrix: six codes of operations, categorical, 1 for ``none``.

    The categorical adjacency encoding of White et al., "A study on encodings for neural architecture search",
    NeurIPS 2020; made for trees.

    Parameters
    ----------
    space : str, default "nb201"
    canonical : bool, default False
        Whether isomorphic cells get one encoding.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("adjacency").transform([0])
    array([[5., 3., 2., 3., 2., 2.]])
    """

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        return _adjacency()


@cache
def _adjacency() -> tuple[NDArray[Any], tuple[str, ...]]:
    return common_space().digits + np.int8(1), tuple(_edge_names())


@ENCODERS.register("paths")
class PathEncoder(CellEncoder):
    """Whether a path from input to output applies a sequence of operations: 5 + 25 + 125 columns of zeros and ones.

    The path encoding of White, Neiswanger and Savani (BANANAS, AAAI 2021): ``none`` and ``skip_connect`` count as
    operations. See ``live-paths`` for what a path computes.

    Parameters
    ----------
    space : str, default "nb201"
    canonical : bool, default False
        Whether isomorphic cells get one encoding.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("paths").transform([0]).sum()
    np.float64(4.0)
    """

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        return _paths()


@cache
def _paths() -> tuple[NDArray[Any], tuple[str, ...]]:
    space = common_space()
    cells = np.arange(space.size)
    columns, names = [], []
    for length in (1, 2, 3):
        here = np.zeros((space.size, space.n_operations**length), dtype=np.int8)
        for path in space.paths:
            if len(path) == length:
                place = space.n_operations ** np.arange(length - 1, -1, -1)
                here[cells, space.digits[:, path].astype(np.int64) @ place] = 1
        columns.append(here)
        names += ["→".join(sequence) for sequence in product(space.operations, repeat=length)]
    return np.concatenate(columns, axis=1), tuple(names)


@ENCODERS.register("live-paths")
class LivePathEncoder(CellEncoder):
    """How many paths from input to output apply a sequence of operations: 40 counts.

    ``none`` kills a path and ``skip_connect`` shortens it, so the counts say what is computed; see
    `SearchSpace.feature`.

    Parameters
    ----------
    space : str, default "nb201"
    canonical : bool, default False
        Whether isomorphic cells get one encoding.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("live-paths", space="tnb101").transform([0, 4095]).sum(axis=1)
    array([0., 4.])
    """

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        return _live_paths()


@cache
def _live_paths() -> tuple[NDArray[Any], tuple[str, ...]]:
    space = common_space()
    real = space.operations[2:]
    # Sequences in the order of their codes, read as numbers of base 4; digit 0 stands only in front.
    sequences: list[Iterable[str]] = [sequence for length in range(4) for sequence in product(real, repeat=length)]
    counts = space.feature("paths").counts
    names = tuple("→".join(sequence) or "skip_connect" for sequence in sequences)
    if counts.shape[1] != len(names):
        raise RuntimeError(f"{counts.shape[1]} live paths, {len(names)} names")
    return counts, names


@ENCODERS.register("operation-counts")
class OperationCountEncoder(CellEncoder):
    """How often each operation occurs: five counts.

    Parameters
    ----------
    space : str, default "nb201"
    canonical : bool, default False
        Whether isomorphic cells get one encoding.

    Examples
    --------
    >>> from nasmeta.predictors import make_encoder
    >>> make_encoder("operation-counts").transform([0])
    array([[0., 3., 2., 0., 1.]])
    """

    def _table(self) -> tuple[NDArray[Any], tuple[str, ...]]:
        return _operation_counts()


@cache
def _operation_counts() -> tuple[NDArray[Any], tuple[str, ...]]:
    space = common_space()
    return space.feature("operations").counts, tuple(f"n_{name}" for name in space.operations)
