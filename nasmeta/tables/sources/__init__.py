"""The sources of tables, each with a reader.

The modules of this package register readers in ``READERS``; they are imported when a file is built.
"""

from nasmeta.tables.sources._base import (
    Columns as Columns,
    Source as Source,
)
from nasmeta.tables.sources._imported import IMPORTED as IMPORTED
from nasmeta.tables.sources._registry import (
    READERS as READERS,
    FetchedSource as FetchedSource,
    RegisteredFile as RegisteredFile,
    registered_sources as registered_sources,
    table_names as table_names,
)
from nasmeta.tables.sources._scan import scan_evaluations as scan_evaluations

__all__: list[str] = []
