"""What a journal holds: read as a history, checked against the table, and replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import JournalError, shown
from nasmeta.evaluators import Evaluation, Evaluator, SupportsEvaluate, evaluate_or_fail
from nasmeta.runs._front_history import history_for
from nasmeta.runs._history import History
from nasmeta.runs._journal import Journal, Records


class Replay:
    """Answer from a journal as long as it lasts, then from evaluators; record what the journal does not hold.

    Running the same searcher from the same seed on it repeats the recorded part of the run and goes on after it.
    """

    def __init__(self, journal: Journal, timed: bool) -> None:
        self._journal, self._timed = journal, timed
        past = recorded_history(journal.path, journal.records, timed)
        self._cells, self._values, self._costs = past.cells.tolist(), past.values, past.cost_seconds
        self._epochs = past.epochs.tolist() if timed else []
        self._failures = _reasons(journal.records, timed)
        self._notes: list[Mapping[str, Any]] = [details.get("note") or {} for details in journal.details]
        self._thought = [details.get("searcher_seconds") for details in journal.details]

    def holds(self, position: int) -> bool:
        """Tell whether the evaluation in this position is answered from the journal."""
        return position < len(self._cells)

    def searcher_seconds(self, position: int) -> float | None:
        """Return what was charged for the proposal in this position, where it is recorded."""
        return self._thought[position] if self.holds(position) else None

    def evaluate(self, position: int, cells: NDArray[np.int32], epochs: int, evaluator: SupportsEvaluate) -> Evaluation:
        """Return values and costs of cells from this position on, shape (n,), unless others are recorded there."""
        if not self.holds(position):
            return evaluate_or_fail(evaluator, cells)
        held = slice(position, min(position + len(cells), len(self._cells)))
        for i, cell in zip(range(position, held.stop), cells.tolist(), strict=False):
            if self._cells[i] != cell or (self._timed and self._epochs[i] != epochs):
                was, now = (f" after {self._epochs[i]} epochs", f" for {epochs}") if self._timed else ("", "")
                raise JournalError(
                    f"{self._journal.path}, line {i + 2}: it records cell {self._cells[i]}{was}, but the searcher "
                    f"proposes {cell}{now}. The journal was written by another version of the searcher, of nasmeta or "
                    "of numpy, or was altered. Use another file, or delete this one to start over."
                )
        values, costs, failures = self._values[held], self._costs[held], self._failures[held]
        notes = self._notes[held]
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
        """Write evaluations from this position on, as far as the journal does not hold them."""
        if (held := len(self._cells) - position) > 0:
            cells, values = cells[held:], values[held:]
            cost_seconds, failures = cost_seconds[held:], failures[held:]
            notes = notes and notes[held:]
        if not cells:
            return
        if not self._timed:
            self._journal.append(cells, values, cost_seconds, failures, notes)
            return
        details: dict[str, Any] = {"start": start, "worker": worker, "epochs": epochs}
        if searcher_seconds:
            details["searcher_seconds"] = searcher_seconds
        if any(failures):
            details["failure"] = failures[0]
        if notes:
            details["note"] = notes[0]
        self._journal.append_detailed(cells[0], values[0], cost_seconds[0], details)


def recorded_history(path: Path, records: Records, timed: bool, n_objectives: int | None = None) -> History:
    """Return what a journal records, of a run on a simulated clock or of one without.

    How many objectives there are the first value says, where that is left out.
    """
    history, reasons = history_for(n_objectives or records.n_objectives, timed=timed), _reasons(records, timed)
    notes = [details.get("note") or {} for details in records.details]
    if not timed:
        history.append(records.cells, records.values, records.cost_seconds, reasons, notes=notes)
        return history
    rows = zip(records.cells, records.values, records.cost_seconds, reasons, notes, records.details, strict=True)
    for line, (cell, value, cost, reason, note, details) in enumerate(rows, start=2):
        start, worker, epochs = (details.get(name) for name in ("start", "worker", "epochs"))
        if (
            type(start) is not float
            or type(worker) is not int
            or type(epochs) is not int
            or type(details.get("searcher_seconds", 0.0)) is not float
        ):
            raise JournalError(
                f"{path}, line {line}: {shown(details)} says no start, worker and epochs. The file is damaged."
            )
        history.append([cell], [value], [cost], [reason], start, worker, epochs, [note])
    return history


def _reasons(records: Records, timed: bool) -> list[str | None]:
    """Return why each training failed, None where it did not."""
    if timed:
        return [details.get("failure") for details in records.details]
    return [records.failures.get(cell) for cell in records.cells] if records.failures else [None] * len(records.cells)


def check_recorded(path: Path, past: History, evaluators: Mapping[int, Evaluator], *, continued: bool = False) -> None:
    """Refuse values and costs of a past that are not those of the tables (evaluators by epochs), where these are known.

    With `continued` the training of what was trained before costs a part.
    """
    cells = past.cells
    values_due, costs_due = np.full(past.values.shape, np.nan), np.full(len(cells), np.nan)
    for epochs, one in evaluators.items():
        if one.values is None or one.cost_seconds is None:
            return
        there = cells < len(one.values)
        if past.timed:
            there &= past.epochs == epochs
        elif not there.all():
            i = int(np.argmin(there))
            raise JournalError(
                f"{path}, line {i + 2}: there is no cell {cells[i]}, the last one is {len(one.values) - 1}. "
                "The file is damaged."
            )
        values_due[there], costs_due[there] = one.values[cells[there]], one.cost_seconds[cells[there]]
    for what, recorded, expected in (("value", past.values, values_due), ("cost", past.cost_seconds, costs_due)):
        wrong = recorded != expected
        wrong = wrong.any(axis=1) if wrong.ndim > 1 else wrong
        if continued and what == "cost":
            wrong &= ~((recorded >= 0) & (recorded < expected))
        if wrong.any():
            i = int(np.argmax(wrong))
            after = f" after {past.epochs[i]} epochs" if past.timed else ""
            raise JournalError(
                f"{path}, line {i + 2}: the {what} of cell {cells[i]}{after} is {recorded[i].tolist()!r} there, but "
                f"{expected[i].tolist()!r} in the table. The file was altered, or the table was. Use another file."
            )
