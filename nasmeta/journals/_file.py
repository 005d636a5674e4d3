"""One file of records: a header that says whose it is, a line a record, and one process that writes."""

from __future__ import annotations

import io
import json
import stat
import sys
import time
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Generic, Self, TypeVar

from nasmeta.errors import JournalError, shown
from nasmeta.journals._lease import FolderLease
from nasmeta.places import in_store, read_whole


def loaded(text: bytes) -> Any:
    """Return what a line of JSON says; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def differences_from(found: Mapping[str, Any], header: Mapping[str, Any], but: Collection[str]) -> str:
    """Say in what a header that was read is not the one that is due, but for what may differ; empty where it is.

    Another name of the same content is no difference, where its checksum stands beside it.

    >>> differences_from({"seed": 1, "at": "noon"}, {"seed": 2, "at": "night"}, ("at",))
    'seed is 1 there, but 2 was asked for'
    >>> differences_from({"recipe": "mine", "recipe_sha256": "5f"}, {"recipe": "yours", "recipe_sha256": "5f"}, ())
    ''
    """
    return "; ".join(_differences(found, json.loads(json.dumps(header)), but))


def _differences(found: Mapping[str, Any], due: Mapping[str, Any], but: Collection[str], of: str = "") -> Iterator[str]:
    for key in dict.fromkeys([*due, *found]):
        there, asked, checksum = found.get(key), due.get(key), f"{key}_sha256"
        if there == asked or key in but or (found.get(checksum) and found.get(checksum) == due.get(checksum)):
            continue
        if isinstance(there, dict) and isinstance(asked, dict) and there and asked:
            yield from _differences(there, asked, (), f"{of}{key}.")
        else:
            yield f"{of}{key} is {there!r} there, but {asked!r} was asked for"


def changed_code(found: Mapping[str, Any], due: Mapping[str, Any], what: str) -> str:
    """Say that what was recorded is by other code than is asked for now; empty where it is not, or nobody knows."""
    pairs = zip([found, *_answering(found)], [due, *_answering(due)], strict=False)
    for before, one in pairs:
        was, now = before.get("code"), one.get("code")
        if was is None or was == now:
            continue
        who, thing = (one["function"], "function") if "function" in one else (one.get("searcher"), "class")
        return (
            f"was written by other code of {who}: {was} there, {now or 'that of this package'} now. "
            f"Begin anew with another {what}, or delete this one. Only where the change alters no result, keep it: "
            f'give the {thing} the attribute version = "{was}".'
        )
    return ""


def without_code(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says whose results these are without what identifies code, which `changed_code` compares.

    >>> without_code({"searcher": "mine", "code": "5f", "evaluator": {"function": "a:b", "code": "6a"}})
    {'searcher': 'mine', 'evaluator': {'function': 'a:b'}}
    """
    kept = {key: value for key, value in said.items() if key != "code"}
    if isinstance(kept.get("evaluator"), Mapping):
        kept["evaluator"] = without_code(kept["evaluator"])
    if isinstance(kept.get("parts"), list):
        kept["parts"] = [without_code(part) if isinstance(part, Mapping) else part for part in kept["parts"]]
    return kept


