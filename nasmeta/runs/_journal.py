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

from nasmeta.errors import JournalError
from nasmeta.journals import FolderLease, JournalFile, JournalKind, is_there, loaded, whole_lines

FORMAT = 2  # 1 had no numbers of records
_PLAIN = (int, float, float)
_RECORDS = {_PLAIN + more + number for more in ((), (str,), (dict,)) for number in ((), (int,))}


class Records(NamedTuple):
    """What the lines of a journal record.

    ``failures`` are cells whose training failed, and why; ``details`` say when, where and for how many epochs a cell
    was trained, and are empty but for runs on a simulated clock.
    """

    cells: list[int]
    values: list[Any]
    cost_seconds: list[float]
    failures: dict[int, str]
    details: list[dict[str, Any]]

    @property
    def n_objectives(self) -> int:
        """How many numbers a value has; 1 where nothing is recorded."""
        first = self.values[0] if self.values else 0.0
        return len(first) if isinstance(first, list) else 1

    def after(self, epochs: int, timed: bool) -> tuple[list[int], list[Any], dict[int, str]]:
        """Return the cells, values and failures of trainings of this length; all where no clock says how long."""
        kept = [i for i, said in enumerate(self.details) if not timed or said.get("epochs") == epochs]
        cells = [self.cells[i] for i in kept]
        reasons = {cell: self.details[i].get("failure") for i, cell in zip(kept, cells, strict=True)}
        found = {cell: why for cell, why in reasons.items() if why} if timed else self.failures
        return cells, [self.values[i] for i in kept], found


def _is_record(row: Any) -> bool:
    return (
        type(row) is list
        and tuple(map(type, row)) in _RECORDS
        and 0 <= row[0] < 2**31
        and math.isfinite(row[1])
        and math.isfinite(row[2])
    ) or (_is_failure(row) and row[1] is None and _is_record([row[0], 0.0, *row[2:]]))


def _is_failure(row: Any) -> bool:
    """Tell whether a line says why an evaluation failed: then it may have no value."""
    if type(row) is not list or len(row) < 4:
        return False
    return isinstance(row[3].get("failure") if isinstance(row[3], dict) else row[3], str)


def _is_record_of(n_objectives: int, row: Any) -> bool:
    """Tell whether a line records an evaluation of several objectives: their values are a list."""
    return (
        type(row) is list
        and len(row) > 2
        and type(row[1]) is list
        and len(row[1]) == n_objectives
        and all((type(v) is float and math.isfinite(v)) or (v is None and _is_failure(row)) for v in row[1])
        and _is_record([row[0], 0.0, *row[2:]])
    )


_RUN = JournalKind(
    "nasmeta_journal", "run", _is_record, FORMAT, ("written_by", "picked"), key=itemgetter(0), key_name="cell"
)
_RUN_ON_A_CLOCK = replace(_RUN, key=None)  # a cell may be evaluated several times


