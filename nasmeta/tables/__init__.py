"""What was measured: named float32 columns over the cells of a space, from sources, through a store, to a Table."""

from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables._fetch import fetch
from nasmeta.tables._legality import trained_on
from nasmeta.tables._shelf import damaged_sources
from nasmeta.tables._table import Table, load_table
from nasmeta.tables.official import Imported, import_official
from nasmeta.tables.sources import SOURCES, Source, SourceState, list_sources

__all__ = [
    "SOURCES",
    "ColumnInfo",
    "Imported",
    "Source",
    "SourceState",
    "Table",
    "damaged_sources",
    "fetch",
    "import_official",
    "list_sources",
    "load_table",
    "trained_on",
]
