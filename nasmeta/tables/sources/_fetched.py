"""A source whose raw files are downloads: facts from the registry, columns from a registered reader."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias

from nasmeta.errors import DamagedFileError, NasmetaError
from nasmeta.registry import Registry
from nasmeta.settings import cache_folder
from nasmeta.spaces import CellSpace
from nasmeta.tables._columns import ColumnInfo, Kind, Seed
from nasmeta.tables.sources._base import Columns, Source
from nasmeta.tables.sources._registry import RegisteredFile, RegisteredSource

__all__ = ["READERS", "FetchedSource", "Reader", "downloaded"]


def downloaded(file: RegisteredFile) -> Path:
    """Return where a raw file lies once it is fetched."""
    return cache_folder() / "downloads" / file.path


class FetchedSource(Source):
    """A registered source; its raw files are those that ``nasmeta data fetch`` has put into the cache folder.

    Parameters
    ----------
    entry : RegisteredSource

    Attributes
    ----------
    entry : RegisteredSource
    """

    optional = True

    def __init__(self, entry: RegisteredSource) -> None:
        self.entry = entry
        self.name = entry.name
        self.table = entry.table
        self.space = entry.space
        self.release = entry.release
        self.licence = entry.licence
        self.citation = entry.citation
        self.holds = entry.holds
        self.curves = entry.curves
        self.version = entry.version
        self.how_to_get = f"`nasmeta data fetch {entry.name}` brings it."

    def brings(self, **said: object) -> bool:
        """Whether the registry declares a column with these parts of an address."""
        return self.entry.brings(**said)

    def raw_files(self) -> dict[str, Path]:
        """Return the downloaded files by key; empty where one is missing."""
        folder = cache_folder() / "downloads"
        if not (folder / self.entry.files[0].path).is_file():  # at every opening, for every source: the quick answer
            return {}
        files = {file.key: folder / file.path for file in self.entry.files}
        return files if all(path.is_file() for path in files.values()) else {}

    def read(self, space: CellSpace, files: Mapping[str, Path], sha256: Mapping[str, str]) -> Columns:
        """Return what the reader makes of the files, which must be the registered ones.

        Raises
        ------
        DamagedFileError
        """
        for file in self.entry.files:
            if sha256[file.key] != file.sha256:
                raise DamagedFileError(
                    f"{files[file.key]} is not the file that the registry names: its sha256 is {sha256[file.key]}, "
                    f"not {file.sha256}. `nasmeta data fetch {self.name}` brings the right one. "
                    "Or delete the file to do without."
                )
        _import_readers()
        try:
            return READERS[self.entry.reader](self, space, files)
        except NasmetaError:
            raise
        except Exception as reason:  # a file of another structure may fail with nearly any exception
            raise DamagedFileError(
                f"The raw files of {self.name} do not hold what they should: {type(reason).__name__}: {reason}"
            ) from reason

    def info(
        self,
        file: str,
        dataset: str,
        metric: str,
        split: str | None,
        epochs: int | None,
        seed: Seed | None,
        *,
        unit: str,
        direction: Literal["max", "min"],
        note: str = "",
        epoch: int | None = None,
        kind: Kind = "performance",
        device: str | None = None,
    ) -> ColumnInfo:
        """Return a column's facts, with release, licence and checksum of the file (its key) from the registry."""
        sha256 = next(registered.sha256 for registered in self.entry.files if registered.key == file)
        return ColumnInfo(
            dataset, metric, split, epochs, seed, unit, direction,
            self.release, self.name, self.licence, sha256, note, epoch, kind, device,
        )  # fmt: skip


Reader: TypeAlias = Callable[[FetchedSource, CellSpace, Mapping[str, Path]], Columns]

# From the name of a reader to a function (source, space, files) -> columns. A reader raises any exception, best a
# ValueError with the reason, where a file is not what it should be.
READERS: Registry[Reader] = Registry("reader")


def _import_readers() -> None:
    """Import the modules beside this one, which register their readers; only building a file needs them."""
    package: Any = import_module(__name__.rpartition(".")[0])
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
