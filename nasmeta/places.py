"""Places of files that a user names: paths, and addresses of object stores through fsspec."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from nasmeta.errors import JournalError, NasmetaError, SettingError, needing, shown


def checked_path(name: str, value: Any) -> Path:
    """Return a path of the user, checked."""
    try:
        possible = isinstance(value, str | os.PathLike) and b"\0" not in os.fsencode(str(value))
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise SettingError(f"{name} must be a path, not {shown(value)}.")
    return Path(str(value))


def located(name: str, value: Any) -> Path:
    """Return a place of the user: a path, or an address such as ``s3://bucket/results`` that has a path's interface.

    ``file://`` is a path of this machine, with its locks.

    >>> in_store(located("folder", "file:///tmp/results")), in_store(located("folder", "memory://results"))
    (False, True)
    """
    if hasattr(value, "storage_options"):
        return cast(Path, value)  # it was located before
    path = checked_path(name, value)
    text = str(value)
    protocol, separator, rest = text.partition("://")
    if not separator:
        return path
    if protocol == "file":
        return Path(rest)
    with needing(f"The object store of {name} {text}", "store"):
        from upath import UPath
    try:
        found = UPath(text, use_listings_cache=False)  # others write there, too
        _ = found.fs  # the protocol's own package is imported
    except ImportError as reason:
        raise NasmetaError(f"{name} {text} needs a package for {protocol}://: {reason}.") from reason
    except ValueError as reason:
        raise SettingError(f"{name} is a path or an address such as s3://bucket/results, not {text:.80}.") from reason
    except OSError as reason:
        raise JournalError(f"The store of {text} does not answer: {reason}.") from reason
    with answering(cast(Path, found)):
        found.exists()
    return cast(Path, found)


@contextmanager
def answering(place: Path) -> Iterator[None]:
    """Say in words where a store does not answer; the packages of stores raise what has no common base."""
    try:
        yield
    except NasmetaError:
        raise
    except Exception as reason:
        if not in_store(place):
            raise
        raise JournalError(f"The store of {place} does not answer: {reason!s:.200}.") from reason


def in_store(path: Path) -> bool:
    """Tell whether a place is in an object store: no locks, nothing is appended, an object is replaced as a whole."""
    return not isinstance(path, Path)


def read_whole(path: Path) -> bytes:
    """Return a file; from a store with one request, so that another one cannot be put between two."""
    return cast(Any, path).fs.cat_file(cast(Any, path).path) if in_store(path) else path.read_bytes()
