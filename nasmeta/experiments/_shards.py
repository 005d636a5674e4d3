"""A comparison in parts: each process does its share of the runs in the same folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from nasmeta.experiments._jobs import Pair
from nasmeta.journals import Shard

__all__ = ["share_of"]


def share_of(
    shard: Shard, pairs: Sequence[Pair], learners: Collection[Pair], seeds: Sequence[int]
) -> dict[Pair, Sequence[int]]:
    """Return the seeds of each pair that are a part's.

    Runs are dealt in turn, so that each part has some of every searcher; those that learn first are cut into blocks, so
    that few parts learn the same.

    Examples
    --------
    >>> share_of(Shard(1, 2), [(0, "random"), (0, "meta")], [(0, "meta")], range(4))
    {(0, 'random'): [1, 3], (0, 'meta'): [2, 3]}
    """
    dealt = shard.dealt([(pair, seed) for pair in pairs if pair not in learners for seed in seeds])
    taught = shard.block([(pair, seed) for pair in pairs if pair in learners for seed in seeds])
    found: dict[Pair, list[int]] = {pair: [] for pair in pairs}
    for pair, seed in [*dealt, *taught]:
        found[pair].append(seed)
    return dict(found)
