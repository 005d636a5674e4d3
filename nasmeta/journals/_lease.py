"""Who may write where: the right of one runner to a folder, until the next takes it over, and parts of the work."""

from __future__ import annotations

import json
import os
import platform
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from nasmeta.errors import JournalError, SettingError, shown
from nasmeta.places import read_whole
from nasmeta.progress import heartbeat

_FORM = re.compile(r"(\d{1,6})/(\d{1,6})")

T = TypeVar("T")
_CHECK_SECONDS = 1.0
_RENEW_SECONDS = 3.0  # in a store
_LEASE_SECONDS = 15.0  # without a renewal the runner there is taken for dead
_SETTLE_SECONDS = 1.0


@dataclass(frozen=True)
class Shard:
    """Part ``index``, from 0, of ``count`` parts."""

    index: int
    count: int

    @classmethod
    def of(cls, asked: object) -> Self:
        """Read ``I/N``, or raise a SettingError.

        >>> Shard.of("3/16")
        Shard(index=3, count=16)
        """
        match = _FORM.fullmatch(asked) if isinstance(asked, str) else None
        if match is None or not 0 <= int(match[1]) < int(match[2]):
            raise SettingError(
                f"A shard is I/N with I from 0 to N - 1, such as 0/16, not {shown(asked)}. Under SLURM: #SBATCH "
                "--array=0-15, and --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT."
            )
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.index}-of-{self.count}"

    def dealt(self, items: Sequence[T]) -> Sequence[T]:
        """Return its items, where these are dealt in turn.

        >>> Shard(1, 3).dealt("abcdefgh")
        'beh'
        """
        return items[self.index :: self.count]

    def block(self, items: Sequence[T]) -> Sequence[T]:
        """Return its items, where those of a part follow each other.

        >>> Shard(1, 3).block("abcdefgh")
        'cde'
        """
        first, end = (i * len(items) // self.count for i in (self.index, self.index + 1))
        return items[first:end]


class FolderLease:
    """A runner's token in a folder, which its workers look at while they write.

    A worker on a cluster may outlive its runner, for nobody can kill it on a node that is not reached. It stops within
    a second of writing once another runner has put its own token there, or the runner has ended and taken it away.
    Where files cannot be locked, in an object store, the token is a lease as well: its runner renews it, and another
    one takes the folder over only after it has seen no renewal for a while. When two do so in the same second, all but
    the last to write notice it a second later; since a run depends on nothing but its seed, what both have written
    meanwhile are parts of the same records.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.token, self._checked = path, uuid.uuid4().hex, time.monotonic()

    def content(self, **more: Any) -> bytes:
        """Return what the file says: the token, and for people who holds it."""
        return json.dumps({"token": self.token, "host": platform.node(), "pid": os.getpid(), **more}).encode() + b"\n"

    @contextmanager
    def leased(self) -> Iterator[None]:
        """Hold the token in a store, and renew it, unless another runner renews its own."""
        there = self._there()
        if there is not None and not _has_ended(there):
            until = time.monotonic() + _LEASE_SECONDS
            while (now := self._there()) == there and time.monotonic() < until:
                time.sleep(_SETTLE_SECONDS)
            if now is not None and now != there:
                raise self._refusal(now)
        self.path.write_bytes(self.content())
        time.sleep(_SETTLE_SECONDS)
        now = self._there()
        if now is None or now.get("token") != self.token:
            raise self._refusal(now or {})
        with heartbeat(self._renew, _RENEW_SECONDS):
            yield

    def _renew(self) -> None:
        if self.is_held():
            with suppress(OSError):  # the next one may succeed
                self.path.write_bytes(self.content(renewed=time.time()))

    def release(self) -> None:
        """Take the token away, if it is still this one."""
        with suppress(OSError):
            if self.is_held():
                self.path.unlink()

    def _there(self) -> dict[str, Any] | None:
        try:
            found = json.loads(read_whole(self.path))
        except FileNotFoundError:
            return None
        except ValueError:
            found = None
        return found if isinstance(found, dict) else {}

    def _refusal(self, other: dict[str, Any]) -> JournalError:
        return JournalError(
            f"Another process works in {self.path.parent}: {other.get('pid', '?')} on {other.get('host', '?')}. "
            "Wait for its end, or use another folder."
        )

    def require(self) -> None:
        """Refuse to go on where another runner has the folder; looked at once a second."""
        if time.monotonic() - self._checked >= _CHECK_SECONDS:
            if not self.is_held():
                raise JournalError(f"Another runner has taken {self.path.parent} over: this one has stopped.")
            self._checked = time.monotonic()

    def is_held(self) -> bool:
        """Look whether the token there is this one; a file that cannot be read for the moment counts as unchanged."""
        try:
            return self.token.encode() in read_whole(self.path)
        except FileNotFoundError:
            return False
        except OSError:
            return True


def _has_ended(there: dict[str, Any]) -> bool:
    """Tell whether the process was one of this machine and is no more."""
    pid = there.get("pid")
    if os.name != "posix" or there.get("host") != platform.node() or not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
