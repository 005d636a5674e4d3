"""The journal of a run: one append-only file of JSON lines, from which the run goes on after any end."""

from __future__ import annotations

import json
import math
import stat
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import JournalError
from nasmeta.evaluators import Evaluation, Evaluator
from nasmeta.places import in_store, read_whole
from nasmeta.runs._claim import Claim
from nasmeta.runs._header import changed_code, differences_from, loaded
from nasmeta.runs._loop import Trace
from nasmeta.runs._stores import StoredFile

__all__ = [
    "FORMAT",
    "Journal",
    "JournaledEvaluator",
    "Records",
    "is_there",
    "read_finished",
    "read_journal",
    "read_records",
]

FORMAT = 2  # 1 had no numbers of records
_MARK = b'{"nasmeta_journal": '
_FLUSH_SECONDS = 0.1
_LOCK_SECONDS = 2.0  # a worker whose parent was killed ends within a fraction of this
_CLAIMED_LOCK_SECONDS = 20.0  # one on a cluster, when it next writes: the claim on the folder is no longer its own
_NOT_COMPARED = ("nasmeta_journal", "written_by", "picked", "code")  # what follows from the rest, or is told apart

_PLAIN = (int, float, float)
_RECORDS = {_PLAIN + more + number for more in ((), (str,), (dict,)) for number in ((), (int,))}

Known = tuple[NDArray[np.float64], NDArray[np.float64]]


class Records(NamedTuple):
    """What the lines of a journal record.

    ``failures`` are cells whose training failed, and why; ``details`` say when, where and for how many epochs a cell
    was trained, and are empty but for runs on a simulated clock.
    """

    cells: list[int]
    values: list[float]
    cost_seconds: list[float]
    failures: dict[int, str]
    details: list[dict[str, Any]]


