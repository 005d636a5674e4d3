"""A comparison in parts: each process does its share of the runs in the same folder."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from nasmeta.errors import SettingError, shown
from nasmeta.experiments._jobs import Pair

__all__ = ["Shard"]

_FORM = re.compile(r"(\d{1,6})/(\d{1,6})")


@dataclass(frozen=True)
class Shard:
    """Part ``index``, from 0, of ``count`` parts."""

    index: int
    count: int

    @classmethod
    def of(cls, asked: object) -> Shard:
        """Read ``I/N``.

        Raises
        ------
        SettingError

        Examples
        --------
        >>> Shard.of("3/16")
        Shard(index=3, count=16)
        """
        match = _FORM.fullmatch(asked) if isinstance(asked, str) else None
        if match is None or not 0 <= int(match[1]) < int(match[2]):
            raise SettingError(
                f"A shard is I/N with I from 0 to N - 1, such as 0/16, not {shown(asked)}. Under SLURM: #SBATCH "
                "--array=0-15, and --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT."
            )
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.index}-of-{self.count}"

    def share(
        self, pairs: Sequence[Pair], learners: Collection[Pair], seeds: Sequence[int]
    ) -> dict[Pair, Sequence[int]]:
        """Return the seeds of each pair that are this part's.

        Runs are dealt in turn, so that each part has some of every searcher; those that learn first are cut into
        blocks, so that few parts learn the same.

        Examples
        --------
        >>> Shard(1, 2).share([(0, "random"), (0, "meta")], [(0, "meta")], range(4))
        {(0, 'random'): [1, 3], (0, 'meta'): [2, 3]}
        """
        dealt = [(pair, seed) for pair in pairs if pair not in learners for seed in seeds][self.index :: self.count]
        taught = [(pair, seed) for pair in pairs if pair in learners for seed in seeds]
        first, end = (i * len(taught) // self.count for i in (self.index, self.index + 1))
        found: dict[Pair, list[int]] = {pair: [] for pair in pairs}
        for pair, seed in [*dealt, *taught[first:end]]:
            found[pair].append(seed)
        return dict(found)
