"""The sources of tables, each with a reader.

The modules of this package register readers in ``READERS``; they are imported when a file is built.
"""

from nasmeta.tables.sources._base import (
    SOURCES as SOURCES,
    Columns as Columns,
    Source as Source,
    WholeSource as WholeSource,
)
from nasmeta.tables.sources._registry import (
    READERS as READERS,
    FetchedSource as FetchedSource,
    RegisteredFile as RegisteredFile,
    registered_sources as registered_sources,
    table_names as table_names,
)

__all__: list[str] = []  # `nasmeta.tables` has `Source`
