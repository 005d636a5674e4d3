"""Tasks and families by name.

A name is ``TABLE/DATASET[/METRIC][@SPLIT][@EPOCHSep][#SEED]``, or a name that ``benchmarks_data``
declares. A budget or a trade-off follows after a slash, further objectives after a plus sign; this
is the same for all tables.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from nasmeta.checks import is_listed
from nasmeta.errors import (
    ColumnError,
    DamagedFileError,
    MissingValueError,
    SettingError,
    UnknownNameError,
    near_name,
    shown,
)
from nasmeta.files import shipped
from nasmeta.registry import Registry, is_place
from nasmeta.spaces import canonical_dataset
from nasmeta.tables import (
    TABLES,
    Signal,
    added_tables,
    is_here,
    list_tables,
    parts_of_name,
    registered_sources,
    table_names,
)
from nasmeta.tasks._distribution import TaskDistribution
from nasmeta.tasks._multi_objective import MultiObjectiveTask
from nasmeta.tasks._signal import is_own_table
from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._table import Table, load_table
from nasmeta.tasks._task import OBJECTIVE, Task

if TYPE_CHECKING:
    import pandas as pd


def _from_package(provided: Any) -> Task | None:
    """Return the task that another package provides, as an object or from a function."""
    task = provided() if callable(provided) and not isinstance(provided, type) else provided
    return task if isinstance(task, Task) else None


TASKS: Registry[Task] = Registry(
    "task",
    group="nasmeta.tasks",
    accepts=_from_package,
    wanted="a Task, or a function that returns one",
)


# -- declarations in benchmarks_data
class DeclaredTask(NamedTuple):
    """A declared task, the family that it learns from by default, and the unit of its signal, empty if not declared."""

    task: Task
    family: str
    unit: str


@cache
def declared_tasks() -> Mapping[str, DeclaredTask]:
    """Return the declared tasks by name; if several declarations yield one name, the first is used."""
    declared: dict[str, DeclaredTask] = {}
    for source in registered_sources().values():
        for entry in source.tasks:
            family = entry.get("family") or entry["name"].replace("/{dataset}", "")
            for facts in spread(entry):
                signal = Signal(
                    facts["dataset"], facts["metric"], facts.get("split"), facts.get("epochs"), facts.get("seed"),
                    source.release, facts.get("kind", "performance"), facts.get("device"),
                )  # fmt: skip
                held_out = [facts["held_out"]] if "held_out" in facts else None
                task = Task(
                    facts["name"],
                    source.table,
                    signal,
                    cost="recorded" if "cost" in facts else None,
                    held_out=held_out,
                )
                if names := facts.get("scale"):
                    # of 215m-11.4b
                    numbers = signal.dataset.replace("m", "e6").replace("b", "e9").split("-")
                    task.scale = dict(zip(names.split("-"), map(float, numbers), strict=True))
                declared.setdefault(task.name, DeclaredTask(task, family, facts.get("unit", "")))
    return declared


@cache
def declared_families() -> Mapping[str, list[str]]:
    """Return the names of the tasks of each declared family."""
    entries = tomllib.loads(shipped("families.toml").read_text(encoding="utf-8"))["families"]
    families = {
        entry["name"]: [facts["tasks"] for facts in spread(entry)]
        for entry in entries
        if "tasks" in entry
    }
    for entry in entries:
        if "families" in entry:
            families[entry["name"]] = [
                task for family in entry["families"] for task in families[family]
            ]
    ordered = {entry["name"]: families[entry["name"]] for entry in entries}
    for name, (_, family, _) in declared_tasks().items():
        if family not in families:
            ordered.setdefault(family, []).append(name)
    return ordered


def spread(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield an entry once for each combination of the values of its lists, with its texts filled in.

    >>> [facts["name"] for facts in spread({"name": "nb201/{dataset}@12ep", "dataset": ["cifar10", "cifar100"]})]
    ['nb201/cifar10@12ep', 'nb201/cifar100@12ep']
    """
    lists = {key: value for key, value in entry.items() if isinstance(value, list)}
    for values in product(*lists.values()):
        facts = dict(entry)
        facts.update(zip(lists, values, strict=True))
        filled = {}
        for key, value in facts.items():
            filled[key] = value.format(**facts) if isinstance(value, str) else value
        yield filled


