"""What kind of file something is, by its content, and the pickle inside it."""

from __future__ import annotations

import bz2
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from nasmeta.errors import DamagedFileError, NasmetaError
from nasmeta.tables.official._unpickle import Sink, stream_pickle

_MAGIC_OF_OLD_TORCH = 0x1950A86A20F9469CFC6C
_OLD_TORCH_STARTS = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_MOST_BYTES_OF_A_CELL = 1 << 28  # with its weights a cell has some 25 MB on average: more is no cell
_READ_AT_ONCE = 1 << 25  # of a cell: more is read as a stream, which is slower and takes no memory


def read_records(path: Path, sink: Sink, *, one_cell: bool = False, forget: bool = True) -> Any:
    """Read a file of the official APIs or of NASLib; `sink` gets the records, the rest is returned.

    It is a pickle, plain or compressed with bzip2, or a torch file, new (a zip archive) or old; torch is not needed. A
    file about one cell is read at once, which is faster. For `sink` and `forget` see `stream_pickle`.
    """
    try:
        with _opened(path, one_cell) as (stream, is_old_torch):
            if is_old_torch:
                for part in ("magic number", "protocol version", "system information"):
                    value = stream_pickle(stream, sink)
                    if part == "magic number" and value != _MAGIC_OF_OLD_TORCH:
                        raise DamagedFileError("It is no torch file.")
            root = stream_pickle(stream, sink, forget)
            # Where weights follow, they are not read; else the decompressor is to see the end, where the checksums are.
            if not is_old_torch and stream.read(1):
                raise DamagedFileError("Something follows the pickle.")
            return root
    except NasmetaError as reason:
        raise type(reason)(f"{path}: {reason}") from reason
    except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as reason:
        raise DamagedFileError(f"{path} cannot be read: {type(reason).__name__}: {reason}") from reason


class _Limited(io.RawIOBase):
    """The content of a file of one cell, which ends with an error where it is longer than that of a cell."""

    def __init__(self, inside: Any) -> None:
        self._inside = inside
        self._left = _MOST_BYTES_OF_A_CELL

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read as a file does."""
        n: int = self._inside.readinto(buffer)
        self._left -= n
        if self._left < 0:
            raise DamagedFileError(f"It holds more than {_MOST_BYTES_OF_A_CELL:,} bytes: that is no cell.")
        return n


@contextmanager
def _opened(path: Path, one_cell: bool) -> Iterator[tuple[BinaryIO, bool]]:
    inside: Any
    with path.open("rb") as raw:
        start = raw.read(len(_OLD_TORCH_STARTS))
        raw.seek(0)
        if start.startswith(b"PK"):
            with zipfile.ZipFile(raw) as archive:
                names = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
                if len(names) != 1:
                    raise DamagedFileError("It is a zip archive, but no torch file.")
                with archive.open(names[0]) as inside:
                    yield io.BufferedReader(inside, 1 << 20), False
        elif start.startswith(b"BZh"):
            with bz2.open(raw) as inside:
                content = inside.read(_READ_AT_ONCE + 1) if one_cell else b""
                if one_cell and len(content) <= _READ_AT_ONCE:
                    yield io.BytesIO(content), False
                else:
                    inside.seek(0)
                    del content
                    stream = io.BufferedReader(_Limited(inside) if one_cell else inside, 1 << 20)
                    yield stream, False
        elif start == _OLD_TORCH_STARTS:
            yield raw, True
        elif start.startswith(b"\x80"):
            yield raw, False
        else:
            raise DamagedFileError("It is neither a pickle (plain or .pbz2) nor a torch file.")
