"""Named columns of measurements over the architectures of a space: sources, the store and `Table`."""

from nasmeta.tables._address import Address
from nasmeta.tables._card import table_card
from nasmeta.tables._catalog import SourceState, is_here, list_sources, list_tables, space_of_table
from nasmeta.tables._columns import (
    ColumnInfo,
    Kind,
    joined_facts,
    kind_of_metric,
    known_metric,
    split_of,
)
from nasmeta.tables._fetch import fetch
from nasmeta.tables._signal import Cost, Signal
from nasmeta.tables._store import is_available
from nasmeta.tables._table import (
    TABLES,
    Table,
    describe_column,
    describe_training,
    load_table,
    query,
)
from nasmeta.tables._table_files import add_frame, odd_values, read_frame
from nasmeta.tables._task_columns import parts_of_name
from nasmeta.tables._user_tables import added_tables, remove_added
from nasmeta.tables._value_checks import only_test_values
from nasmeta.tables.official import import_official
from nasmeta.tables.sources import registered_sources, table_names

__all__ = [
    "TABLES",
    "Address",
    "ColumnInfo",
    "Cost",
    "Kind",
    "Signal",
    "SourceState",
    "Table",
    "add_frame",
    "added_tables",
    "describe_column",
    "describe_training",
    "fetch",
    "import_official",
    "is_available",
    "is_here",
    "joined_facts",
    "kind_of_metric",
    "known_metric",
    "list_sources",
    "list_tables",
    "load_table",
    "odd_values",
    "only_test_values",
    "parts_of_name",
    "query",
    "read_frame",
    "registered_sources",
    "remove_added",
    "space_of_table",
    "split_of",
    "table_card",
    "table_names",
]
