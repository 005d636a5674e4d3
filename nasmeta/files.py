"""Atomic writing of files, checksums in files, and the files of ``benchmarks_data``."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, EISDIR, ENOSPC
from pathlib import Path
from typing import Any
from zlib import crc32

from nasmeta.arrays import Facts
from nasmeta.errors import DamagedFileError, EvaluationFailed, FullDiskError, MissingPackageError

# Each file contains its checksum, because a second file could be lost or belong to another content.
SEAL = b"checksum crc32:00000000"  # a file contains this text once; see `sealed`
_FILLED = re.compile(rb"checksum.crc32.{9}", re.DOTALL)
# A changed letter must not turn a file into one without a checksum: one of these texts remains.
_ALTERED = re.compile(rb"checksum crc32|checksum .{6}[0-9a-f]{8}|crc32:[0-9a-f]{8}", re.DOTALL)


def shipped(name: str) -> Path:
    """Return a file or folder of ``benchmarks_data``: inside the package in a wheel, next to it in a checkout."""
    package = Path(__file__).parent
    in_wheel = package / "_benchmarks_data" / name
    return in_wheel if in_wheel.exists() else package.parent / "benchmarks_data" / name


def sha256_of(path: Path) -> str:
    """Return the checksum of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sealed(content: bytes) -> bytes:
    """Return the content with its CRC-32 in place of the zeros of `SEAL`."""
    return content.replace(SEAL, SEAL[:-8] + b"%08x" % crc32(content), 1)


def is_sealed(content: bytes) -> bool:
    """Return whether the content has a checksum."""
    return _FILLED.search(content) is not None


def check_seal(content: bytes) -> None:
    """Raise a ValueError if content from `sealed` was altered; content without a checksum passes."""
    blank, n_found = _FILLED.subn(SEAL, content, count=1)
    if sealed(blank) != content or (not n_found and _ALTERED.search(content)):
        raise ValueError("its content does not match its checksum")


@contextmanager
def blaming(path: Path, noun: str = "file of nasmeta", hint: str = "") -> Iterator[None]:
    """Turn every exception about the content of a file into a DamagedFileError that names the file."""
    try:
        yield
    except (EvaluationFailed, MissingPackageError):
        raise
    except Exception as reason:
        why = " ".join(str(reason).split())
        raise DamagedFileError(
            f"{path} is not a {noun}, or it is damaged ({type(reason).__name__}: {why:.200}). {hint}".rstrip()
        ) from reason


@contextmanager
def intact(path: Path) -> Iterator[bytes]:
    """Yield the content of a sealed file; turn every exception in the block into a DamagedFileError."""
    content = path.read_bytes()
    with blaming(path):
        check_seal(content)
        yield content


def write_facts(path: Path, facts: Facts) -> None:
    """Write a JSON object with a checksum."""
    text = json.dumps({"file": SEAL.decode(), **facts}, indent=1, ensure_ascii=False)
    write_atomically(path, sealed(text.encode() + b"\n"))


def facts_in(path: Path) -> dict[str, Any]:
    """Return the object in a file that `write_facts` wrote."""
    with intact(path) as content:
        return {key: value for key, value in json.loads(content).items() if key != "file"}


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
        with full_disk_named(path):
            write_to_disk(temporary, content.encode() if isinstance(content, str) else content)
        move(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def full_disk_named(path: Path) -> Iterator[None]:
    """Turn the error of a full disk into a FullDiskError that names the file."""
    try:
        yield
    except OSError as reason:
        if reason.errno not in (ENOSPC, EDQUOT):
            raise
        raise FullDiskError(
            f"No space left for {path}. Free some space; the same command resumes."
        ) from reason


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
