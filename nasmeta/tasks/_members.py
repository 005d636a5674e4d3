"""The members of families: tasks that sources declare, those of added tables, and those whose budgets are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Literal

import numpy as np

from nasmeta.errors import ColumnError, NasmetaError
from nasmeta.registry import is_place
from nasmeta.spaces import canonical_dataset
from nasmeta.tasks._names import CANNOT_RUN_ALL, DATASETS, devices, read_name
from nasmeta.tasks._signal import Signal
from nasmeta.tasks._task import Task

_RULES = ("within", "tradeoff")
_UNITS = {"latency": "ms", "energy": "mJ"}
_QUANTILES = (0.1, 0.9)  # of the cells' costs, between which a budget lies
_WEIGHTS = (0.5, 8.0)  # points of accuracy that a cost e times as high must bring


@cache
def declared_tasks() -> Mapping[str, Task]:
    """Return all declared tasks by name."""
    return {task.name: task for tasks in _by_family().values() for task in tasks}


def declared_families() -> dict[str, list[str]]:
    """Return the names of the tasks of each declared family: one metric of one table on all datasets."""
    return {family: [task.name for task in tasks] for family, tasks in _by_family().items()}


@cache
def _by_family() -> Mapping[str, list[Task]]:
    from nasmeta.tables import registered_sources

    found: dict[str, list[Task]] = {}
    for source in registered_sources().values():
        for entry in source.tasks:
            family = found.setdefault(entry.name.replace("/{dataset}", "").replace("{dataset}/", ""), [])
            for dataset in entry.datasets:
                signal = Signal(
                    dataset, entry.metric, entry.split, entry.epochs, entry.seed, source.release,
                    kind=entry.kind, device=entry.device,
                )  # fmt: skip
                cost: Literal["recorded"] | None = None if entry.cost is None else "recorded"
                family.append(Task(entry.name.format(dataset=dataset), source.table, signal, cost=cost))
    return found


def own_families() -> tuple[str, ...]:
    """Return the names of the tables that a user added, or that others bring."""
    from nasmeta.tables import SOURCES, TABLES, added_tables

    foreign = [kind.table for kind in SOURCES.values() if kind.__module__.partition(".")[0] != "nasmeta"]
    return tuple(dict.fromkeys([*added_tables(), *TABLES, *foreign]))


def own_tasks(table: str) -> list[Task]:
    """Return one task for each dataset of a table that a user added: its main metric."""
    from nasmeta.tables import load_table

    return list(load_table(table).tasks()) if table in own_families() else []


def same_on_other_datasets(task: Task) -> list[Task]:
    """Return the question of a task to the other datasets of its table that have the metric, without what it holds out.

    Split, epochs and release are the same where these are there, too, else what is meant where nobody says.
    """
    table, s = task.table, task.signal
    found = []
    for dataset in table.datasets:
        if dataset == s.dataset or not any((i.dataset, i.metric) == (dataset, s.metric) for i in table.columns):
            continue
        try:
            other = table.task(s.metric, dataset, split=s.split, epochs=s.epochs, release=s.release)
        except ColumnError:
            other = table.task(s.metric, dataset)
        found.append(other)
    return [other for other in found if set(task.held_out).isdisjoint(other.held_out)]


def own_names() -> list[str]:
    """Return the names of these tasks, for messages; none of a table that is damaged or whose questions are unclear."""
    names = []
    for table in own_families():
        with suppress(NasmetaError):
            names += [task.name for task in own_tasks(table)]
    return names


def task_of_own_table(name: str) -> Task | None:
    """Return the task that ``TABLE/DATASET`` or ``TABLE/DATASET/METRIC@12ep#0`` means; None without such a table."""
    from nasmeta.tables import load_table, parts_of_name
    from nasmeta.tables._columns import split_of

    table, _, rest = name.partition("/")
    if table not in own_families() and not is_place(table):
        return None
    opened = load_table(table)
    dataset, metric, said = parts_of_name(rest, opened.columns)
    if not dataset:
        raise ColumnError(f"{name} is a table. Its tasks: {', '.join(task.name for task in opened.tasks())}.")
    said_split = split_of(said.get("release"))
    alike = {info.split for info in opened.columns if said_split is not None and split_of(info.split) == said_split}
    if len(alike) == 1 and all(info.release != said["release"] for info in opened.columns):
        said.pop("release")
        said["split"] = alike.pop()  # val, valid and validation are one split
    of_dataset = [info for info in opened.columns if info.dataset == canonical_dataset(dataset)]
    if of_dataset and not alike and "release" in said and all(info.release != said["release"] for info in of_dataset):
        splits = ", ".join(sorted({info.split for info in of_dataset if info.split})) or "none"
        releases = ", ".join(sorted({info.release for info in of_dataset}))
        raise ColumnError(
            f"{table} holds neither a split nor a release {said['release']!r} of {dataset}. Its splits: {splits}; its "
            f"releases: {releases}. `nasmeta list tasks --family {table}` lists its tasks."
        )
    return opened.task(metric or None, dataset, **said)


def drawn_names(rule: str) -> list[str]:
    """Return the members of a family: each dataset and device with one budget or weight, always the same ones.

    A budget is the cost at a quantile drawn between 0.1 and 0.9 of the cells that the device can run; a weight is
    drawn between 0.5 and 8 uniformly on a logarithmic scale. Both are rounded to three digits.
    """
    places = [(dataset, *cost) for dataset in DATASETS for cost in _costs(rule)]
    return [_drawn(np.random.default_rng([i, _RULES.index(rule)]), rule, *place) for i, place in enumerate(places)]


def tradeoff_devices() -> list[str]:
    """Return the devices with the latency of every cell on all datasets."""
    return [device for _, device in _costs("tradeoff")]


def _costs(rule: str) -> list[tuple[str, str]]:
    """Return kind and device of all costs that were measured on all datasets and that the rule can use."""
    return [
        (kind, device)
        for kind in _UNITS
        for device in sorted(set.intersection(*(set(devices(kind, dataset)) for dataset in DATASETS)))
        if rule == "within" or (kind == "latency" and device not in CANNOT_RUN_ALL)
    ]


def _drawn(rng: np.random.Generator, rule: str, dataset: str, kind: str, device: str) -> str:
    if rule == "tradeoff":
        amount, unit = float(np.exp(rng.uniform(*np.log(_WEIGHTS)))), ""
    else:
        cost = read_name(f"nb201/{kind}/{device}/{dataset}")
        assert cost is not None
        amount, unit = float(np.nanquantile(cost.values, rng.uniform(*_QUANTILES))), _UNITS[kind]
    number = np.format_float_positional(amount, precision=3, fractional=False, trim="-")
    return f"nb201/{dataset}/{rule}-{number}{unit}/{device}"
