"""Atomic writing of files, and the files of ``benchmarks_data``."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from errno import EISDIR
from pathlib import Path
from typing import Any


def shipped(name: str) -> Path:
    """Return a file or folder of ``benchmarks_data``: inside the package in a wheel, next to it in a checkout."""
    package = Path(__file__).parent
    in_wheel = package / "_benchmarks_data" / name
    return in_wheel if in_wheel.exists() else package.parent / "benchmarks_data" / name


def sha256_of(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def facts_in(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one if the file is absent or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
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
