"""The column that a task observes, and the names of tasks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from nasmeta.errors import ColumnError
from nasmeta.spaces import canonical_dataset
from nasmeta.tables._address import Address
from nasmeta.tables._columns import ColumnInfo, Seed, split_of
from nasmeta.tables._joined_columns import JoinedColumns
from nasmeta.tables.sources import table_names

_MOST_LISTED = 20  # names in a message


def _meant(columns: list[ColumnInfo], asked: Address) -> list[ColumnInfo]:
    """Return the columns that a searcher observes if the address leaves parts open."""
    if asked.split is None:
        columns = [info for info in columns if info.split == "valid"] or columns
    if asked.epochs is None and all(info.epochs is not None for info in columns):
        columns = [info for info in columns if info.epochs == max(info.epochs or 0 for info in columns)]
    for seed in ("mean", None) if asked.seed is None else ():
        if of_seed := [info for info in columns if info.seed == seed]:
            return of_seed
    return columns


def task_name(table: str, index: JoinedColumns, column: ColumnInfo, *, sampled: bool = False) -> str:
    """Return ``TABLE/DATASET``, the metric unless it is the main one, and all other parts that are not defaults.

    Examples are ``mine/pets``, ``mine/pets@test``, ``mine/pets@12ep`` and ``mine/pets/loss#0``.
    """
    asked = Address(column.dataset, column.metric).normal()
    meant = _meant(index.matching(asked), asked)
    name = f"{table}/{column.dataset}"
    name += "" if [column.metric] == index.default_metrics[canonical_dataset(column.dataset)] else f"/{column.metric}"
    for part, form in (("split", "@{}"), ("epochs", "@{}ep"), ("release", "@{}"), ("seed", "#{}")):
        value = "sample" if sampled and part == "seed" else getattr(column, part)
        # `get_task` refuses a built-in table's test values, unless the name states the split.
        needs_split = value == "test" and table in table_names()
        if value is not None and (needs_split or {getattr(info, part) for info in meant} != {value}):
            name += form.format(value)
    return name


def parts_of_name(name: str, columns: Sequence[ColumnInfo]) -> tuple[str, str, dict[str, Any]]:
    """Return dataset, metric and the other parts of a name from `task_name`, without the table.

    >>> info = ColumnInfo("pets", "map@50", "valid", 12, 0, "1", "max", "v1.0", "made-up", "CC0")
    >>> parts_of_name("pets/map@50@12ep#0", [info])
    ('pets', 'map@50', {'epochs': 12, 'seed': 0})
    """
    known = {text.lower() for info in columns for text in (info.dataset, f"{info.dataset}/{info.metric}")}
    ends = [*(sign.start() for sign in re.finditer("[@#]", name)), len(name)]
    end = next((i for i in reversed(ends) if name[:i].lower() in known), ends[0])
    dataset, _, metric = name[:end].partition("/")
    if not re.fullmatch("([@#][^@#]+)*", name[end:]):
        raise ColumnError("column", name, "DATASET[/METRIC][@SPLIT][@12ep][#SEED]")
    splits, releases = {info.split for info in columns}, {info.release for info in columns}
    parts: dict[str, Any] = {}
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
        parts[part] = value
    return dataset, metric, parts


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
    datasets = index.datasets
    if dataset is None and len(datasets) == 1:
        dataset = datasets[0]
    metrics = [metric] if metric else index.default_metrics.get(canonical_dataset(dataset or ""), [])
    if dataset is None or not metrics:
        raise ColumnError(f"dataset of {table}", dataset, f"one of {', '.join(datasets[:_MOST_LISTED])}")
    if len(metrics) > 1:
        hint = f"Add it to the name, as in {table}/{dataset}/{metrics[0]}."
        raise ColumnError(f"metric of {table}/{dataset}", None, f"one of {', '.join(metrics[:_MOST_LISTED])}", hint)
    sampled = seed == "sample"
    asked = Address(dataset, metrics[0], split, epochs, None if sampled else seed, release).normal()
    if sampled:
        index.matching(asked, single_seeds=True)
    meant = _meant(index.matching(asked), asked)
    several = [p for p in ("split", "epochs", "seed", "release") if len({getattr(info, p) for info in meant}) > 1]
    if several:
        choices = "; ".join(f"{p}: {', '.join(sorted({str(getattr(i, p)) for i in meant}))}" for p in several)
        raise ColumnError(f"{asked.described()} fits several columns of {table}. State {choices}.")
    return meant[0]
