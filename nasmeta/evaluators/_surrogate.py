"""Evaluation by a fitted surrogate."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from nasmeta.evaluators._base import Evaluation
from nasmeta.surrogates import Surrogate, SurrogateTask, load_surrogate
from nasmeta.tasks import Task

__all__ = ["SurrogateEvaluator"]


class SurrogateEvaluator:
    """Answer from a surrogate; no table is opened.

    Parameters
    ----------
    task : str, path, Task, Surrogate or SurrogateTask
        A surrogate, or what `load_surrogate` finds one by: a task that one is shipped for, or a file.
    answer : {"mean", "training"}, default "mean"
        The mean over trainings, or what one training would give. A SurrogateTask has its own.
    seed : int, default 0
        Of that training.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.evaluators import SurrogateEvaluator
    >>> evaluation = SurrogateEvaluator("nb201/cifar10").evaluate(np.array([6111, 0]))
    >>> evaluation.values.shape, bool((evaluation.cost_seconds > 0).all())
    ((2,), True)
    """

    def __init__(
        self,
        task: str | os.PathLike[str] | Task | Surrogate,
        answer: str = "mean",
        seed: int = 0,
    ) -> None:
        if not isinstance(task, SurrogateTask):
            surrogate = task if isinstance(task, Surrogate) else load_surrogate(task)
            task = surrogate.as_task(answer, seed)
        self.task = task
        self._values = task.values
        self._cost_seconds = task.cost_seconds

    def evaluate(self, cells: NDArray[np.int32]) -> Evaluation:
        """Return the surrogate's answer and the predicted training seconds of each cell."""
        return Evaluation(self._values[cells], self._cost_seconds[cells])
