"""The journal of a run: one append-only file of JSON lines, from which the run goes on after any end."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import JournalError
from nasmeta.evaluators import Evaluation, Evaluator
from nasmeta.journals import FolderLease, JournalFile, JournalKind, is_there, loaded, whole_lines
from nasmeta.runs._loop import Trace

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


def _is_record(row: Any) -> bool:
    return (
        type(row) is list
        and tuple(map(type, row)) in _RECORDS
        and 0 <= row[0] < 2**31
        and math.isfinite(row[1])
        and math.isfinite(row[2])
    )


_RUN = JournalKind(
    "nasmeta_journal", "run", _is_record, FORMAT, ("written_by", "picked"), key=itemgetter(0), key_name="cell"
)
_RUN_ON_A_CLOCK = replace(_RUN, key=None)  # a cell may be evaluated several times


class Journal(JournalFile[Records]):
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
    claim : FolderLease, optional
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
        self, path: Path, header: Mapping[str, Any], known: Known | None = None, claim: FolderLease | None = None
    ) -> None:
        super().__init__(path, header, _kind_of(header), partial(_taken, path, known=known), claim)
        self.records = self.found
        self.cells, self.values, self.cost_seconds, self.failures, self.details = self.records

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
            record = f"{cell},{value!r},{cost!r}"
            self.add(record if reason is None else f"{record},{json.dumps(reason)}")
        self.flush_now_and_then()

    def append_detailed(self, cell: int, value: float, cost_seconds: float, details: Mapping[str, Any]) -> None:
        """Record one evaluation on a simulated clock."""
        self.add(f"{cell},{value!r},{cost_seconds!r},{json.dumps(details)}")
        self.flush_now_and_then()


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
        content = whole_lines(path)
    except OSError:  # writing will tell
        return None
    if not content:
        return None
    cells, values, costs, failures, _ = _parse(path, content, header, known)
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
        content = whole_lines(path)
    except OSError:  # writing will tell
        return None
    return _parse(path, content, header, None) if content else None


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
        content = whole_lines(path)
    except OSError as reason:
        raise JournalError(f"Cannot read the journal {path}: {reason.strerror or reason}.") from reason
    header = loaded(content.partition(b"\n")[0])
    if not isinstance(header, dict):
        raise JournalError(f"{path} is no journal of a run. A search keeps one: nasmeta search … --journal FILE")
    return header, _parse(path, content, header, None)


def _kind_of(header: Mapping[str, Any]) -> JournalKind:
    return _RUN_ON_A_CLOCK if "clock" in header else _RUN


def _parse(path: Path, content: bytes, header: Mapping[str, Any], known: Known | None) -> Records:
    """Check the lines of a journal against the header that is due; return what they record."""
    return _taken(path, _kind_of(header).records(path, content, header), known)


def _taken(path: Path, rows: list[Any], known: Known | None) -> Records:
    """Return what lines record; where a table knows it, each must agree."""
    cells: list[int] = [row[0] for row in rows]
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
