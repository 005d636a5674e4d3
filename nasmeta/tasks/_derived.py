"""What is made of a task: one of its columns and others as objectives, and seeds that are sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import NasmetaError, SettingError, shown
from nasmeta.pictures import ShowsFacts
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


class SampledSeeds:
    """Base of `nasmeta.tasks.Task`."""

    @property
    def is_sampled(self) -> bool:
        """Whether a look-up answers with one seed at random; `values` and `optimum` are of the mean over seeds."""
        task: Any = self
        return bool(task.signal.seed == "sample")

    def sampled_values(self, seed: int) -> NDArray[np.float64]:
        """Return for every architecture the signal of one of its seeds, drawn uniformly, float64, shape (size,).

        NaN where nothing was measured.

        Parameters
        ----------
        seed : int
            Of the draw, such as the seed of a run.

        Raises
        ------
        SettingError
            Where the task is not about a sampled seed.

        Examples
        --------
        >>> from nasmeta.tasks import get_task
        >>> task = get_task("nb201/cifar10#sample")
        >>> round(task.optimum, 2), [round(float(task.sampled_values(seed)[6111]), 2) for seed in range(3)]
        (91.61, [91.42, 91.42, 91.68])
        """
        task: Any = self
        if not self.is_sampled:
            raise SettingError(f"{task.name} is not about a sampled seed: its answers are the same in every run.")
        s, of_signal = task.signal, task if task.objective is None else task.parts[0]
        drawn = np.full(task.space.size, np.nan)
        cells, rng = of_signal.measured, np.random.default_rng([check_int("seed", seed, least=0), 43])
        drawn[cells] = task.table.query(cells, s.dataset, s.metric, s.split, s.epochs, rng, s.release)
        if task.objective is not None:
            drawn = task.objective.values(drawn, task.parts[1].values)
        return drawn


class ShownTask(ShowsFacts):
    """Base of `nasmeta.tasks.Task`."""

    def _facts(self) -> dict[str, object]:
        task: Any = self
        s = task.signal
        said = (("split {}", s.split), ("{} epochs", s.epochs), ("seed {}", s.seed), ("release {}", s.release))
        parts = [s.metric, *(text.format(value) for text, value in said if value is not None)]
        facts: dict[str, object] = {
            "name": task.name,
            "table": task.table_name or "none",
            "space": f"{task.space.name}, {task.space.size:,} {task.space.noun}s",
            "signal": ", ".join(parts),
        }
        if task.objective is not None:
            facts["objective"] = task.objective
        facts["held out"] = ", ".join(task.held_out)
        try:
            facts["unit"] = f"{task.column.unit}, {'higher' if task.direction == 'max' else 'lower'} is better"
            facts["measured"] = f"{len(task.measured):,}"
            facts["optimum"] = f"{task.optimum:.6g}, {task.space.noun} {', '.join(map(str, task.optimal_cells[:3]))}"
        except NasmetaError as reason:  # its values are not on this machine
            facts["values"] = reason
        return facts
