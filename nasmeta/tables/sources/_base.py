"""The interface of a source, and helpers for readers."""

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
    """Raw files and their reader.

    Register a subclass in ``SOURCES``, or declare a `FetchedSource` in a TOML file.

    Attributes
    ----------
    name : str
        Also the name of the source's file in the store.
    table : str
        The table to which the columns belong.
    space : str
        The space of the architectures.
    release, licence, citation, holds : str
        Release of the benchmark, licence of the files, the paper to cite, and a short description of the content.
    how_to_get : str
        A sentence with the command that provides the raw files.
    curves : bool
        Whether all columns are learning curves. They are opened at the first query of a curve.
    optional : bool
        Whether the table is useful without this source. It becomes a part of the table once it is built, and is left
        out if it is damaged.
    imported : bool
        Whether a user's files were converted. Other sources of the same release take precedence.
    version : int
        Increase it if the reader returns other columns for the same files, so that the columnar file is rebuilt.
    declared : tuple of str
        Patterns of the addresses of its columns: dataset/metric/split/epochs/seed; a part may be * or a,b.

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
        """Return the raw files by short name; empty if they are not on this machine."""

    @abstractmethod
    def read(self, space: SearchSpace, files: Mapping[str, Path], sha256: Mapping[str, str]) -> Columns:
        """Return checked columns of float32, shape (space.size,), NaN if not measured.

        Raises
        ------
        DamagedFileError
            If a raw file has another content than expected.
        """

    def identity(self) -> Any:
        """Return the identity of the raw files and of the reader, in JSON types.

        The columnar file is rebuilt if it changes. It consists of `version`, the checksum of the module that defines
        the class, and the sizes and times of the raw files.
        """
        files = {name: [file.stat().st_size, file.stat().st_mtime_ns] for name, file in self.raw_files().items()}
        return [self.version, _code_of(type(self)), files]

    def brings(self, **parts: object) -> bool:
        """Whether it declares a column with these parts of an address; absent parts and None fit anything.

        The epochs of a point of a learning curve are written ``37of200``.
        """
        address = [parts.get(part) for part in ("dataset", "metric", "split", "epochs", "seed")]
        return parts.get("release") in (None, self.release) and any(fits(one, address) for one in self.declared)

    def open(self, path: Path) -> ColumnFile:
        """Open the columnar file."""
        return ColumnFile(path)


class WholeSource(Source):
    """A source without raw files: only its columnar file exists."""

    imported = True

    def raw_files(self) -> dict[str, Path]:
        """Return nothing."""
        return {}

    def identity(self) -> None:
        """Return nothing."""

    def read(self, space: SearchSpace, files: Mapping[str, Path], sha256: Mapping[str, str]) -> Columns:
        """Raise a MissingValueError."""
        raise MissingValueError(f"{self.name} is not on this machine. {self.how_to_get}")


SOURCES: Registry[type[Source]] = Registry(
    "source",
    group="nasmeta.sources",
    accepts=lambda found: found if isinstance(found, type) and issubclass(found, Source) else None,
    wanted="a class derived from nasmeta.tables.sources.Source",
)


def fits(pattern: str, parts: Iterable[object]) -> bool:
    """Whether the parts of an address fit a pattern such as ``cifar10,cifar100/loss/*/200/-``; None fits anything."""
    return all(
        part is None or any(fnmatchcase(str(part), one) for one in choices.split(","))
        for part, choices in zip(parts, pattern.split("/"), strict=True)
    )


@cache
def _code_of(kind: type[Source]) -> str | None:
    try:
        return hashlib.sha256(inspect.getsource(sys.modules[kind.__module__]).encode()).hexdigest()
    except (OSError, TypeError, KeyError):  # defined in an interpreter, without a file
        return None


def spread(space: SearchSpace, cells: Any, values: Any) -> NDArray[np.float64]:
    """Return values of some architectures, shape (n, ...), as rows of all, shape (space.size, ...); others are NaN."""
    values = np.asarray(values, dtype=np.float64)
    column = np.full((space.size, *values.shape[1:]), np.nan)
    column[cells] = values
    return column


def by_seed(values: NDArray[np.float64], seeds: Iterable[int]) -> list[tuple[int | str, NDArray[np.float64]]]:
    """Return the mean over the measured seeds and each seed, from values of shape (n_architectures, n_seeds)."""
    return [("mean", np.nanmean(values, axis=1)), *zip(seeds, values.T, strict=True)]


def tables_folder() -> Path:
    """Return the folder of columnar files; each table has a subfolder."""
    return cache_folder() / "tables" / "v1"


def store_path(source: Source) -> Path:
    """Return the path of the columnar file of a source, built or not."""
    chosen: Path | None = getattr(source, "path", None)  # of a user's table
    return chosen or tables_folder() / source.table / f"{source.name}.arrow"
