"""Input columns of meta-learners for the architectures of any space: structure and zero-cost proxies.

Only spaces with NAS-Bench-201 as their reference have zero-cost proxies (on digits).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from nasmeta.meta._arrays import Architectures, Floats, Floats32, Integers
from nasmeta.spaces import CellSpace, SearchSpace, get_space, move_cells, reference_space
from nasmeta.tasks import normal_scores


def in_reference(space: SearchSpace) -> Architectures:
    """Return the indices of all architectures in the reference space, int32, shape (size,)."""
    every = np.arange(space.size, dtype=np.int32)
    common = reference_space(space)
    return every if common == space else move_cells(every, space, common)[0]


def representatives(space: SearchSpace, architectures: Integers | None = None) -> Architectures:
    """Return a representative of each equivalence class, int32, shape (n,); by default for all architectures.

    For cells, the rule is ``zero``.
    """
    chosen = np.arange(space.size) if architectures is None else architectures
    return np.asarray(space.canonical(chosen, rule="zero"), dtype=np.int32)


_NETWORK_FEATURES = "one-hot+live-paths+operation-counts+graph"


def _has_proxies(space: SearchSpace) -> bool:
    return reference_space(space) == get_space("nb201")


@lru_cache(maxsize=4)
def proxy_scores(space: SearchSpace) -> Floats:
    """Return normal scores of the zero-cost proxies on digits, shape (size, 9 or 0)."""
    from nasmeta.training import measured_proxies

    if not _has_proxies(space):
        return np.zeros((space.size, 0))
    if space in (get_space("nb201"), get_space("tnb101")):
        return np.column_stack(
            [normal_scores(column) for _, column in sorted(measured_proxies(space).items())]
        )
    return proxy_scores(get_space("nb201"))[in_reference(space)]


@lru_cache(maxsize=4)
def network_columns(space: SearchSpace) -> Floats32:
    """Return the inputs of networks, float32, shape (size, n_columns).

    They are encodings of the representative in the reference space, scaled over that space, and the
    proxies. So the columns are the same for every space with that reference.
    """
    from nasmeta.predictors import make_encoder

    common = reference_space(space)
    if _has_proxies(space):
        table = np.asarray(
            make_encoder(_NETWORK_FEATURES).transform(np.arange(common.size)), dtype=np.float64
        )
    else:
        positions = "edges" if isinstance(common, CellSpace) else "positions"
        names = dict.fromkeys((positions, *common.kernel_features))
        table = np.concatenate([common.feature(name).counts for name in names], axis=1).astype(
            np.float64
        )
    table = np.concatenate([_standardised(table) / 2, proxy_scores(common)], axis=1)
    return table[representatives(common, in_reference(space))].astype(np.float32)


def _standardised(table: Floats) -> Floats:
    table = table[:, table.std(axis=0) > 0]
    scaled: Floats = (table - table.mean(axis=0)) / table.std(axis=0)
    return scaled
