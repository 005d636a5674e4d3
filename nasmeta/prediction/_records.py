"""The journal of a predictor benchmark: a line a finished fit, so that a killed benchmark goes on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from nasmeta.errors import JournalError, NasmetaError
from nasmeta.journals import differences_from, loaded

__all__ = ["Records"]

_FORMAT = 1
_NOT_COMPARED = ("written_by",)


class Records:
    """What is known already, by job; and the file that gets the rest.

    The first line says whose benchmark it is; each further line is ``{"job": {...}, "rows": [...]}``. A last line
    without its end, as a kill leaves it, is dropped. Other predictors, sizes and draws may join the file.
    """

    def __init__(self, path: Path | None, known: dict[str, list[dict[str, Any]]], file: BinaryIO | None) -> None:
        self._path, self._known, self._file = path, known, file

    @classmethod
    @contextmanager
    def opened(cls, folder: Path | None, header: Mapping[str, Any]) -> Iterator[Records]:
        """Hold the journal in a folder; without a folder nothing is kept.

        Raises
        ------
        JournalError
            Where it is another benchmark's, is damaged, cannot be written, or is in use by another process.
        """
        if folder is None:
            yield cls(None, {}, None)
            return
        from filelock import FileLock, Timeout

        path = folder / "journal.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock", timeout=2), path.open("a+b") as file:
                yield cls(path, _read(path, file, {"nasmeta_prediction": _FORMAT, **header}), file)
        except Timeout:
            raise JournalError(f"Another process works in {folder}. Wait for its end, or use another folder.") from None
        except OSError as reason:
            if isinstance(reason, NasmetaError):
                raise
            where = reason.filename or path
            raise JournalError(f"Cannot write to {folder}: {reason.strerror or reason} ({where}).") from reason

    def find(self, job: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Return the rows of a job that was done before."""
        return self._known.get(_key(job))

    def add(self, job: Mapping[str, Any], rows: list[dict[str, Any]]) -> None:
        """Record a job; from then on a killed process loses nothing of it."""
        self._known[_key(job)] = rows
        if self._file is not None:
            plain = [{key: _plain(value) for key, value in row.items()} for row in rows]
            self._file.write(json.dumps({"job": job, "rows": plain}).encode() + b"\n")
            self._file.flush()


def _read(path: Path, file: BinaryIO, header: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    file.seek(0)
    content = file.read()
    whole = content.rfind(b"\n") + 1
    if not whole:
        if content and not json.dumps(header).encode().startswith(content):
            raise JournalError(f"{path} is no journal of a predictor benchmark; nothing in it was changed.")
        file.truncate(0)
        file.write(json.dumps(header).encode() + b"\n")
        file.flush()
        return {}
    first, *lines = content[:whole].splitlines()
    found = loaded(first)
    if not isinstance(found, dict) or "nasmeta_prediction" not in found:
        raise JournalError(f"{path} is no journal of a predictor benchmark; nothing in it was changed.")
    if differences := differences_from(found, header, _NOT_COMPARED):
        raise JournalError(f"{path} is of another benchmark: {differences}. Use another folder.")
    known = {}
    for number, line in enumerate(lines, start=2):
        record = loaded(line)
        if not (isinstance(record, dict) and isinstance(record.get("job"), dict) and _are_rows(record.get("rows"))):
            raise JournalError(f"{path}, line {number}: {line[:60]!r} is no record. The file is damaged.")
        known[_key(record["job"])] = record["rows"]
    if whole < len(content):
        file.truncate(whole)
    return known


def _are_rows(rows: Any) -> bool:
    return isinstance(rows, list) and bool(rows) and all(isinstance(row, dict) and "scope" in row for row in rows)


def _key(job: Mapping[str, Any]) -> str:
    return json.dumps(job, sort_keys=True)


def _plain(value: Any) -> Any:
    """Return a value that JSON has; it has no NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
