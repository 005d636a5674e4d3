"""The column that a task observes, and the name of the task."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from nasmeta.errors import ColumnError
from nasmeta.spaces import canonical_dataset
from nasmeta.tables._address import Address
from nasmeta.tables._columns import ColumnInfo, Seed, split_of
from nasmeta.tables._joined_columns import JoinedColumns


def _first(names: Sequence[str], most: int = 20) -> str:
    more = f", ... and {len(names) - most} more: `nasmeta data list`" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _meant(found: list[ColumnInfo], asked: Address) -> list[ColumnInfo]:
    """Return the columns that a searcher observes if the address leaves parts open."""
    if asked.split is None and any(info.split == "valid" for info in found):
        found = [info for info in found if info.split == "valid"]
    if asked.epochs is None and all(info.epochs is not None for info in found):
        found = [info for info in found if info.epochs == max(info.epochs or 0 for info in found)]
    if asked.seed is None:
        of_all = [info for info in found if info.seed == "mean"], [info for info in found if info.seed is None]
        found = of_all[0] or of_all[1] or found
    return found


def task_name(table: str, index: JoinedColumns, column: ColumnInfo, *, sampled: bool = False) -> str:
    """Return ``TABLE/DATASET``, the metric unless it is the main one, and all other parts that are not defaults.

    Examples are ``mine/pets``, ``mine/pets@test``, ``mine/pets@12ep`` and ``mine/pets/loss#0``.
    """
    asked = Address(column.dataset, column.metric).normal()
    meant = _meant(index.matching(asked), asked)
    name = f"{table}/{column.dataset}"
    name += "" if [column.metric] == index.default_metrics[column.dataset] else f"/{column.metric}"
    for part, form in (("split", "@{}"), ("epochs", "@{}ep"), ("release", "@{}"), ("seed", "#{}")):
        value = "sample" if sampled and part == "seed" else getattr(column, part)
        if value is not None and {getattr(info, part) for info in meant} != {value}:
            name += form.format(value)
    return name


def parts_of_name(name: str, columns: Sequence[ColumnInfo]) -> tuple[str, str, dict[str, Any]]:
    """Return dataset, metric and the other parts of a name from `task_name`, without the table.

    >>> info = ColumnInfo("pets", "map@50", "valid", 12, 0, "1", "max", "v1.0", "made-up", "CC0")
    >>> parts_of_name("pets/map@50@12ep#0", [info])
    ('pets', 'map@50', {'epochs': 12, 'seed': 0})
    """
    known = {text for info in columns for text in (info.dataset, f"{info.dataset}/{info.metric}")}
    signs = [found.start() for found in re.finditer("[@#]", name)]
    end = next((i for i in [len(name), *reversed(signs)] if name[:i] in known), min(signs, default=len(name)))
    dataset, _, metric = name[:end].partition("/")
    if not re.fullmatch("([@#][^@#]+)*", name[end:]):
        raise ColumnError("column", name, "DATASET[/METRIC][@SPLIT][@12ep][#SEED]")
    splits, releases = {info.split for info in columns}, {info.release for info in columns}
    found: dict[str, Any] = {}
    for sign, text in re.findall("([@#])([^@#]+)", name[end:]):
        if sign == "#":
            part, value = "seed", int(text) if text.isdigit() else text
        elif re.fullmatch(r"\d+ep", text):
            part, value = "epochs", int(text.removesuffix("ep"))
        elif text in releases - splits:
            part, value = "release", text
        else:  # val, valid and validation are one split
            alike = [split for split in splits if split_of(split) == split_of(text)]
            part, value = "split", alike[0] if text not in splits and len(alike) == 1 else text
        if part in found:
            raise ColumnError(f"parts of {name}", part, "each part once")
        found[part] = value
    return dataset, metric, found


def signal_column(
    table: str,
    index: JoinedColumns,
    metric: str | None,
    dataset: str | None,
    split: str | None = None,
    epochs: int | None = None,
    seed: Seed | None = None,
    release: str | None = None,
) -> ColumnInfo:
    """Return the column that a searcher observes; see `nasmeta.tables.Table.task` for the defaults."""
    datasets = index.by_dataset
    if dataset is None:
        if len(datasets) > 1:
            raise ColumnError(f"dataset of {table}", None, f"one of {_first([*datasets])}")
        dataset = next(iter(datasets))
    metrics = index.default_metrics.get(canonical_dataset(dataset), []) if metric is None else [metric]
    if not metrics:
        raise ColumnError(f"dataset of {table}", dataset, f"one of {_first([*datasets])}")
    if len(metrics) > 1:
        hint = f"Add it to the name, as in {table}/{dataset}/{metrics[0]}."
        raise ColumnError(f"metric of {table}/{dataset}", None, f"one of {_first(metrics)}", hint)
    sampled = isinstance(seed, str) and seed == "sample"
    seed = None if sampled else seed
    asked = Address(dataset, metrics[0], split, epochs, seed, release).normal()
    found = index.matching(asked)
    single = {(c.split, c.epochs, c.release) for c in found if isinstance(c.seed, int)}
    found = _meant(found, asked)
    several = [p for p in ("split", "epochs", "seed", "release") if len({getattr(info, p) for info in found}) > 1]
    if several:
        choices = "; ".join(f"{p}: {', '.join(sorted({str(getattr(i, p)) for i in found}))}" for p in several)
        raise ColumnError(f"{asked.described()} fits several columns of {table}. State {choices}.")
    if sampled and (found[0].split, found[0].epochs, found[0].release) not in single:
        raise ColumnError(f"{table} does not have single seeds of {found[0].address}.")
    return found[0]
