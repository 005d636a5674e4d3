"""A task after trainings of several lengths."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np

from nasmeta.errors import SettingError
from nasmeta.tables import Signal
from nasmeta.tasks._catalog import declared_tasks
from nasmeta.tasks._signal import is_own_table
from nasmeta.tasks._task import Task


def fidelities(task: Task, epochs: Iterable[int | str] | None = None) -> dict[int, Task]:
    """Return a task after trainings of each possible length, by epochs, ascending; the last is the task itself.

    Validation accuracy on NAS-Bench-201 has two separate trainings, of 12 and 200 epochs. A user's
    table has the lengths that it holds for the same metric and all measured architectures. All
    other tasks have one length (0 for signals without a training).

    >>> from nasmeta.tasks import get_task
    >>> {epochs: task.name for epochs, task in fidelities(get_task("nb201/cifar100")).items()}
    {12: 'nb201/cifar100@12ep', 200: 'nb201/cifar100'}
    >>> list(fidelities(get_task("tnb101/jigsaw")))
    [10]
    """
    full = task.signal.epochs or 0
    known = {**_shorter(task), full: task}
    lengths = list(known if epochs is None else epochs)
    if full not in lengths or not set(lengths) <= set(known):
        raise SettingError(
            f"epochs of {task.name}", lengths, f"{full} and others of {', '.join(map(str, known))}"
        )
    return {length: other for length, other in known.items() if length in lengths}


def _shorter(task: Task) -> dict[int, Task]:
    """Return a task after its shorter trainings, ascending, if every measured architecture has them."""
    signal, full = task.signal, task.signal.epochs or 0
    if task.objective is not None or not full:
        return {}
    lengths: dict[int, Task] = {}
    if not is_own_table(task.table_name):
        base = task.name.partition("#")[0]
        for name, (other, _, _) in declared_tasks().items():
            length = other.signal.epochs or full
            if (
                name.startswith(f"{base}@")
                and other.signal.metric == signal.metric
                and length < full
            ):
                lengths[length] = other
        return lengths
    columns = task.table.columns
    held = {Signal.of(column).address for column in columns}
    for length in sorted(
        {column.epochs for column in columns if column.epochs and column.epochs < full}
    ):
        cost: Literal["recorded"] | None = None if task._cost is None else "recorded"
        shorter = Task(
            f"{task.name}@{length}ep", task._table, replace(signal, epochs=length), cost=cost
        )
        if shorter.signal.address in held and not np.isnan(shorter.values[task.measured]).any():
            lengths[length] = shorter
    return lengths
