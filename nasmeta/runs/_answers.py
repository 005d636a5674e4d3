"""Where a run on a simulated clock gets its values: evaluators, and in front of them a journal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import JournalError
from nasmeta.evaluators import Evaluator
from nasmeta.runs._journal import Journal, is_there, read_records
from nasmeta.runs._simulation import Answer, Started

__all__ = ["RunAnswers", "read_started"]

Known = Mapping[int, tuple[NDArray[np.float64], NDArray[np.float64]]]  # values and costs by epochs


class RunAnswers:
    """Answer from the journal as long as it lasts, then from the evaluator of each length of training.

    Parameters
    ----------
    evaluators : mapping of int to Evaluator
        By epochs.
    journal : Journal, optional
    """

    def __init__(self, evaluators: Mapping[int, Evaluator], journal: Journal | None = None) -> None:
        self._evaluators, self._journal = dict(evaluators), journal
        self._recorded = [] if journal is None else started_of(journal.path, journal.records)
        self._searcher_seconds = [] if journal is None else [d.get("searcher_seconds") for d in journal.details]

    def is_recorded(self, position: int) -> bool:
        """Tell whether the evaluation in this position is answered from the journal."""
        return position < len(self._recorded)

    def replayed_searcher_seconds(self, position: int) -> float | None:
        """Return what was charged for the proposal in this position, where it is recorded."""
        return self._searcher_seconds[position] if position < len(self._searcher_seconds) else None

    def answer(self, position: int, cell: int, epochs: int) -> Answer:
        """Return value and cost: recorded ones, or those of a training from scratch."""
        if position < len(self._recorded):
            was = self._recorded[position]
            if (was.cell, was.epochs) != (cell, epochs):
                assert self._journal is not None
                raise JournalError(
                    f"{self._journal.path}, line {position + 2}: it records cell {was.cell} after {was.epochs} epochs, "
                    f"but the searcher proposes {cell} for {epochs}. The journal was written by another version of the "
                    "searcher, of nasmeta or of numpy, or was altered. Use another file, or delete this one to start "
                    "over."
                )
            return Answer(was.value, was.cost_seconds, was.failure)
        evaluation = self._evaluators[epochs].evaluate(np.array([cell], np.int32))
        failure = evaluation.failures[0] if evaluation.failures else None
        return Answer(float(evaluation.values[0]), float(evaluation.cost_seconds[0]), failure)

    def record(self, position: int, started: Started, searcher_seconds: float) -> None:
        """Write an evaluation to the journal, if there is one and it does not hold it."""
        if self._journal is None or position < len(self._recorded):
            return
        details: dict[str, Any] = {"start": started.start, "worker": started.worker, "epochs": started.epochs}
        if searcher_seconds:
            details["searcher_seconds"] = searcher_seconds
        if started.failure is not None:
            details["failure"] = started.failure
        self._journal.append_detailed(started.cell, started.value, started.cost_seconds, details)


def read_started(path: Path, header: Mapping[str, Any], known: Known | None) -> list[Started] | None:
    """Return what a journal on a simulated clock records; None where there is no journal yet.

    Raises
    ------
    JournalError
        Where it is another run's, is damaged, or a value or cost is not that of the table.
    """
    if not is_there(path):
        return None
    records = read_records(path, header)
    if records is None:
        return None
    started = started_of(path, records)
    check_known(path, header, started, known)
    return started


def check_known(path: Path, header: Mapping[str, Any], started: list[Started], known: Known | None) -> None:
    """Refuse a record whose value or cost is not that of the table; a continued training costs its part."""
    continued = (header.get("clock") or {}).get("promotion") == "continued"
    for line, one in enumerate(started, start=2) if known is not None else ():
        columns = known.get(one.epochs)  # type: ignore[union-attr]
        if columns is None or one.cell >= len(columns[0]):
            what, is_there, due = "value", one.value, "nothing"
        else:
            value, cost = (float(column[one.cell]) for column in columns)
            if one.value != value:
                what, is_there, due = "value", one.value, repr(value)
            elif one.cost_seconds != cost and not (continued and 0 <= one.cost_seconds < cost):
                what, is_there, due = "cost", one.cost_seconds, repr(cost)
            else:
                continue
        raise JournalError(
            f"{path}, line {line}: the {what} of cell {one.cell} after {one.epochs} epochs is {is_there!r} there, "
            f"but {due} in the table. The file was altered, or the table was. Use another file."
        )


def started_of(path: Path, records: Any) -> list[Started]:
    """Return records as evaluations on the clock."""
    started = []
    rows = zip(records.cells, records.values, records.cost_seconds, records.details, strict=True)
    for line, (cell, value, cost, details) in enumerate(rows, start=2):
        start, worker, epochs = (details.get(name) for name in ("start", "worker", "epochs"))
        if (
            type(start) is not float
            or type(worker) is not int
            or type(epochs) is not int
            or type(details.get("searcher_seconds", 0.0)) is not float
        ):
            raise JournalError(
                f"{path}, line {line}: {details!r:.80} says no start, worker and epochs. The file is damaged."
            )
        started.append(Started(cell, epochs, value, cost, start, worker, details.get("failure")))
    return started
