"""A task of two columns: accuracy, and what the network costs on a device."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.tasks._objectives import log_tradeoff, within_budget
from nasmeta.tasks._task import UNDER_A_BUDGET, Signal, Task, device_of

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo

__all__ = ["CombinedTask"]


@dataclass(frozen=True, repr=False)
class CombinedTask(Task):
    """Best accuracy under a budget on a device, or accuracy against the logarithm of the cost.

    Parameters
    ----------
    name, table : str
    signal : Signal
        The accuracy; higher is better.
    cost : Signal
        Latency or energy on a device.
    rule : {"within", "tradeoff"}
        Which of `within_budget` and `log_tradeoff` makes one number of the two.
    amount : float
        The budget, in the cost's unit; or the weight.

    Examples
    --------
    >>> from nasmeta.tasks import get_task
    >>> task = get_task("nb201/cifar100/within-5ms/pixel3")
    >>> task.held_out
    ('cifar100', 'pixel3')
    >>> round(task.optimum, 2)  # doctest: +SKIP
    67.75
    """

    cost: Signal
    rule: Literal["within", "tradeoff"]
    amount: float

    @property
    def accuracy_task(self) -> Task:
        """The task without the cost."""
        return Task(self.name, self.table, self.signal)

    @property
    def cost_task(self) -> Task:
        """The cost as a task of its own: less is better."""
        return Task(self.name, self.table, self.cost)

    @property
    def held_out(self) -> tuple[str, ...]:
        """Dataset and device; see `Task.held_out`."""
        return (*self.accuracy_task.held_out, *self.cost_task.held_out)

    @property
    def metric_kind(self) -> str:
        """See `Task.metric_kind`."""
        of_accuracy = self.accuracy_task.metric_kind
        return f"{of_accuracy} within a budget" if self.rule == "within" else f"{of_accuracy} against a cost"

    @cached_property
    def column(self) -> ColumnInfo:
        """What is known about the combined number; the releases, sources and checksums of both columns."""
        accuracy, cost = self.accuracy_task.column, self.cost_task.column
        if (accuracy.direction, cost.direction) != ("max", "min"):
            raise SettingError(f"{self.name}: {accuracy.metric} must be maximised and {cost.metric} minimised.")
        device = device_of(cost.metric)
        if self.rule == "within":
            metric, unit = f"{accuracy.metric}_within_{self.amount:g}{cost.unit}_{device}", accuracy.unit
        else:
            metric, unit = f"{accuracy.metric}_minus_{self.amount:g}_ln_{cost.metric}", "1"
        return replace(
            accuracy,
            metric=metric,
            unit=unit,
            release=f"{accuracy.release} + {cost.release}",
            source=f"{accuracy.source} + {cost.source}",
            licence=f"{accuracy.licence} + {cost.licence}",
            source_sha256=f"{accuracy.source_sha256} + {cost.source_sha256}",
            note=f"{accuracy.note}; {cost.note}",
        )

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The combined number of all cells, float64, shape (n_cells,); NaN where something was not measured."""
        rule = within_budget if self.rule == "within" else log_tradeoff
        values = rule(self.accuracy_task.values, self.cost_task.values, self.amount)
        values.flags.writeable = False
        return values

    @property
    def _instead(self) -> str:
        device = device_of(self.cost.metric)
        return super()._instead if np.isnan(self.accuracy_task.values).any() else UNDER_A_BUDGET.format(device)

    @cached_property
    def report_columns(self) -> tuple[ColumnInfo, ...]:
        """Both columns, and the accuracy's report columns."""
        accuracy = self.accuracy_task
        return (accuracy.column, self.cost_task.column, *accuracy.report_columns)

    def __reduce__(self) -> tuple[type[Task], tuple[object, ...]]:  # type: ignore[override]
        return CombinedTask, (self.name, self.table, self.signal, self.cost, self.rule, self.amount)
