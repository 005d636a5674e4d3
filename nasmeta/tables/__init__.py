"""What was measured: named float32 columns over the cells of a space, from sources, through a store, to a Table."""

from nasmeta.tables._catalog import SourceState, list_sources, sources_of, space_of_table
from nasmeta.tables._columns import KINDS, ColumnInfo, Kind, kind_of_old
from nasmeta.tables._describe import describe_column, describe_training, query
from nasmeta.tables._fetch import fetch
from nasmeta.tables._joined import damaged_sources
from nasmeta.tables._legality import trained_on
from nasmeta.tables._own import added_tables, remove_added
from nasmeta.tables._read_frame import read_frame
from nasmeta.tables._table import TABLES, Table, load_table
from nasmeta.tables.official import Imported, import_official
from nasmeta.tables.sources import SOURCES, Source, registered_sources, table_names

__all__ = [
    "KINDS",
    "SOURCES",
    "TABLES",
    "ColumnInfo",
    "Imported",
    "Kind",
    "Source",
    "SourceState",
    "Table",
    "added_tables",
    "damaged_sources",
    "describe_column",
    "describe_training",
    "fetch",
    "import_official",
    "kind_of_old",
    "list_sources",
    "load_table",
    "query",
    "read_frame",
    "registered_sources",
    "remove_added",
    "sources_of",
    "space_of_table",
    "table_names",
    "trained_on",
]