class Journal(JournalFile[Records]):
    """The file of one run, open for appending and locked against other processes.

    The first line is the header: whose run it is. Each further line is ``[cell, value, cost_seconds, number]``, and
    where an evaluation failed the reason comes fourth, and the value may be ``null``; or on a simulated clock
    ``{"start": …, "worker": …, "epochs": …}``; where the searcher says something about its proposal, ``{"note": …}``.
    Of several objectives the value is the list of theirs. The number counts the records from 1, so that a line that is
    lost is noticed; the floats are written so that they are read back exactly. A last line without its end, as a kill
    leaves it, is dropped; anything else that does not belong is an error. Where another runner has the folder's
    `lease`, nothing more is written. What was recorded before is in `cells`, `values`, `cost_seconds`, `failures`
    (reason by cell) and `details` (one a record).

    >>> import tempfile
    >>> import nasmeta as nm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = nm.search("random", "nb201/cifar10", evaluations=5, journal=f"{folder}/run.jsonl")
    ...     with Journal(Path(folder, "run.jsonl"), run.config.identity) as journal:
    ...         recorded = journal.cells
    >>> recorded == run.cells.tolist()
    True
    """

    def __init__(self, path: Path, header: Mapping[str, Any], lease: FolderLease | None = None) -> None:
        super().__init__(path, header, _kind_of(header), _taken, lease)
        self.records = self.found
        self.cells, self.values, self.cost_seconds, self.failures, self.details = self.records

    def append(
        self,
        cells: list[int],
        values: list[Any],
        cost_seconds: list[float],
        failures: Sequence[str | None] = (),
        notes: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Record evaluations; they reach the file at once, or with others a tenth of a second later."""
        for i, (cell, value, cost) in enumerate(zip(cells, values, cost_seconds, strict=True)):
            reason = failures[i] if failures else None
            record = f"{cell},{_text(value) if failures else repr(value)},{cost!r}"
            said: Any = reason
            if notes and (note := notes[i]):
                said = {"note": note} if reason is None else {"note": note, "failure": reason}
            self.add(record if said is None else f"{record},{json.dumps(said)}")
        self.flush_now_and_then()

    def append_detailed(self, cell: int, value: Any, cost_seconds: float, details: Mapping[str, Any]) -> None:
        """Record one evaluation on a simulated clock."""
        self.add(f"{cell},{_text(value)},{cost_seconds!r},{json.dumps(details)}")
        self.flush_now_and_then()


def _text(value: Any) -> str:
    """Return a value, or a list of values, as a journal holds it: ``null`` where there is none."""
    return repr(value).replace("nan", "null")


def _valued(value: Any) -> Any:
    """Return what `_text` wrote."""
    if isinstance(value, list):
        return [math.nan if one is None else one for one in value]
    return math.nan if value is None else value


def read_records(path: Path, header: Mapping[str, Any]) -> Records | None:
    """Return the records of a journal that is there; None where it has no whole line yet or cannot be read."""
    try:
        content = whole_lines(path)
    except OSError:  # writing will tell
        return None
    return _parse(path, content, header) if content else None


def read_journal(path: Path) -> tuple[dict[str, Any], Records]:
    """Return header and records of a journal, whosever it is; a JournalError where it is none, or damaged."""
    if not is_there(path):
        raise JournalError(f"There is no journal {path}. A search keeps one: nasmeta search … --journal {path}")
    try:
        content = whole_lines(path)
    except OSError as reason:
        raise JournalError(f"Cannot read the journal {path}: {reason.strerror or reason}.") from reason
    header = loaded(content.partition(b"\n")[0])
    if not isinstance(header, dict):
        raise JournalError(f"{path} is no journal of a run. A search keeps one: nasmeta search … --journal FILE")
    return header, _parse(path, content, header)


def _kind_of(header: Mapping[str, Any]) -> JournalKind:
    kind, objectives = _RUN_ON_A_CLOCK if "clock" in header else _RUN, header.get("objectives")
    if not isinstance(objectives, list):
        return kind
    return replace(kind, is_record=partial(_is_record_of, len(objectives)))


def _parse(path: Path, content: bytes, header: Mapping[str, Any]) -> Records:
    """Check the lines of a journal against the header that is due; return what they record."""
    return _taken(_kind_of(header).records(path, content, header))


def _taken(rows: list[Any]) -> Records:
    """Return what lines record."""
    cells: list[int] = [row[0] for row in rows]
    values, costs = [_valued(row[1]) for row in rows], [row[2] for row in rows]
    fourth = [row[3] if len(row) > 3 else None for row in rows]
    reasons = (entry.get("failure") if isinstance(entry, dict) else entry for entry in fourth)
    failures = {cell: why for cell, why in zip(cells, reasons, strict=True) if isinstance(why, str)}
    return Records(cells, values, costs, failures, [entry if isinstance(entry, dict) else {} for entry in fourth])
