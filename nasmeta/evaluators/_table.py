"""The evaluator that looks values up in a table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from typing import Any

import numpy as np

from nasmeta.arrays import Architectures, Booleans, Facts, Floats
from nasmeta.errors import MissingValueError
from nasmeta.evaluators._evaluator import Evaluation, Evaluator, reasons_of
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
        if not self.unknown_feasibility:
            return {}
        return {"kind": UNKNOWN_FEASIBILITY}

    @cached_property
    def infeasible(self) -> Booleans | None:  # type: ignore[override]
        """The architectures without a value, bool, shape (size,); None if they cannot be proposed."""
        if not self.unknown_feasibility:
            return None
        return np.isnan(self.task.values)

    # Read at first use, after the check whether the sources may be used.
    @cached_property
    def values(self) -> Floats:  # type: ignore[override]
        """The values of the task, or draws from its seeds; the worst one for evaluations that fail."""
        if not len(self.task.measured):
            raise MissingValueError(f"{self.task.name} has no measured {self.task.space.noun}.")
        if self.task.is_sampled:
            return self._with_worst(self.task.sampled_values(self.seed))
        return self._with_worst(self.task.values)

    def _with_worst(self, values: Floats) -> Floats:
        if self.infeasible is None:
            return values
        worst = self.task.sign * np.nanmin(self.task.sign * values)
        return np.where(self.infeasible, worst, values)

    @property
    def noise_free(self) -> Floats:
        """The values of the task; if it samples seeds, their means."""
        if not self.task.is_sampled:
            return self.values
        return self._with_worst(self.task.values)

    def for_seed(self, seed: int) -> TableEvaluator:
        """Return the evaluator of the run with this seed."""
        if not self.task.is_sampled or seed == self.seed:
            return self
        return TableEvaluator(self.task, seed, unknown_feasibility=self.unknown_feasibility)

    @cached_property
    def cost_seconds(self) -> Floats:  # type: ignore[override]
        """The costs of the task; 0 if unknown."""
        if not self.task.has_cost:
            return np.zeros(self.task.space.size)
        return np.nan_to_num(self.task.cost_seconds)

    def evaluate(self, architectures: Architectures) -> Evaluation:
        """Return the value and the training seconds of each architecture; NaN for a missing value."""
        values, costs = self.values[architectures], self.cost_seconds[architectures]
        if self.infeasible is None:
            return Evaluation(values, costs)
        failed = self.infeasible[architectures]
        return Evaluation(values, costs, reasons_of(failed, "not measured"))

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return evaluators of shorter trainings by epochs; by default all in the table."""
        evaluators: dict[int, Evaluator] = {}
        for length, task in fidelities(self.task, epochs).items():
            evaluators[length] = self
            if task != self.task:
                evaluators[length] = TableEvaluator(
                    task, self.seed, unknown_feasibility=self.unknown_feasibility
                )
        return evaluators

    def __reduce__(self) -> Any:
        build = partial(TableEvaluator, unknown_feasibility=self.unknown_feasibility)
        return build, (self.task, self.seed)