def _answering(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the identities of what answers, one for each objective of several."""
    answers = said.get("evaluator") or {}
    return answers.get("parts") or [answers]


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


T = TypeVar("T")

_FLUSH_SECONDS = 0.1
_LOCK_SECONDS = 2.0  # a worker whose parent was killed ends within a fraction of this
_LEASED_LOCK_SECONDS = 20.0  # one on a cluster, when it next writes: the lease on the folder is no longer its own


@dataclass(frozen=True)
class JournalKind:
    """What a journal is of, what its header is known by, and what its records look like."""

    mark: str  # the first entry of the header, whose value is the format
    of: str  # such as "run"; for messages
    is_record: Callable[[Any], bool]  # whether what stands in a line is a record
    format: int = 2  # the newest one; in 1 records may have no numbers, and are still read
    not_compared: tuple[str, ...] = ("written_by",)  # what may differ in the header of the same work
    key: Callable[[Any], Hashable] | None = None  # from a record to what may be recorded once only
    key_name: str = ""  # what that is
    place: str = "file"  # what else to use where it is somebody else's: another "file", another "folder"

    def records(self, path: Path, content: bytes, header: Mapping[str, Any]) -> list[Any]:
        """Check whole lines against the header that is due; return what those after the first one say."""
        first, _, body = content.partition(b"\n")
        written_in = self._format_of(path, loaded(first), header)
        lines = body.splitlines()
        found: list[Any] = []
        try:
            found = json.loads(b"[" + b",".join(lines) + b"]")
            good = len(found) == len(lines) and all(map(self.is_record, found))
        except (ValueError, RecursionError):
            good = False
        if not good:
            line = next((i for i, text in enumerate(lines) if not self.is_record(loaded(text))), 0)
            raise JournalError(f"{path}, line {line + 2}: {lines[line][:60]!r} is no record. The file is damaged.")
        keys = [] if self.key is None else list(map(self.key, found))
        if len(set(keys)) < len(keys):
            twice = next(i for i, key in enumerate(keys) if key in keys[:i])
            raise JournalError(
                f"{path}, line {twice + 2}: {self.key_name} {keys[twice]} was recorded before. The file is damaged."
            )
        for due, record in enumerate(found, start=1):
            number = record[-1] if type(record) is list and type(record[-1]) is int else None
            if number != due and (number is not None or written_in > 1):
                raise JournalError(
                    f"{path}, line {due + 1}: the record has "
                    f"{'no number' if number is None else f'the number {number}'}, but {due} is due. A line was lost, "
                    "added or moved; delete the file to start over."
                )
        return found

    def _format_of(self, path: Path, found: Any, header: Mapping[str, Any]) -> int:
        """Return the format of a journal whose header is the one that is due."""
        if not isinstance(found, dict) or self.mark not in found:
            raise JournalError(
                f"{path}, line 1: this is no header of a journal. Is it another file? Nothing was changed."
            )
        written_in = found[self.mark]
        if written_in not in range(1, self.format + 1):
            raise JournalError(
                f"{path} is a journal of the format {shown(written_in)}, but this nasmeta reads 1 to {self.format}. "
                f"Use the nasmeta that wrote it, or another {self.place}."
            )
        self.require_same(path, found, header)
        return int(written_in)

    def require_same(self, path: Path, found: Mapping[str, Any], header: Mapping[str, Any]) -> None:
        """Refuse a header that is not the one that is due, but for what may differ."""
        seen, due, free = without_code(found), without_code(header), (self.mark, *self.not_compared)
        if differences := differences_from(seen, due, free):
            if not differences_from(seen, due, (*free, "source_sha256")):
                raise JournalError(
                    f"{path} was written when {header.get('source')} had other values than now. Use another "
                    f"{self.place}, in a comparison another folder."
                )
            raise JournalError(f"{path} is the journal of another {self.of}: {differences}. Use another {self.place}.")
        if changed := changed_code(found, header, "journal"):
            raise JournalError(f"{path} {changed}")

    def may_begin(self, content: bytes) -> bool:
        """Tell whether content without any line end may be what a kill has left of a header."""
        mark = f'{{"{self.mark}": '.encode()
        return content.startswith(mark) or mark.startswith(content)


class JournalFile(Generic[T]):
    """A journal that is open for appending, and locked against other processes.

    The first line is the header, which begins with the kind's mark; each further one is a JSON array, whose last entry
    counts the records from 1, so that a line that is lost is noticed. A last line without its end, as a kill leaves
    it, is dropped; anything else that does not belong is an error, and leaves the file as it was. `found` is what
    `take` makes of the records there; it may refuse them. Where another runner has the lease, nothing is written.

    >>> import tempfile
    >>> kind = JournalKind("my_journal", "test", lambda record: isinstance(record, list))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for _ in range(2):
    ...         with JournalFile(Path(folder) / "a.jsonl", {"my_journal": 2, "seed": 0}, kind, list) as journal:
    ...             journal.add('"something"')
    ...     print(journal.found)
    [['something', 1]]
    """

    def __init__(
        self,
        path: Path,
        header: Mapping[str, Any],
        kind: JournalKind,
        take: Callable[[list[Any]], T],
        lease: FolderLease | None = None,
    ) -> None:
        self.path, self._lease = path, lease
        is_there(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = StoredFile(path) if in_store(path) else path.open("a+b")
        except OSError as reason:
            raise _cannot_write(path, reason) from reason
        try:
            self._unlock = _lock(self._file, path, kind, _LOCK_SECONDS if lease is None else _LEASED_LOCK_SECONDS)
            self._file.seek(0)
            content = self._file.read()
            whole = content.rfind(b"\n") + 1
            if not whole and content and not kind.may_begin(content):
                raise JournalError(f"{path} is no journal; nothing in it was changed.")
            records = kind.records(path, content[:whole], header) if whole else []
            self.found = take(records)
            if whole < len(content):
                self._file.truncate(whole)
            if not whole:
                self._file.write(json.dumps(header).encode() + b"\n")
                self._file.flush()
        except BaseException as reason:
            with suppress(OSError):
                self._file.close()
            if isinstance(reason, OSError) and not isinstance(reason, JournalError):
                raise _cannot_write(path, reason) from reason
            raise
        self._lines: list[str] = []
        self._number = len(records)
        self._flushed = time.monotonic()

    def add(self, entries: str) -> None:
        """Record what is written as the entries of a JSON array, once it is flushed."""
        self._number += 1
        self._lines.append(f"[{entries},{self._number}]\n")

    def flush_now_and_then(self) -> None:
        """Flush if the last time was a tenth of a second ago."""
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Hand all records to the operating system: from then on a killed process loses none of them."""
        lines, self._lines = self._lines, []  # after an error none is written twice
        if self._lease is not None:
            self._lease.require()
        try:
            self._file.write("".join(lines).encode())
            self._file.flush()
        except OSError as reason:
            raise _cannot_write(self.path, reason) from reason
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush and let others write; a second time there is nothing to do."""
        if self._file.closed:
            return
        try:
            self.flush()
            if in_store(self.path):
                self._file.close()
        except OSError as reason:
            raise _cannot_write(self.path, reason) from reason
        finally:
            self._unlock()
            with suppress(OSError):  # flush has told
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def whole_lines(path: Path) -> bytes:
    """Return a journal's content up to its last line end."""
    content = read_whole(path)
    return content[: content.rfind(b"\n") + 1]


def is_there(path: Path) -> bool:
    """Tell whether there is a file; anything else of this name, such as a folder or a device, is a JournalError."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as reason:
        raise _cannot_write(path, reason) from reason
    if not stat.S_ISREG(mode):
        raise JournalError(f"Cannot write the journal {path}: it is no regular file. Use another file.")
    return True


def _cannot_write(path: Path, reason: OSError) -> JournalError:
    return JournalError(f"Cannot write the journal {path}: {reason.strerror or reason}.")


def _lock(file: BinaryIO, path: Path, kind: JournalKind, seconds: float) -> Callable[[], object]:
    """Keep other processes from writing a file until it is closed or the process ends; return what unlocks it."""
    if in_store(path):
        return lambda: None  # there are no locks: the lease on the folder keeps others out
    until = time.monotonic() + seconds
    in_use = JournalError(
        f"The journal {path} is in use by another process. Wait for its end, or use another {kind.place}."
    )
    if sys.platform == "win32":
        from filelock import FileLock, Timeout

        lock = FileLock(f"{path}.lock", timeout=seconds)
        try:
            lock.acquire()
        except Timeout:
            raise in_use from None
        return lock.release
    import fcntl  # a lock on the file itself leaves no lock file beside each of a thousand journals

    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lambda: None  # closing the file unlocks it
        except OSError:
            if time.monotonic() > until:
                raise in_use from None
            time.sleep(0.05)
