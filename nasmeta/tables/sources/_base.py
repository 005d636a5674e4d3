"""What every source gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.registry import Registry
from nasmeta.settings import cache_folder
from nasmeta.spaces import CellSpace
from nasmeta.tables._arrow_file import ColumnFile
from nasmeta.tables._columns import ColumnInfo

__all__ = ["SOURCES", "Columns", "Source", "store_path"]

Columns: TypeAlias = "list[tuple[ColumnInfo, NDArray[np.float32]]]"


class Source(ABC):
    """Somebody's raw files and their reader: a class of its own in ``SOURCES``, or a registry entry (`FetchedSource`).

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
    curves : bool
        Whether its columns are learning curves, complete ones: they are opened only when one is asked for.
    optional : bool
        Whether the table is of use without it, as where it was fetched or imported: then it is left out where it is
        damaged.
    imported : bool
        Whether a user's own files were converted, perhaps of a few cells: other sources of the release come first.
    version : int
        Raised where the reader makes other columns of the same files, so that what is built is built again.
    """

    name: str
    table: str
    space: str
    release: str
    licence: str
    citation: str
    holds: str
    how_to_get: str
    curves: bool = False
    optional: bool = False
    imported: bool = False
    version: int = 1

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

    def brings(self, **said: object) -> bool:
        """Whether it has a column with these parts of an address; see `RegisteredSource.brings`."""
        return False

    def open(self, path: Path) -> ColumnFile:
        """Open the columnar file."""
        return ColumnFile(path)


SOURCES: Registry[type[Source]] = Registry(
    "source",
    group="nasmeta.sources",
    accepts=lambda found: found if isinstance(found, type) and issubclass(found, Source) else None,
    wanted="a class derived from nasmeta.tables.sources.Source",
)


def store_path(source: Source) -> Path:
    """Return where the columnar file of a source lies, built or not."""
    return cache_folder() / "tables" / "v1" / source.table / f"{source.name}.arrow"
