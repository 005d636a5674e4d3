"""Journals: append-only files of JSON lines from which interrupted work resumes; and shards of work."""

from nasmeta.journals._file import JournalFile, differences_from
from nasmeta.journals._shard import Shard

__all__ = ["JournalFile", "Shard", "differences_from"]
