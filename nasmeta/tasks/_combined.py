"""A task under a budget, or against a cost: by the metric of the table that says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nasmeta.errors import SettingError, shown
from nasmeta.tasks._objectives import OBJECTIVE, Objective

if TYPE_CHECKING:
    from nasmeta.tasks._task import Task


class CombinedTask:
    """Base of `nasmeta.tasks.Task`."""

    def with_objective(self, objective: str) -> Task:
        """Return the task of the same column under a budget, or against a cost that another column of the table says.

        Parameters
        ----------
        objective : str
            ``within-5/latency`` for the best value where latency is at most 5; ``tradeoff-2/latency`` for the value
            minus twice the logarithm of the latency. A unit may follow the number, as in ``within-5ms/latency``: it
            must be the column's.

        Returns
        -------
        Task
            Its name is that of this task and the objective, with a slash between; `get_task` reads it.

        Raises
        ------
        SettingError
            Where the text has another form, the unit is another one, or the directions do not fit.
        ColumnError
            Where the table has no such metric.

        Examples
        --------
        >>> import pandas as pd
        >>> import nasmeta as nm
        >>> measured = pd.DataFrame({"cell": [1, 2, 3], "accuracy": [90.0, 94.0, 89.0], "latency": [5.0, 9.0, 6.0]})
        >>> mine = nm.Table.from_frame(measured, space="nb201", dataset="pets")
        >>> task = mine.task("accuracy").with_objective("within-6/latency")
        >>> task.name, task.optimum, task.values[[1, 2, 3]].round(1).tolist()
        ('own/pets/within-6/latency', 90.0, [90.0, -33.3, 89.0])
        """
        task: Any = self
        found = OBJECTIVE.fullmatch(objective) if isinstance(objective, str) else None
        if found is None or task.objective is not None:
            raise SettingError(
                f"{task.name} is combined with one cost, as in within-5/latency or tradeoff-2/latency, not with "
                f"{shown(objective)}."
            )
        rule, amount, unit, metric = found.groups()
        cost = task.table.task(metric, task.signal.dataset)
        if unit not in ("", cost.column.unit):
            raise SettingError(f"{metric} of {task.table_name} is in the unit {cost.column.unit}, not in {unit}.")
        name, table, signal, _, seconds, held_out = task._arguments
        of_both = Objective(cost.signal, rule, float(amount))  # type: ignore[arg-type]
        made: Task = type(task)(
            f"{name}/{objective}", table, signal, objective=of_both, cost=seconds, held_out=held_out
        )
        _ = made.column  # says where the directions do not fit
        return made
