"""The history of a run, and the frame of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator
from nasmeta.runs._clock import Clock
from nasmeta.tasks import Task

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.tables import ColumnInfo

__all__ = ["Best", "Run", "results_frame"]


class Best(NamedTuple):
    """The best cell of a run and its value in the task's unit."""

    cell: int
    value: float


@dataclass(frozen=True, eq=False)
class Run:
    """The history of one run: which cells were evaluated, in their order, and what came back.

    Attributes
    ----------
    evaluator : Evaluator
        What answered; its ``task`` is the question.
    searcher : str
        Its name; in a comparison its label.
    settings : mapping
        The settings that were passed; the others are the defaults of the searcher.
    seed : int
    sources : tuple of str
        Names of the tasks that a meta-searcher learnt from; empty for others.
    cells : ndarray of int32, shape (n,)
        Distinct, but where the clock charges repeats or cells are trained for several lengths.
    values : ndarray of float64, shape (n,)
        In the unit of the task's signal.
    cost_seconds : ndarray of float64, shape (n,)
        What each evaluation would have cost in training.
    stopped : {"budget", "optimum", "exhausted", "stalled"}
        Why the run ended: the budget was used up; the task's optimum was evaluated; the searcher or the space had no
        cell left; the searcher proposed nothing new for very long.
    searcher_seconds : float
        The searcher's own computing time; NaN where the run was read from its journal.
    failures : mapping of int to str
        Cells whose training failed, and why; their value is 0.
    end_seconds : ndarray of float64, shape (n,)
        When each evaluation ended on the simulated clock, ascending.
    workers, epochs : ndarray of int32, shape (n,)
        On which simulated worker each ran, and how long its training was (0 where nothing is trained).
    clock : Clock
        How simulated time passed.
    space : str
        Which part of the space was searched: ``all``, as ``learned:0.1``, or as ``measured:0.128``, the share that has
        values.
    warm_start : str
        How many first cells the sources chose: ``0``, ``5``, or ``5/second``.
    chance_of_best : float
        Estimated chance that the searched part holds the task's best cell; NaN where that is all of the space, or the
        run was read from its journal.
    picked : str
        Which searcher ``meta`` picked, and why; empty for others and in comparisons.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("random", "nb201/cifar10", evaluations=50, seed=1)
    >>> len(run), run.evaluations, run.stopped
    (50, 50, 'budget')
    >>> run.best == (run.incumbents[-1], run.values.max())
    True
    """

    evaluator: Evaluator
    searcher: str
    settings: Mapping[str, Any]
    seed: int
    sources: tuple[str, ...]
    cells: NDArray[np.int32]
    values: NDArray[np.float64]
    cost_seconds: NDArray[np.float64]
    stopped: str
    searcher_seconds: float
    failures: Mapping[int, str] = field(default_factory=dict)
    end_seconds: NDArray[np.float64] = None  # type: ignore[assignment]  # filled in below
    workers: NDArray[np.int32] = None  # type: ignore[assignment]
    epochs: NDArray[np.int32] = None  # type: ignore[assignment]
    clock: Clock = field(default_factory=Clock)
    space: str = "all"
    warm_start: str = "0"
    chance_of_best: float = float("nan")
    picked: str = ""

    @property
    def task(self) -> Task:
        """The question."""
        return self.evaluator.task

    def __post_init__(self) -> None:
        n = len(self.cells)
        for name, plain in (("end_seconds", self.cost_seconds.cumsum), ("workers", None), ("epochs", None)):
            if getattr(self, name) is None:
                value = plain() if plain else np.full(n, self.full_epochs if name == "epochs" else 0, np.int32)
                object.__setattr__(self, name, value)

    @property
    def full_epochs(self) -> int:
        """Epochs of a full training, those of the task; 0 where nothing is trained."""
        return self.evaluator.full_epochs

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def evaluations(self) -> int:
        """How many cells were evaluated."""
        return len(self.cells)

    @property
    def incumbent_positions(self) -> NDArray[np.int64]:
        """After each evaluation the position of the best full training so far, the first in ties; int64, shape (n,).

        -1 until a full training has ended: values after fewer epochs are no values of the task.
        """
        utilities = self.evaluator.sign * self.values
        if np.isnan(utilities).any():
            raise SettingError(f"The run of {self.searcher} has a value that is NaN, so it has no best.")
        utilities = np.where(self.epochs == self.full_epochs, utilities, -np.inf)
        best = np.maximum.accumulate(utilities)
        better = np.append(best[:1] > -np.inf, utilities[1:] > best[:-1])[: len(utilities)]
        return np.maximum.accumulate(np.where(better, np.arange(len(utilities)), -1))

    @property
    def incumbents(self) -> NDArray[np.int32]:
        """After each evaluation the best cell so far, the first in ties; int32, shape (n,).

        The task's worst cell until a full training has ended, as nothing better is known.
        """
        positions = self.incumbent_positions
        if not len(positions) or positions[0] >= 0:
            return self.cells[positions]
        return np.where(positions < 0, self._worst, self.cells[positions]).astype(np.int32)

    @property
    def _worst(self) -> int:
        if self.evaluator.values is None:
            raise SettingError(f"The run of {self.searcher} has no full training yet, so it has no best.")
        return int(np.nanargmin(self.evaluator.sign * self.evaluator.values))

    @property
    def _incumbent_values(self) -> NDArray[np.float64]:
        positions = self.incumbent_positions
        if not len(positions) or positions[0] >= 0:
            return self.values[positions]
        return np.where(positions < 0, self.evaluator.values[self._worst], self.values[positions])  # type: ignore[index]

    @property
    def best(self) -> Best:
        """The best cell and its value.

        Raises
        ------
        SettingError
            Where nothing was evaluated.
        """
        if not len(self):
            raise SettingError(f"The run of {self.searcher} on {self.task.name} evaluated nothing, so it has no best.")
        position = self.incumbent_positions[-1]
        if position < 0:
            raise SettingError(
                f"The run of {self.searcher} on {self.task.name} ended before any training of {self.full_epochs} "
                "epochs did, so it has no best: give it a larger budget."
            )
        return Best(int(self.cells[position]), float(self.values[position]))

    def report(self) -> dict[ColumnInfo, float]:
        """Return the best cell's values in the task's report columns: what no searcher sees, such as test accuracy.

        Returns
        -------
        dict of ColumnInfo to float
            Empty where the table here holds none; each column says its split, seed and release.

        Examples
        --------
        >>> import nasmeta as nm
        >>> run = nm.search("random", "nb201/cifar100", evaluations=50)
        >>> [f"{column.address} of {column.release}" for column in run.report()]  # doctest: +SKIP
        ['cifar100/accuracy/test/200/mean of NB201 v1.1']
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
            (why the run ended, see `Run`).
            Incumbent, its value and regret count full trainings; before the first they are those of the worst cell.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.search("random", "nb201/cifar10", evaluations=50).frame().shape
        (50, 17)
        """
        return results_frame([self])

    def __repr__(self) -> str:
        known = len(self) and self.incumbent_positions[-1] >= 0
        best = f", best {self.best.cell} with {self.best.value:.4f}" if known else ""
        return (
            f"Run({self.searcher} on {self.task.name}, seed {self.seed}: {len(self)} evaluations, "
            f"stopped by {self.stopped}{best})"
        )


