"""A task after trainings of several lengths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from nasmeta.errors import SettingError
from nasmeta.tasks._catalog import declared_tasks
from nasmeta.tasks._signal import Signal, is_own_table
from nasmeta.tasks._task import Task

_POINT = re.compile(r"(\d{1,6})of(\d{1,6})")


def fidelities(task: Task, epochs: Iterable[int | str] | None = None) -> dict[int, Task]:
    """Return a task after trainings of each possible length, by epochs, ascending; the last is the task itself.

    Validation accuracy on NAS-Bench-201 has two separate trainings, of 12 and 200 epochs. A user's table has the
    lengths that it holds for the same metric and all measured architectures. All other tasks have one length (0 for
    signals without a training). A string such as ``"50of200"`` in `epochs` is a point of the learning curve of the
    task's own training. It costs its share of the training, and is not a short training: its learning rate is still
    high.

    >>> from nasmeta.tasks import get_task
    >>> {epochs: task.name for epochs, task in fidelities(get_task("nb201/cifar100")).items()}
    {12: 'nb201/cifar100@12ep', 200: 'nb201/cifar100'}
    >>> list(fidelities(get_task("nb201/cifar10"), ["25of200", "100of200", 200]))
    [25, 100, 200]
    >>> list(fidelities(get_task("tnb101/jigsaw")))
    [10]
    """
    full = task.signal.epochs or 0
    known = {**_shorter(task), full: task}
    if epochs is None:
        return known
    found: dict[int, Task] = {}
    lengths = list(epochs)
    for length in lengths:
        epoch, other = _point(task, length) if isinstance(length, str) else (length, known.get(length))
        if other is None:
            possible = ", ".join([*map(str, known), f'points of its curve, such as "{max(1, full // 4)}of{full}"'])
            raise SettingError(f"epochs of {task.name}", length, possible)
        found[epoch] = other
    if full not in found or len(found) < len(lengths):
        raise SettingError(f"epochs of {task.name}", lengths, f"different lengths that include {full}")
    return {epoch: found[epoch] for epoch in sorted(found)}


def _point(task: Task, text: str) -> tuple[int, Task | None]:
    """Return a point of the learning curve of a task; None if the text does not name one."""
    match, full = _POINT.fullmatch(text), task.signal.epochs or 0
    if not match or task.objective is not None or int(match[2]) != full or not 1 <= int(match[1]) < full:
        return 0, None
    return int(match[1]), _same_with(task, f"@{text}", epoch=int(match[1]))


def _same_with(task: Task, ending: str, **changed: int) -> Task:
    """Return the task of another length with its recorded cost, unless the task has no cost."""
    cost = None if task._cost is None else "recorded"
    return Task(f"{task.name}{ending}", task._table, replace(task.signal, **changed), cost=cost)  # type: ignore[arg-type]


def _shorter(task: Task) -> dict[int, Task]:
    """Return a task after its shorter trainings, ascending, if every measured architecture has them."""
    signal, full = task.signal, task.signal.epochs or 0
    if task.objective is not None or not full:
        return {}
    if not is_own_table(task.table_name):
        base = task.name.partition("#")[0]
        declared = {one.task.signal.epochs: one.task for name, one in declared_tasks().items()
                    if name.startswith(f"{base}@") and one.task.signal.metric == signal.metric}  # fmt: skip
        return {epochs: one for epochs, one in declared.items() if epochs and epochs < full}
    found = {}
    held = {Signal.of(column).address for column in task.table.columns}
    for epochs in sorted({column.epochs for column in task.table.columns if column.epochs}):
        if epochs < full and replace(signal, epochs=epochs).address in held:
            shorter = _same_with(task, f"@{epochs}ep", epochs=epochs)
            if not np.isnan(shorter.values[task.measured]).any():
                found[epochs] = shorter
    return found
