"""Evaluation by looking up a measured value."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError
from nasmeta.evaluators._base import Evaluation, Evaluator, known_costs
from nasmeta.tasks import Task

__all__ = ["TableEvaluator"]


class TableEvaluator(Evaluator):
    """Answer from a task's table.

    Parameters
    ----------
    task : Task

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

    # Read late: whether the sources may be used at all is asked before the table is.
    @cached_property
    def values(self) -> NDArray[np.float64]:  # type: ignore[override]
        """The values of the task."""
        if not len(self.task.measured):
            raise MissingValueError(f"{self.task.name} has no measured {self.task.space.noun}.")
        return self.task.values

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
        return Evaluation(values, self.cost_seconds[cells])

    def at(self, lengths: dict[int, Task]) -> dict[int, Evaluator]:
        """Return the look-ups of the same question after trainings of several lengths, by epochs."""
        return {epochs: self if task == self.task else TableEvaluator(task) for epochs, task in lengths.items()}

    def __reduce__(self) -> Any:
        return TableEvaluator, (self.task,)
