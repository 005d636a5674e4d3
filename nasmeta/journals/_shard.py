"""Shards: parts of the work for processes that share a folder."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from nasmeta.errors import SettingError

_FORM = re.compile(r"(\d{1,6})/(\d{1,6})")

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """Part ``index``, from 0, of ``count`` parts."""

    index: int
    count: int

    @classmethod
    def of(cls, text: object) -> Self:
        """Parse ``I/N``.

        >>> Shard.of("3/16")
        Shard(index=3, count=16)
        """
        match = _FORM.fullmatch(str(text))
        if match is None or not 0 <= int(match[1]) < int(match[2]):
            hint = "Under SLURM: --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT."
            raise SettingError("shard", text, "I/N with I from 0 to N - 1, such as 0/16", hint)
        return cls(int(match[1]), int(match[2]))

    def dealt(self, items: Sequence[T]) -> Sequence[T]:
        """Return every `count`-th item, from `index` on.

        >>> Shard(1, 3).dealt("abcdefgh")
        'beh'
        """
        return items[self.index :: self.count]

    def block(self, items: Sequence[T]) -> Sequence[T]:
        """Return the `index`-th block of consecutive items.

        >>> Shard(1, 3).block("abcdefgh")
        'cde'
        """
        begin = self.index * len(items) // self.count
        end = (self.index + 1) * len(items) // self.count
        return items[begin:end]
