"""The journal of a run: a trace in a file."""

from __future__ import annotations

from json import JSONEncoder
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from nasmeta.arrays import Facts
from nasmeta.errors import JournalError
from nasmeta.evaluators import Evaluation
from nasmeta.journals import JournalFile
from nasmeta.runs._config import RunConfig
from nasmeta.runs._trace import Trace

_encode = JSONEncoder().encode
_ROUNDING = 1e-4  # relative error of predictions


class Journal(JournalFile):
    """The file of one run, open for appending and locked against other processes.

    Each line after the header is ``[architecture, value, cost_seconds, checksum]``. For several
    objectives, the value is a list. An object before the checksum may contain ``failure`` (the
    reason), ``note`` (notes of searcher and evaluator), and on a simulated clock ``start``,
    ``worker`` and ``epochs``.

    Attributes
    ----------
    past : Trace
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

    def __init__(self, path: Path, header: Facts) -> None:
        super().__init__(path, header)
        self.past = _trace_of(self.records)

    def append(
        self, architecture: int, value: Any, cost_seconds: float, details: Facts | None = None
    ) -> None:
        """Record one evaluation; it reaches the file at once, or with others a tenth of a second later."""
        is_number = isinstance(value, float) and isfinite(value)
        text = repr(value) if is_number else _encode(value)  # repr is faster
        line = f"{architecture},{text},{cost_seconds!r}"
        if details:
            line += f",{_encode(details)}"
        self.add(line)


def read_journal(path: Path, header: Facts | None = None) -> tuple[Facts, Trace] | None:
    """Return the header and the trace in a journal; None if it does not exist or contains no evaluation."""
    contents = Journal.read(path, header)
    if contents is None:
        return None
    return contents.header, _trace_of(contents.records)


def require_journal(path: Path) -> tuple[Facts, Trace]:
    """Return the header and the trace in a journal; raise a JournalError if it contains no evaluation.

    Examples
    --------
    >>> import tempfile
    >>> import nasmeta as nm
    >>> from nasmeta.runs import require_journal
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = nm.search("random", "nb201/cifar10", evaluations=5, journal=f"{folder}/run.jsonl")
    ...     header, trace = require_journal(Path(folder, "run.jsonl"))
    >>> header["searcher"], len(trace)
    ('random', 5)
    """
    contents = read_journal(path)
    if contents is None:
        raise JournalError(
            f"{path} contains no run. Create it with nasmeta search … --journal {path}."
        )
    return contents


def recorded_prediction(header: Facts) -> Facts:
    """Return the source of predicted values, from the header of a journal; empty if they are not predictions.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.runs import recorded_prediction
    >>> run = nm.search("random", "nb201/cifar10", evaluator="surrogate", evaluations=5)
    >>> recorded_prediction(run.config.identity)["by"]
    'surrogate nb201/cifar10'
    """
    prediction: Facts = header.get("predicted", {})
    if not prediction and header.get("evaluator", {}).get("kind") == "surrogate":
        return {"by": "a surrogate"}  # of an older version
    return prediction


def _trace_of(rows: list[list[Any]]) -> Trace:
    trace = Trace()
    if rows:
        _, value, _, *details = rows[0]
        n_objectives = len(value) if isinstance(value, list) else 1
        timed = bool(details) and "start" in details[0]
        trace = Trace(n_objectives, timed=timed)
    for architecture, value, cost, *details in rows:
        if details:
            trace.append(architecture, value, cost, **details[0])
        else:
            trace.append(architecture, value, cost)
    return trace


def recorded_evaluation(
    journal: Journal, position: int, architecture: int, epochs: int
) -> Evaluation:
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
    values = np.array([value], np.float64)  # shape (1,), or (1, m)
    failures: tuple[str, ...] = ()
    if "failure" in details:
        failures = (details["failure"],)
    return Evaluation(values, np.array([cost]), failures)


def check_recorded(path: Path, past: Trace, config: RunConfig) -> None:
    """Raise a JournalError if recorded values or costs differ from those of the tables."""
    # costs then depend on the past
    continued = config.clock is not None and config.clock.promotion == "continued"
    for epochs, evaluator in config.evaluators.items():
        rows = np.arange(len(past))
        if past.timed:
            rows = np.flatnonzero(past.epochs == epochs)
        if not len(rows):
            continue
        costs = None if continued else evaluator.cost_seconds
        columns = (("value", past.values, evaluator.values), ("cost", past.cost_seconds, costs))
        for what, recorded, due in columns:
            if due is None:
                continue
            # A surrogate's sums in float32 depend on the number of architectures in a call.
            tolerance = _ROUNDING if evaluator.column.predicted else 0.0
            expected = due[past.architectures[rows]]
            wrong = ~np.isclose(recorded[rows], expected, rtol=tolerance, atol=0.0)
            if not wrong.any():
                continue
            i = rows[np.argwhere(wrong)[0][0]]
            origin = "surrogate" if evaluator.column.predicted else "table"
            raise JournalError(
                f"{path}, line {i + 2}: the {what} of architecture {past.architectures[i]} is not that of the "
                f"{origin}, which was altered. Use another file."
            )
