"""What every source gives."""

from __future__ import annotations

import hashlib
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError
from nasmeta.registry import Registry
from nasmeta.settings import cache_folder
from nasmeta.spaces import SearchSpace
from nasmeta.tables._arrow_file import ColumnFile
from nasmeta.tables._columns import ColumnInfo

Column: TypeAlias = "tuple[ColumnInfo, NDArray[np.float32]]"
Columns: TypeAlias = "list[Column]"


class Source(ABC):
    """Somebody's raw files and their reader: a class of its own in ``SOURCES``, or a registry entry (`FetchedSource`).

    Attributes
    ----------
    name : str
        Names the source's file in the store, too.
    table : str
        The table to which the columns belong.
    space : str
        The space over whose architectures the columns run.
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
    declared : tuple of str
        Patterns of the addresses that it brings, see `RegisteredSource`.

    Examples
    --------
    >>> from nasmeta.tables import ColumnInfo, Source
    >>> class Ones(Source):
    ...     name, table, space, release = "ones", "ones", "nb201", "v1"
    ...     licence = citation = holds = how_to_get = "-"
    ...
    ...     def raw_files(self):
    ...         return {"raw": Path("ones.txt")}
    ...
    ...     def read(self, space, files, sha256):
    ...         info = ColumnInfo("pets", "accuracy", "valid", None, None, "percent", "max", "v1", "ones", "-")
    ...         return [(info, np.ones(space.size, np.float32))]
    >>> Ones().raw_files()
    {'raw': PosixPath('ones.txt')}
    """

    name: str
    table: str
    space: str | SearchSpace
    release: str
    licence: str
    citation: str
    holds: str
    how_to_get: str
    curves: bool = False
    optional: bool = False
    imported: bool = False
    version: int = 1
    declared: tuple[str, ...] = ()

    @abstractmethod
    def raw_files(self) -> dict[str, Path]:
        """Return the raw files by short name; empty where they are not on this machine. Runs at every opening."""

    @abstractmethod
    def read(self, space: SearchSpace, files: Mapping[str, Path], sha256: Mapping[str, str]) -> Columns:
        """Return checked columns of float32, shape (space.size,), NaN where not measured.

        Raises
        ------
        DamagedFileError
            Where a raw file is not what it should be.
        """

    @property
    def code(self) -> str | None:
        """Checksum of the module that holds its class, so that an edited reader reads again; None for ours.

        Ours say by `version` when they read something else.
        """
        return _code_of(type(self))

    def brings(self, **said: object) -> bool:
        """Whether it declares a column with these parts of an address; see `RegisteredSource.brings`."""
        return brings_column(self.declared, self.release, said)

    def open(self, path: Path) -> ColumnFile:
        """Open the columnar file."""
        return ColumnFile(path)


class WholeSource(Source):
    """A source whose columnar file stands for itself: there are no raw files to read it from again."""

    imported = True

    def raw_files(self) -> dict[str, Path]:
        """Return nothing."""
        return {}

    def read(self, space: SearchSpace, files: Mapping[str, Path], sha256: Mapping[str, str]) -> Columns:
        """Refuse."""
        raise MissingValueError(f"{self.name} is not here. {self.how_to_get}")


SOURCES: Registry[type[Source]] = Registry(
    "source",
    group="nasmeta.sources",
    accepts=lambda found: found if isinstance(found, type) and issubclass(found, Source) else None,
    wanted="a class derived from nasmeta.tables.sources.Source",
)


def brings_column(patterns: Iterable[str], release: str, said: Mapping[str, object]) -> bool:
    """Whether parts of an address fit the release and a pattern; a part that is None or left out may be anything.

    >>> brings_column(["cifar10,cifar100/loss/*/200/-"], "v1", {"dataset": "cifar100", "metric": "loss", "split": None})
    True
    """
    parts = [said.get(part) for part in ("dataset", "metric", "split", "epochs", "seed")]
    return said.get("release") in (None, release) and any(fits(pattern, parts) for pattern in patterns)


def fits(pattern: str, parts: Iterable[object]) -> bool:
    """Whether the parts of an address fit a pattern such as ``cifar10,cifar100/loss/*/200/-``; None fits anything."""
    return all(
        part is None or any(fnmatchcase(str(part), one) for one in choices.split(","))
        for part, choices in zip(parts, pattern.split("/"), strict=True)
    )


@cache
def _code_of(kind: type[Source]) -> str | None:
    if kind.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return None
    try:
        return hashlib.sha256(inspect.getsource(sys.modules[kind.__module__]).encode()).hexdigest()
    except (OSError, TypeError, KeyError):  # typed into an interpreter: there is no file of it
        return None


def spread(space: SearchSpace, cells: Any, values: Any) -> NDArray[np.float64]:
    """Return values of some architectures, shape (n, ...), as rows of all: shape (space.size, ...), else NaN."""
    values = np.asarray(values, dtype=np.float64)
    column = np.full((space.size, *values.shape[1:]), np.nan)
    column[cells] = values
    return column


def by_seed(values: NDArray[np.float64], seeds: Iterable[int]) -> list[tuple[int | str, NDArray[np.float64]]]:
    """Return the mean over the measured seeds and each seed, from values of shape (n_architectures, n_seeds)."""
    return [("mean", np.nanmean(values, axis=1)), *zip(seeds, values.T, strict=True)]


def tables_folder() -> Path:
    """Return the folder of columnar files, in which each table has its own."""
    return cache_folder() / "tables" / "v1"


def store_path(source: Source) -> Path:
    """Return where the columnar file of a source lies, built or not."""
    own: Path | None = getattr(source, "path", None)  # of what a user brought
    return own or tables_folder() / source.table / f"{source.name}.arrow"
