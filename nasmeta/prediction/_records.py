"""The journal of a predictor benchmark: a line a finished fit, so that a killed benchmark goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from nasmeta.errors import JournalError
from nasmeta.journals import JournalFile, JournalKind, changed_code

Rows: TypeAlias = list[dict[str, Any]]
_Done: TypeAlias = tuple[dict[str, Any], Rows]  # a job, and what came out


class Records:
    """What is known already, by job; and the journal, where there is a folder, that gets the rest.

    A line is ``[job, rows, number]``; in those of before it was ``{"job": job, "rows": rows}``. A job says by what
    code it was done, where that is somebody else's. Other predictors, sizes and draws may join the file.
    """

    def __init__(self, folder: Path | None, identity: Mapping[str, Any]) -> None:
        self._known: dict[str, _Done] = {}
        self._journal: JournalFile[dict[str, _Done]] | None = None
        if folder is not None:
            header = {_KIND.mark: _KIND.format, **identity}
            self._journal = JournalFile(folder / "journal.jsonl", header, _KIND, _by_job)
            self._known = self._journal.found

    def find(self, job: Mapping[str, Any], code: str | None = None, label: str = "") -> Rows | None:
        """Return the rows of a job that was done before, by the same code; the label is for the message."""
        there = self._known.get(_named(job))
        if there is None:
            return None
        if self._journal is not None:
            changed = changed_code(there[0], {"searcher": label, "code": code}, "folder")
            if changed:
                raise JournalError(f"What {self._journal.path} holds of {label} {changed}")
        return there[1]

    def add(self, job: Mapping[str, Any], rows: Rows, code: str | None = None) -> None:
        """Record a job; from then on a killed process loses nothing of it."""
        job = dict(job) if code is None else {**job, "code": code}
        self._known[_named(job)] = job, rows
        if self._journal is not None:
            plain = [{key: _plain(value) for key, value in row.items()} for row in rows]
            self._journal.add(f"{json.dumps(job)},{json.dumps(plain)}")
            self._journal.flush()

    def __enter__(self) -> Records:
        return self

    def __exit__(self, *_: object) -> None:
        if self._journal is not None:
            self._journal.close()


def _parts(record: Any) -> tuple[Any, Any]:
    """Return job and rows, as they are written now and as they were."""
    if isinstance(record, dict):
        return record.get("job"), record.get("rows")
    return (record[0], record[1]) if isinstance(record, list) and len(record) == 3 else (None, None)


def _is_record(record: Any) -> bool:
    job, rows = _parts(record)
    are_rows = isinstance(rows, list) and all(isinstance(row, dict) and "scope" in row for row in rows)
    return isinstance(job, dict) and are_rows and bool(rows)


def _by_job(records: list[Any]) -> dict[str, _Done]:
    return {_named(job): (job, rows) for job, rows in map(_parts, records)}


def _named(job: Mapping[str, Any]) -> str:
    return json.dumps({key: said for key, said in job.items() if key != "code"}, sort_keys=True)


_KIND = JournalKind(
    "nasmeta_prediction",
    "predictor benchmark",
    _is_record,
    key=lambda record: _named(_parts(record)[0]),
    key_name="the job",
    place="folder",
)


def _plain(value: Any) -> Any:
    """Return a value that JSON has; it has no NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
