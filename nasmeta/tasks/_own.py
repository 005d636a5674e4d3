"""Tasks of tables that a user added to the store, or that other packages bring."""

from __future__ import annotations

from contextlib import suppress

from nasmeta.errors import ColumnError, NasmetaError
from nasmeta.registry import is_place
from nasmeta.tasks._task import Task

__all__ = ["own_families", "own_names", "own_tasks", "task_of_own_table"]


def own_families() -> tuple[str, ...]:
    """Return the names of the tables that a user added, or that others bring."""
    from nasmeta.tables import SOURCES, TABLES, added_tables

    foreign = [kind.table for kind in SOURCES.values() if kind.__module__.partition(".")[0] != "nasmeta"]
    return tuple(dict.fromkeys([*added_tables(), *TABLES, *foreign]))


def own_tasks(table: str) -> list[Task]:
    """Return one task for each dataset of a table that a user added: its main metric."""
    from nasmeta.tables import load_table

    return list(load_table(table).tasks()) if table in own_families() else []


def own_names() -> list[str]:
    """Return the names of these tasks, for messages; none of a table that is damaged or whose questions are unclear."""
    names = []
    for table in own_families():
        with suppress(NasmetaError):
            names += [task.name for task in own_tasks(table)]
    return names


def task_of_own_table(name: str) -> Task | None:
    """Return the task that ``TABLE/DATASET`` or ``TABLE/DATASET/METRIC`` means; None where there is no such table."""
    from nasmeta.tables import load_table

    table, _, rest = name.partition("/")
    if table not in own_families() and not is_place(table):
        return None
    opened = load_table(table)
    dataset, _, metric = rest.partition("/")
    if not dataset:
        raise ColumnError(f"{name} is a table. Its tasks: {', '.join(task.name for task in opened.tasks())}.")
    return opened.task(metric or None, dataset)
