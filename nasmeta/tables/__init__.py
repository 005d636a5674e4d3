"""Named columns of measurements over the architectures of a space: sources, the store and `Table`."""

from nasmeta.tables._address import Address as Address
from nasmeta.tables._catalog import (
    SourceState as SourceState,
    is_here as is_here,
    list_sources,
    list_tables,
    space_of_table as space_of_table,
    table_sources as table_sources,
)
from nasmeta.tables._columns import (
    ColumnInfo,
    Kind as Kind,
    kind_of_old as kind_of_old,
    known_metric as known_metric,
    split_of as split_of,
)
from nasmeta.tables._fetch import fetch
from nasmeta.tables._signals import parts_of_name as parts_of_name
from nasmeta.tables._store import is_available as is_available
from nasmeta.tables._table import (
    TABLES as TABLES,
    Table,
    describe_column as describe_column,
    describe_training as describe_training,
    load_table,
    query,
)
from nasmeta.tables._table_files import (
    add_frame as add_frame,
    odd_values as odd_values,
    read_frame as read_frame,
)
from nasmeta.tables._user_tables import added_tables as added_tables, remove_added as remove_added
from nasmeta.tables._value_checks import looks_fractional as looks_fractional, only_test_values as only_test_values
from nasmeta.tables.official import import_official
from nasmeta.tables.sources import (
    registered_sources as registered_sources,
    table_names as table_names,
)

__all__ = [
    "ColumnInfo",
    "Table",
    "fetch",
    "import_official",
    "list_sources",
    "list_tables",
    "load_table",
    "query",
]
