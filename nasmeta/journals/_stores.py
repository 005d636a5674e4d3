"""A journal in an object store, where nothing is appended."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

from nasmeta.places import read_whole

_PUT_SECONDS = 2.0


class StoredFile(io.BytesIO):
    """A file to append to, of which the store gets the whole every two seconds and at the end.

    An object is replaced as a whole, so whoever reads it meets whole lines. A kill loses what came since it was last
    put.
    """

    def __init__(self, path: Path) -> None:
        try:
            super().__init__(read_whole(path))
        except FileNotFoundError:
            super().__init__()
        self._path, self._put, self._size = path, time.monotonic(), len(self.getvalue())

    def write(self, content: Any) -> int:
        """Append."""
        self.seek(0, io.SEEK_END)
        return super().write(content)

    def flush(self) -> None:
        """Put the whole, if that is due."""
        if time.monotonic() - self._put >= _PUT_SECONDS:
            self.put()

    def put(self) -> None:
        """Put the whole, if something is new."""
        if len(content := self.getvalue()) != self._size:
            self._path.write_bytes(content)
            self._size = len(content)
        self._put = time.monotonic()

    def close(self) -> None:
        """Put what is new, and end."""
        if not self.closed:
            try:
                self.put()
            finally:
                super().close()
