"""Tasks whose look-ups answer with one measured seed at random, and how a notebook shows a task."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import NasmetaError, SettingError
from nasmeta.pictures import ShowsFacts


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
