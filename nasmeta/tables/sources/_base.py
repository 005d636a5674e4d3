"""The interface of a source, and helpers for readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nasmeta.arrays import Floats, Floats32
from nasmeta.errors import MissingValueError
from nasmeta.settings import cache_folder
from nasmeta.spaces import SearchSpace
from nasmeta.tables._arrow_file import ColumnFile
from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables.sources._onnx import PredictedColumns

Column: TypeAlias = "tuple[ColumnInfo, Floats32]"
Columns: TypeAlias = "list[Column]"
Files: TypeAlias = Mapping[str, Path]  # by key
OpenedColumns: TypeAlias = "ColumnFile | PredictedColumns"


@dataclass(eq=False, kw_only=True)
class Source:
    """Raw files and their reader, or only a columnar file.

    Attributes
    ----------
    name : str
        Also the name of the source's file in the store.
    table : str
        The table to which the columns belong.
    space : str or SearchSpace
        The space of the architectures; empty if the raw files list the architectures.
    release, licence, citation, holds : str
        Release of the benchmark, licence of the files, the paper to cite, and a short description
        of the content.
    how_to_get : str
        A sentence with the command that provides the raw files.
    curves : bool
        Whether all columns are learning curves. They are opened at the first query of a curve.
    own : bool
        Whether the columns are those of a user.
    optional : bool
        Whether the table is useful without this source. It becomes a part of the table once it is
        built.
    imported : bool
        Whether a user's files were converted. Other sources of the same release take precedence.
    topic : str
        The topic under which its table is listed; optional sources have none.
    architectures : int
        The number of architectures that the raw files list; 0 if there is a space.
    declared : tuple of str
        Patterns of the addresses of its columns: dataset/metric/split/epochs/seed; a part may be *
        or a,b.
    """

    name: str
    table: str
    space: str | SearchSpace
    release: str
    licence: str
    citation: str
    holds: str
    how_to_get: str = ""
    curves: bool = False
    own: bool = False
    optional: bool = False
    imported: bool = False
    declared: tuple[str, ...] = ()
    topic: str = ""
    architectures: int = 0

    @property
    def path(self) -> Path:
        """The path of the columnar file, built or not."""
        return tables_folder() / self.table / f"{self.name}.arrow"

    def raw_files(self) -> dict[str, Path]:
        """Return the raw files by short name; empty if they are not on this machine."""
        return {}

    def required_files(self) -> dict[str, Path]:
        """Return the raw files by short name.

        Raises
        ------
        MissingValueError
            If they are not on this machine.
        """
        if files := self.raw_files():
            return files
        raise MissingValueError(
            f"The raw files of {self.name} (table {self.table}) are not on this machine. {self.how_to_get} "
            "`nasmeta data list` shows all sources."
        )

    def read(self, files: Files, sha256: Mapping[str, str]) -> tuple[SearchSpace, Columns]:
        """Return the space, and checked columns of float32, shape (space.size,), NaN if not measured."""
        raise NotImplementedError

    def identity(self) -> Any:
        """Return the identity of the raw files and of the reader, in JSON types; a change rebuilds the file."""
        return None

    def declares(self, **parts: object) -> bool:
        """Whether it declares a column with these parts of an address; absent parts and None fit anything.

        The epochs of a point of a learning curve are written ``37of200``.
        """
        address = [parts.get(part) for part in ("dataset", "metric", "split", "epochs", "seed")]
        return parts.get("release") in (None, self.release) and any(
            fits(pattern, address) for pattern in self.declared
        )

    def open(self, path: Path) -> OpenedColumns:
        """Open the columnar file."""
        return ColumnFile(path)


def fits(pattern: str, parts: Iterable[object]) -> bool:
    """Whether the parts of an address fit a pattern such as ``cifar10,cifar100/loss/*/200/-``; None fits anything."""
    return all(
        part is None or any(fnmatchcase(str(part), choice) for choice in choices.split(","))
        for part, choices in zip(parts, pattern.split("/"), strict=True)
    )


def spread(space: SearchSpace, architectures: Any, values: Any) -> Floats:
    """Return values of some architectures, shape (n, ...), as rows of all, shape (space.size, ...); others are NaN."""
    values = np.asarray(values, dtype=np.float64)
    column = np.full((space.size, *values.shape[1:]), np.nan)
    column[architectures] = values
    return column


def by_seed(values: Floats, seeds: Iterable[int]) -> list[tuple[int | str, Floats]]:
    """Return the mean over the measured seeds and each seed, from values of shape (n_architectures, n_seeds)."""
    return [("mean", np.nanmean(values, axis=1)), *zip(seeds, values.T, strict=True)]


def tables_folder() -> Path:
    """Return the folder of columnar files; each table has a subfolder."""
    return cache_folder() / "tables" / "v1"
