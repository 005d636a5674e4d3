"""All tables as one, and whether a column is on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmeta.errors import UnknownNameError
from nasmeta.spaces import get_space
from nasmeta.tables._catalog import list_sources, sources_of, space_of_table
from nasmeta.tables._store import within_reach

if TYPE_CHECKING:
    import pandas as pd


def list_tables() -> pd.DataFrame:
    """Return all tables: those of the package and those that were added; builds and opens none.

    Returns
    -------
    DataFrame
        One row a table: ``table``, ``space`` (its name), ``architectures`` (how many the space has), ``sources`` (how
        many it has), ``here`` (how many of these are on this machine) and ``holds`` (of its first source).
        `nasmeta.tables.list_sources` says more of each source.

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_tables().set_index("table")["architectures"].loc[["fcnet", "nb201"]].to_list()
    [62208, 15625]
    """
    import pandas as pd

    states = list_sources()
    rows = []
    for table in dict.fromkeys(state.table for state in states):
        own = [state for state in states if state.table == table]
        space, here = get_space(space_of_table(table)), sum(state.built or state.available for state in own)
        rows.append((table, space.name, space.size, len(own), here, own[0].holds))
    return pd.DataFrame(rows, columns=["table", "space", "architectures", "sources", "here", "holds"])


def is_here(table: str, **said: object) -> bool:
    """Tell whether a source of a table is on this machine and declares a column with these parts of an address."""
    try:
        sources = sources_of(table)
    except UnknownNameError:  # handed over as an object: its values came with it
        return True
    always = {
        source.name for source in sources if not source.declared and said.get("release") in (None, source.release)
    }
    return any((source.name in always or source.brings(**said)) and within_reach(source) for source in sources)
