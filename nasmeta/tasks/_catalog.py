"""The tasks by name."""

from __future__ import annotations

from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.registry import Registry
from nasmeta.tasks._distribution import TaskDistribution
from nasmeta.tasks._task import Signal, Task

__all__ = ["TASKS", "as_task", "get_task", "task_distribution"]

TASKS: Registry[Task] = Registry("task")

for _dataset in ("cifar10", "cifar100", "imagenet16-120"):
    _name = f"nb201/{_dataset}"
    TASKS.register(_name)(Task(_name, "nb201", Signal(_dataset, "accuracy", "valid", 200, "mean", "NATS-tss v1.0")))


def get_task(name: str) -> Task:
    """Return the task of this name.

    Parameters
    ----------
    name : str
        ``nb201/cifar10``, ``nb201/cifar100`` or ``nb201/imagenet16-120``: the signal is the validation accuracy
        after 200 epochs in percent, mean over the measured seeds; an evaluation costs its training seconds.

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> from nasmeta.tasks import get_task
    >>> get_task("nb201/cifar100")
    Task('nb201/cifar100': accuracy, split valid, 200 epochs, seed mean, nb201)
    """
    return TASKS[name]


def task_distribution(name: str) -> TaskDistribution:
    """Return all tasks of a family.

    Parameters
    ----------
    name : str
        The part of the task names before the slash: ``nb201``.

    Examples
    --------
    >>> from nasmeta.tasks import task_distribution
    >>> task_distribution("nb201").datasets
    ('cifar10', 'cifar100', 'imagenet16-120')
    """
    tasks = [task for task in TASKS.values() if task.name.split("/")[0] == name]
    if not tasks:
        raise UnknownNameError.of("family of tasks", name, {task.split("/")[0] for task in TASKS})
    return TaskDistribution(tasks)


def as_task(task: str | Task | TaskDistribution) -> Task:
    """Return a task from its name, itself, or a distribution of exactly one."""
    if isinstance(task, str):
        return get_task(task)
    if isinstance(task, TaskDistribution):
        if len(task) != 1:
            raise SettingError(f"One task is needed, but {task!r} has {len(task)}.")
        return task[0]
    return task