class Journal:
    """The file of one run, open for appending and locked against other processes.

    The first line is the header: whose run it is. Each further line is ``[cell, value, cost_seconds, number]``, and
    where a training failed the reason comes fourth, or on a simulated clock ``{"start": …, "worker": …, "epochs": …}``.
    The number counts the records from 1, so that a line that is lost is noticed; the floats are written so that they
    are read back exactly. A last line without its end, as a kill leaves it, is dropped; anything else that does not
    belong is an error.

    Parameters
    ----------
    path : Path
        Created where it does not exist.
    header : mapping
        The identity of the run, of JSON's types.
    known : (values, cost_seconds), optional
        Of all cells, where a table has them: each line must agree with them.
    claim : Claim, optional
        Of the folder: where another runner has it, nothing more is written.

    Attributes
    ----------
    cells, values, cost_seconds : list
        What was recorded before.
    failures : dict of int to str
        Of those cells that failed the reason.
    details : list of dict
        One for each record.

    Raises
    ------
    JournalError
        Where the file is another run's, is no journal, is damaged, cannot be written, or is in use.
    """

    def __init__(
        self, path: Path, header: Mapping[str, Any], known: Known | None = None, claim: Claim | None = None
    ) -> None:
        self.path, self._claim = path, claim
        is_there(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = StoredFile(path) if in_store(path) else path.open("a+b")
        except OSError as reason:
            raise _cannot_write(path, reason) from reason
        try:
            self._unlock = _lock(self._file, path, _LOCK_SECONDS if claim is None else _CLAIMED_LOCK_SECONDS)
            self._file.seek(0)
            content = self._file.read()
            whole = content.rfind(b"\n") + 1
            if not whole and content and not (content.startswith(_MARK) or _MARK.startswith(content)):
                raise JournalError(f"{path} is no journal; nothing in it was changed.")
            self.records = _parse(path, content[:whole], header, known) if whole else Records([], [], [], {}, [])
            self.cells, self.values, self.cost_seconds, self.failures, self.details = self.records
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
        self._number = len(self.cells)
        self._flushed = time.monotonic()

    def append(
        self,
        cells: list[int],
        values: list[float],
        cost_seconds: list[float],
        failures: Sequence[str | None] = (),
    ) -> None:
        """Record evaluations; they reach the file at once, or with others a tenth of a second later."""
        for i, (cell, value, cost) in enumerate(zip(cells, values, cost_seconds, strict=True)):
            reason = failures[i] if failures else None
            self._add(cell, value, cost, "" if reason is None else json.dumps(reason) + ",")
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def append_detailed(self, cell: int, value: float, cost_seconds: float, details: Mapping[str, Any]) -> None:
        """Record one evaluation on a simulated clock."""
        self._add(cell, value, cost_seconds, json.dumps(details) + ",")
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def _add(self, cell: int, value: float, cost_seconds: float, more: str) -> None:
        self._number += 1
        self._lines.append(f"[{cell},{value!r},{cost_seconds!r},{more}{self._number}]\n")

    def flush(self) -> None:
        """Hand all records to the operating system: from then on a killed process loses none of them."""
        lines, self._lines = self._lines, []  # after an error none is written twice
        if self._claim is not None:
            self._claim.require()
        try:
            self._file.write("".join(lines).encode())
            self._file.flush()
        except OSError as reason:
            raise _cannot_write(self.path, reason) from reason
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush and let others write."""
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

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class JournaledEvaluator:
    """Answer from a journal as long as it lasts, then from an evaluator, and record that.

    Running the same searcher from the same seed on it replays the recorded part of the run and goes on after it.
    """

    def __init__(self, evaluator: Evaluator, journal: Journal) -> None:
        self._evaluator = evaluator
        self._journal = journal
        self._position = 0

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Return the values of cells, shape (n,); cells other than the recorded ones are an error."""
        if self._position < len(self._journal.cells):
            return self._replay(cells)
        evaluation = self._evaluator.evaluate(cells)
        self._journal.append(
            cells.tolist(), evaluation.values.tolist(), evaluation.cost_seconds.tolist(), evaluation.failures
        )
        return evaluation

    def _replay(self, cells: NDArray[np.int32]) -> Evaluation:
        journal, first = self._journal, self._position
        recorded = journal.cells[first : first + len(cells)]
        for i, (was, now) in enumerate(zip(recorded, cells.tolist(), strict=False)):
            if was != now:
                raise JournalError(
                    f"{journal.path}, line {first + i + 2}: it records cell {was}, but the searcher proposes {now}. "
                    "The journal was written by another version of the searcher, of nasmeta or of numpy, or was "
                    "altered. Use another file, or delete this one to start over."
                )
        self._position += len(recorded)
        values = np.array(journal.values[first : self._position])
        costs = np.array(journal.cost_seconds[first : self._position])
        failures = tuple(journal.failures.get(cell) for cell in recorded) if journal.failures else ()
        if len(recorded) < len(cells):
            rest = self.evaluate(cells[len(recorded) :])
            values, costs = np.append(values, rest.values), np.append(costs, rest.cost_seconds)
            if failures or rest.failures:
                failures = (failures or (None,) * len(recorded)) + (rest.failures or (None,) * len(rest.values))
        return Evaluation(values, costs, failures)


def read_finished(
    path: Path,
    header: Mapping[str, Any],
    *,
    evaluations: int,
    known: Known | None,
    n_cells: int,
    sign: float,
    target: float | None,
) -> Trace | None:
    """Return the trace of a journal that holds all of a run, without running the searcher; else None.

    Raises
    ------
    JournalError
        As `Journal` does.
    """
    if not is_there(path):
        return None
    try:
        content = read_whole(path)
    except OSError:  # writing will tell
        return None
    whole = content.rfind(b"\n") + 1
    if not whole:
        return None
    cells, values, costs, failures, _ = _parse(path, content[:whole], header, known)
    end, stopped = min(evaluations, len(cells)), "budget"
    if target is not None:
        hits = np.flatnonzero(sign * np.array(values[:end]) >= target)
        if len(hits):
            end, stopped = int(hits[0]) + 1, "optimum"
    if stopped == "budget" and len(cells) < evaluations:
        if len(cells) < n_cells:
            return None
        stopped = "exhausted"
    failures = {cell: failures[cell] for cell in cells[:end] if cell in failures}
    return Trace.of(cells[:end], values[:end], costs[:end], stopped, failures=failures)


def read_records(path: Path, header: Mapping[str, Any]) -> Records | None:
    """Return the records of a journal that is there; None where it has no whole line yet or cannot be read.

    Raises
    ------
    JournalError
        As `Journal` does.
    """
    try:
        content = read_whole(path)
    except OSError:  # writing will tell
        return None
    whole = content.rfind(b"\n") + 1
    return _parse(path, content[:whole], header, None) if whole else None


def read_journal(path: Path) -> tuple[dict[str, Any], Records]:
    """Return header and records of a journal, whosever it is.

    Raises
    ------
    JournalError
        Where there is no such file, or it is no journal, or damaged.
    """
    if not is_there(path):
        raise JournalError(f"There is no journal {path}. A search keeps one: nasmeta search … --journal {path}")
    try:
        content = read_whole(path)
    except OSError as reason:
        raise JournalError(f"Cannot read the journal {path}: {reason.strerror or reason}.") from reason
    whole = content.rfind(b"\n") + 1
    header = loaded(content.partition(b"\n")[0])
    if not whole or not isinstance(header, dict):
        raise JournalError(f"{path} is no journal of a run. A search keeps one: nasmeta search … --journal FILE")
    return header, _parse(path, content[:whole], header, None)


def is_there(path: Path) -> bool:
    """Tell whether there is a file; anything else of this name, such as a folder or a device, is an error.

    Raises
    ------
    JournalError
    """
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


def _parse(path: Path, content: bytes, header: Mapping[str, Any], known: Known | None) -> Records:
    """Check the lines of a journal against the header that is due; return what they record."""
    first, _, body = content.partition(b"\n")
    found = loaded(first)
    if not isinstance(found, dict) or "nasmeta_journal" not in found:
        raise JournalError(f"{path}, line 1: this is no header of a journal. Is it another file? Nothing was changed.")
    written_in = found["nasmeta_journal"]
    if written_in not in range(1, FORMAT + 1):
        raise JournalError(
            f"{path} is a journal of the format {written_in!r:.20}, but this nasmeta reads 1 to {FORMAT}. "
            "Use the nasmeta that wrote it, or another file."
        )
    if differences := differences_from(found, header, _NOT_COMPARED):
        raise JournalError(f"{path} is the journal of another run: {differences}. Use another file.")
    if changed := changed_code(found, header, "journal"):
        raise JournalError(f"{path} {changed}")
    lines = body.splitlines()
    try:
        rows = json.loads(b"[" + b",".join(lines) + b"]")
        good = len(rows) == len(lines) and all(map(_is_record, rows))
    except (ValueError, RecursionError):
        good = False
    if not good:
        line = next((i for i, text in enumerate(lines) if not _is_record(loaded(text))), 0)
        raise JournalError(f"{path}, line {line + 2}: {lines[line][:60]!r} is no record. The file is damaged.")
    cells: list[int] = [row[0] for row in rows]
    if len(set(cells)) < len(cells) and "clock" not in header:
        twice = next(i for i, cell in enumerate(cells) if cell in cells[:i])
        raise JournalError(f"{path}, line {twice + 2}: cell {cells[twice]} was recorded before. The file is damaged.")
    for due, row in enumerate(rows, start=1):
        number = row[-1] if type(row[-1]) is int else None
        if number != due and (number is not None or written_in > 1):
            raise JournalError(
                f"{path}, line {due + 1}: the record has {'no number' if number is None else f'the number {number}'}, "
                f"but {due} is due. A line was lost, added or moved; delete the file to start over."
            )
    values, costs = [row[1] for row in rows], [row[2] for row in rows]
    if known is not None:
        _compare_to(known, path, cells, values, costs)
    fourth = [row[3] if len(row) > 3 else None for row in rows]
    reasons = (entry.get("failure") if isinstance(entry, dict) else entry for entry in fourth)
    failures = {cell: why for cell, why in zip(cells, reasons, strict=True) if isinstance(why, str)}
    return Records(cells, values, costs, failures, [entry if isinstance(entry, dict) else {} for entry in fourth])


def _compare_to(known: Known, path: Path, cells: list[int], values: list[float], costs: list[float]) -> None:
    last = len(known[0]) - 1
    outside = next((i for i, cell in enumerate(cells) if cell > last), None)
    if outside is not None:
        raise JournalError(
            f"{path}, line {outside + 2}: there is no cell {cells[outside]}, the last one is {last}. "
            "The file is damaged."
        )
    for what, due, recorded in zip(("value", "cost"), known, (values, costs), strict=True):
        expected = due[np.array(cells, np.int64)]
        wrong = np.flatnonzero(expected != np.array(recorded))
        if len(wrong):
            i = int(wrong[0])
            raise JournalError(
                f"{path}, line {i + 2}: the {what} of cell {cells[i]} is {recorded[i]!r} there, but "
                f"{float(expected[i])!r} in the table. The file was altered, or the table was. Use another file."
            )


def _is_record(row: Any) -> bool:
    return (
        type(row) is list
        and tuple(map(type, row)) in _RECORDS
        and 0 <= row[0] < 2**31
        and math.isfinite(row[1])
        and math.isfinite(row[2])
    )


def _lock(file: BinaryIO, path: Path, seconds: float) -> Callable[[], object]:
    """Keep other processes from writing a file until it is closed or the process ends; return what unlocks it."""
    if in_store(path):
        return lambda: None  # there are no locks: the claim on the folder keeps others out
    until = time.monotonic() + seconds
    in_use = JournalError(f"The journal {path} is in use by another process. Wait for its end, or use another file.")
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
