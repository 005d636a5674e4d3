"""The trace of a run: its evaluations, in columns."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.arrays import Architectures, Array, Facts, Floats
from nasmeta.runs._clock import Budget, Clock


class Trace:
    """The evaluated architectures of one run with their values, costs and failures.

    The loop and the journal append evaluations in the order in which they start. The properties
    list them in the order in which they end, without those that the budget excludes.

    Parameters
    ----------
    n_objectives : int, default 1
    full_epochs : int, default 0
        The epochs of a full training.
    timed : bool, default False
        Whether starts, workers and epochs are recorded, as on a simulated clock.
    index_type : type, default int32
        The integer type of architectures, as in `nasmeta.SearchSpace`.

    Attributes
    ----------
    stopped : {"budget", "optimum", "exhausted", "stalled"}
        Why the run ended: the budget was used up; the optimum of the task was evaluated; the
        searcher or the space had no architecture left; the searcher proposed no new architecture
        for very long.
    searcher_seconds : float
        The computing time of the searcher; NaN if the run was read from its journal.

    Examples
    --------
    >>> from nasmeta.runs import Trace
    >>> trace = Trace()
    >>> trace.append(6111, 91.6, 2879.7)
    >>> trace.append(0, 10.0, 731.5)
    >>> trace.architectures.tolist(), trace.end_seconds.tolist()
    ([6111, 0], [2879.7, 3611.2])
    """

    def __init__(
        self,
        n_objectives: int = 1,
        full_epochs: int = 0,
        *,
        timed: bool = False,
        index_type: type[np.integer[Any]] = np.int32,
    ) -> None:
        self.n_objectives, self.full_epochs, self.timed = n_objectives, full_epochs, timed
        self.stopped = "budget"
        self.searcher_seconds = float("nan")
        self.index_type = index_type
        self._architectures, self._values, self._costs = array("q"), array("d"), array("d")
        self._starts, self._workers, self._epochs = array("d"), array("i"), array("i")
        # By position; most evaluations have none:
        self._failures: dict[int, str] = {}
        self._notes: dict[int, Facts] = {}
        # positions within the budget, in the order of the ends
        self._counted: NDArray[np.intp] | slice = slice(None)

    def append(
        self,
        architecture: int,
        value: Any,
        cost_seconds: float,
        failure: str | None = None,
        note: Facts | None = None,
        start: float = 0.0,
        worker: int = 0,
        epochs: int = 0,
    ) -> None:
        """Record an evaluation; with several objectives, the value is a list."""
        if note:
            self._notes[len(self._architectures)] = note
        if failure is not None:
            self._failures[len(self._architectures)] = failure
        self._architectures.append(architecture)
        if self.n_objectives == 1:
            self._values.append(value)
        else:
            self._values.fromlist(value)
        self._costs.append(cost_seconds)
        if self.timed:
            self._starts.append(start)
            self._workers.append(worker)
            self._epochs.append(epochs)

    def extend(self, architectures: Architectures, values: Floats, cost_seconds: Floats) -> None:
        """Record successful full trainings, shape (n,) each, without a clock."""
        self._architectures.extend(architectures.tolist())
        self._values.extend(values.tolist())
        self._costs.extend(cost_seconds.tolist())

    def row(self, position: int) -> tuple[int, Any, float, dict[str, Any]]:
        """Return architecture, value, cost and details of an evaluation, as its line in a journal lists them."""
        details: dict[str, Any] = {}
        if self.timed:
            details["start"] = self._starts[position]
            details["worker"] = self._workers[position]
            details["epochs"] = self._epochs[position]
        if position in self._failures:
            details["failure"] = self._failures[position]
        if position in self._notes:
            details["note"] = self._notes[position]
        value: Any
        if self.n_objectives == 1:
            value = self._values[position]
        else:
            begin = position * self.n_objectives
            value = self._values[begin : begin + self.n_objectives].tolist()
        return self._architectures[position], value, self._costs[position], details

    @property
    def rows(self) -> list[tuple[int, Any, float, dict[str, Any]]]:
        """All evaluations in the order of their starts, as `row` lists them, with those outside the budget."""
        return [self.row(position) for position in range(len(self._architectures))]

    def end(self, budget: Budget, clock: Clock, sign: Any, target: float | None) -> None:
        """Exclude the evaluations that started or ended after the budget, and those after the target was reached."""
        self._counted = slice(None)
        kept = np.arange(len(self))[: budget.evaluations]
        if self.timed:
            ends = self.end_seconds
            kept = kept[self.start_seconds[kept] < budget.most_seconds]
            kept = kept[np.argsort(ends[kept], kind="stable")]
            if clock.overshoot == "discard":
                kept = kept[ends[kept] <= budget.most_seconds]
        if target is not None:
            hits = (sign * self.values[kept] >= target) & (self.epochs[kept] == self.full_epochs)
            if hits.any():
                kept, self.stopped = kept[: hits.argmax() + 1], "optimum"
        self._counted = kept
        if not self.timed:
            self._counted = slice(len(kept))

    def _column(self, column: array[Any]) -> Array:
        return np.array(column)[self._counted]

    @property
    def architectures(self) -> Architectures:
        """The architectures, int32 (int64 in a large space), shape (n,).

        They are distinct unless repeats are charged or trainings differ in length.
        """
        return self._column(self._architectures).astype(self.index_type)

    @property
    def values(self) -> Floats:
        """The values in the units of the task, NaN for a failure without a value; float64.

        Shape (n,), or (n, m) with m objectives.
        """
        values = np.array(self._values)
        if self.n_objectives > 1:
            values = values.reshape(-1, self.n_objectives)
        return values[self._counted]

    @property
    def cost_seconds(self) -> Floats:
        """The training seconds of each evaluation, float64, shape (n,)."""
        return self._column(self._costs)

    @property
    def start_seconds(self) -> Floats:
        """When each evaluation started on the simulated clock, float64, shape (n,)."""
        if self.timed:
            return self._column(self._starts)
        starts = np.zeros(len(self))
        starts[1:] = self.cost_seconds[:-1].cumsum()
        return starts

    @property
    def end_seconds(self) -> Floats:
        """When each evaluation ended on the simulated clock, ascending; float64, shape (n,)."""
        return self.start_seconds + self.cost_seconds

    @property
    def workers(self) -> Architectures:
        """The simulated worker of each evaluation, int32, shape (n,)."""
        if not self.timed:
            return np.zeros(len(self), np.int32)
        return self._column(self._workers)

    @property
    def epochs(self) -> Architectures:
        """The length of each training, 0 without a training; int32, shape (n,)."""
        if not self.timed:
            return np.full(len(self), self.full_epochs, np.int32)
        return self._column(self._epochs)

    @property
    def _positions(self) -> list[int]:
        """The positions of the evaluations in the order of their starts."""
        positions: list[int] = np.arange(len(self._architectures))[self._counted].tolist()
        return positions

    def reasons(self) -> dict[int, str]:
        """Return the reasons of failed evaluations, by their position in `architectures`."""
        reasons: dict[int, str] = {}
        if self._failures:
            for position, started in enumerate(self._positions):
                if started in self._failures:
                    reasons[position] = self._failures[started]
        return reasons

    @property
    def failures(self) -> dict[int, str]:
        """The reasons of failed evaluations, by architecture."""
        reasons = self.reasons()
        return dict(zip(self.architectures[[*reasons]].tolist(), reasons.values(), strict=True))

    @property
    def notes(self) -> list[Facts]:
        """The notes of searcher and evaluator on each evaluation, see `nasmeta.searchers.Searcher`; mostly empty."""
        return [self._notes.get(i, {}) for i in self._positions]

    def __len__(self) -> int:
        return len(self._column(self._architectures))
