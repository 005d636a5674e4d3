"""Tasks and families of tasks that ``benchmarks_data`` declares: ``sources/*.toml`` and ``families.toml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from nasmeta.files import parse_toml, shipped
from nasmeta.tables import registered_sources
from nasmeta.tasks._signal import Signal
from nasmeta.tasks._task import Task


class DeclaredTask(NamedTuple):
    """A declared task, the family that it learns from by default, and the unit of its signal, empty if not declared."""

    task: Task
    family: str
    unit: str


@cache
def declared_tasks() -> Mapping[str, DeclaredTask]:
    """Return the declared tasks by name; if several declarations yield one name, the first is used."""
    found: dict[str, DeclaredTask] = {}
    for source in registered_sources().values():
        for entry in source.tasks:
            family = entry.get("family") or entry["name"].replace("/{dataset}", "")
            for one in spread(entry):
                signal = Signal(
                    one["dataset"], one["metric"], one.get("split"), one.get("epochs"), one.get("seed"), source.release,
                    kind=one.get("kind", "performance"), device=one.get("device"),
                )  # fmt: skip
                task = Task(one["name"], source.table, signal, cost="recorded" if "cost" in one else None)
                found.setdefault(task.name, DeclaredTask(task, family, one.get("unit", "")))
    return found


@cache
def declared_families() -> Mapping[str, list[str]]:
    """Return the names of the tasks of each declared family."""
    entries = parse_toml(shipped("families.toml").read_text(encoding="utf-8"))["families"]
    found = {entry["name"]: [one["tasks"] for one in spread(entry)] for entry in entries if "tasks" in entry}
    joined = {entry["name"]: entry["families"] for entry in entries if "families" in entry}
    found |= {name: [task for family in families for task in found[family]] for name, families in joined.items()}
    ordered = {entry["name"]: found[entry["name"]] for entry in entries}
    for name, (_, family, _) in declared_tasks().items():
        if family not in found:
            ordered.setdefault(family, []).append(name)
    return ordered


def spread(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield an entry once for each combination of the values of its lists, with its texts filled in.

    >>> [one["name"] for one in spread({"name": "nb201/{dataset}@12ep", "dataset": ["cifar10", "cifar100"]})]
    ['nb201/cifar10@12ep', 'nb201/cifar100@12ep']
    """
    lists = {key: value for key, value in entry.items() if isinstance(value, list)}
    for values in product(*lists.values()):
        one = {**entry, **dict(zip(lists, values, strict=True))}
        yield {key: value.format(**one) if isinstance(value, str) else value for key, value in one.items()}
