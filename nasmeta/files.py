"""Writing files, for rooms that do not know each other."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from nasmeta.errors import SettingError

__all__ = ["move", "temporary_of", "write_atomically", "write_to_disk", "write_whole"]


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that whoever looks sees the old one or the new one, whole, even after a crash.

    Raises
    ------
    SettingError
        Where it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder) / "a.txt", "whole")
    ...     (Path(folder) / "a.txt").read_text()
    'whole'
    """
    try:
        write_whole(path, content)
    except OSError as reason:
        raise SettingError(f"{path} cannot be written: {reason.strerror or reason}.") from reason


def write_whole(path: Path, content: str | bytes) -> None:
    """Do the same, and raise the system's own error: for those who have more to say about it."""
    temporary = temporary_of(path)
    try:
        write_to_disk(temporary, content.encode() if isinstance(content, str) else content)
        move(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def temporary_of(path: Path) -> Path:
    """Return the name under which a process writes a file before it is whole."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def write_to_disk(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def move(temporary: Path, path: Path) -> None:
    """Give a whole file its name, in one step that survives a power cut."""
    os.replace(temporary, path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
