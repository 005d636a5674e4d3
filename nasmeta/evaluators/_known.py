"""Evaluators that know all answers beforehand: a task's table, and a surrogate."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_bool, check_int
from nasmeta.errors import ColumnError, MissingValueError
from nasmeta.evaluators._base import Evaluation, Evaluator, known_costs
from nasmeta.surrogates import Surrogate
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task, fidelities

UNKNOWN_FEASIBILITY = "unknown-feasibility"


class TableEvaluator(Evaluator):
    """Answer from a task's table.

    Parameters
    ----------
    task : Task
    seed : int, optional
        Of the draw of seeds, where the task is about a sampled one; a run draws with its own.
    unknown_feasibility : bool, default False
        Let searchers propose what the table has no value of: such an evaluation fails, which nobody knows beforehand,
        and the worst value of the table stands for it.

    Raises
    ------
    MissingValueError
        Where nothing was measured.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.evaluators import TableEvaluator
    >>> from nasmeta.tasks import get_task
    >>> evaluation = TableEvaluator(get_task("nb201/cifar10")).evaluate(np.array([6111]))
    >>> evaluation.values.round(4), evaluation.cost_seconds.round(1)
    (array([91.6067]), array([2879.7]))
    """

    name = "table"

    def __init__(self, task: Task, seed: int = 0, *, unknown_feasibility: bool = False) -> None:
        super().__init__(task)
        self.seed = seed if task.is_sampled else 0
        self.unknown_feasibility = check_bool("unknown_feasibility", unknown_feasibility)

    @property
    def identity(self) -> dict[str, Any]:
        """What answers; empty for a table of which only what was measured is proposed."""
        return {"kind": UNKNOWN_FEASIBILITY} if self.unknown_feasibility else {}

    @cached_property
    def infeasible(self) -> NDArray[np.bool_] | None:  # type: ignore[override]
        """Which evaluations fail, bool, shape (size,); None where none can."""
        return np.isnan(self.task.values) if self.unknown_feasibility else None

    # Read late: whether the sources may be used at all is asked before the table is.
    @cached_property
    def values(self) -> NDArray[np.float64]:  # type: ignore[override]
        """The values of the task, or what was drawn of them."""
        if not len(self.task.measured):
            raise MissingValueError(f"{self.task.name} has no measured {self.task.space.noun}.")
        found = self.task.sampled_values(self.seed) if self.task.is_sampled else self.task.values
        return self._with_worst(found)

    def _with_worst(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values with the worst of them where evaluations fail."""
        if self.infeasible is None:
            return values
        utilities = self.task.sign * values
        filled: NDArray[np.float64] = self.task.sign * np.where(self.infeasible, np.nanmin(utilities), utilities)
        filled.flags.writeable = False
        return filled

    @property
    def noise_free(self) -> NDArray[np.float64]:
        """The values of the task: of a sampled seed the mean over all."""
        return self._with_worst(self.task.values) if self.task.is_sampled else self.values

    def for_seed(self, seed: int) -> TableEvaluator:
        """Return the look-ups of the run with this seed."""
        if not self.task.is_sampled or seed == self.seed:
            return self
        return TableEvaluator(self.task, seed, unknown_feasibility=self.unknown_feasibility)

    @cached_property
    def cost_seconds(self) -> NDArray[np.float64]:  # type: ignore[override]
        """The costs of the task."""
        return known_costs(self.task.cost_seconds if self.task.has_cost else None, self.task.space.size)

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Return the signal and the training seconds of each; a value that nobody measured is an error."""
        values = self.values[cells]
        if self.measured is not None and np.isnan(values).any():
            missing = cells[np.isnan(values)]
            raise MissingValueError(
                f"{self.task.name}: not measured for {self.space.noun} {missing[0]} ({len(missing)} of {len(cells)})."
            )
        if self.infeasible is None:
            return Evaluation(values, self.cost_seconds[cells])
        lost = self.infeasible[cells].tolist()
        reasons = tuple("not measured" if one else None for one in lost)
        return Evaluation(values, self.cost_seconds[cells], reasons if any(lost) else ())

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return the look-ups after trainings of several lengths, by epochs; by default all that are known."""
        return self.at(fidelities(self.task, epochs))

    def at(self, lengths: dict[int, Task]) -> dict[int, Evaluator]:
        """Return the look-ups of the same question after trainings of several lengths, by epochs."""
        found: dict[int, Evaluator] = {}
        for epochs, task in lengths.items():
            own = partial(TableEvaluator, unknown_feasibility=self.unknown_feasibility)
            found[epochs] = self if task == self.task else own(task, self.seed)
        return found

    def __reduce__(self) -> Any:
        return partial(TableEvaluator, unknown_feasibility=self.unknown_feasibility), (self.task, self.seed)