def results_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the results frame of runs: one row an evaluation, in the order of the runs; see `Run.frame`.

    ``frame.attrs["searcher_seconds"]`` has the searchers' own computing time, in seconds a run, by task and searcher:
    apart from the rows, as it is not the same twice. Runs that were read and not run have none.
    ``frame.attrs["runs"]`` has the number of runs, also by task and searcher: those that finished nothing have no row.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.runs import results_frame
    >>> runs = [nm.search("random", "nb201/cifar10", evaluations=20, seed=seed) for seed in range(3)]
    >>> results_frame(runs)["seed"].value_counts().to_dict()
    {0: 20, 1: 20, 2: 20}
    """
    import pandas as pd

    lengths = [len(run) for run in runs]

    def joined(parts: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
        return np.concatenate(parts, dtype=dtype) if parts else np.empty(0, dtype)

    def names(of_runs: list[str]) -> pd.Categorical[str]:
        categories = list(dict.fromkeys(of_runs))
        position = {name: i for i, name in enumerate(categories)}
        codes = np.array([position[name] for name in of_runs], dtype=np.int64)
        return pd.Categorical.from_codes(np.repeat(codes, lengths), categories=pd.Index(categories, dtype=str))

    best = [run._incumbent_values for run in runs]
    regrets = [r.evaluator.sign * (r.evaluator.optimum - b) + 0.0 for r, b in zip(runs, best, strict=True)]  # no -0.0
    for run, regret in zip(runs, regrets, strict=True):
        if (regret < 0).any():
            raise SettingError(
                f"{run.task.name}: {run.best.value} of cell {run.best.cell} is better than the optimum "
                f"{run.evaluator.optimum}, so these are not values of this task."
            )
    frame = pd.DataFrame(
        {
            "task": names([run.task.name for run in runs]),
            "searcher": names([run.searcher for run in runs]),
            "seed": np.repeat(np.array([run.seed for run in runs], dtype=np.int64), lengths),
            "evaluation": joined([np.arange(1, n + 1) for n in lengths], np.int64),
            "cell": joined([run.cells for run in runs], np.int32),
            "value": joined([run.values for run in runs], np.float64),
            "cost_seconds": joined([run.cost_seconds for run in runs], np.float64),
            "simulated_seconds": joined([run.end_seconds for run in runs], np.float64),
            "incumbent": joined([run.incumbents for run in runs], np.int32),
            "incumbent_value": joined(best, np.float64),
            "regret": joined(regrets, np.float64),
            "worker": joined([run.workers for run in runs], np.int32),
            "epochs": joined([run.epochs for run in runs], np.int32),
            "clock": names([str(run.clock) for run in runs]),
            "space": names([run.space for run in runs]),
            "warm_start": names([run.warm_start for run in runs]),
            "stopped": names([run.stopped for run in runs]),
        }
    )
    measured: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        if run.searcher_seconds == run.searcher_seconds:
            measured.setdefault(run.task.name, {}).setdefault(run.searcher, []).append(run.searcher_seconds)
    asked: dict[str, dict[str, int]] = {}
    for run in runs:
        of_task = asked.setdefault(run.task.name, {})
        of_task[run.searcher] = of_task.get(run.searcher, 0) + 1
    frame.attrs["runs"] = asked
    frame.attrs["searcher_seconds"] = {
        task: {searcher: float(np.mean(seconds)) for searcher, seconds in of_task.items()}
        for task, of_task in measured.items()
    }
    return frame