# -- names
_UNDER_OBJECTIVE = re.compile(r"([^/]+/.+?)/((?:within|tradeoff)-.+)")
# within-5ms/pixel3 is short for within-5ms/latency/pixel3
_COST_KINDS = (
    "",
    "latency/",
    "energy/",
)


def get_task(name: str) -> Task:
    """Return the task of this name.

    Parameters
    ----------
    name : str
        ``TABLE/DATASET[/METRIC][@SPLIT][@EPOCHSep][#SEED]``. For example ``nb201/cifar10``: the
        signal is the validation accuracy after 200 epochs in percent, mean over the measured seeds;
        an evaluation costs its training seconds. Parts that are left out have the defaults of
        `nasmeta.Table.task`. Examples:

        * ``nb201/cifar100#777`` one seed; ``nb201/cifar100#sample`` a random seed per cell, drawn
          anew in each run; ``nb201/cifar100@12ep`` a training of 12 epochs;
        * ``tnb101/jigsaw`` and the six other tasks of TransNAS-Bench-101; ``tnb101/jigsaw/train``
          the same metric on the training images;
        * ``nb201/latency/pixel3`` and ``nb201/energy/fpga`` on a device, of the networks for
          CIFAR-10, or for the dataset that follows, as in ``nb201/latency/pixel3/cifar100``;
          ``nb201/train-seconds/cifar100``;
        * ``nb201/robust/pgd@1`` accuracy under an attack of size 1/255, on CIFAR-10's test images;
        * ``TASK/within-5ms/COST`` the best value under a budget; ``TASK/tradeoff-2/COST`` the value
          minus twice the logarithm of the cost, see `Task.with_objective`. The cost is a metric of
          the table or a device, as in ``nb201/cifar100/within-5ms/pixel3``;
        * ``TASK+OBJECTIVE`` several objectives at once, as in ``nb201/cifar10+latency/pixel3``, see
          `multi_objective_task`.

    Raises
    ------
    UnknownNameError
        If the name does not exist.
    ColumnError
        If a user's table lacks this column.

    Examples
    --------
    >>> from nasmeta.tasks import get_task
    >>> get_task("nb201/cifar100")
    Task('nb201/cifar100': accuracy, split valid, 200 epochs, seed mean, nb201)
    >>> get_task("nb201/robust/pgd@1").dataset, get_task("nb201/latency/1080ti_batch32").dataset
    ('cifar10', '1080ti')
    """
    if name in TASKS or is_place(name):
        return TASKS[name]
    if name in declared_tasks():
        return declared_tasks()[name].task
    table = name.partition("/")[0]
    if table not in (*table_names(), *_own_tables()) and not is_place(table):
        raise _unknown(name)
    try:
        return _of_several_columns(name) or _under_objective(name) or _of_one_column(name)
    except ColumnError as reason:
        if is_own_table(table):
            raise
        raise _unknown(name, f" {reason}") from None


def _unknown(name: str, reason: str = "") -> UnknownNameError:
    names = [*TASKS, *declared_tasks(), *(f"{table}/" for table in _own_tables())]
    hint = _of_topic(name) or near_name(name, names) or reason
    return UnknownNameError(f"Unknown task {shown(name)}.{hint} `nasmeta list tasks` shows all.")


def _of_topic(name: str) -> str:
    tables = list_tables().query("topic == @name")["table"]
    return f" Tables of {name}: {', '.join(tables)}." if len(tables) else ""


def _of_one_column(name: str) -> Task:
    table, _, rest = name.partition("/")
    try:
        opened = load_table(table)
    except MissingValueError as reason:  # no file of the table is on this machine
        raise ColumnError(str(reason)) from None
    dataset, metric, stated = parts_of_name(rest, opened.columns)
    if not dataset:
        raise ColumnError(f"{name} is a table. Its tasks: {', '.join(opened.tasks().names)}.")
    task = opened.task(metric or None, dataset, **stated)
    if task.signal.split == "test" and "split" not in stated and not is_own_table(table):
        raise ColumnError(f"{name} has test values only. To search on them, write {name}@test.")
    return task


def _under_objective(name: str) -> Task | None:
    match = _UNDER_OBJECTIVE.fullmatch(name)
    if match is None:
        return None
    task, objective = get_task(match[1]), OBJECTIVE.fullmatch(match[2])
    cost = objective and _declared_column(
        objective[4], task.table_name, task.signal.dataset, unit=objective[3], kinds=_COST_KINDS
    )
    return task.with_objective(match[2], cost.signal if cost else None)


