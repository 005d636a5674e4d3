"""Atomic writing of files, TOML within limits, and the files of ``benchmarks_data``."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from contextlib import suppress
from errno import EISDIR
from pathlib import Path
from typing import Any

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


def require_writable(path: Path, *, folder: bool = False) -> None:
    """Raise an OSError, before long work, if this file or folder cannot be written.

    For paths that do not exist, the nearest existing parent folder is tested.
    """
    if path.is_dir() and not folder:
        raise IsADirectoryError(EISDIR, "It is a folder", str(path))
    place = path if folder else path.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    probe = temporary_of(place / path.name)
    try:
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as reason:
        raise OSError(reason.errno, reason.strerror, str(path)) from None


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file atomically: readers see the old or the new content, even after a crash."""
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
