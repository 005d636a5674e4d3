"""A distribution of tasks, and its split into sources and target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import overload

import numpy as np

from nasmeta.checks import check_bool, check_choice, check_generator, check_int, is_listed
from nasmeta.errors import SettingError, UnknownNameError, shown
from nasmeta.spaces import held_out_name
from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._task import Task

ALL_HELD_OUT: list[Callable[[], set[str]]] = []  # what any task is on; the catalogue of tasks adds its answer
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
        Where one is no Task, or there twice.

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
        if isinstance(tasks, Task | str) or not is_listed(tasks):
            raise SettingError(f"A distribution is of a list of tasks, not of {shown(tasks)}.")
        self._tasks: tuple[Task, ...] = tuple(tasks)
        for task in self._tasks:
            if not isinstance(task, Task):
                raise SettingError(
                    f"A distribution is of Tasks, not of {shown(task)}: nasmeta.get_task(name) makes one of a name, "
                    "and nasmeta.task_distribution(family) all of a family."
                )
        if len(set(self.names)) != len(self._tasks):
            twice = next(name for i, name in enumerate(self.names) if name in self.names[:i])
            one, other = [task for task in self._tasks if task.name == twice][:2]
            if one != other:
                raise SettingError(
                    f"Two tasks have the name {twice}, {one!r} and {other!r}, so results would not tell them apart: "
                    "give one another name, as in Table.task(…, name=…)."
                )
            raise SettingError(f"A task appears twice in {', '.join(self.names)}.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(task.name for task in self._tasks)

    @property
    def datasets(self) -> tuple[str, ...]:
        """What can be left out: the datasets of the tasks, and the devices of tasks about hardware; each once."""
        return tuple(dict.fromkeys(name for task in self._tasks for name in task.held_out))

    def sample(self, n: int, rng: np.random.Generator, replace: bool = True) -> list[Task]:
        """Draw `n` tasks uniformly.

        Raises
        ------
        SettingError
            Where `n` is no whole number of at least 0, `rng` no generator, or there are too few tasks.
        """
        n, rng = check_int("n", n, least=0), check_generator(rng, "tasks")
        if not self._tasks or (n > len(self) and not replace):
            raise SettingError(
                f"Cannot draw {n} tasks {'with' if replace else 'without'} replacement from {len(self)}."
            )
        return [self._tasks[i] for i in rng.choice(len(self), size=n, replace=check_bool("replace", replace))]

    def leave_out(self, dataset: str) -> tuple[TaskDistribution, TaskDistribution]:
        """Split into (source, target): target has all tasks on this dataset, or device, and source none of them.

        A task that shares anything else with a target is in neither: a source has nothing of `Task.held_out` of any
        target.

        Raises
        ------
        UnknownNameError
            For a name that is no dataset and no device.
        SettingError
            For one that none of these tasks is on.

        Examples
        --------
        >>> import nasmeta as nm
        >>> nm.task_distribution("nb201").leave_out("jigsaw")
        Traceback (most recent call last):
        nasmeta.errors.SettingError: None of these 3 tasks is on jigsaw, so there is nothing of it to leave out. \
They are on: cifar10, cifar100, imagenet16-120.
        """
        if not isinstance(dataset, str):
            raise SettingError(
                f"What is left out is a name, not {shown(dataset)}. Possible: {', '.join(self.datasets)}."
            )
        key = held_out_name(dataset)
        if key not in self.datasets:
            if not any(key in names() for names in ALL_HELD_OUT):
                raise UnknownNameError.of("dataset or device", dataset, self.datasets)
            raise SettingError(
                f"None of these {len(self)} tasks is on {key}, so there is nothing of it to leave out. They are on: "
                f"{', '.join(self.datasets) or 'none'}."
            )
        target = TaskDistribution(task for task in self._tasks if key in task.held_out)
        return TaskDistribution(task for task in self._tasks if set(target.datasets).isdisjoint(task.held_out)), target

    @property
    def spaces(self) -> tuple[str, ...]:
        """Names of the spaces of the tasks, each once; several where sources of several spaces are mixed."""
        return tuple(dict.fromkeys(task.space.name for task in self._tasks))

    def splits(self, by: str = "dataset") -> Iterator[tuple[str, TaskDistribution, TaskDistribution]]:
        """Yield (name, sources, target) for everything that can be left out.

        Whatever is left out, no source shares a dataset or a device with any target; see `Task.held_out`.

        Parameters
        ----------
        by : {"dataset", "task", "device", "space"}, default "dataset"
            ``dataset``: all tasks on a dataset; ``device``: all with costs on a device; ``task``: a single task;
            ``space``: all tasks of a cell space, so that the sources are those of the others.

        Raises
        ------
        SettingError
            Where `by` is none of these, or the tasks have nothing of the kind.

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
            raise SettingError(f"None of these tasks has a {by} that could be left out: {', '.join(self.names)}.")
        for name, group in groups.items():
            target = TaskDistribution(group)
            held_out = set(target.datasets)
            yield name, TaskDistribution(task for task in self._tasks if held_out.isdisjoint(task.held_out)), target

    def as_sources(self, n_labels: int | None = None, rng: np.random.Generator | None = None) -> list[SourceTask]:
        """Return what a meta-searcher may see of each task; see `Task.as_source`."""
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
