"""The journal of a run: a history in a file."""

from __future__ import annotations

from collections.abc import Mapping
from json import JSONEncoder
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.errors import JournalError
from nasmeta.evaluators import Evaluation, Evaluator
from nasmeta.journals import JournalFile
from nasmeta.runs._front_history import history_for
from nasmeta.runs._history import History

_encode = JSONEncoder().encode


class Journal(JournalFile):
    """The file of one run, open for appending and locked against other processes.

    Each line after the header is ``[architecture, value, cost_seconds, checksum]``. For several objectives, the value
    is a list. An object before the checksum may contain ``failure`` (the reason), ``note`` (notes of searcher and
    evaluator), and on a simulated clock ``start``, ``worker`` and ``epochs``.

    Attributes
    ----------
    past : History
        The evaluations that were in the file.

    Examples
    --------
    >>> import tempfile
    >>> import nasmeta as nm
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = nm.search("random", "nb201/cifar10", evaluations=5, journal=f"{folder}/run.jsonl")
    ...     with Journal(Path(folder, "run.jsonl"), run.config.identity) as journal:
    ...         recorded = journal.past.architectures.tolist()
    >>> recorded == run.architectures.tolist()
    True
    """

    mark, of = "nasmeta_journal", "run"
    not_compared = ("written_by", "picked")

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        super().__init__(path, header)
        self.past = _history_of(self.records)

    def append(
        self, architecture: int, value: Any, cost_seconds: float, details: Mapping[str, Any] | None = None
    ) -> None:
        """Record one evaluation; it reaches the file at once, or with others a tenth of a second later."""
        text = repr(value) if isinstance(value, float) and isfinite(value) else _encode(value)  # repr is faster
        rest = f",{_encode(details)}" if details else ""
        self.add(f"{architecture},{text},{cost_seconds!r}{rest}")


def read_journal(path: Path, header: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], History] | None:
    """Return the header and the history in a journal; None if it does not exist or contains no evaluation."""
    found = Journal.read(path, header)
    return None if found is None else (found.header, _history_of(found.records))


def require_journal(path: Path) -> tuple[dict[str, Any], History]:
    """Return the header and the history in a journal; raise a JournalError if it contains no evaluation."""
    found = read_journal(path)
    if found is None:
        raise JournalError(f"{path} contains no run. Create it with nasmeta search … --journal {path}.")
    return found


def _history_of(rows: list[list[Any]]) -> History:
    first: list[Any] = rows[0] if rows else [0, 0.0, 0.0]
    n_objectives = len(first[1]) if isinstance(first[1], list) else 1
    history = history_for(n_objectives, timed=len(first) > 3 and "start" in first[3])
    for architecture, value, cost, *rest in rows:
        details = rest[0] if rest else {}
        timing = {name: details[name] for name in ("start", "worker", "epochs") if name in details}
        history.append(architecture, value, cost, details.get("failure"), details.get("note"), **timing)
    return history


def recorded_evaluation(journal: Journal, position: int, architecture: int, epochs: int) -> Evaluation:
    """Return a recorded evaluation.

    Raises
    ------
    JournalError
        If another architecture, or a training of another length, is recorded there.
    """
    recorded, value, cost, details = journal.past.row(position)
    if (recorded, details.get("epochs", epochs)) != (architecture, epochs):
        raise JournalError(
            f"{journal.path}, line {position + 2}: the architecture is {recorded}, but the searcher proposes "
            f"{architecture} with {epochs} epochs, so another version of it wrote the journal. Use another file."
        )
    failures = (details["failure"],) if "failure" in details else ()
    return Evaluation(np.array([value], np.float64), np.array([cost]), failures)


def check_recorded(path: Path, past: History, evaluators: Mapping[int, Evaluator], *, costs: bool) -> None:
    """Raise a JournalError if recorded values, or costs, differ from those of the tables (evaluators by epochs)."""
    for epochs, one in evaluators.items() if len(past) else ():
        rows = np.flatnonzero(past.epochs == epochs) if past.timed else np.arange(len(past))
        columns = [("value", past.values, one.values)] + [("cost", past.cost_seconds, one.cost_seconds)] * costs
        for what, recorded, due in columns:
            if due is None or not (wrong := recorded[rows] != due[past.architectures[rows]]).any():
                continue
            i = rows[np.argwhere(wrong)[0][0]]
            raise JournalError(
                f"{path}, line {i + 2}: the {what} of cell {past.architectures[i]} is {recorded[i].tolist()!r}, but "
                f"{due[past.architectures[i]].tolist()!r} in the table. The table was altered. Use another file."
            )
