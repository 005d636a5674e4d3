"""Writing files, for rooms that do not know each other."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from nasmeta.errors import SettingError

__all__ = ["write_atomically"]


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
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except OSError as reason:
        raise SettingError(f"{path} cannot be written: {reason.strerror or reason}.") from reason
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
