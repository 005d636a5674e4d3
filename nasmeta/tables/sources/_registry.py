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

from nasmeta.errors import DamagedFileError, UnknownNameError
from nasmeta.files import parse_toml, shipped
from nasmeta.tables._columns import Kind
from nasmeta.tables.sources._base import SOURCES, brings_column

__all__ = [
    "DeclaredTask",
    "RegisteredFile",
    "RegisteredSource",
    "registered_source",
    "registered_sources",
    "table_names",
]


@dataclass(frozen=True)
class RegisteredFile:
    """One raw file of a source.

    Attributes
    ----------
    key : str
        The name by which the reader knows it.
    path : str
        ``owner/repository/commit/path``: relative to the base address, to a mirror and to the folder of downloads; of a
        package, relative to its folder.
    bytes : int
    sha256 : str
        Of a download; a package may leave them out, as pip has checked what it installed.
    """

    key: str
    path: str
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class DeclaredTask:
    """Tasks that a table has under a name, so that they can be named without opening it.

    Attributes
    ----------
    name : str
        With ``{dataset}`` in it, such as ``graph/{dataset}``.
    datasets : tuple of str
    metric : str
    split, epochs, seed
        Of the signal, with the metric; None where it means nothing.
    cost : str or None
        Metric of the column that says what an evaluation costs; None where nobody recorded it.
    kind, device
        Of the signal's column.
    """

    name: str
    datasets: tuple[str, ...]
    metric: str
    split: str | None = None
    epochs: int | None = None
    seed: int | str | None = None
    cost: str | None = None
    kind: Kind = "performance"
    device: str | None = None


@dataclass(frozen=True)
class RegisteredSource:
    """What the registry says about one source.

    Attributes
    ----------
    name, table, space, release, licence, citation, holds : str
        As in `Source`.
    reader : str
        Name of the function in ``READERS`` that reads it.
    columns : tuple of str
        Patterns of the addresses that it brings: ``dataset/metric/split/epochs/seed``, where a part is ``*`` or
        several values with commas between them. So a question can be told which source answers it.
    files : tuple of RegisteredFile
    curves : bool
    version : int
        As in `Source`.
    tasks : tuple of DeclaredTask
    package, install : str or None
        The package in whose folder the files lie, as Python imports it and as pip installs it; None for downloads.
    """

    name: str
    table: str
    space: str
    release: str
    licence: str
    citation: str
    holds: str
    reader: str
    columns: tuple[str, ...]
    files: tuple[RegisteredFile, ...]
    curves: bool = False
    version: int = 1
    tasks: tuple[DeclaredTask, ...] = ()
    package: str | None = None
    install: str | None = None

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


def registered_source(name: str) -> RegisteredSource:
    """Return one registered source.

    Raises
    ------
    UnknownNameError
    """
    if name not in registered_sources():
        raise UnknownNameError.of("source", name, registered_sources())
    return registered_sources()[name]


def _parsed(entry: dict[str, Any], files: Mapping[str, list[dict[str, Any]]]) -> RegisteredSource:
    of = entry.pop("files_of", entry["name"])  # two tables may be read from the same files
    parts = {
        "files": tuple(RegisteredFile(**file) for file in files[of]),
        "columns": tuple(entry["columns"]),
        "tasks": tuple(DeclaredTask(**task | {"datasets": tuple(task["datasets"])}) for task in entry.get("tasks", ())),
    }
    return RegisteredSource(**entry | parts)
