"""Tasks that sources declare in the registry: known by name before any data is opened."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from nasmeta.tasks._signal import Signal
from nasmeta.tasks._task import Task

__all__ = ["declared_families", "declared_tasks"]


@cache
def declared_tasks() -> Mapping[str, Task]:
    """Return all declared tasks by name."""
    return {task.name: task for tasks in _by_family().values() for task in tasks}


def declared_families() -> dict[str, list[str]]:
    """Return the names of the tasks of each declared family: one metric of one table on all datasets."""
    return {family: [task.name for task in tasks] for family, tasks in _by_family().items()}


@cache
def _by_family() -> Mapping[str, list[Task]]:
    from nasmeta.tables import registered_sources

    found: dict[str, list[Task]] = {}
    for source in registered_sources().values():
        for entry in source.tasks:
            family = found.setdefault(entry.name.replace("/{dataset}", "").replace("{dataset}/", ""), [])
            for dataset in entry.datasets:
                signal = Signal(
                    dataset, entry.metric, entry.split, entry.epochs, entry.seed, source.release,
                    kind=entry.kind, device=entry.device,
                )  # fmt: skip
                cost: Literal["recorded"] | None = None if entry.cost is None else "recorded"
                family.append(Task(entry.name.format(dataset=dataset), source.table, signal, cost=cost))
    return found
