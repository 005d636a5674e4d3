"""Append-only files of JSON lines: a header that identifies the work, then one record per line."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self
from zlib import crc32

from nasmeta.arrays import Facts
from nasmeta.errors import DamagedFileError, JournalError, shown
from nasmeta.files import full_disk_named

FORMAT = 3
_FLUSH_SECONDS = 0.1
_LOCK_SECONDS = 2.0  # an orphaned worker ends within a fraction of this


def differences_from(recorded: Facts, due: Facts, but: Collection[str] = ()) -> str:
    """Describe how a header in a file differs from the expected one; return an empty string if they agree.

    Names are ignored if both headers carry the same checksum of the named content.

    >>> differences_from({"seed": 1, "at": "noon"}, {"seed": 2, "at": "night"}, ("at",))
    'seed is 1 in the file, but 2 here'
    >>> differences_from({"settings": {}}, {"settings": {"population": 5}})
    'settings.population is absent in the file, but 5 here'
    >>> differences_from({"recipe": "mine", "recipe_sha256": "5f"}, {"recipe": "yours", "recipe_sha256": "5f"})
    ''
    """
    return "; ".join(_differences(recorded, json.loads(json.dumps(due)), but))


def _differences(recorded: Facts, due: Facts, but: Collection[str], of: str = "") -> Iterator[str]:
    # The checksum of the evaluator or the source identifies predictions, also in older files.
    if "predicted" in due:
        but = (*but, "predicted", "release")
    for key in dict.fromkeys([*due, *recorded]):
        entry, expected = recorded.get(key), due.get(key)
        checksum = recorded.get(f"{key}_sha256")
        is_same_content = checksum and checksum == due.get(f"{key}_sha256")
        if entry == expected or key in but or is_same_content:
            continue
        if isinstance(entry, dict) and isinstance(expected, dict):
            yield from _differences(entry, expected, (), f"{of}{key}.")
        else:
            hint = ""
            if key == "code" and entry:
                hint = f' (if the change alters no result, set version = "{entry}" in the class or function)'
            yield f"{of}{key} is {_shown(entry)} in the file, but {_shown(expected)} here{hint}"


def _shown(value: object) -> str:
    if value is None:
        return "absent"
    if isinstance(value, dict):
        return "present"
    return shown(value)


class Contents(NamedTuple):
    """What a journal contains."""

    header: Facts
    records: list[list[Any]]
    size: int  # bytes of all complete lines
    checksum: int  # of all complete lines


class JournalFile:
    """A journal that is open for appending, and locked against other processes.

    The first line is the header: a JSON object that starts with the kind's `mark` and the format.
    Each further line is a JSON array. Its last entry is a checksum (CRC-32) of this and all earlier
    lines, so a line that was altered, lost, added or moved is detected. An incomplete last line, as
    a killed process leaves it, is dropped. A journal without records is overwritten, whatever its
    header. Anything else that does not match is an error, and leaves the file unchanged.

    Attributes
    ----------
    mark : str
        First key of the header.
    of : str
        Name of the recorded work, such as "run", for messages.
    not_compared : tuple of str
        Entries of the header that may differ for the same work.
    records : list of list
        The records that were in the file, without their checksums.

    Raises
    ------
    JournalError
        If the file is in use, or belongs to other work.
    DamagedFileError
        If the file was altered, or is not a journal.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for _ in range(2):
    ...         with JournalFile(Path(folder) / "a.jsonl", {"seed": 0}) as journal:
    ...             journal.add('"something", 5')
    ...     journal.records
    [['something', 5]]
    """

    mark: ClassVar[str] = "nasmeta_records"
    of: ClassVar[str] = "work"
    not_compared: ClassVar[tuple[str, ...]] = ("written_by",)

    def __init__(self, path: Path, header: Facts) -> None:
        from filelock import FileLock, Timeout

        self.path, self._lines = path, list[bytes]()
        self._lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=_LOCK_SECONDS)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise JournalError(
                f"The journal {path} is in use by another process. Wait until that process ends, or use another file."
            ) from None
        try:
            self._file = path.open("a+b")
            self._file.seek(0)
            contents = self._contents(path, self._file.read(), header)
            self.records = contents.records
            self._file.truncate(contents.size)
            self._checksum = contents.checksum
            if not contents.records:
                self._start(header)
        except BaseException:
            self._end()
            raise
        self._flushed = time.monotonic()

    def _start(self, header: Facts) -> None:
        """Replace the contents of the file by a header."""
        self._file.truncate(0)
        first_line = json.dumps({self.mark: FORMAT, **header}).encode()
        self._checksum = crc32(first_line)
        with full_disk_named(self.path):
            self._file.write(first_line + b"\n")
            self._file.flush()

    @classmethod
    def read(cls, path: Path, header: Facts | None = None) -> Contents | None:
        """Return the contents of a journal; None if there is no file, or nothing is recorded in it.

        Parameters
        ----------
        path : Path
        header : mapping, optional
            The expected header; by default the journal may belong to any work.
        """
        try:
            contents = cls._contents(path, path.read_bytes(), header)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not contents.records:
            return None
        return contents

    @classmethod
    def _contents(cls, path: Path, content: bytes, due: Facts | None) -> Contents:
        first, *lines = content.split(b"\n")
        start = b'{"%s": ' % cls.mark.encode()
        if not first.startswith(start) and (lines or not start.startswith(first)):
            raise DamagedFileError(f"{path}, line 1: this is not the header of a journal.")
        checksum, size = crc32(first), len(first) + 1
        bodies: list[bytes] = []  # records without their checksums
        for number, line in enumerate(lines[:-1], start=2):
            body, _, end = line.rpartition(b',"')
            checksum, size = crc32(body, checksum), size + len(line) + 1
            if end != b'%08x"]' % checksum:
                raise DamagedFileError(
                    f"{path}, line {number}: the checksum is wrong. This line or one before it was altered, lost or "
                    "moved. Restore the file, or delete it to start over."
                )
            bodies.append(body + b"]")
        # A complete line whose end is another character than a line break:
        if lines and lines[-1][-11:-1] == b'%08x"]' % crc32(lines[-1][:-13], checksum):
            raise DamagedFileError(f"{path}: the end of the last line was altered.")
        if not bodies:
            return Contents({}, [], 0, 0)
        header = json.loads(first)
        if header[cls.mark] != FORMAT:
            raise JournalError(
                f"{path} is a journal of format {header[cls.mark]}; this nasmeta reads {FORMAT}."
            )
        wrong = ""
        if due is not None:
            wrong = differences_from(header, due, (cls.mark, *cls.not_compared))
        if wrong:
            raise JournalError(
                f"{path} is the journal of another {cls.of}: {wrong}. Use another file or folder."
            )
        return Contents(header, json.loads(b"[" + b",".join(bodies) + b"]"), size, checksum)

    def add(self, entries: str) -> None:
        """Add a record, given as the JSON text of its entries; it is in the file after the next flush.

        A record flushes all earlier ones if the last flush was at least a tenth of a second ago.
        """
        body = f"[{entries}".encode()
        self._checksum = crc32(body, self._checksum)
        self._lines.append(b'%b,"%08x"]\n' % (body, self._checksum))
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Hand all records to the operating system; afterwards a killed process loses none of them."""
        lines, self._lines = self._lines, []  # after an error none is written twice
        with full_disk_named(self.path):
            self._file.write(b"".join(lines))
            self._file.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush, and let other processes write; a second call does nothing."""
        if self._file.closed:
            return
        try:
            self.flush()
        finally:
            self._end()

    def _end(self) -> None:
        # flush has reported the first, the second was never opened
        with suppress(OSError, AttributeError):
            self._file.close()
        with suppress(OSError):  # on Windows the lock removes its file
            Path(self._lock.lock_file).unlink()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