def _of_several_columns(name: str) -> Task | None:
    first, *others = _objectives_in(name) if "+" in name else [name]
    if not others:
        return None
    head = get_task(first)
    parts = [head, *(_objective(text, head.table_name, head.signal.dataset) for text in others)]
    return MultiObjectiveTask(_joined_name(parts), parts)


def _objectives_in(name: str) -> list[str]:
    """Return the parts between plus signs, except in a split such as ``@valid+test`` and in a user's names."""
    table = name.partition("/")[0]
    names: set[str | None] = set()
    if "@" in name or is_own_table(table):
        for info in load_table(table).columns:
            names.update((info.dataset, info.metric, info.split, info.release))
    # A null character stands for each plus sign inside a name, until the name is split.
    masked = name
    for text in filter(None, names):
        masked = re.sub(re.escape(text), _mask_plus, masked, flags=re.IGNORECASE)
    return [part.replace(chr(0), "+") for part in masked.split("+")]


def _mask_plus(match: re.Match[str]) -> str:
    return match[0].replace("+", chr(0))


def _declared_column(
    text: str, table: str, dataset: str | None, *, unit: str = "", kinds: Iterable[str] = ("",)
) -> Task | None:
    """Return the declared task of a table that a part of a name means, on this dataset or the one in the text."""
    for kind in kinds:
        for name in (f"{table}/{kind}{text}/{dataset}", f"{table}/{kind}{text}"):
            declared = declared_tasks().get(name)
            if declared and unit in ("", declared.unit):
                task = declared.task
                if dataset is None or task.signal.dataset in (dataset, *text.split("/")):
                    return task
    return None


def _objective(text: str, table: Table | str, dataset: str | None) -> Task:
    name = table if isinstance(table, str) else table.name
    text = text.removeprefix(f"{name}/")
    on = canonical_dataset(dataset) if dataset else None
    if declared := _declared_column(text, name, on):
        return declared
    opened = load_table(table) if isinstance(table, str) else table
    return opened.task(re.sub(f"^{re.escape(on or name)}/", "", text, flags=re.IGNORECASE), dataset)


def _joined_name(parts: list[Task]) -> str:
    """Return the name of the first part, followed by the differing ends of the other names."""
    table, dataset = f"{parts[0].table_name}/", parts[0].signal.dataset
    ends = (part.name.removeprefix(table).removeprefix(f"{dataset}/") for part in parts[1:])
    return "+".join([parts[0].name, *(end.removesuffix(f"/{dataset}") for end in ends)])


def multi_objective_task(
    objectives: Iterable[str | Task],
    dataset: str | None = None,
    *,
    table: str | Table = "nb201",
    name: str | None = None,
    reference: Sequence[float] | None = None,
) -> MultiObjectiveTask:
    """Return the task of several objectives at once: its values are vectors, its goal is the Pareto front.

    Parameters
    ----------
    objectives : iterable of str or Task
        At least two: metrics of the table, such as ``accuracy``; parts of names of tasks, such as
        ``latency/pixel3``; or tasks of one objective. Each has the direction of its column.
    dataset : str, optional
        By default the only dataset of the table, or the dataset of the first objective.
    table : str or Table, default "nb201"
        Any table with several columns.
    name : str, optional
        By default ``TABLE/DATASET+OBJECTIVE``, which `get_task` reads, too.
    reference : sequence of float, optional
        The reference point of hypervolumes, in the units of the objectives; by default a tenth of
        the front's range beyond its worst values.

    Returns
    -------
    MultiObjectiveTask

    Raises
    ------
    SettingError
        For fewer than two objectives, duplicates, or several datasets or spaces.
    ColumnError
        If the table lacks an objective.

    Examples
    --------
    >>> import pandas as pd
    >>> import nasmeta as nm
    >>> measured = pd.DataFrame({"cell": [1, 2, 3], "accuracy": [90.0, 94.0, 89.0], "watts": [5.0, 9.0, 6.0]})
    >>> mine = nm.Table.from_frame(measured, space="nb201", dataset="pets", direction={"watts": "min"})
    >>> task = nm.multi_objective_task(["accuracy", "watts"], table=mine)
    >>> task.name, task.front.architectures
    ('own/pets+watts', array([2, 1], dtype=int32))
    """
    parts: list[Task] = []
    for objective in objectives:
        if dataset is None and parts:
            dataset = parts[0].signal.dataset
        parts.append(
            _objective(objective, table, dataset) if isinstance(objective, str) else objective
        )
    return MultiObjectiveTask(name or _joined_name(parts), parts, reference)


