"""The evaluator that looks values up in a table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from typing import Any

import numpy as np

from nasmeta.arrays import Architectures, Booleans, Facts, Floats
from nasmeta.errors import MissingValueError
from nasmeta.evaluators._evaluator import Evaluation, Evaluator
from nasmeta.tasks import Task, fidelities

UNKNOWN_FEASIBILITY = "unknown-feasibility"


class TableEvaluator(Evaluator):
    """Evaluate by a look-up in the task's table.

    Parameters
    ----------
    task : Task
    seed : int, optional
        Of the draws, if the task samples the seed of a training; a run uses its own seed.
    unknown_feasibility : bool, default False
        Let searchers propose architectures without a value. Their evaluation fails, and the worst
        value of the table is observed.

    Raises
    ------
    MissingValueError
        If the table has no values for the task.

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
        self.unknown_feasibility = unknown_feasibility

    @property
    def identity(self) -> Facts:
        """The identity of the evaluator; empty unless the feasibility is unknown."""
        return {"kind": UNKNOWN_FEASIBILITY} if self.unknown_feasibility else {}

    @cached_property
    def infeasible(self) -> Booleans | None:  # type: ignore[override]
        """The architectures without a value, bool, shape (size,); None if they cannot be proposed."""
        return np.isnan(self.task.values) if self.unknown_feasibility else None

    # Read at first use, after the check whether the sources may be used.
    @cached_property
    def values(self) -> Floats:  # type: ignore[override]
        """The values of the task, or draws from its seeds; the worst one for evaluations that fail."""
        if not len(self.task.measured):
            raise MissingValueError(f"{self.task.name} has no measured {self.task.space.noun}.")
        return self._with_worst(
            self.task.sampled_values(self.seed) if self.task.is_sampled else self.task.values
        )

    def _with_worst(self, values: Floats) -> Floats:
        if self.infeasible is None:
            return values
        worst = self.task.sign * np.nanmin(self.task.sign * values)
        return np.where(self.infeasible, worst, values)

    @property
    def noise_free(self) -> Floats:
        """The values of the task; if it samples seeds, their means."""
        return self._with_worst(self.task.values) if self.task.is_sampled else self.values

    def for_seed(self, seed: int) -> TableEvaluator:
        """Return the evaluator of the run with this seed."""
        if not self.task.is_sampled or seed == self.seed:
            return self
        return TableEvaluator(self.task, seed, unknown_feasibility=self.unknown_feasibility)

    @cached_property
    def cost_seconds(self) -> Floats:  # type: ignore[override]
        """The costs of the task; 0 if unknown."""
        return (
            np.nan_to_num(self.task.cost_seconds)
            if self.task.has_cost
            else np.zeros(self.task.space.size)
        )

    def evaluate(self, architectures: Architectures) -> Evaluation:
        """Return the value and the training seconds of each architecture; NaN for a missing value."""
        values, costs = self.values[architectures], self.cost_seconds[architectures]
        if self.infeasible is None:
            return Evaluation(values, costs)
        return Evaluation(
            values,
            costs,
            tuple("not measured" if each else None for each in self.infeasible[architectures]),
        )

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return evaluators of shorter trainings by epochs; by default all in the table."""
        return {
            length: self
            if task == self.task
            else TableEvaluator(task, self.seed, unknown_feasibility=self.unknown_feasibility)
            for length, task in fidelities(self.task, epochs).items()
        }

    def __reduce__(self) -> Any:
        return partial(TableEvaluator, unknown_feasibility=self.unknown_feasibility), (
            self.task,
            self.seed,
        )
