"""Journals: append-only files of JSON lines, from which long work goes on after any end; and who may write where."""

from nasmeta.journals._file import (
    JournalFile as JournalFile,
    JournalKind as JournalKind,
    changed_code as changed_code,
    differences_from as differences_from,
    is_there as is_there,
    loaded as loaded,
    whole_lines as whole_lines,
    without_code as without_code,
)
from nasmeta.journals._lease import FolderLease as FolderLease, Shard as Shard

__all__: list[str] = []  # of the ground: for rooms, not for users
