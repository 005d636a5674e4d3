"""The journal of a run: written, read as a history, checked against the table, and replayed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import JournalError
from nasmeta.evaluators import Evaluation, Evaluator, SupportsEvaluate, evaluate_or_fail
from nasmeta.journals import JournalFile
from nasmeta.runs._front_history import history_for
from nasmeta.runs._history import History


class Records(NamedTuple):
    """The recorded evaluations, in the order in which they started.

    The `details` of an evaluation may contain ``failure`` (the reason), ``note`` (remarks of searcher and evaluator),
    and on a simulated clock ``start``, ``worker``, ``epochs`` and ``searcher_seconds``.
    """

    cells: list[int]
    values: list[Any]  # lists of numbers for several objectives; NaN for a failure without a value
    cost_seconds: list[float]
    details: list[dict[str, Any]]

    @property
    def failures(self) -> list[str | None]:
        """The reason of each failed evaluation; None for the others."""
        return [details.get("failure") for details in self.details]

    @property
    def notes(self) -> list[Mapping[str, Any]]:
        """The remarks on each evaluation; empty for most."""
        return [details.get("note", {}) for details in self.details]

    def after(self, epochs: int, timed: bool) -> tuple[list[int], list[Any], dict[int, str]]:
        """Return cells, values and failures of trainings of this length; all of them without a clock."""
        kept = [i for i, details in enumerate(self.details) if not timed or details["epochs"] == epochs]
        failures = {self.cells[i]: self.details[i]["failure"] for i in kept if "failure" in self.details[i]}
        return [self.cells[i] for i in kept], [self.values[i] for i in kept], failures

    def history(self, n_objectives: int, *, timed: bool) -> History:
        """Return the records as a history."""
        history = history_for(n_objectives, timed=timed)
        if not timed:
            history.append(self.cells, self.values, self.cost_seconds, self.failures, notes=self.notes)
            return history
        for i, own in enumerate(self.details):
            when = own["start"], own["worker"], own["epochs"]
            failures, notes = [own.get("failure")], [own.get("note", {})]
            history.append([self.cells[i]], [self.values[i]], [self.cost_seconds[i]], failures, *when, notes)
        return history


class Journal(JournalFile):
    """The file of one run, open for appending and locked against other processes.

    Each line after the header is ``[cell, value, cost_seconds, checksum]``, or has `Records.details` before the
    checksum. For several objectives the value is a list.

    >>> import tempfile
    >>> import nasmeta as nm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = nm.search("random", "nb201/cifar10", evaluations=5, journal=f"{folder}/run.jsonl")
    ...     with Journal(Path(folder, "run.jsonl"), run.config.identity) as journal:
    ...         recorded = journal.evaluations.cells
    >>> recorded == run.cells.tolist()
    True
    """

    mark, of = "nasmeta_journal", "run"
    not_compared = ("written_by", "picked")

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        super().__init__(path, header)
        self.evaluations = _evaluations(self.records)

    def append(self, cell: int, value: Any, cost_seconds: float, details: Mapping[str, Any] | None = None) -> None:
        """Record one evaluation; it reaches the file at once, or with others a tenth of a second later."""
        if details:  # a failure may have no value
            self.add(f"{cell},{json.dumps(value)},{cost_seconds!r},{json.dumps(details)}")
        else:
            self.add(f"{cell},{value!r},{cost_seconds!r}")
        self.flush_now_and_then()


def read_journal(path: Path, header: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], Records] | None:
    """Return header and records of a journal; None if there is no file, or nothing is recorded in it."""
    found = Journal.read(path, header)
    return None if found is None else (found.header, _evaluations(found.records))


def require_journal(path: Path) -> tuple[dict[str, Any], Records]:
    """Return header and records of a journal; raise a JournalError if nothing is recorded."""
    found = read_journal(path)
    if found is None:
        raise JournalError(f"{path} records no run. Create it with nasmeta search … --journal {path}.")
    return found


def _evaluations(rows: list[list[Any]]) -> Records:
    cells, values, costs = ([row[i] for row in rows] for i in range(3))
    return Records(cells, values, costs, [row[3] if len(row) > 3 else {} for row in rows])


class Replay:
    """Return recorded evaluations while the journal lasts, then those of evaluators, and record the latter.

    The same searcher with the same seed repeats the recorded part of its run and continues after it.
    """

    def __init__(self, journal: Journal, timed: bool) -> None:
        self._journal, self._timed, self._past = journal, timed, journal.evaluations

    def holds(self, position: int) -> bool:
        """Return whether the evaluation in this position is recorded."""
        return position < len(self._past.cells)

    def searcher_seconds(self, position: int) -> float | None:
        """Return the recorded time that was charged for the proposal in this position; None if nothing is recorded."""
        return self._past.details[position].get("searcher_seconds") if self.holds(position) else None

    def evaluate(self, position: int, cells: NDArray[np.int32], epochs: int, evaluator: SupportsEvaluate) -> Evaluation:
        """Return values and costs of cells from this position on, shape (n,).

        Raises
        ------
        JournalError
            If other cells, or trainings of another length, are recorded there.
        """
        if not self.holds(position):
            return evaluate_or_fail(evaluator, cells)
        past, held = self._past, slice(position, min(position + len(cells), len(self._past.cells)))
        for i, cell in zip(range(position, held.stop), cells.tolist(), strict=False):
            was = past.details[i]["epochs"] if self._timed else epochs
            if past.cells[i] != cell or was != epochs:
                raise JournalError(
                    f"{self._journal.path}, line {i + 2}: it records cell {past.cells[i]} ({was} epochs), but the "
                    f"searcher proposes {cell} ({epochs} epochs). The journal was written by another version of the "
                    "searcher, of nasmeta or of numpy. Use another file, or delete this one to start over."
                )
        values, costs = np.array(past.values[held], np.float64), np.array(past.cost_seconds[held])
        failures = [details.get("failure") for details in past.details[held]]
        notes = [details.get("note", {}) for details in past.details[held]]
        if len(values) < len(cells):
            rest = evaluate_or_fail(evaluator, cells[len(values) :])
            values, costs = np.concatenate([values, rest.values]), np.append(costs, rest.cost_seconds)
            failures = [*failures, *(rest.failures or [None] * len(rest.values))]
            notes = [*notes, *(rest.notes or [{}] * len(rest.values))]
        return Evaluation(values, costs, tuple(failures) if any(failures) else (), tuple(notes) if any(notes) else ())

    def record(
        self,
        position: int,
        cells: list[int],
        values: list[Any],
        cost_seconds: list[float],
        failures: Sequence[str | None],
        start: float,
        worker: int,
        epochs: int,
        searcher_seconds: float,
        notes: Sequence[Mapping[str, Any]] | None,
    ) -> None:
        """Write evaluations from this position on that the journal does not contain yet."""
        plain = not (self._timed or failures or notes)
        for i in range(max(len(self._past.cells) - position, 0), len(cells)):
            if plain:  # almost all evaluations
                self._journal.append(cells[i], values[i], cost_seconds[i])
                continue
            details: dict[str, Any] = {}
            if self._timed:
                details = {"start": start, "worker": worker, "epochs": epochs}
                if searcher_seconds:
                    details["searcher_seconds"] = searcher_seconds
            if failures and failures[i] is not None:
                details["failure"] = failures[i]
            if notes and notes[i]:
                details["note"] = notes[i]
            self._journal.append(cells[i], values[i], cost_seconds[i], details)


def check_recorded(path: Path, past: History, evaluators: Mapping[int, Evaluator], *, costs: bool) -> None:
    """Raise a JournalError if recorded values, or costs, differ from those of the tables (evaluators by epochs)."""
    for epochs, one in evaluators.items():
        rows = np.flatnonzero(past.epochs == epochs) if past.timed else np.arange(len(past))
        columns = [("value", past.values, one.values)] + [("cost", past.cost_seconds, one.cost_seconds)] * costs
        for what, recorded, due in columns:
            if due is None or not (wrong := recorded[rows] != due[past.cells[rows]]).any():
                continue
            i = rows[np.argwhere(wrong)[0][0]]
            raise JournalError(
                f"{path}, line {i + 2}: the {what} of cell {past.cells[i]} is {recorded[i].tolist()!r} there, but "
                f"{due[past.cells[i]].tolist()!r} in the table. The table was altered. Use another file."
            )
