"""The tasks and their families by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from nasmeta.checks import is_listed
from nasmeta.errors import ColumnError, DamagedFileError, NasmetaError, SettingError, UnknownNameError, near_name, shown
from nasmeta.registry import Registry, is_place
from nasmeta.tasks._distribution import ALL_HELD_OUT, TaskDistribution
from nasmeta.tasks._members import (
    declared_families,
    declared_tasks,
    drawn_names,
    own_families,
    own_names,
    own_tasks,
    same_on_other_datasets,
    task_of_own_table,
    tradeoff_devices,
)
from nasmeta.tasks._multi_objective import MultiObjectiveTask
from nasmeta.tasks._multi_objective_names import task_of_objectives
from nasmeta.tasks._names import CANNOT_RUN_ALL, DATASETS, FORMS, TNB101, attacks, devices, read_name, why_no_name
from nasmeta.tasks._objectives import OBJECTIVE
from nasmeta.tasks._signal import is_own_table
from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._task import Task

if TYPE_CHECKING:
    import pandas as pd


def _task_of(found: object) -> Task | None:
    """Return the task that another package has, as it stands there or from a function."""
    made = found() if callable(found) and not isinstance(found, type) else found
    return made if isinstance(made, Task) else None


TASKS: Registry[Task] = Registry(
    "task",
    group="nasmeta.tasks",
    accepts=_task_of,
    wanted="a Task, or a function that returns one; a space is asked alone, in search and compare, where a function "
    "answers (--evaluator)",
)

_TRADEOFF = re.compile(
    rf"nb201/(?P<dataset>{'|'.join(DATASETS)})(?P<form>[@#]\w+)?/tradeoff-(?P<weight>[\d.]+)/(?P<device>\w+)"
)

_FAMILIES: Mapping[str, Callable[[], list[str]]] = {
    "nb201": lambda: [f"nb201/{dataset}" for dataset in DATASETS],
    "all": lambda: [
        name
        for family in ("nb201/accuracy", "nb201/robust", "nb201/latency", "nb201/energy", "tnb101")
        for name in _FAMILIES[family]()
    ],
    "nb201/accuracy": lambda: [
        f"nb201/{dataset}{form}" for dataset in DATASETS for form in ("", "#777", "#888", "#999", "@12ep")
    ],
    "nb201/12ep": lambda: [f"nb201/{dataset}@12ep" for dataset in DATASETS],
    "nb201/accuracy+latency": lambda: [
        f"nb201/{dataset}+latency/{device}"
        for dataset in DATASETS
        for device in sorted(devices("latency", DATASETS[-1]))
    ],
    "nb201/energy": lambda: [f"nb201/energy/{device}" for device in sorted(devices("energy", "cifar10"))],
    "nb201/latency": lambda: [
        f"nb201/latency/{device}" for device in sorted(devices("latency", "cifar10")) if device not in CANNOT_RUN_ALL
    ],
    "nb201/robust": lambda: [f"nb201/robust/{attack}" for attack in attacks()],
    "nb201/tradeoff": lambda: drawn_names("tradeoff"),
    "nb201/train-seconds": lambda: [f"nb201/train-seconds/{dataset}" for dataset in DATASETS],
    "nb201/within": lambda: drawn_names("within"),
    "tnb101": lambda: [f"tnb101/{task}" for task in TNB101],
    "tnb101/train": lambda: [f"tnb101/{task}/train" for task in TNB101],
}


def get_task(name: str) -> Task:
    """Return the task of this name.

    Parameters
    ----------
    name : str
        For example ``nb201/cifar10``: the signal is the validation accuracy after 200 epochs in percent, mean over the
        measured seeds; an evaluation costs its training seconds. What else there is:

        * ``nb201/cifar100#777`` one seed; ``nb201/cifar100#sample`` one at random a cell, drawn anew in each run;
          ``nb201/cifar100@12ep`` after a training of 12 epochs;
        * ``nb201/latency/pixel3``, ``nb201/energy/fpga`` on a device, of the networks for CIFAR-10, or for the dataset
          that follows, as in ``nb201/latency/pixel3/cifar100``; ``nb201/train-seconds/cifar100``: less is better;
        * ``nb201/robust/pgd@1`` accuracy under an attack of size 1/255, on CIFAR-10's test images;
        * ``nb201/cifar100/within-5ms/pixel3`` best accuracy under a budget; ``…/tradeoff-2/pixel3`` against the
          logarithm of the latency, of the networks for the same dataset unless another follows the device;
          ``nb201/robust/pgd@1/within-5ms/pixel3`` under attack; of any table ``TASK/within-5/METRIC``, see
          `Task.with_objective`;
        * ``tnb101/jigsaw`` and the six other tasks of TransNAS-Bench-101; ``tnb101/jigsaw/train``: the same metric on
          the training images;
        * ``nb201/cifar10+latency/pixel3`` several objectives at once, see `multi_objective_task`.

        Test accuracy has no name: a searcher sees validation, and test is what is told afterwards (`Task.report`).

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> from nasmeta.tasks import get_task
    >>> get_task("nb201/cifar100")
    Task('nb201/cifar100': accuracy, split valid, 200 epochs, seed mean, nb201)
    >>> get_task("nb201/robust/pgd@1").dataset, get_task("nb201/latency/1080ti_batch32").dataset
    ('cifar10', '1080ti')
    """
    if not isinstance(name, str):
        raise UnknownNameError.of("task", name, known_names())
    if name in TASKS or is_place(name):
        return TASKS[name]
    found: Task | None = read_name(name) or declared_tasks().get(name)
    if found is None and "+" in name:
        found = task_of_objectives(name, get_task)
    found = found or _under_objective(name) or task_of_own_table(name)
    if found is None:
        names = known_names()
        of_family = [known for known in names if known.startswith(f"{name.partition('/')[0]}/")]
        unknown, why = UnknownNameError.of("task", name, of_family), why_no_name(name)
        if not of_family:
            families = dict.fromkeys(f"{head}{slash and '/…'}" for head, slash, _ in (n.partition("/") for n in names))
            unknown = UnknownNameError(
                f"Unknown task {shown(name)}.{near_name(name, names)} Possible: {', '.join(families)}. All: `nasmeta "
                "list tasks`."
            )
        raise UnknownNameError(f"{unknown} {why}") if why else unknown
    return found


def _under_objective(name: str) -> Task | None:
    """Return what ``TASK/within-5/METRIC`` or ``TASK/tradeoff-2/METRIC`` means; None where the name has no such end."""
    parts = name.split("/")
    for i in range(2, len(parts) - 1):
        if OBJECTIVE.fullmatch(objective := "/".join(parts[i:])):
            try:
                return get_task("/".join(parts[:i])).with_objective(objective)
            except ColumnError:
                if parts[0] != "nb201":  # which has names of its own for its devices
                    raise
    return None


def known_names() -> list[str]:
    """Return names of tasks, and forms of names, for messages."""
    listed = [name for family in ("nb201", "nb201/12ep", "tnb101") for name in _FAMILIES[family]()]
    return [*TASKS, *listed, *FORMS, *declared_tasks(), *own_names()]


def task_families() -> tuple[str, ...]:
    """Return the names that `task_distribution` knows.

    Examples
    --------
    >>> task_families()[:3]
    ('nb201', 'all', 'nb201/accuracy')
    >>> {"graph", "fcnet"} <= set(task_families())
    True
    """
    registered = (name.partition("/")[0] for name in TASKS)
    return tuple(dict.fromkeys([*_FAMILIES, *declared_families(), *registered, *own_families()]))


def task_distribution(name: str) -> TaskDistribution:
    """Return all tasks of a family.

    Parameters
    ----------
    name : str
        ``nb201``: the three datasets after 200 epochs; ``nb201/12ep`` after 12; ``nb201/accuracy``: both, and each seed
        after 200 (of which some cells lack one); ``nb201/train-seconds``; ``nb201/latency`` and ``nb201/energy``: the
        devices that run all cells; ``nb201/accuracy+latency``: both as two objectives on the six devices that were
        measured on all datasets; ``nb201/robust``: attacks; ``nb201/within`` and ``nb201/tradeoff``: accuracy and
        hardware cost, one drawn budget or weight for each dataset and device;
        ``tnb101``: the seven tasks of TransNAS-Bench-101; ``tnb101/train``: their metrics on the training images, more
        to learn from; ``all``: all of these but those of two columns, those on training images, and the seconds, which
        for one dataset are those for another times a factor.
        For tasks registered by others: the part of their names before the slash.

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> from nasmeta.tasks import task_distribution
    >>> task_distribution("nb201").datasets
    ('cifar10', 'cifar100', 'imagenet16-120')
    >>> len(task_distribution("nb201/latency")), len(task_distribution("tnb101"))
    (28, 7)
    """
    tasks: list[Task] = []
    if name in _FAMILIES:
        tasks += (get_task(task) for task in _FAMILIES[name]())
    elif isinstance(name, str):
        tasks += (get_task(task) for task in declared_families().get(name, ()))
        tasks += own_tasks(name)
    there = {task.name for task in tasks}
    registered = [TASKS[task] for task in TASKS if task.partition("/")[0] == name or task.rpartition("/")[0] == name]
    tasks += (task for task in registered if task.name not in there)
    if not tasks:
        raise UnknownNameError.of("family of tasks", name, task_families())
    return TaskDistribution(tasks)


def all_held_out() -> set[str]:
    """Return the datasets and devices that any task is on, whether its table is here or not."""
    names = {name for family in task_families() if family != "all" for name in _held_out_of(family)}
    hardware = [signal for kind in ("latency", "energy") for signal in devices(kind, "cifar10").values()]
    return names.union(signal.device for signal in hardware if signal.device is not None)


ALL_HELD_OUT.append(all_held_out)


def _held_out_of(family: str) -> set[str]:
    if family.startswith(("nb201/within", "nb201/tradeoff")):
        return set()  # drawn from tables that may not be here; what they hold out is that of others
    try:
        return {name for task in task_distribution(family) for name in task.held_out}
    except (ColumnError, DamagedFileError):  # a table of somebody's own, of which no task is clear
        return set()


def default_sources(task: Task) -> TaskDistribution:
    """Return what a meta-searcher learns from where nobody says: the task's family without all that it holds out.

    For a task of 12 epochs, of latency or of energy that is the family of this name; for all others the first part of
    the name: so a task under attack or with a budget learns from the validation accuracies on the other datasets. A
    trade-off learns from those of the same weight on the other datasets and devices, as its weight is known. A task of
    a user's table learns from the same metric on the table's other datasets.
    """
    if found := _TRADEOFF.fullmatch(task.name):
        form, weight, device = found["form"] or "", found["weight"], found["device"]
        return TaskDistribution(
            get_task(f"nb201/{dataset}{form}/tradeoff-{weight}/{other}")
            for dataset in DATASETS
            for other in tradeoff_devices()
            if dataset != found["dataset"] and other != device
        )
    if not isinstance(task, MultiObjectiveTask) and is_own_table(task.table_name) and task.name not in TASKS:
        return TaskDistribution(same_on_other_datasets(task))
    for family, names in declared_families().items():
        if task.name in names:
            return _without(task, family)
    first, _, rest = task.name.partition("/")
    second = "12ep" if "@12ep" in rest else rest.partition("/")[0]
    return _without(task, f"{first}/{second}" if second in ("12ep", "latency", "energy") else first)


def _without(task: Task, family: str) -> TaskDistribution:
    return TaskDistribution(
        other for other in task_distribution(family) if set(task.held_out).isdisjoint(other.held_out)
    )


def as_task(task: str | Task | TaskDistribution) -> Task:
    """Return a task from its name, itself, or a distribution of exactly one."""
    if isinstance(task, TaskDistribution):
        if len(task) != 1:
            raise SettingError(f"One task is needed, but {task!r} has {len(task)}.")
        return task[0]
    if not isinstance(task, str | Task):
        raise SettingError(f"A task is a name such as nb201/cifar10, or a Task, not {shown(task)}.")
    return get_task(task) if isinstance(task, str) else task


@overload
def as_tasks(asked: object) -> list[Task]: ...
@overload
def as_tasks(asked: object, *, held_out: Iterable[str] = (), sources: Literal[True]) -> list[Task | SourceTask]: ...
def as_tasks(
    asked: object, *, held_out: Iterable[str] = (), sources: bool = False
) -> list[Task] | list[Task | SourceTask]:
    """Return the tasks of names, of families by name, Tasks, or several of these; with `sources` SourceTasks, too.

    Of a family given by its name, the tasks on datasets and devices that are `held_out` are left out.

    >>> [task.name for task in as_tasks(["nb201/latency/pixel3", "nb201"])]
    ['nb201/latency/pixel3', 'nb201/cifar10', 'nb201/cifar100', 'nb201/imagenet16-120']
    """
    kinds: tuple[type, ...] = (Task, SourceTask) if sources else (Task,)
    what = "Sources are names of tasks or of families of tasks, Tasks or SourceTasks"
    if not sources:
        what = "Tasks are names of tasks or of families, or Tasks"
    if isinstance(asked, (str, *kinds)):
        asked = [asked]
    if not is_listed(asked):
        raise SettingError(f"{what}, not {shown(asked)}.")
    without = set(held_out)
    found: list[Any] = []
    for one in asked:
        if isinstance(one, str) and one in task_families():
            found += (task for task in task_distribution(one) if without.isdisjoint(task.held_out))
        elif isinstance(one, str):
            found.append(get_task(one))
        elif isinstance(one, kinds):
            found.append(one)
        else:
            what = what if sources else "A task is a name such as nb201/cifar10, or a Task"
            raise SettingError(f"{what}, not {shown(one)}.")
    return found


def list_tasks(family: str | None = None) -> pd.DataFrame:
    """Return the tasks of all families, or of one; `get_task` knows more forms of names.

    Parameters
    ----------
    family : str, optional
        A name in `nasmeta.tasks.task_families`.

    Returns
    -------
    DataFrame
        One row a task: ``task``, ``family`` (the first that has it), ``table``, ``dataset``, ``metric``, and ``here``
        (whether its values are on this machine; where they are not, the error of the first use names the command that
        brings them). Families that are drawn from a table are left out where it is not here.

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_tasks("nb201")[["task", "dataset", "metric", "here"]]
                       task         dataset    metric  here
    0         nb201/cifar10         cifar10  accuracy  True
    1        nb201/cifar100        cifar100  accuracy  True
    2  nb201/imagenet16-120  imagenet16-120  accuracy  True
    """
    import pandas as pd

    from nasmeta.tables import is_here

    rows: dict[str, tuple[str | bool, ...]] = {}
    for name in [family] if family is not None else [name for name in task_families() if name != "all"]:
        try:
            tasks = task_distribution(name)
        except NasmetaError:
            if family is not None:
                raise
            continue
        for task in tasks:
            side_by_side = isinstance(task, MultiObjectiveTask)
            parts = task.parts if side_by_side or task.objective is not None else (task,)
            s = parts[0].signal
            metric = "+".join(part.signal.metric for part in parts) if side_by_side else s.metric
            here = all(is_here(task.table_name, **vars(part.signal)) for part in parts)
            rows.setdefault(task.name, (task.name, name, task.table_name, s.dataset, metric, here))
    return pd.DataFrame(rows.values(), columns=["task", "family", "table", "dataset", "metric", "here"])
