"""The right of one runner to write in a folder, until the next one takes it over."""

from __future__ import annotations

import json
import os
import platform
import time
import uuid
from pathlib import Path
from typing import Any

from nasmeta.errors import JournalError

__all__ = ["Claim"]

_CHECK_SECONDS = 1.0


class Claim:
    """A runner's token in a folder, which its workers look at while they write.

    A worker on a cluster may outlive its runner, for nobody can kill it on a node that is not reached. It stops within
    a second of writing once another runner has put its own token there.

    Parameters
    ----------
    path : Path
        File of the token.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.token, self._checked = path, uuid.uuid4().hex, time.monotonic()

    def content(self, **more: Any) -> bytes:
        """Return what the file says: the token, and for people who holds it."""
        return json.dumps({"token": self.token, "host": platform.node(), "pid": os.getpid(), **more}).encode() + b"\n"

    def require(self) -> None:
        """Refuse to go on where another runner has the folder; looked at once a second.

        Raises
        ------
        JournalError
        """
        if time.monotonic() - self._checked >= _CHECK_SECONDS:
            if not self.is_held():
                raise JournalError(f"Another runner has taken {self.path.parent} over: this one has stopped.")
            self._checked = time.monotonic()

    def is_held(self) -> bool:
        """Look whether the token there is this one; a file that cannot be read for the moment counts as unchanged."""
        try:
            return self.token.encode() in self.path.read_bytes()
        except FileNotFoundError:
            return False
        except OSError:
            return True
