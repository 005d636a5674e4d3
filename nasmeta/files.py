"""Atomic writing of files, TOML within limits, and the files of ``benchmarks_data``."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR
from pathlib import Path
from typing import Any

from nasmeta.errors import NasmetaError, SettingError

_MOST_TOML, _MOST_DOTS, _DEEPEST_TOML = 2**18, 200, 32  # characters, dots in a line, levels


def shipped(name: str) -> Path:
    """Return a file or folder of ``benchmarks_data``: inside the package in a wheel, next to it in a checkout."""
    package = Path(__file__).parent
    in_wheel = package / "_benchmarks_data" / name
    return in_wheel if in_wheel.exists() else package.parent / "benchmarks_data" / name


def sha256_of(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML text of limited size and nesting, or raise a ValueError.

    The time and memory that the standard library needs for a key grow with the square of its dots.
    """
    if len(text) > _MOST_TOML:
        raise ValueError(f"it has more than {_MOST_TOML:,} characters")
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        raise ValueError(f"a line has more than {_MOST_DOTS} dots; break it into several lines")
    try:
        content = tomllib.loads(text)
    except RecursionError:
        content = None
    level: list[Any] = [content]
    for _ in range(_DEEPEST_TOML):
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one or ())]
        level = [part for part in level if isinstance(part, dict | list)]
    if level or content is None:
        raise ValueError(f"it is nested more than {_DEEPEST_TOML} levels deep")
    return content


def facts_in(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one if the file is absent or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def writing(said: str, kind: type[NasmetaError] = SettingError, more: str = "") -> Iterator[None]:
    """Turn an OSError inside the block into an error of this kind with a prefix."""
    try:
        yield
    except OSError as reason:
        if isinstance(reason, NasmetaError):
            raise
        raise kind(f"{said}: {reason.strerror or reason} ({reason.filename}).{more}") from reason


def require_writable(
    path: Path, kind: type[NasmetaError] = SettingError, *, folder: bool = False, said: str = ""
) -> None:
    """Raise an error, before long work, if its file or folder cannot be written.

    For paths that do not exist, the nearest existing parent folder is tested.
    """
    try:
        if path.is_dir() and not folder:
            raise IsADirectoryError(EISDIR, "it is a folder")
        place = path if folder else path.parent
        while not place.exists() and place != place.parent:
            place = place.parent
        probe = temporary_of(place / path.name)
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as reason:
        raise kind(f"{said or f'{path} cannot be written'}: {reason.strerror or reason}.") from reason


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file atomically: readers see the old or the new content, even after a crash."""
    try:
        write_whole(path, content)
    except OSError as reason:
        raise SettingError(f"{path} cannot be written: {reason.strerror or reason}.") from reason


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file atomically, as `write_atomically`, but raise the OSError of the system."""
    temporary = temporary_of(path)
    try:
        write_to_disk(temporary, content.encode() if isinstance(content, str) else content)
        move(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def temporary_of(path: Path) -> Path:
    """Return the temporary name of a file during writing."""
    return path.parent / f".{path.name}.{os.getpid()}.tmp"


def write_to_disk(path: Path, content: bytes) -> None:
    """Write a file and flush it to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def move(temporary: Path, path: Path) -> None:
    """Rename a complete file atomically and durably."""
    os.replace(temporary, path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
