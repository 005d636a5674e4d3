"""Journals: append-only files of JSON lines, from which long work goes on after any end; and who may write where."""

from nasmeta.journals._file import JournalFile, JournalKind, is_there, whole_lines
from nasmeta.journals._header import changed_code, differences_from, loaded
from nasmeta.journals._lease import FolderLease
from nasmeta.journals._shard import Shard

__all__ = [
    "FolderLease",
    "JournalFile",
    "JournalKind",
    "Shard",
    "changed_code",
    "differences_from",
    "is_there",
    "loaded",
    "whole_lines",
]
