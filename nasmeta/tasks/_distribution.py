"""A distribution of tasks, and its split into sources and target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import overload

import numpy as np

from nasmeta.checks import check_choice, check_int
from nasmeta.errors import SettingError, UnknownNameError
from nasmeta.spaces import held_out_name
from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._task import Task

_SPLITS: Mapping[str, Callable[[Task], tuple[str, ...]]] = {
    "dataset": lambda task: () if task.device else task.held_out[:1],
    "task": lambda task: (task.name,),
    "device": lambda task: task.devices,
    "space": lambda task: (task.space.name,),
}


class TaskDistribution(Sequence[Task]):
    """Tasks that are sampled uniformly, in a fixed order.

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
    >>> [task.name for task in source.sample(3, np.random.default_rng(0))]
    ['nb201/imagenet16-120', 'nb201/imagenet16-120', 'nb201/imagenet16-120']
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks: tuple[Task, ...] = tuple(tasks)
        twice = next((name for name, times in Counter(self.names).items() if times > 1), None)
        if twice is not None:
            raise SettingError(f"The task {twice} appears twice. Rename one: Table.task(…, name=…).")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(task.name for task in self._tasks)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The names that can be left out: the datasets of the tasks, and the devices of latency and energy tasks."""
        return tuple(dict.fromkeys(name for task in self._tasks for name in task.held_out))

    def sample(self, n: int, rng: np.random.Generator, replace: bool = True) -> list[Task]:
        """Draw `n` tasks uniformly.

        Raises
        ------
        SettingError
            If there are too few tasks.
        """
        check_int("n", n, least=0)
        if not self._tasks or (n > len(self) and not replace):
            raise SettingError("n", n, f"at most the number of tasks, {len(self)}")
        return [self._tasks[i] for i in rng.choice(len(self), size=n, replace=replace)]

    def leave_out(self, dataset: str) -> tuple[TaskDistribution, TaskDistribution]:
        """Split into (sources, targets): targets are all tasks on this dataset or device.

        Sources share nothing of `Task.held_out` with any target. A task that shares something else with a target, such
        as the device of a budget, is in neither.

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
            raise UnknownNameError.of("dataset or device", dataset, self.datasets)
        target = TaskDistribution(task for task in self._tasks if key in task.held_out)
        return self._without(target), target

    def _without(self, target: TaskDistribution) -> TaskDistribution:
        return TaskDistribution(task for task in self._tasks if set(target.datasets).isdisjoint(task.held_out))

    @property
    def spaces(self) -> tuple[str, ...]:
        """Names of the spaces of the tasks, each once."""
        return tuple(dict.fromkeys(task.space.name for task in self._tasks))

    def splits(self, by: str = "dataset") -> Iterator[tuple[str, TaskDistribution, TaskDistribution]]:
        """Yield (name, sources, targets) for each dataset, task, device or space.

        No source shares a dataset or a device with any target; see `Task.held_out`.

        Parameters
        ----------
        by : {"dataset", "task", "device", "space"}, default "dataset"
            The targets: all tasks on a dataset, a single task, all tasks with costs on a device, or all tasks of a
            space.

        Raises
        ------
        SettingError
            If no task has a dataset or device.

        Examples
        --------
        >>> import nasmeta as nm
        >>> from nasmeta.tasks import TaskDistribution
        >>> for name, sources, target in nm.task_distribution("nb201").splits():
        ...     print(name, len(sources), target.names)
        cifar10 2 ('nb201/cifar10',)
        cifar100 2 ('nb201/cifar100',)
        imagenet16-120 2 ('nb201/imagenet16-120',)
        >>> both = TaskDistribution([*nm.task_distribution("nb201"), *nm.task_distribution("tnb101")])
        >>> [(name, len(sources), len(target)) for name, sources, target in both.splits(by="space")]
        [('nb201', 7, 3), ('tnb101', 3, 7)]
        """
        check_choice("by", by, _SPLITS)
        groups: dict[str, list[Task]] = {}
        for task in self._tasks:
            for name in _SPLITS[by](task):
                groups.setdefault(name, []).append(task)
        if not groups:
            raise SettingError("by", by, "a property of at least one task")
        for name, group in groups.items():
            target = TaskDistribution(group)
            yield name, self._without(target), target

    def as_sources(self, n_labels: int | None = None, rng: np.random.Generator | None = None) -> list[SourceTask]:
        """Return the labels of each task for meta-training; see `Task.as_source`."""
        return [task.as_source(n_labels, rng) for task in self._tasks]

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> TaskDistribution: ...
    def __getitem__(self, index: int | slice) -> Task | TaskDistribution:
        if isinstance(index, slice):
            return TaskDistribution(self._tasks[index])
        return self._tasks[index]

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks)

    def __repr__(self) -> str:
        return f"TaskDistribution({', '.join(self.names)})"
