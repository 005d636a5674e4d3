"""The evaluator that looks values up in a table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError
from nasmeta.evaluators._evaluator import Evaluation, Evaluator, known_costs
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
        Let searchers propose architectures without a value. Their evaluation fails, and the worst value of the table is
        observed.

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
    def identity(self) -> dict[str, Any]:
        """The identity of the evaluator; empty unless the feasibility is unknown."""
        return {"kind": UNKNOWN_FEASIBILITY} if self.unknown_feasibility else {}

    @cached_property
    def infeasible(self) -> NDArray[np.bool_] | None:  # type: ignore[override]
        """The architectures without a value, bool, shape (size,); None if they cannot be proposed."""
        return np.isnan(self.task.values) if self.unknown_feasibility else None

    # Read at first use, after the check whether the sources may be used.
    @cached_property
    def values(self) -> NDArray[np.float64]:  # type: ignore[override]
        """The values of the task, or draws from its seeds."""
        if not len(self.task.measured):
            raise MissingValueError(f"{self.task.name} has no measured {self.task.space.noun}.")
        found = self.task.sampled_values(self.seed) if self.task.is_sampled else self.task.values
        return self._with_worst(found)

    def _with_worst(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values, with the worst one for evaluations that fail."""
        if self.infeasible is None:
            return values
        utilities = self.task.sign * values
        filled: NDArray[np.float64] = self.task.sign * np.where(self.infeasible, np.nanmin(utilities), utilities)
        filled.flags.writeable = False
        return filled

    @property
    def noise_free(self) -> NDArray[np.float64]:
        """The values of the task; if it samples seeds, their means."""
        return self._with_worst(self.task.values) if self.task.is_sampled else self.values

    def for_seed(self, seed: int) -> TableEvaluator:
        """Return the evaluator of the run with this seed."""
        if not self.task.is_sampled or seed == self.seed:
            return self
        return TableEvaluator(self.task, seed, unknown_feasibility=self.unknown_feasibility)

    @cached_property
    def cost_seconds(self) -> NDArray[np.float64]:  # type: ignore[override]
        """The costs of the task."""
        return known_costs(self.task.cost_seconds if self.task.has_cost else None, self.task.space.size)

    def evaluate(self, architectures: NDArray[np.int32]) -> Evaluation:
        """Return the value and the training seconds of each architecture.

        Raises
        ------
        MissingValueError
            If a value is missing.
        """
        values = self.values[architectures]
        if self.measured is not None and np.isnan(values).any():
            missing = architectures[np.isnan(values)]
            raise MissingValueError(
                f"{self.task.name}: not measured for {self.space.noun} {missing[0]} "
                f"({len(missing)} of {len(architectures)})."
            )
        if self.infeasible is None:
            return Evaluation(values, self.cost_seconds[architectures])
        lost = self.infeasible[architectures].tolist()
        reasons = tuple("not measured" if one else None for one in lost)
        return Evaluation(values, self.cost_seconds[architectures], reasons if any(lost) else ())

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return evaluators of shorter trainings by epochs; by default all in the table."""
        found: dict[int, Evaluator] = {}
        for length, task in fidelities(self.task, epochs).items():
            shorter = TableEvaluator(task, self.seed, unknown_feasibility=self.unknown_feasibility)
            found[length] = self if task == self.task else shorter
        return found

    def __reduce__(self) -> Any:
        return partial(TableEvaluator, unknown_feasibility=self.unknown_feasibility), (self.task, self.seed)
