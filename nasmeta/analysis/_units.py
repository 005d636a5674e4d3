"""Units, metrics and decimals of the values in a results frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from nasmeta.checks import decimals_of
from nasmeta.errors import NasmetaError
from nasmeta.registry import names_from_file

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo

_SPLITS = {"valid": "validation", "train": "training", "": ""}


def digits_of(rows: pd.DataFrame, unit: str) -> int:
    """Return the number of decimals for values of a task, from its rows of a results frame."""
    name = "incumbent_value"
    if "value" in rows and rows["value"].notna().any():
        name = "value"
    return decimals_of(rows[name], unit)


@names_from_file()
def column_of(task: str, frame: pd.DataFrame) -> ColumnInfo | None:
    """Return the column of a task in a results frame; None if no task of this name is known on this machine."""
    from nasmeta.tasks import get_task

    try:
        return column_in(frame, task, get_task(task).column)
    except NasmetaError:
        return None


def column_in(frame: pd.DataFrame, task: str, column: ColumnInfo) -> ColumnInfo:
    """Return the column of the values of a task in a results frame: its own, or predictions of it."""
    facts = frame.attrs.get("predicted", {}).get(task)
    if facts:
        return column.predicted_by(facts)
    return column


def regret_unit(columns: Sequence[ColumnInfo | None]) -> str:
    """Return the unit of the regrets of several tasks, with the metric if all tasks share it."""
    known = [column for column in columns if column is not None]
    units = {column.unit for column in known}
    if len(known) < len(columns) or len(units) != 1:
        return "each task's own unit"
    names = {_metric_name(column) for column in known}
    name = names.pop() if len(names) == 1 else ""
    (unit,) = units
    if unit == "1":  # without a unit
        return name or "each task's own metric"
    if unit != "percent":
        return unit
    if name:
        return f"percentage points of {name}"
    return "percentage points"


def _metric_name(column: ColumnInfo) -> str:
    """Return the metric of a column with its split, as a label."""
    metric = column.metric_name.removeprefix("predicted ")
    split = _SPLITS.get(column.split or "", column.split)
    return column.labelled(f"{split} {metric}".strip())
