"""The evaluator of a task with several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import numpy as np

from nasmeta.arrays import Architectures, Booleans, Facts, Floats
from nasmeta.errors import MissingValueError
from nasmeta.evaluators._evaluator import Evaluation, Evaluator
from nasmeta.evaluators._table import TableEvaluator
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Front, MultiObjectiveTask


class MultiObjectiveEvaluator(Evaluator):
    """Evaluate the objectives of a task, each with its own evaluator.

    An evaluation costs as much as its most expensive objective, because one training serves all of
    them. If all values are known in advance, so is the front.

    Parameters
    ----------
    task : MultiObjectiveTask
    parts : sequence of Evaluator, optional
        One per objective, in the order of ``task.parts``; by default their tables.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.evaluators import MultiObjectiveEvaluator, SurrogateEvaluator, TableEvaluator
    >>> task = nm.multi_objective_task(["accuracy", "train_seconds"], dataset="cifar10")
    >>> MultiObjectiveEvaluator(task).evaluate(np.array([6111], np.int32)).values.round(1)
    array([[  91.6, 2879.7]])
    >>> accuracy, seconds = task.parts
    >>> mixed = MultiObjectiveEvaluator(task, [SurrogateEvaluator(accuracy), TableEvaluator(seconds)])
    >>> run = nm.search("nsga2", mixed, evaluations=30)
    """

    task: MultiObjectiveTask

    def __init__(self, task: MultiObjectiveTask, parts: Sequence[Evaluator] | None = None) -> None:
        super().__init__(task)
        if parts is None:
            parts = [TableEvaluator(part) for part in task.parts]
        self.parts = tuple(parts)
        self._measured = task
        if self.parts[0].task.table_name != task.table_name:  # surrogates of the whole space
            tasks = [part.task for part in self.parts]
            self.task = MultiObjectiveTask(task.name, tasks, task.reference)
        self.name = " and ".join(dict.fromkeys(part.name for part in self.parts))

    @cached_property
    def values(self) -> Floats | None:  # type: ignore[override]
        """The values, shape (size, m), rows with a missing value NaN; None if they are not known in advance."""
        known = [part.values for part in self.parts]
        if any(values is None for values in known):
            return None
        values = np.stack(known, axis=1)  # type: ignore[arg-type]
        values[np.isnan(values).any(axis=1)] = np.nan
        if self.infeasible is not None:
            fails = self.infeasible & ~np.isnan(values[:, 0])
            values[fails] = self.signs * np.nanmin(self.signs * values, axis=0)
        return values

    @cached_property
    def infeasible(self) -> Booleans | None:  # type: ignore[override]
        """Architectures that fail in an objective, bool, shape (size,); None if none can fail."""
        known = [part.infeasible for part in self.parts if part.infeasible is not None]
        if not known:
            return None
        fails: Booleans = np.any(known, axis=0)
        return fails

    @cached_property
    def cost_seconds(self) -> Floats | None:  # type: ignore[override]
        """The highest cost of the parts."""
        known = [part.cost_seconds for part in self.parts]
        if any(costs is None for costs in known):
            return None
        highest: Floats = np.max(known, axis=0)  # type: ignore[arg-type]
        return highest

    @cached_property
    def front(self) -> Front | None:
        """The true front, or in a large space the front of the measured architectures; None if neither is known."""
        if self.values is None:
            with suppress(MissingValueError):  # the table is not on this machine
                if self.space.is_large and not self._measured.space.is_large:
                    return self._measured.front
            return None
        known = self.values  # shape (size, m)
        if self.infeasible is not None:
            known = np.where(self.infeasible[:, None], np.nan, known)
        return Front(known, self.task.directions, self.task.reference)

    @property
    def front_name(self) -> str:
        """``true front``, ``measured front``, or ``predicted front``."""
        if self.values is None:
            return "measured front"
        if self.prediction:
            return "predicted front"
        return "true front"

    @property
    def identity(self) -> Facts:
        """The identities of the parts; empty for the tables of the task."""
        identities = [part.identity for part in self.parts]
        if not any(identities):
            return {}
        return {"kind": "several", "parts": identities}

    @cached_property
    def column(self) -> ColumnInfo:
        """The hypervolume, predicted if an objective is."""
        if not self.prediction:
            return self.task.column
        return self.task.column.predicted_by(self.prediction)

    @property
    def prediction(self) -> Facts:
        """What predicts each predicted objective, by the name of its task."""
        return {part.task.name: part.prediction for part in self.parts if part.prediction}

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """Unit, direction and source of each objective."""
        return tuple(part.column for part in self.parts)

    @property
    def signs(self) -> Floats:
        """1 to maximise an objective, -1 to minimise it, shape (m,)."""
        return np.array([part.sign for part in self.parts])

    @property
    def n_objectives(self) -> int:
        """The number of objectives."""
        return len(self.parts)

    @property
    def full_epochs(self) -> int:
        """Epochs of the longest training of an objective."""
        return max(part.full_epochs for part in self.parts)

    @property
    def optimum(self) -> float:
        """100, the hypervolume of the front in percent of itself; NaN if the front is not known in advance."""
        if self.values is None:
            return float("nan")
        return 100.0

    def evaluate(self, architectures: Architectures) -> Evaluation:
        """Return the values, shape (n, m), and the highest cost of each architecture."""
        evaluations = [part.evaluate(architectures) for part in self.parts]
        costs = np.max([evaluation.cost_seconds for evaluation in evaluations], axis=0)
        if self.values is None:
            values = np.stack([evaluation.values for evaluation in evaluations], axis=1)
        else:  # the worst value of each objective if one of them fails
            values = self.values[architectures]
        failures: list[str | None] = [None] * len(architectures)
        for evaluation in reversed(evaluations):  # the first objective's reason replaces others
            for row, reason in enumerate(evaluation.failures):
                failures[row] = reason or failures[row]
        return Evaluation(values, costs, tuple(failures))

    def close(self) -> None:
        """Release the resources of the parts."""
        for part in self.parts:
            part.close()

    def __reduce__(self) -> Any:
        return MultiObjectiveEvaluator, (self._measured, self.parts)
