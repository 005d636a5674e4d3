"""The evaluator that predicts values with a published surrogate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

import numpy as np

from nasmeta.arrays import Architectures
from nasmeta.errors import SettingError
from nasmeta.evaluators._evaluator import Evaluation, Evaluator
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task


class PublishedSurrogateEvaluator(Evaluator):
    """Evaluate architectures with a published surrogate, an ONNX file; needs the extra ``onnx``.

    It is the evaluator of tasks on large spaces, such as ``lcbench/adult``. The optimum of these
    tasks is the best known value, see `nasmeta.tasks.Task.best_known`.

    Parameters
    ----------
    task : Task
        A task on a large space.
    epochs : int, optional
        Completed epochs of the training; all by default.

    Raises
    ------
    MissingValueError
        If the file is not on this machine.
    MissingPackageError
        If onnxruntime is not installed.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import PublishedSurrogateEvaluator
    >>> evaluator = PublishedSurrogateEvaluator(nm.get_task("lcbench/adult"))
    >>> evaluator.column.unit, list(evaluator.after())
    ('percent', [6, 18, 52])
    """

    name = "published surrogate"
    simulates = True

    def __init__(self, task: Task, epochs: int | None = None) -> None:
        super().__init__(task)
        self.epochs = epochs
        self.resumes = epochs is not None  # values of one training after several lengths

    @cached_property
    def column(self) -> ColumnInfo:
        """The column of the values; its origin names the release of the surrogate."""
        column = self.task.column
        return replace(column, epochs=self.epochs or column.epochs, release="")

    @cached_property
    def optimum(self) -> float:
        """The best known value; NaN if none is known."""
        if self.epochs or self.task.best_known is None:
            return float("nan")
        return self.task.best_known

    def evaluate(self, architectures: Architectures) -> Evaluation:
        """Return the predicted value and training seconds of each architecture."""
        costs = self.task.costs_of(architectures, self.epochs)
        return Evaluation(self.task.values_of(architectures, self.epochs), np.maximum(costs, 0.0))

    def report(self, architecture: int) -> dict[ColumnInfo, float]:
        """Return the predictions of the report columns of the task."""
        values = super().report(architecture)
        return {replace(column, release=""): value for column, value in values.items()}

    def after(self, epochs: Iterable[int | str] | None = None) -> dict[int, Evaluator]:
        """Return one evaluator per number of epochs; by default a ninth, a third and all of them."""
        full = self.full_epochs
        if epochs is None:
            epochs = {-(-full // 9), -(-full // 3), full}  # rounded up
        lengths = sorted(map(int, epochs))
        if lengths[-1:] != [full] or lengths[0] < 1:
            expected = f"numbers from 1 to {full}, and {full}"
            raise SettingError(f"epochs of {self.task.name}", lengths, expected)
        evaluators: dict[int, Evaluator] = {
            length: PublishedSurrogateEvaluator(self.task, length) for length in lengths
        }
        evaluators[full] = self
        return evaluators
