"""Tasks that sources declare in the registry: known by name before any data is opened."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from nasmeta.tasks._signal import Signal
from nasmeta.tasks._task import Task

__all__ = ["declared_families", "declared_family_of", "declared_names", "declared_task"]


@cache
def _declared() -> Mapping[str, tuple[str, Task]]:
    """Return family and task by name."""
    from nasmeta.tables import registered_sources

    found: dict[str, tuple[str, Task]] = {}
    for source in registered_sources().values():
        for entry in getattr(source, "tasks", ()):
            family = entry.name.replace("/{dataset}", "").replace("{dataset}/", "")
            for dataset in entry.datasets:
                name = entry.name.format(dataset=dataset)
                signal = Signal(
                    dataset, entry.metric, entry.split, entry.epochs, entry.seed, source.release,
                    kind=entry.kind, device=entry.device,
                )  # fmt: skip
                cost = None if entry.cost is None else "recorded"
                found[name] = family, Task(name, source.table, signal, cost=cost)  # type: ignore[arg-type]
    return found


def declared_task(name: str) -> Task | None:
    """Return the declared task of this name; None where there is none."""
    found = _declared().get(name)
    return None if found is None else found[1]


def declared_names() -> tuple[str, ...]:
    """Return the names of all declared tasks."""
    return tuple(_declared())


def declared_families() -> dict[str, list[str]]:
    """Return the names of the tasks of each declared family: one metric of one table on all datasets."""
    families: dict[str, list[str]] = {}
    for name, (family, _) in _declared().items():
        families.setdefault(family, []).append(name)
    return families


def declared_family_of(name: str) -> str | None:
    """Return the family of a declared task; None for other names."""
    found = _declared().get(name)
    return None if found is None else found[0]
