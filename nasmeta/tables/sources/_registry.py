"""The registry of sources that are fetched: data in ``benchmarks_data/sources``, one TOML file a source."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from nasmeta.errors import UnknownNameError

__all__ = ["RegisteredFile", "RegisteredSource", "declared", "registered_source", "registered_sources"]


@dataclass(frozen=True)
class RegisteredFile:
    """One raw file of a source.

    Attributes
    ----------
    key : str
        The name by which the reader knows it.
    path : str
        ``owner/repository/commit/path``: relative to the base address, to a mirror and to the folder of downloads.
    bytes : int
    sha256 : str
    """

    key: str
    path: str
    bytes: int
    sha256: str


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

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(file.bytes for file in self.files)

    def brings(self, **said: object) -> bool:
        """Whether it has a column with these parts of an address; a part that is None or left out may be anything.

        A point of a learning curve has ``37of200`` as its epochs.

        Examples
        --------
        >>> source = registered_sources()["nasgraph-nb201"]
        >>> source.brings(dataset="cifar100", metric="accuracy", split="test"), source.brings(epochs=12)
        (True, False)
        """
        return said.get("release") in (None, self.release) and declared(self.columns, said)


def declared(columns: Iterable[str], said: Mapping[str, object]) -> bool:
    """Whether these parts of an address fit one of the patterns; a part that is None or left out may be anything.

    Examples
    --------
    >>> declared(["cifar10,cifar100/loss/*/200/-"], {"dataset": "cifar100", "metric": "loss", "split": None})
    True
    """
    parts = [said.get(part) for part in ("dataset", "metric", "split", "epochs", "seed")]
    return any(
        all(
            value is None or any(fnmatchcase(str(value), one) for one in pattern.split(","))
            for value, pattern in zip(parts, patterns.split("/"), strict=True)
        )
        for patterns in columns
    )


@cache
def registered_sources() -> Mapping[str, RegisteredSource]:
    """Return the registered sources by name, in the order of their files' names."""
    found = (_parsed(tomllib.loads(file.read_text(encoding="utf-8"))) for file in sorted(_folder().glob("*.toml")))
    return {source.name: source for source in found}


def registered_source(name: str) -> RegisteredSource:
    """Return one registered source.

    Raises
    ------
    UnknownNameError
    """
    if name not in registered_sources():
        raise UnknownNameError.of("source", name, registered_sources())
    return registered_sources()[name]


def _folder() -> Path:
    """Return the folder as a wheel carries it, else as a checkout has it."""
    package = Path(__file__).parents[2]
    shipped = package / "_benchmarks_data" / "sources"
    return shipped if shipped.is_dir() else package.parent / "benchmarks_data" / "sources"


def _parsed(entry: dict[str, Any]) -> RegisteredSource:
    files = tuple(RegisteredFile(**file) for file in entry.pop("files"))
    return RegisteredSource(**entry | {"columns": tuple(entry["columns"]), "files": files})
