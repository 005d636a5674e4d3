"""What is known of each task of a comparison: its best value, unit and release, and the test values of all cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import FloatArray, with_regrets
from nasmeta.analysis._run_summary import digits_of
from nasmeta.checks import decimals_of
from nasmeta.errors import NasmetaError, SettingError
from nasmeta.tables import ColumnInfo, only_test_values
from nasmeta.tasks import Task


@dataclass(frozen=True)
class TestColumn:
    """A test metric of all cells: what a searcher never saw, told of its incumbents."""

    __test__ = False  # pytest takes classes of such a name for tests

    label: str  # how it was measured
    values: FloatArray  # (n_cells,)
    best: str  # of all cells, as it is written


@dataclass(frozen=True)
class TaskFacts:
    """A task as a report needs it."""

    name: str
    optimum: float  # in the unit of the signal; the best value that any run found, where it is not known
    sign: float  # 1 where higher is better, else -1
    unit: str  # empty where the task is not known here
    signal: Mapping[str, str]  # how it was measured: metric, split, epochs, …; empty as before
    test: TestColumn | None
    known: bool = True  # whether the optimum is
    digits: int = 2  # decimals of its values
    column: ColumnInfo | None = None  # what is known of them; None where the task is not known here
    on_test: bool = False  # whether they are test values: their split or the name of their metric says so

    @property
    def best(self) -> str:
        """The optimum as it is written."""
        return f"{self.optimum:.{self.digits}f}"

    @property
    def regret_unit(self) -> str:
        """Unit of differences: of percent these are percentage points."""
        return "percentage points" if self.unit == "percent" else self.unit


def facts_of(
    frame: pd.DataFrame, tasks: Mapping[str, Task] | None = None, columns: Sequence[ColumnInfo] = ()
) -> list[TaskFacts]:
    """Return what is known of the tasks in a results frame, in its order; of others than `tasks` what it says.

    Of the columns that the comparison reports, a task takes the first that is of its data set.
    """
    found = []
    for name, rows in frame.groupby("task", sort=False, observed=True):
        task = (tasks or {}).get(str(name))
        optimum, sign = _from_frame(rows, str(name))
        info = None if task is None else task.column
        unit, signal, test, known = "", dict[str, str](), None, not rows["regret"].isna().all()
        if task is not None and info is not None:
            unit, signal = info.unit, _words(info) if known else {}  # something else answered than the task's table
            incumbents = rows["incumbent"].unique()
            test = _test_column(task, incumbents, columns) if known else _table_column(task, incumbents)
        on_test = known and info is not None and (info.split == "test" or bool(only_test_values((), info)))
        found.append(
            TaskFacts(str(name), optimum, sign, unit, signal, test, known, digits_of(rows, unit), info, on_test)
        )
    return found


def _from_frame(rows: pd.DataFrame, name: str) -> tuple[float, float]:
    """Return optimum and sign: the incumbent and its regret add up to the optimum, or their difference does."""
    rows = with_regrets(rows)[0]
    value, regret = rows["incumbent_value"].to_numpy(np.float64), rows["regret"].to_numpy(np.float64)
    for sign in (1.0, -1.0):
        optimum = value + sign * regret
        if np.ptp(optimum) <= 1e-9 * max(1.0, float(np.abs(optimum).max())):
            return float(optimum[0]), sign
    raise SettingError(f"In the results of {name} incumbents and regrets do not add up to one optimum.")


def _words(info: ColumnInfo) -> dict[str, str]:
    named = {
        "metric": f"{info.metric} ({info.unit})",
        "dataset": info.dataset,
        "split": info.split,
        "epochs": info.epochs,
        "seed": info.seed,
        "release": info.release,
        "source": info.source,
        "licence": info.licence,
        "checksum": info.source_sha256 or None,
    }
    return {key: str(value) for key, value in named.items() if value is not None}


def _table_column(task: Task, incumbents: FloatArray) -> TestColumn | None:
    """Return what the task's table says of cells that something else has evaluated, where it knows all incumbents."""
    values = task.values.astype(np.float64)
    if np.isnan(values[incumbents]).any():
        return None
    said = ", ".join(f"{key} {text}" for key, text in _words(task.column).items() if key in ("split", "epochs", "seed"))
    best = f"{task.optimum:.{decimals_of(values, task.column.unit)}f}"
    return TestColumn(f"{task.signal.metric} of the table {task.table_name} ({said})", values, best)


def _test_column(task: Task, incumbents: FloatArray, reported: Sequence[ColumnInfo]) -> TestColumn | None:
    """Return the first test column that has all incumbents.

    First come the columns that the comparison reports, in its order; then those of networks trained on the whole
    training set, of the signal's own release, and the others by name. In which order sources were fetched says nothing.
    """
    try:
        s = task.signal
        wanted = [info for info in reported if info.dataset in (s.dataset, f"{s.dataset}-valid")]
        others = sorted(
            task.report_columns,
            key=lambda info: (info.dataset != s.dataset, info.release != s.release, info.release, info.address),
        )
        for info in [*wanted, *others]:
            address = (info.dataset, info.metric, info.split, info.epochs, info.seed, info.release)
            values = task.table.column(*address).astype(np.float64)
            if not np.isnan(values[incumbents]).any():
                said = [info.dataset, f"seed {info.seed}", f"release {info.release}"]
                said[1:1] = [] if info.epochs is None else [f"{info.epochs} epochs"]
                return TestColumn(
                    f"{info.metric} on the test split ({', '.join(said)})",
                    values,
                    f"{task.sign * np.nanmax(task.sign * values):.{decimals_of(values, info.unit)}f}",
                )
    except NasmetaError:  # a damaged file of a fetched source must not cost the whole report
        return None
    return None
