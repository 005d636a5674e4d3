"""Journals: append-only files of JSON lines, from which long work goes on after any end; and who may write where."""

from nasmeta.journals._file import (
    JournalFile as JournalFile,
    JournalKind as JournalKind,
    is_there as is_there,
    whole_lines as whole_lines,
)
from nasmeta.journals._header import (
    changed_code as changed_code,
    differences_from as differences_from,
    loaded as loaded,
)
from nasmeta.journals._lease import FolderLease as FolderLease

__all__: list[str] = []  # of the ground: for rooms, not for users
