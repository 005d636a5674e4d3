"""Evaluation by looking up a measured value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import MissingValueError
from nasmeta.evaluators._base import Evaluation
from nasmeta.tasks import Task

__all__ = ["TableEvaluator"]


class TableEvaluator:
    """Answer from a task's table.

    Parameters
    ----------
    task : Task

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.evaluators import TableEvaluator
    >>> from nasmeta.tasks import get_task
    >>> evaluation = TableEvaluator(get_task("nb201/cifar10")).evaluate(np.array([6111]))
    >>> evaluation.values.round(4), evaluation.cost_seconds.round(1)
    (array([91.6067]), array([2879.7]))
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self._values = task.values
        self._cost_seconds = task.cost_seconds
        self._complete = not np.isnan(task.values).any()

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Return the signal and the training seconds of each cell; a value that nobody measured is an error."""
        values = self._values[cells]
        if not self._complete and np.isnan(values).any():
            missing = cells[np.isnan(values)]
            raise MissingValueError(
                f"{self.task.name}: not measured for cell {missing[0]} ({len(missing)} of {len(cells)})."
            )
        return Evaluation(values, self._cost_seconds[cells])
