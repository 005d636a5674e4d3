"""The registry of sources: data in ``benchmarks_data/sources``, one TOML file a source.

Its raw files are downloads, or lie in a package that pip installs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nasmeta.errors import DamagedFileError
from nasmeta.files import parse_toml, shipped
from nasmeta.tables._columns import Kind
from nasmeta.tables.sources._base import SOURCES, brings_column


@dataclass(frozen=True)
class RegisteredFile:
    """One raw file of a source."""

    key: str  # by which the reader knows it
    path: str  # owner/repository/commit/path; in a package relative to its folder
    bytes: int = 0
    sha256: str = ""  # of a download; pip has checked what a package brings


@dataclass(frozen=True)
class DeclaredTask:
    """Tasks that a table has under a name, so that they can be named without opening it."""

    name: str  # with {dataset} in it, such as graph/{dataset}
    datasets: tuple[str, ...]
    metric: str
    split: str | None = None
    epochs: int | None = None
    seed: int | str | None = None
    cost: str | None = None  # metric of the column that says what an evaluation costs
    kind: Kind = "performance"
    device: str | None = None


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
    tasks: tuple[DeclaredTask, ...] = ()
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
        "tasks": tuple(DeclaredTask(**task | {"datasets": tuple(task["datasets"])}) for task in entry.get("tasks", ())),
    }
    return RegisteredSource(**entry | parts)
