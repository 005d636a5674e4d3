"""The journal of a measurement, and the file that it becomes."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from nasmeta.errors import DamagedFileError, JournalError, SettingError
from nasmeta.files import write_whole
from nasmeta.training._proxy_file import FORMAT, read_proxies

__all__ = ["ProxyJournal", "is_finished"]


def is_finished(output: Path, facts: Mapping[str, Any], cells: Sequence[int]) -> bool:
    """Return whether a file holds these cells, measured in this way; remove what a kill has left beside it.

    Parameters
    ----------
    output : Path
    facts : mapping
        As of `ProxyJournal`.
    cells : sequence of int
        In the order of the file.
    """
    try:
        file = read_proxies(output)
    except DamagedFileError:
        return False
    due = {"nasmeta_proxies": FORMAT, **facts}
    if file.facts != due or file.cells.tolist() != list(cells):
        return False
    journal = output.with_name(f"{output.name}.journal")
    if journal.exists() and journal.read_bytes().startswith(f"{json.dumps(due)}\n".encode()):
        journal.unlink(missing_ok=True)
        journal.with_name(f"{journal.name}.lock").unlink(missing_ok=True)
    return True


class ProxyJournal:
    """JSON lines: the facts first, then ``[cell, [value, ...]]``; open for appending, locked against other processes.

    A last line without its end, as a kill leaves it, is dropped.

    Parameters
    ----------
    output : Path
        The file to become; the journal is ``OUTPUT.journal``.
    facts : mapping
        What the values depend on, of JSON's types, with the names of the ``proxies``.

    Attributes
    ----------
    values : dict of int to list of float
        By cell, in the order of the facts' proxies.

    Raises
    ------
    JournalError, SettingError
    """

    def __init__(self, output: Path, facts: Mapping[str, Any]) -> None:
        from filelock import FileLock, Timeout

        self.output = output
        self.path = output.with_name(f"{output.name}.journal")
        self.facts = {"nasmeta_proxies": FORMAT, **facts}
        self.values: dict[int, list[float]] = {}
        if output.suffix != ".npz":
            raise SettingError(f"The output is a file that ends in .npz, not {output.name!r}.")
        if output.exists():
            raise SettingError(f"{output} exists and is not overwritten. Choose another name, or remove it.")
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(f"{self.path}.lock", timeout=0)
            self._lock.acquire()
        except Timeout:
            raise JournalError(f"Another process is writing {self.path}.") from None
        except OSError as reason:
            raise SettingError(f"{output} cannot be written: {reason.strerror}.") from reason
        try:
            self._read()
            self._file = self.path.open("ab")
            if not self._file.tell():
                self._write([self.facts])
        except OSError as reason:
            self._lock.release()
            raise SettingError(f"{self.path} cannot be written: {reason.strerror}.") from reason
        except BaseException:
            self._lock.release()
            raise

    def _read(self) -> None:
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        try:
            facts, *lines = [json.loads(line) for line in content[:whole].splitlines()] or [self.facts]
            values = {int(cell): [float(value) for value in row] for cell, row in lines}
            if {len(row) for row in values.values()} - {len(self.facts["proxies"])}:
                raise ValueError("a line has too few or too many values")
        except (ValueError, TypeError) as reason:
            raise JournalError(f"{self.path} is damaged, or no journal: {reason}. Remove it to start anew.") from None
        if facts != self.facts:
            known = facts if isinstance(facts, dict) else {}
            differs = [key for key in self.facts if known.get(key) != self.facts[key]]
            raise JournalError(
                f"{self.path} was written with other {', '.join(differs)}: "
                f"{', '.join(f'{known.get(key)!r} instead of {self.facts[key]!r}' for key in differs)}. "
                "Go on with the same, or remove it to start anew."
            )
        self.values = values
        if whole < len(content):
            os.truncate(self.path, whole)

    def _write(self, lines: Sequence[Any]) -> None:
        self._file.write("".join(json.dumps(line) + "\n" for line in lines).encode())
        self._file.flush()

    def add(self, cells: Sequence[int], rows: Sequence[Sequence[float]]) -> None:
        """Append the values of cells."""
        self._write([[cell, list(row)] for cell, row in zip(cells, rows, strict=True)])
        self.values.update({cell: list(row) for cell, row in zip(cells, rows, strict=True)})

    def finish(self, cells: Sequence[int]) -> Path:
        """Write the file of these cells in one step, and remove the journal."""
        rows = np.array([self.values[cell] for cell in cells], dtype=np.float64)
        content = io.BytesIO()
        np.savez_compressed(
            content,
            facts=np.array(json.dumps(self.facts)),
            cells=np.array(cells, dtype=np.int32),
            **dict(zip(self.facts["proxies"], rows.T, strict=True)),
        )
        write_whole(self.output, content.getvalue())
        self._file.close()
        self.path.unlink(missing_ok=True)
        return self.output

    def __enter__(self) -> ProxyJournal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._lock.release()
        if self.output.exists():  # nobody begins it again, so nobody needs the lock
            Path(self._lock.lock_file).unlink(missing_ok=True)
