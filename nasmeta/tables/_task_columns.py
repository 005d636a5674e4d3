"""The columns that a task observes if its name leaves parts open, and the parts of the name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from nasmeta.errors import ColumnError
from nasmeta.tables._address import Address
from nasmeta.tables._columns import ColumnInfo, split_of


def meant_columns(columns: list[ColumnInfo], asked: Address) -> list[ColumnInfo]:
    """Return the columns that a searcher observes if the address leaves parts open."""
    if asked.split is None:
        columns = [info for info in columns if info.split == "valid"] or columns
    if asked.epochs is None and all(info.epochs is not None for info in columns):
        columns = [
            info for info in columns if info.epochs == max(info.epochs or 0 for info in columns)
        ]
    for seed in ("mean", None) if asked.seed is None else ():
        if of_seed := [info for info in columns if info.seed == seed]:
            return of_seed
    return columns


def parts_of_name(name: str, columns: Sequence[ColumnInfo]) -> tuple[str, str, dict[str, Any]]:
    """Return dataset, metric and the other parts of a name from `Table.task`, without the table.

    >>> info = ColumnInfo("pets", "map@50", "valid", 12, 0, "1", "max", "v1.0", "made-up", "CC0")
    >>> parts_of_name("pets/map@50@12ep#0", [info])
    ('pets', 'map@50', {'epochs': 12, 'seed': 0})
    """
    known = {
        text.lower() for info in columns for text in (info.dataset, f"{info.dataset}/{info.metric}")
    }
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