# -- families
def _own_tables() -> tuple[str, ...]:
    """Return the names of the tables that a user added or that other packages provide."""
    return tuple(dict.fromkeys([*added_tables(), *TABLES]))


def task_families() -> tuple[str, ...]:
    """Return the names that `task_distribution` accepts.

    Examples
    --------
    >>> task_families()[:3]
    ('nb201', 'all', 'nb201/accuracy')
    >>> {"graph", "fcnet"} <= set(task_families())
    True
    """
    registered = (name.partition("/")[0] for name in TASKS)
    return tuple(dict.fromkeys([*declared_families(), *registered, *_own_tables()]))


def task_distribution(name: str) -> TaskDistribution:
    """Return all tasks of a family.

    Parameters
    ----------
    name : str
        ``nb201``: the three datasets after 200 epochs; ``nb201/12ep`` after 12; ``nb201/accuracy``:
        both, and each seed after 200 (some cells lack one); ``nb201/train-seconds``;
        ``nb201/latency`` and ``nb201/energy``: the devices that run all cells;
        ``nb201/accuracy+latency``: two objectives on the six devices that were measured on all
        datasets; ``nb201/robust``: attacks; ``nb201/within`` and ``nb201/tradeoff``: accuracy and
        hardware cost, one budget or weight per dataset and device; ``tnb101``: the seven tasks of
        TransNAS-Bench-101; ``tnb101/train``: their metrics on the training images; ``all``:
        accuracies, attacks, latency, energy and ``tnb101``. For other tables and registered tasks,
        the family is the part of their names before the slash. For your own table, you may add a
        metric, as in ``mine/f1``.

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
    tasks = [get_task(task) for task in declared_families().get(name, ())]
    table, _, metric = name.partition("/")
    if table in _own_tables() and (not metric or _is_metric(table, metric)):
        tasks += load_table(table).tasks(metric or None)
    there = {task.name for task in tasks}
    registered = [
        TASKS[task]
        for task in TASKS
        if task.partition("/")[0] == name or task.rpartition("/")[0] == name
    ]
    tasks += (task for task in registered if task.name not in there)
    if not tasks:
        if hint := _of_topic(name):
            raise UnknownNameError(f"Unknown family {shown(name)} of tasks.{hint}")
        raise UnknownNameError.of("family of tasks", name, task_families())
    return TaskDistribution(tasks)


def _is_metric(table: str, name: str) -> bool:
    """Whether a user's table has a metric, but not a dataset, with this name."""
    opened = load_table(table)
    return name not in opened.datasets and any(info.metric == name for info in opened.columns)


def _is_family(name: str) -> bool:
    table, _, metric = name.partition("/")
    return name in task_families() or (table in _own_tables() and _is_metric(table, metric))


def default_sources(task: Task) -> TaskDistribution:
    """Return the default sources of a meta-searcher: the task's family without tasks that share its dataset.

    Tasks of 12 epochs, of latency and of energy have separate families. All other tasks learn from
    the table's main family: a task under attack or with a budget learns from the validation
    accuracies on the other datasets. A trade-off learns from trade-offs of the same weight on the
    other datasets and devices. A task of a user's table learns from the same metric on the table's
    other datasets.

    >>> default_sources(get_task("nb201/cifar100")).names
    ('nb201/cifar10', 'nb201/imagenet16-120')
    """
    if names := _of_same_weight(task):
        return _without(task, map(get_task, names))
    if (
        not isinstance(task, MultiObjectiveTask)
        and is_own_table(task.table_name)
        and task.name not in TASKS
    ):
        return _without(task, _on_other_datasets(task))
    declared = declared_tasks().get(re.split(r"\+|/(?:within|tradeoff)-", task.name)[0])
    return _without(
        task, task_distribution(declared.family if declared else task.name.partition("/")[0])
    )


