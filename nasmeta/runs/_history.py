"""The history of a run: an append-only record, from the loop to the frame."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import written
from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator
from nasmeta.pictures import ShowsFacts, Width
from nasmeta.runs._clock import Budget, Clock
from nasmeta.runs._frame import results_frame, weights_frame
from nasmeta.runs._picture import RunAxis, facts_of, plot_run
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
    >>> best == (best.cell, best.value)
    True
    """

    cell: int
    value: float


class History(ShowsFacts):
    """The record of one run: which architectures were evaluated, and what came back.

    The loop appends to it in the order in which evaluations start; a journal holds the same, a line an evaluation. What
    is read from it is in the order in which evaluations end. Beside the record there is the run's `RunConfig`.

    Parameters
    ----------
    config : RunConfig, optional
        Whose record it is. A loop on its own, see `run_loop`, has none; then there is nothing but the record.
    timed : bool, default False
        Whether starts, workers and epochs are recorded, as on a simulated clock.

    Attributes
    ----------
    stopped : {"budget", "optimum", "exhausted", "stalled"}
        Why the run ended: the budget was used up; the task's optimum was evaluated; the searcher or the space had no
        architecture left; the searcher proposed nothing new for very long.
    searcher_seconds : float
        The searcher's own computing time; NaN where the run was read from its journal.
    chance_of_best : float
        Estimated chance that the searched part holds the task's best architecture; NaN where that is all of the space,
        or the run was read from its journal.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("random", "nb201/cifar10", evaluations=50, seed=1)
    >>> len(run), run.evaluations, run.stopped
    (50, 50, 'budget')
    >>> run.best == (run.incumbents[-1], run.values.max())
    True
    """

    def __init__(self, config: RunConfig | None = None, *, timed: bool = False) -> None:
        self.timed = timed
        self.stopped = "budget"
        self.searcher_seconds = self.chance_of_best = float("nan")
        self._config = config
        self._cells, self._values, self._costs = array("i"), array("d"), array("d")
        self._starts, self._workers, self._epochs = array("d"), array("i"), array("i")
        self._failures: dict[int, str] = {}  # by position
        self._notes: dict[int, Mapping[str, Any]] = {}  # by position
        self._counted: NDArray[np.intp] | slice = slice(None)  # positions of what counts, in the order of the ends

    def append(
        self,
        cells: list[int],
        values: list[Any],
        cost_seconds: list[float],
        failures: Sequence[str | None] = (),
        start: float = 0.0,
        worker: int = 0,
        epochs: int = 0,
        notes: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Record evaluations, in the order in which they start; several at once are those of one batch."""
        if notes:
            said = enumerate(notes, start=len(self._cells))
            self._notes |= {i: note for i, note in said if isinstance(note, dict) and note}
        if failures:
            first = len(self._cells)
            self._failures |= {first + i: reason for i, reason in enumerate(failures) if reason is not None}
        self._cells.fromlist(cells)
        self._values.fromlist(values)
        self._costs.fromlist(cost_seconds)
        if self.timed:
            self._starts.append(start)
            self._workers.append(worker)
            self._epochs.append(epochs)

    def end(self, budget: Budget, clock: Clock, sign: float, target: float | None, full_epochs: int) -> None:
        """Keep what counts: what began within the budget, without what the target or the clock's rule cuts off."""
        epochs, ends = np.array(self._epochs), None
        if self.timed:
            ends = np.array(self._starts) + np.array(self._costs)
        kept = np.arange(len(self._cells))
        if budget.evaluations is not None:
            kept = kept[: budget.evaluations]
        if ends is not None:
            kept = kept[np.array(self._starts)[kept] < budget.most_seconds]
            kept = kept[np.argsort(ends[kept], kind="stable")]
        if target is not None:
            hits = sign * np.array(self._values)[kept] >= target
            if ends is not None:
                hits &= epochs[kept] == full_epochs
            first = np.flatnonzero(hits)[:1]
            late = ends is not None and clock.overshoot == "discard" and (ends[kept][first] > budget.most_seconds).any()
            if len(first) and not late:
                kept, self.stopped = kept[: first[0] + 1], "optimum"
        if ends is not None and clock.overshoot == "discard":
            kept = kept[ends[kept] <= budget.most_seconds]
        self._counted = kept if self.timed else slice(len(kept))

    def of(self, config: RunConfig | None) -> History:
        """Return it as the record of this run."""
        self._config = config
        return self

    @property
    def config(self) -> RunConfig:
        """Whose record it is.

        Raises
        ------
        SettingError
            Where a loop on its own made it.
        """
        if self._config is None:
            raise SettingError("This is the record of a loop on its own, of no task: nasmeta.search has both.")
        return self._config

    @property
    def evaluator(self) -> Evaluator:
        """What answered; its ``task`` is the question."""
        return self.config.evaluator

    @property
    def task(self) -> Task:
        """The question."""
        return self.config.evaluator.task

    @property
    def searcher(self) -> str:
        """The searcher's name; in a comparison its label."""
        return self.config.label or self.config.searcher.name

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that were passed; the others are the defaults of the searcher."""
        return self.config.searcher.settings

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.config.seed

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the tasks that a meta-searcher learnt from; empty for others."""
        return self.config.source_names

    @property
    def clock(self) -> Clock:
        """How simulated time passed."""
        return self.config.clock or Clock()

    @property
    def space(self) -> str:
        """Which part was searched: ``all``, as ``learned:0.1``, or as ``measured:0.128``, the share that has values."""
        return self.config.searched_space

    @property
    def warm_start(self) -> str:
        """How many first architectures the sources chose: ``0``, ``5``, or ``5/second``."""
        return self.config.searcher.guidance.warm_start_name

    @property
    def cells(self) -> NDArray[np.int32]:
        """The architectures, int32, shape (n,); distinct, but where repeats are charged or lengths are several."""
        return np.array(self._cells)[self._counted]

    @property
    def values(self) -> NDArray[np.float64]:
        """The value of each in the unit of the task's signal, NaN where it failed without one; float64, shape (n,)."""
        return np.array(self._values)[self._counted]

    _scores = values  # one number an evaluation, for the frame

    @property
    def cost_seconds(self) -> NDArray[np.float64]:
        """What each evaluation would have cost in training; float64, shape (n,)."""
        return np.array(self._costs)[self._counted]

    @property
    def start_seconds(self) -> NDArray[np.float64]:
        """When each evaluation began on the simulated clock; float64, shape (n,)."""
        if not self.timed:
            return np.append(0.0, self.cost_seconds.cumsum())[: len(self)]
        return np.array(self._starts)[self._counted]

    @property
    def end_seconds(self) -> NDArray[np.float64]:
        """When each evaluation ended on the simulated clock, ascending; float64, shape (n,)."""
        if not self.timed:
            return self.cost_seconds.cumsum()
        return self.start_seconds + self.cost_seconds

    @property
    def workers(self) -> NDArray[np.int32]:
        """On which simulated worker each ran; int32, shape (n,)."""
        return np.array(self._workers)[self._counted] if self.timed else np.zeros(len(self), np.int32)

    @property
    def epochs(self) -> NDArray[np.int32]:
        """How long each training was, 0 where nothing is trained; int32, shape (n,)."""
        if not self.timed:
            return np.full(len(self), self.full_epochs, np.int32)
        return np.array(self._epochs)[self._counted]

    @property
    def failures(self) -> dict[int, str]:
        """The architectures whose evaluation failed, and why; a training then has 0, a table its worst, others NaN."""
        cells: list[int] = self.cells.tolist() if self._failures else []
        return {cells[position]: reason for position, reason in self._reasons().items()}

    def _reasons(self) -> dict[int, str]:
        """Return why evaluations failed, by their position among those that count."""
        counted = np.arange(len(self._cells))[self._counted].tolist() if self._failures else []
        return {position: self._failures[i] for position, i in enumerate(counted) if i in self._failures}

    @property
    def notes(self) -> list[Mapping[str, Any]]:
        """What searcher and evaluator said about each proposal, see `nasmeta.searchers.Searcher`; empty for most."""
        return [self._notes.get(i, {}) for i in np.arange(len(self._cells))[self._counted].tolist()]

    @property
    def weights(self) -> pd.DataFrame:
        """Each member's weight in each proposal of an ensemble, such as ``meta``: shape (n, n_members).

        NaN where others proposed, as in the beginning; no columns for a searcher without members.
        """
        return weights_frame(self.notes)

    @property
    def full_epochs(self) -> int:
        """Epochs of a full training, those of the task; 0 where nothing is trained."""
        return self.evaluator.full_epochs

    def __len__(self) -> int:
        if isinstance(self._counted, slice):
            return len(range(len(self._cells))[self._counted])
        return len(self._counted)

    @property
    def evaluations(self) -> int:
        """How many evaluations count."""
        return len(self)

    @property
    def incumbent_positions(self) -> NDArray[np.int64]:
        """After each evaluation the position of the best full training so far, the first in ties; int64, shape (n,).

        -1 until a full training has succeeded: after fewer epochs, or a failure, there is no value of the task.
        """
        utilities = self.evaluator.sign * self.values
        utilities[list(self._reasons())] = -np.inf
        if np.isnan(utilities).any():
            raise SettingError(f"The run of {self.searcher} has a value that is NaN, so it has no best.")
        if self.timed:
            utilities = np.where(self.epochs == self.full_epochs, utilities, -np.inf)
        best = np.maximum.accumulate(utilities)
        better = np.append(best[:1] > -np.inf, utilities[1:] > best[:-1])[: len(utilities)]
        return np.maximum.accumulate(np.where(better, np.arange(len(utilities)), -1))

    @property
    def incumbents(self) -> NDArray[np.int32]:
        """After each evaluation the best cell so far, the first in ties; int32, shape (n,).

        The task's worst cell until a full training has succeeded, as nothing better is known; where not all values are
        known beforehand, the worst that the run evaluates.
        """
        return self._incumbents()[0]

    def _incumbents(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the incumbents and their values, computed together."""
        positions = self.incumbent_positions
        cells, values = self.cells[positions], self.values[positions]
        if len(positions) and positions[0] < 0:
            there = self.values if (known := self.evaluator.values) is None else known
            worst = int(np.argmin(np.nan_to_num(self.evaluator.sign * there, nan=np.inf)))
            cells[positions < 0] = self.cells[worst] if known is None else worst
            values[positions < 0] = there[worst]
        return cells, values

    @property
    def best(self) -> Best:
        """The best cell and its value.

        Raises
        ------
        SettingError
            Where nothing was evaluated, or nothing with success.
        """
        who, has = f"The run of {self.searcher} on {self.task.name}", "so it has no best"
        if not len(self):
            raise SettingError(f"{who} evaluated nothing, {has}.")
        position = self.incumbent_positions[-1]
        if position < 0:
            why = next(iter(self.failures.values()), "") or "give it a larger budget"
            what = f"training of {self.full_epochs} epochs" if self.full_epochs else "evaluation"
            raise SettingError(f"{who} ended before any {what} succeeded, {has}: {why}.")
        return Best(int(self.cells[position]), float(self.values[position]))

    def report(self) -> dict[ColumnInfo, float]:
        """Return the best cell's values in the task's report columns: what no searcher sees, such as test accuracy.

        Returns
        -------
        dict of ColumnInfo to float
            Empty where the table here holds none; each column says its split, seed and release.
        """
        return self.evaluator.report(self.best.cell)

    def frame(self) -> pd.DataFrame:
        """Return the run as a results frame, one row an evaluation.

        Returns
        -------
        DataFrame
            Columns task, searcher, seed, evaluation (1, 2, …), cell, value, cost_seconds, simulated_seconds
            (on the clock when it ended), incumbent, incumbent_value, regret (distance to the task's optimum, in the
            signal's unit), worker and epochs (of the training), clock (how time passed: workers and policies),
            space and warm_start (what of the space was searched, and how many first cells sources chose), stopped
            (why the run ended, see `History`), failure (why the evaluation failed; empty where it did not).
            Incumbent, its value and regret count full trainings that succeeded; before, they are the worst cell's.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.search("random", "nb201/cifar10", evaluations=50).frame().shape
        (50, 18)
        """
        return results_frame([self])

    def plot(self, x: RunAxis = "evaluation", width: Width = None) -> Figure:
        """Draw the values of the run, the best so far, and of an ensemble the members' weights.

        Parameters
        ----------
        x : {"evaluation", "simulated_seconds"}
        width : str or float, optional
            As in `nasmeta.analysis.plot_regret`; 4.6 inches where left out.

        Raises
        ------
        SettingError, UnknownNameError
            Also where nothing was evaluated.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.search("random", "nb201/cifar10", evaluations=20).plot().axes[0].get_title()
        'random on nb201/cifar10, seed 0'
        """
        return plot_run(self, x, width)

    def _facts(self) -> dict[str, object]:
        return {} if self._config is None else facts_of(self)

    def __repr__(self) -> str:
        if self._config is None:
            return f"History({len(self)} evaluations of no task, stopped by {self.stopped})"
        known = len(self) and self.incumbent_positions[-1] >= 0
        best = f", best {self.best.cell} with {written(self.best.value)}" if known else ""
        who = f"{self.searcher} on {self.task.name}, seed {self.seed}"
        return f"History({who}: {len(self)} evaluations, stopped by {self.stopped}{best})"
