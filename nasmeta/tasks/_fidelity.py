"""The same question after trainings of several lengths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np

from nasmeta.checks import check_int, is_listed
from nasmeta.errors import SettingError, shown
from nasmeta.tasks._names import read_name
from nasmeta.tasks._signal import Signal
from nasmeta.tasks._task import Task

_POINT = re.compile(r"(?P<epoch>\d{1,6})of(?P<epochs>\d{1,6})")


def curve_point(task: Task, epoch: int) -> Task:
    """Return a task's own training, looked at after its first epochs: what may be seen before its end.

    It costs its share of the training. A point of a learning curve is no short training: the learning rate is still
    high. It has no name by which it could be searched for.

    Examples
    --------
    >>> from nasmeta.tasks import get_task
    >>> curve_point(get_task("nb201/cifar10"), 50).name
    'nb201/cifar10@50of200'
    """
    name = f"{task.name}@{epoch}of{task.signal.epochs}"
    return Task(name, task._table, replace(task.signal, epoch=epoch), cost=_cost_like(task))


def fidelities(task: Task, epochs: Iterable[int | str] | None = None) -> dict[int, Task]:
    """Return a task after trainings of each possible length, by epochs, ascending; the last is the task itself.

    Validation accuracy on NAS-Bench-201 has trainings of 12 and 200 epochs, two separate trainings; a table of one's
    own has what it has of the same metric, for all measured architectures; everything else has one length (0 for what
    no training measures). A string such as ``"50of200"`` in `epochs` is a point of the learning curve of the task's own
    training, where a file gives it for all cells.

    >>> from nasmeta.tasks import get_task
    >>> {epochs: task.name for epochs, task in fidelities(get_task("nb201/cifar100")).items()}
    {12: 'nb201/cifar100@12ep', 200: 'nb201/cifar100'}
    >>> list(fidelities(get_task("nb201/cifar10"), ["25of200", "100of200", 200]))
    [25, 100, 200]
    >>> list(fidelities(get_task("tnb101/jigsaw")))
    [10]
    """
    known = _known(task)
    if epochs is None:
        return known
    if not is_listed(epochs):
        raise SettingError(f"Lengths of trainings are whole numbers of epochs, not {shown(epochs)}.")
    full = task.signal.epochs or 0
    found: dict[int, Task] = {}
    for length in epochs:
        epoch, other = _point(task, length) if isinstance(length, str) else _training(task, known, length)
        if epoch in found:
            raise SettingError(f"{epoch} epochs appear twice.")
        found[epoch] = other
    if full not in found:
        raise SettingError(
            f"{task.name} was asked for with no training of {full} epochs, its own. "
            f"Possible: {', '.join(map(str, known))}; {full} must be there."
        )
    return {epoch: found[epoch] for epoch in sorted(found)}


def _training(task: Task, known: dict[int, Task], length: object) -> tuple[int, Task]:
    epochs = check_int("epochs", length, least=0)
    if epochs not in known:
        raise SettingError(
            f"{task.name} was asked for with {epochs} epochs. Possible: {', '.join(map(str, known))}, and points of "
            f'its learning curve, such as "{max(1, (task.signal.epochs or 4) // 4)}of{task.signal.epochs or 4}".'
        )
    return epochs, known[epochs]


def _point(task: Task, text: str) -> tuple[int, Task]:
    full = task.signal.epochs
    match = _POINT.fullmatch(text)
    if not match or task.objective is not None or full is None or int(match["epochs"]) != full:
        raise SettingError(
            f"{shown(text)} is no point of the training of {task.name}"
            + (f", which has {full} epochs: write such as '{max(1, full // 4)}of{full}'." if full else ".")
        )
    epoch = check_int("A point of a learning curve", int(match["epoch"]), 1, full - 1)
    return epoch, curve_point(task, epoch)


def _known(task: Task) -> dict[int, Task]:
    full = task.signal.epochs or 0
    if task.objective is None and full == 200 and "/" not in task.name.partition("/")[2]:
        short = read_name(f"{task.name.partition('#')[0]}@12ep")
        if short is not None and task.signal.metric == short.signal.metric:
            return {12: short, 200: task}
    return {**_shorter(task), full: task}


def _cost_like(task: Task) -> Literal["recorded"] | None:
    """Return the cost of a shorter training: what was recorded for it, unless the task is to cost nothing."""
    return None if task._cost is None else "recorded"


def _shorter(task: Task) -> dict[int, Task]:
    """Return a task of a user's own table after its shorter trainings, of which every measured architecture has one."""
    from nasmeta.tables import table_names

    signal = task.signal
    if task.objective is not None or not signal.epochs or task.table_name in ("", *table_names()):
        return {}
    found = {}
    there = {Signal.of(column).address for column in task.table.columns}
    for epochs in sorted({column.epochs for column in task.table.columns if column.epochs}):
        short = replace(signal, epochs=epochs)
        if epochs < signal.epochs and short.address in there:
            shorter = Task(f"{task.name}@{epochs}ep", task._table, short, cost=_cost_like(task))
            if not np.isnan(shorter.values[task.measured]).any():
                found[epochs] = shorter
    return found
