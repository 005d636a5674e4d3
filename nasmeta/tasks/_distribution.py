"""A distribution of tasks, and its split into sources and target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from nasmeta.checks import check_choice
from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.spaces import held_out_name
from nasmeta.tasks._multi_objective import MultiObjectiveTask
from nasmeta.tasks._signal import is_own_table
from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._task import Task


class TaskDistribution(Sequence[Task]):
    """Tasks in a fixed order.

    Parameters
    ----------
    tasks : iterable of Task

    Raises
    ------
    SettingError
        If two tasks have the same name.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> source, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> source.names, target.names
    (('nb201/cifar10', 'nb201/imagenet16-120'), ('nb201/cifar100',))
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks: tuple[Task, ...] = tuple(tasks)
        twice = next((name for name, times in Counter(self.names).items() if times > 1), None)
        if twice is not None:
            raise SettingError(
                f"The task {twice} appears twice. Rename one: Table.task(…, name=…)."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(task.name for task in self._tasks)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The names that can be left out: the datasets of the tasks, and the devices of latency and energy tasks."""
        return tuple(dict.fromkeys(name for task in self._tasks for name in task.held_out))

    def leave_out(self, dataset: str) -> tuple[TaskDistribution, TaskDistribution]:
        """Split into (sources, targets): targets are all tasks on this dataset or device.

        Sources share nothing of `Task.held_out` with any target. A task that shares something else
        with a target, such as the device of a budget, is in neither.

        Raises
        ------
        UnknownNameError
            If none of the tasks is on this dataset or device.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.task_distribution("nb201").leave_out("jigsaw")
        Traceback (most recent call last):
        nasmeta.errors.UnknownNameError: Unknown dataset or device 'jigsaw'. Possible: cifar10, cifar100, \
imagenet16-120.
        """
        key = held_out_name(dataset)
        if key not in self.datasets:
            meant = [task for task in self._tasks if dataset in (task.name, task.table_name)]
            names = [name for task in meant or self._tasks for name in _written(task)]
            raise UnknownNameError.of("dataset or device", dataset, names)
        target = TaskDistribution(task for task in self._tasks if key in task.held_out)
        return self._without(target), target

    def _without(self, target: TaskDistribution) -> TaskDistribution:
        return TaskDistribution(
            task for task in self._tasks if set(target.datasets).isdisjoint(task.held_out)
        )

    def splits(
        self, by: Literal["dataset", "task"] = "dataset"
    ) -> Iterator[tuple[str, TaskDistribution, TaskDistribution]]:
        """Yield (name, sources, targets): the targets are all tasks on a dataset, or a single task.

        No source shares a dataset or a device with any target; see `Task.held_out`.

        Examples
        --------
        >>> import nasmeta as nm
        >>> for name, sources, target in nm.task_distribution("nb201").splits():
        ...     print(name, len(sources), target.names)
        cifar10 2 ('nb201/cifar10',)
        cifar100 2 ('nb201/cifar100',)
        imagenet16-120 2 ('nb201/imagenet16-120',)
        """
        check_choice("by", by, ("dataset", "task"))
        groups: dict[str, list[Task]] = {}
        for task in self._tasks:
            if by == "task" or not task.device:
                groups.setdefault(task.name if by == "task" else task.held_out[0], []).append(task)
        for name, group in groups.items():
            target = TaskDistribution(group)
            yield name, self._without(target), target

    def as_sources(
        self, n_labels: int | None = None, rng: np.random.Generator | None = None
    ) -> list[SourceTask]:
        """Return the labels of each task for meta-training; see `Task.as_source`."""
        return [task.as_source(n_labels, rng) for task in self._tasks]

    def __getitem__(self, index: Any) -> Any:
        chosen = self._tasks[index]
        return TaskDistribution(chosen) if isinstance(index, slice) else chosen

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks)

    def __repr__(self) -> str:
        return f"TaskDistribution({', '.join(self.names)})"


def _written(task: Task) -> tuple[str, ...]:
    """Return what a task holds out, with the dataset of a user's table as the user wrote it."""
    if isinstance(task, MultiObjectiveTask) or not is_own_table(task.table_name):
        return task.held_out
    dataset = task.signal.dataset
    return tuple(dataset if held_out_name(dataset) == name else name for name in task.held_out)