class SurrogateEvaluator(Evaluator):
    """Answer from a surrogate; no table is opened, but for the report of a finished run, where the table is here.

    A searcher draws the same random numbers as on the table; the optimum is the surrogate's own.

    Parameters
    ----------
    task : str, path, Task or Surrogate
        A surrogate, or what `Surrogate.load` finds one by: a task that one is shipped for, or a file.
    answer : {"mean", "training"}, default "mean"
        The mean over trainings, or what one training would give.
    seed : int, default 0
        Of that training.
    asked : Task, optional
        The task that it answers; that of the surrogate's card where left out.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.evaluators import SurrogateEvaluator
    >>> evaluation = SurrogateEvaluator("nb201/cifar10").evaluate(np.array([6111, 0]))
    >>> evaluation.values.shape, bool((evaluation.cost_seconds > 0).all())
    ((2,), True)
    """

    name = "surrogate"
    values: NDArray[np.float64]
    cost_seconds: NDArray[np.float64]

    def __init__(
        self,
        task: str | os.PathLike[str] | Task | Surrogate,
        answer: str = "mean",
        seed: int = 0,
        *,
        asked: Task | None = None,
    ) -> None:
        self.surrogate = task if isinstance(task, Surrogate) else Surrogate.load(task)
        self.answer, self.seed = answer, check_int("seed", seed, least=0)
        self.surrogate.predict(0, answer, seed)  # says what is wrong with them
        super().__init__(self.surrogate.task if asked is None else asked)
        self.values = self.surrogate.values if answer == "mean" else self.surrogate.training_values(self.seed)
        self.values.flags.writeable = False
        self.cost_seconds = known_costs(self.surrogate.cost_seconds, len(self.values))

    @cached_property
    def column(self) -> ColumnInfo:
        """Unit, direction, release, source and licence of the column that the surrogate was fitted to."""
        return ColumnInfo(**self.surrogate.card["column"])

    @property
    def identity(self) -> dict[str, Any]:
        """What answers, for the journal of a run."""
        identity: dict[str, Any] = {"kind": "surrogate", "sha256": self.surrogate.sha256, "answer": self.answer}
        return identity if self.answer == "mean" else {**identity, "seed": self.seed}

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Return the surrogate's answer and the predicted training seconds of each."""
        return Evaluation(self.values[cells], self.cost_seconds[cells])

    @cached_property
    def report_columns(self) -> tuple[ColumnInfo, ...]:
        """Those of the task on its table; none where that is not here."""
        try:
            return self.task.report_columns
        except (MissingValueError, ColumnError):
            return ()

    def report(self, cell: int) -> dict[ColumnInfo, float]:
        """Return the measured values, from the table where it is here."""
        return self.task.report(cell) if self.report_columns else {}

    def __repr__(self) -> str:
        return f"SurrogateEvaluator({self.surrogate!r}, answer={self.answer!r})"

    def __reduce__(self) -> Any:
        return partial(SurrogateEvaluator, asked=self.task), (self.surrogate, self.answer, self.seed)
