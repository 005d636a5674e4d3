"""The store of columnar files: opened where whole and current, else built, by one process at a time."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import accumulate
from pathlib import Path
from typing import Any

from nasmeta.errors import DamagedFileError, MissingValueError, NasmetaError, SettingError
from nasmeta.files import facts_in, sha256_of, write_whole
from nasmeta.spaces import get_space
from nasmeta.tables._arrow_file import ColumnFile, encode
from nasmeta.tables.sources._base import Source, store_path, tables_folder

MOST_CONTENT_BYTES = 2_000_000_000  # of the tables of data frames
_PATIENCE_SECONDS = 600.0  # how long to wait for another process that builds the same file


def within_reach(source: Source) -> bool:
    """Whether a source's columnar file is built, or can be built from raw files on this machine."""
    path = store_path(source)
    try:
        return path.is_file() or bool(source.raw_files())
    except OSError as reason:  # a folder inside the cache that may not be entered
        raise _unusable(path.parent, reason) from reason


def open_or_build(source: Source) -> ColumnFile:
    """Open a source's columnar file; build it first where it is absent, damaged, or older than the raw files."""
    damage = None
    try:
        found = _open_current(source)
    except DamagedFileError as reason:
        found, damage = None, reason
    return found or build(source, damage)


def build(source: Source, damage: DamagedFileError | None = None) -> ColumnFile:
    """Build a source's columnar file from its raw files and open it; `damage` is told in a warning.

    Only one process builds; the others wait and open what it built. The file appears under its name in one step and
    only when it is whole and on the disk, so a kill at any moment leaves nothing that could be taken for it.
    """
    files = source.raw_files()
    if not files:
        if damage is not None:
            without = f" Or delete {store_path(source)} to do without." if source.optional else ""
            why = "It cannot be rebuilt: the raw files are not here."
            raise DamagedFileError(f"{damage} {why} {source.how_to_get}{without}")
        raise MissingValueError(
            f"The raw files of {source.name} (table {source.table}) are not on this machine. {source.how_to_get} "
            "`nasmeta data list` shows all sources."
        )
    if damage is not None:
        warnings.warn(f"{damage} It is rebuilt from {source.name}.", RuntimeWarning, stacklevel=2)
    path = store_path(source)
    with writable(path.parent), only_one(path):
        remove_stale(path)
        try:
            built_meanwhile = _open_current(source)
            if built_meanwhile is not None:
                built_meanwhile.verify()
                return built_meanwhile
        except DamagedFileError:
            pass  # this is why we are here
        write_whole(path, _encode(source, files))
        return source.open(path)


def _open_current(source: Source) -> ColumnFile | None:
    """Return the opened file, or None where nothing is built or the raw files are others than those it was built from.

    Raises DamagedFileError where the file is damaged.
    """
    path = store_path(source)
    try:
        opened = source.open(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except DamagedFileError:
        raise
    except OSError as reason:
        raise _unusable(path.parent, reason) from reason
    if isinstance(source.space, str) and opened.space != source.space:
        raise DamagedFileError(f"{path} is over the cells of {opened.space}, not of {source.space}.")
    files = source.raw_files()
    origin = opened.origin
    read_by = (source.version, source.code)
    current = (origin.get("version"), origin.get("code")) == read_by and _same_origin(path, origin["files"], files)
    return opened if not files or current else None


def _stat(file: Path) -> dict[str, int]:
    stat = file.stat()
    return {"bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _same_origin(path: Path, recorded: Mapping[str, Any], files: Mapping[str, Path]) -> bool:
    """Compare sizes and times, as hashing costs milliseconds; hash where these differ, as in another environment.

    The columnar file knows size and time in the environment that built it. Those of others with the same content are
    kept beside it once they are hashed.
    """
    if recorded.keys() != files.keys():
        return False
    stats = {name: _stat(file) for name, file in files.items()}
    unlike = {name for name, stat in stats.items() if not stat.items() <= recorded[name].items()}
    if not unlike:
        return True
    if any(stats[name]["bytes"] != recorded[name]["bytes"] for name in unlike):
        return False
    beside = path.with_name(f"{path.name}.stamps")
    known = facts_in(beside)
    stamps = {str(files[name]): {**stats[name], "sha256": recorded[name]["sha256"]} for name in unlike}
    if stamps.items() <= known.items():
        return True
    if any(sha256_of(files[name]) != recorded[name]["sha256"] for name in unlike):
        return False
    with suppress(OSError):  # a cache that may only be read
        write_whole(beside, json.dumps({file: of for file, of in known.items() if Path(file).is_file()} | stamps))
    return True


def _encode(source: Source, files: Mapping[str, Path]) -> bytes:
    space = get_space(source.space)
    try:
        raw = {name: {**_stat(file), "sha256": sha256_of(file)} for name, file in files.items()}
        columns = source.read(space, files, {name: str(file["sha256"]) for name, file in raw.items()})
    except NasmetaError:
        raise
    except OSError as reason:
        raise DamagedFileError(f"Raw files of {source.name} cannot be read: {reason} {source.how_to_get}") from reason
    return encode(space, columns, {"version": source.version, "code": source.code, "files": raw})


def remove_stale(path: Path) -> None:
    """Remove what processes that were killed left of a file; its lock must be held."""
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
        "Set the environment variable NASMETA_CACHE to a folder that has space and that you may write to."
    )


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Make the folder; turn the system's errors on it into one that says what to set."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except NasmetaError:
        raise
    except OSError as reason:
        raise _unusable(folder, reason) from reason


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock of a columnar file; the system frees it when a process dies."""
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
