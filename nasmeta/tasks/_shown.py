"""What a notebook shows of a task."""

from __future__ import annotations

from typing import Any

from nasmeta.errors import NasmetaError
from nasmeta.pictures import ShowsFacts


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