def _without(task: Task, others: Iterable[Task]) -> TaskDistribution:
    return TaskDistribution(
        other for other in others if set(task.held_out).isdisjoint(other.held_out)
    )


def _of_same_weight(task: Task) -> list[str]:
    """Return the names of a trade-off's task on all datasets and devices of the table's family of trade-offs."""
    base, tradeoff, end = task.name.partition("/tradeoff-")
    weight, _, device = end.partition("/")
    family = declared_families().get(f"{task.table_name}/tradeoff") if tradeoff else None
    if task.objective is None or family is None or "/" in device or task.signal.dataset not in base:
        return []
    names = []
    for name in family:
        dataset = name.split("/")[1]
        device = name.rpartition("/")[2]
        base_there = base.replace(task.signal.dataset, dataset)
        names.append(f"{base_there}/tradeoff-{weight}/{device}")
    return names


def _on_other_datasets(task: Task) -> list[Task]:
    """Return the task of the same metric on each other dataset of the table, with the same split, epochs and release.

    If a dataset lacks these, `Table.task` chooses.
    """
    table, s = Table._of(task.table), task.signal
    tasks = []
    for dataset in dict.fromkeys(info.dataset for info in table.columns if info.metric == s.metric):
        try:
            tasks.append(
                table.task(s.metric, dataset, split=s.split, epochs=s.epochs, release=s.release)
            )
        except ColumnError:
            tasks.append(table.task(s.metric, dataset))
    return tasks


def as_task(task: str | Task | TaskDistribution) -> Task:
    """Return a task from its name, itself, or a distribution of exactly one.

    >>> as_task("nb201/cifar10").name
    'nb201/cifar10'
    """
    if isinstance(task, TaskDistribution):
        if len(task) != 1:
            raise SettingError("task", task, "a single task")
        only: Task = task[0]
        return only
    return get_task(task) if isinstance(task, str) else task


def as_tasks(asked: object, *, held_out: Iterable[str] = ()) -> list[Any]:
    """Return the tasks of names, families, Tasks, SourceTasks, or a list of these.

    If a family is given by its name, tasks on datasets and devices that are `held_out` are
    excluded.

    >>> [task.name for task in as_tasks(["nb201/latency/pixel3", "nb201"])]
    ['nb201/latency/pixel3', 'nb201/cifar10', 'nb201/cifar100', 'nb201/imagenet16-120']
    """
    without, tasks = set(held_out), list[Any]()
    for item in asked if is_listed(asked) and not isinstance(asked, str) else [asked]:
        if isinstance(item, str) and _is_family(item):
            tasks += (task for task in task_distribution(item) if without.isdisjoint(task.held_out))
        elif isinstance(item, str):
            tasks.append(get_task(item))
        elif isinstance(item, Task | SourceTask):
            tasks.append(item)
        else:
            raise SettingError("tasks", item, "names of tasks or families, or tasks")
    return tasks


def list_tasks(family: str | None = None) -> pd.DataFrame:
    """Return the tasks of all families, or of one; `get_task` accepts more names.

    Parameters
    ----------
    family : str, optional
        A name in `nasmeta.tasks.task_families`.

    Returns
    -------
    DataFrame
        One row per task: ``task``, ``family`` (the first that contains it), ``table``, ``dataset``,
        ``metric``, and ``here`` (whether its values are on this machine; if not, the error of the
        first use names the command that fetches them).

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

    rows: dict[str, tuple[str | bool, ...]] = {}
    for name in (
        [family] if family is not None else [name for name in task_families() if name != "all"]
    ):
        try:
            tasks = task_distribution(name)
        except (ColumnError, DamagedFileError):  # a damaged table, or one without a default metric
            if family is not None:
                raise
            continue
        for task in tasks:
            side_by_side = isinstance(task, MultiObjectiveTask)
            parts = task.parts if side_by_side or task.objective is not None else (task,)
            metric = (
                "+".join(part.signal.metric for part in parts)
                if side_by_side
                else parts[0].signal.metric
            )
            here = all(is_here(task.table_name, **vars(part.signal)) for part in parts)
            rows.setdefault(
                task.name, (task.name, name, task.table_name, parts[0].signal.dataset, metric, here)
            )
    return pd.DataFrame(
        rows.values(), columns=["task", "family", "table", "dataset", "metric", "here"]
    )
