"""Journals: append-only files of JSON lines from which interrupted work resumes; and shards of work."""

from nasmeta.journals._file import (
    JournalFile as JournalFile,
    differences_from as differences_from,
    same_code as same_code,
)
from nasmeta.journals._shard import Shard as Shard

__all__: list[str] = []  # for subpackages, not for users
