"""The columns that a task observes if its name leaves parts open, and the parts of the name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from nasmeta.errors import ColumnError
from nasmeta.tables._address import Address
from nasmeta.tables._columns import ColumnInfo, split_of


def meant_columns(columns: list[ColumnInfo], asked: Address) -> list[ColumnInfo]:
    """Return the columns that a searcher observes if the address leaves parts open."""
    if asked.split is None:
        columns = [info for info in columns if info.split == "valid"] or columns
    if asked.epochs is None and all(info.epochs is not None for info in columns):
        longest = max(info.epochs or 0 for info in columns)
        columns = [info for info in columns if info.epochs == longest]
    if asked.seed is not None:
        return columns
    means = [info for info in columns if info.seed == "mean"]
    without_seed = [info for info in columns if info.seed is None]
    return means or without_seed or columns


def parts_of_name(name: str, columns: Sequence[ColumnInfo]) -> tuple[str, str, dict[str, Any]]:
    """Return dataset, metric and the other parts of a name from `Table.task`, without the table.

    >>> info = ColumnInfo("pets", "map@50", "valid", 12, 0, "1", "max", "v1.0", "made-up", "CC0")
    >>> parts_of_name("pets/map@50@12ep#0", [info])
    ('pets', 'map@50', {'epochs': 12, 'seed': 0})
    """
    known = set()
    for info in columns:
        known |= {info.dataset.lower(), f"{info.dataset}/{info.metric}".lower()}
    # A metric may contain the signs: the longest known start is dataset and metric.
    ends = [sign.start() for sign in re.finditer("[@#]", name)]
    ends.append(len(name))
    end = next((end for end in reversed(ends) if name[:end].lower() in known), ends[0])
    dataset, _, metric = name[:end].partition("/")
    if not re.fullmatch("([@#][^@#]+)*", name[end:]):
        raise ColumnError("column", name, "DATASET[/METRIC][@SPLIT][@12ep][#SEED]")
    splits = {info.split for info in columns}
    releases = {info.release for info in columns}
    parts: dict[str, Any] = {}
    for sign, text in re.findall("([@#])([^@#]+)", name[end:]):
        if sign == "#":
            parts["seed"] = int(text) if text.isdigit() else text
        elif re.fullmatch(r"\d+ep", text):
            parts["epochs"] = int(text.removesuffix("ep"))
        elif text in releases - splits:
            parts["release"] = text
        else:
            parts["split"] = _spelled(text, splits)
    return dataset, metric, parts


def _spelled(split: str, splits: Collection[str | None]) -> str | None:
    """Return a split in the spelling of the columns: val, valid and validation are one split."""
    alike = [other for other in splits if split_of(other) == split_of(split)]
    if split in splits or len(alike) != 1:
        return split
    return alike[0]
