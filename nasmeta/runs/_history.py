"""The history of a run: the record that loop, journal and frame share."""

from __future__ import annotations

import os
from array import array
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import written
from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator
from nasmeta.plotting import ShowsFacts, Width
from nasmeta.runs._clock import Budget, Clock
from nasmeta.runs._frame import results_frame
from nasmeta.runs._picture import RunAxis, facts_of, plot_run, saved
from nasmeta.tasks import Task

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from nasmeta.runs._config import RunConfig
    from nasmeta.tables import ColumnInfo


class Best(NamedTuple):
    """The best architecture of a run and its value in the task's unit.

    Examples
    --------
    >>> import nasmeta as nm
    >>> best = nm.search("random", "nb201/cifar10", evaluations=5).best
    >>> best == (best.architecture, best.value)
    True
    """

    architecture: int
    value: float


class History(ShowsFacts):
    """The record of one run: the evaluated architectures with their values, costs and failures.

    The loop and the journal append evaluations in the order in which they start. The properties list them in the order
    in which they end, without those that the budget excludes.

    Parameters
    ----------
    config : RunConfig, optional
        The config of the run; `run_loop` returns a history without one, which contains the evaluations only.
    timed : bool, default False
        Whether starts, workers and epochs are recorded, as on a simulated clock.

    Attributes
    ----------
    stopped : {"budget", "optimum", "exhausted", "stalled"}
        Why the run ended: the budget was used up; the optimum of the task was evaluated; the searcher or the space had
        no architecture left; the searcher proposed no new architecture for very long.
    searcher_seconds : float
        The computing time of the searcher; NaN if the run was read from its journal.
    chance_of_best : float
        Estimated probability that the searched subset contains the best architecture of the task; NaN if the run
        searched the whole space or was read from its journal.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("random", "nb201/cifar10", evaluations=50, seed=1)
    >>> len(run), run.evaluations, run.stopped
    (50, 50, 'budget')
    >>> run.best == (run.incumbents[-1], run.values.max())
    True
    """

    n_objectives = 1

    def __init__(self, config: RunConfig | None = None, *, timed: bool = False) -> None:
        self.timed = timed
        self.stopped = "budget"
        self.searcher_seconds = self.chance_of_best = float("nan")
        self._config = config
        self._cells, self._values, self._costs = array("i"), array("d"), array("d")
        self._starts, self._workers, self._epochs = array("d"), array("i"), array("i")
        # By position; most evaluations have none:
        self._failures: dict[int, str] = {}
        self._notes: dict[int, Mapping[str, Any]] = {}
        self._counted: NDArray[np.intp] | slice = slice(None)  # positions within the budget, in the order of the ends

    def append(
        self,
        architecture: int,
        value: Any,
        cost_seconds: float,
        failure: str | None = None,
        note: Mapping[str, Any] | None = None,
        start: float = 0.0,
        worker: int = 0,
        epochs: int = 0,
    ) -> None:
        """Record an evaluation; with several objectives, the value is a list."""
        if note:
            self._notes[len(self._cells)] = note
        if failure is not None:
            self._failures[len(self._cells)] = failure
        self._cells.append(architecture)
        if self.n_objectives == 1:
            self._values.append(value)
        else:
            self._values.fromlist(value)
        self._costs.append(cost_seconds)
        if self.timed:
            self._starts.append(start)
            self._workers.append(worker)
            self._epochs.append(epochs)

    def row(self, position: int) -> tuple[int, Any, float, dict[str, Any]]:
        """Return cell, value, cost and details of an evaluation, as its line in a journal lists them."""
        m = self.n_objectives
        value = self._values[position] if m == 1 else self._values[position * m : (position + 1) * m].tolist()
        details: dict[str, Any] = {}
        if not (self.timed or self._failures or self._notes):
            return self._cells[position], value, self._costs[position], details
        if self.timed:
            details["start"] = self._starts[position]
            details["worker"] = self._workers[position]
            details["epochs"] = self._epochs[position]
        if position in self._failures:
            details["failure"] = self._failures[position]
        if position in self._notes:
            details["note"] = self._notes[position]
        return self._cells[position], value, self._costs[position], details

    def end(self, budget: Budget, clock: Clock, sign: float, target: float | None, full_epochs: int) -> None:
        """Exclude the evaluations that started or ended after the budget, and those after the target was reached."""
        kept = np.arange(len(self._cells))[: budget.evaluations]
        epochs = np.array(self._epochs)
        if self.timed:
            starts = np.array(self._starts)
            ends = starts + np.array(self._costs)
            kept = kept[starts[kept] < budget.most_seconds]
            kept = kept[np.argsort(ends[kept], kind="stable")]
            if clock.overshoot == "discard":
                kept = kept[ends[kept] <= budget.most_seconds]
        if target is not None:
            hits = sign * np.array(self._values)[kept] >= target
            if self.timed:
                hits &= epochs[kept] == full_epochs
            if hits.any():
                kept, self.stopped = kept[: hits.argmax() + 1], "optimum"
        self._counted = kept if self.timed else slice(len(kept))

    def of(self, config: RunConfig | None) -> History:
        """Set the config and return the history."""
        self._config = config
        return self

    @property
    def config(self) -> RunConfig:
        """The config of the run.

        Raises
        ------
        SettingError
            If `run_loop` returned the history.
        """
        if self._config is None:
            raise SettingError("A history of run_loop has no task. Use nasmeta.search.")
        return self._config

    @property
    def evaluator(self) -> Evaluator:
        """The evaluator of the run."""
        return self.config.evaluator

    @property
    def task(self) -> Task:
        """The task of the run."""
        return self.config.evaluator.task

    @property
    def searcher(self) -> str:
        """The name of the searcher; in a comparison its label."""
        return self.config.label or self.config.searcher.name

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that were passed to the searcher."""
        return self.config.searcher.settings

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.config.seed

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the source tasks; empty without meta-learning."""
        return self.config.source_names

    @property
    def clock(self) -> Clock:
        """The simulated clock."""
        return self.config.clock or Clock()

    @property
    def space(self) -> str:
        """The searched part of the space: ``all``, ``learned:0.1``, or ``measured:0.128`` for a partial table."""
        return self.config.searched_space

    @property
    def warm_start(self) -> str:
        """The number of first architectures that the sources chose: ``0``, ``5``, or ``5/second``."""
        return self.config.searcher.transfer.warm_start_name

    def _column(self, column: array[Any]) -> NDArray[Any]:
        return np.array(column)[self._counted]

    @property
    def architectures(self) -> NDArray[np.int32]:
        """The architectures, int32, shape (n,); distinct unless repeats are charged or trainings differ in length."""
        return self._column(self._cells)

    @property
    def values(self) -> NDArray[np.float64]:
        """The values in the unit of the task, NaN for a failure without a value; float64, shape (n,)."""
        return self._column(self._values)

    _scores = values  # one number per evaluation, for the frame

    @property
    def cost_seconds(self) -> NDArray[np.float64]:
        """The training seconds of each evaluation, float64, shape (n,)."""
        return self._column(self._costs)

    @property
    def start_seconds(self) -> NDArray[np.float64]:
        """When each evaluation started on the simulated clock, float64, shape (n,)."""
        if not self.timed:
            return np.append(0.0, self.cost_seconds.cumsum())[: len(self)]
        return self._column(self._starts)

    @property
    def end_seconds(self) -> NDArray[np.float64]:
        """When each evaluation ended on the simulated clock, ascending; float64, shape (n,)."""
        if not self.timed:
            return self.cost_seconds.cumsum()
        return self.start_seconds + self.cost_seconds

    @property
    def workers(self) -> NDArray[np.int32]:
        """The simulated worker of each evaluation, int32, shape (n,)."""
        return self._column(self._workers) if self.timed else np.zeros(len(self), np.int32)

    @property
    def epochs(self) -> NDArray[np.int32]:
        """The length of each training, 0 without a training; int32, shape (n,)."""
        return self._column(self._epochs) if self.timed else np.full(len(self), self.full_epochs, np.int32)

    @property
    def failures(self) -> dict[int, str]:
        """The reasons of failed evaluations, by architecture."""
        architectures: list[int] = self.architectures.tolist() if self._failures else []
        return {architectures[position]: reason for position, reason in self._reasons().items()}

    def _reasons(self) -> dict[int, str]:
        """Return the reasons of failed evaluations, by their position in `architectures`."""
        counted = np.arange(len(self._cells))[self._counted].tolist() if self._failures else []
        return {position: self._failures[i] for position, i in enumerate(counted) if i in self._failures}

    @property
    def notes(self) -> list[Mapping[str, Any]]:
        """The notes of searcher and evaluator on each evaluation, see `nasmeta.searchers.Searcher`; mostly empty."""
        return [self._notes.get(i, {}) for i in np.arange(len(self._cells))[self._counted].tolist()]

    @property
    def weights(self) -> pd.DataFrame:
        """The weights of the members of an ensemble such as ``meta`` at each proposal, shape (n, n_members).

        NaN for proposals without weights, such as an initial design; no columns for a searcher without members.
        """
        import pandas as pd

        rows = [note.get("weights", {}) for note in self.notes]
        return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="evaluation"))

    @property
    def full_epochs(self) -> int:
        """Epochs of a full training, as in the task; 0 without a training."""
        return self.evaluator.full_epochs

    def __len__(self) -> int:
        if isinstance(self._counted, slice):
            return len(range(len(self._cells))[self._counted])
        return len(self._counted)

    @property
    def evaluations(self) -> int:
        """The number of evaluations within the budget."""
        return len(self)

    @property
    def incumbent_positions(self) -> NDArray[np.int64]:
        """After each evaluation, the position of the best successful full training so far; int64, shape (n,).

        The first of equal values; -1 until a full training has succeeded.
        """
        utilities = self.evaluator.sign * self.values
        utilities[list(self._reasons())] = -np.inf
        if np.isnan(utilities).any():
            raise SettingError(f"The run of {self.searcher} has a value that is NaN, so it has no best architecture.")
        if self.timed:
            utilities = np.where(self.epochs == self.full_epochs, utilities, -np.inf)
        best = np.maximum.accumulate(utilities)
        better = np.append(best[:1] > -np.inf, utilities[1:] > best[:-1])[: len(utilities)]
        return np.maximum.accumulate(np.where(better, np.arange(len(utilities)), -1))

    @property
    def incumbents(self) -> NDArray[np.int32]:
        """After each evaluation, the best architecture so far; int32, shape (n,).

        The worst one of the task until a full training has succeeded; if the values are not known in advance, the worst
        one of the run.
        """
        return self._incumbents()[0]

    def _incumbents(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the incumbents and their values."""
        positions = self.incumbent_positions
        architectures, values = self.architectures[positions], self.values[positions]
        if len(positions) and positions[0] < 0:
            known = self.evaluator.values
            candidates = self.values if known is None else known
            worst = int(np.argmin(np.nan_to_num(self.evaluator.sign * candidates, nan=np.inf)))
            architectures[positions < 0] = self.architectures[worst] if known is None else worst
            values[positions < 0] = candidates[worst]
        return architectures, values

    @property
    def best(self) -> Best:
        """The best architecture and its value.

        Raises
        ------
        SettingError
            If no evaluation succeeded.
        """
        position = self.incumbent_positions[-1] if len(self) else -1
        if position < 0:
            reason = next(iter(self.failures.values()), "Give it a larger budget.")
            raise SettingError(
                f"The run of {self.searcher} on {self.task.name} has no best architecture, because no full training or "
                f"evaluation succeeded: {reason}"
            )
        return Best(int(self.architectures[position]), float(self.values[position]))

    def report(self) -> dict[ColumnInfo, float]:
        """Return the values of the best architecture in the report columns, such as its test accuracy.

        Returns
        -------
        dict of ColumnInfo to float
            Empty if the table has no report column; each column has its split, seed and release.
        """
        return self.evaluator.report(self.best.architecture)

    def frame(self) -> pd.DataFrame:
        """Return the results frame of the run, one row per evaluation.

        Returns
        -------
        DataFrame
            Columns: task, searcher, seed, evaluation (1, 2, …), cell, value, cost_seconds, simulated_seconds (its end
            on the clock), incumbent, incumbent_value, regret (distance to the optimum of the task), worker, epochs,
            clock (workers and rules), space, warm_start, stopped (see `History`) and failure (a reason or an empty
            string). Until a full training succeeds, the incumbent is the worst architecture.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.search("random", "nb201/cifar10", evaluations=50).frame().shape
        (50, 18)
        """
        return results_frame([self])

    def plot(
        self, path: str | os.PathLike[str] | None = None, x: RunAxis = "evaluation", width: Width = None
    ) -> Figure:
        """Draw the values and the best value so far.

        Parameters
        ----------
        path : path, optional
            Also save the figure in this file; its suffix is the format, such as ``.png`` or ``.pdf``.
        x : {"evaluation", "simulated_seconds"}
        width : str or float, optional
            As in `nasmeta.analysis.plot_regret`; by default 4.6 inches.

        Raises
        ------
        SettingError, UnknownNameError
            If nothing was evaluated, or the axis is unknown.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.search("random", "nb201/cifar10", evaluations=20).plot().axes[0].get_title()
        'random, seed 0: CIFAR-10'
        """
        return saved(plot_run(self, x, width), path)

    def _facts(self) -> dict[str, object]:
        return {} if self._config is None else facts_of(self)

    def _result(self) -> str:
        if not len(self) or self.incumbent_positions[-1] < 0:
            return ""
        return f", best {self.best.architecture} with {written(self.best.value)}"

    def __repr__(self) -> str:
        count = f"{len(self)} evaluations, stopped by {self.stopped}"
        if self._config is None:
            return f"History({count})"
        name = type(self).__name__
        return f"{name}({self.searcher} on {self.task.name}, seed {self.seed}: {count}{self._result()})"
