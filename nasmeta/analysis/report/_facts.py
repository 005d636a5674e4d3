"""Facts about each task of a comparison: best value, unit, release, and test values of all architectures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from nasmeta.analysis._frame import has_value, with_regrets
from nasmeta.analysis._units import column_in, digits_of
from nasmeta.arrays import Floats
from nasmeta.checks import decimals_of, with_unit
from nasmeta.errors import NasmetaError
from nasmeta.tables import ColumnInfo, describe_training, only_test_values
from nasmeta.tasks import Signal, Task

if TYPE_CHECKING:
    from nasmeta.evaluators import Evaluator


@dataclass(frozen=True)
class TestColumn:
    """A test metric of all architectures, which no searcher observes."""

    __test__ = False  # for pytest

    label: str  # of the measurement
    values: Floats  # (architectures,)
    best: str  # of all architectures, formatted


@dataclass(frozen=True)
class TaskFacts:
    """Facts about a task that a report states."""

    name: str
    optimum: float  # in the unit of the task; if unknown, the best value of all runs; NaN if no run has a value
    sign: float  # 1 if higher is better, else -1
    known: bool = True  # whether the optimum is known
    digits: int = 2  # decimals of the values
    column: ColumnInfo | None = None  # None if the task is not known on this machine
    # whether the column describes the values, which another evaluator may have returned
    described: bool = True
    test: TestColumn | None = None
    evaluator: str = "table"  # the kind of evaluator that returned the values
    best_known: bool = False  # whether the optimum is only the best known value

    @property
    def best(self) -> str:
        """The optimum, formatted."""
        return f"{self.optimum:.{self.digits}f}"

    @property
    def unit(self) -> str:
        """Unit of the values; empty if it is not known or 1."""
        if self.column is None:
            return ""
        return self.column.labelled("" if self.column.unit == "1" else self.column.unit)

    @property
    def regret_unit(self) -> str:
        """Unit of differences."""
        return self.unit.replace("percent", "percentage points")

    @property
    def on_test(self) -> bool:
        """Whether the searchers observed test values."""
        if not self.known or self.column is None:
            return False
        return self.column.split == "test" or bool(only_test_values((), self.column))

    @property
    def of_front(self) -> bool:
        """Whether the task has several objectives, and its values are hypervolumes."""
        return self.column is not None and self.column.metric.startswith("hypervolume_of_")

    @property
    def signal(self) -> dict[str, str]:
        """Description of the measurement of the values."""
        if self.column is None or not self.described:
            return {}
        facts = asdict(self.column).items()
        return {name: str(fact) for name, fact in facts if fact not in (None, "")}

    def __str__(self) -> str:
        """Return a sentence about the values, the best of them, and the test column."""
        parts = []
        info = self.column
        if info is not None and self.described:
            about = [info.labelled(with_unit(info.metric, info.unit))]
            if info.dataset not in self.name.split("/"):
                about.append(f"dataset {info.dataset}")
            about += [describe_training(info), info.origin_text]
            parts.append("Metric: " + ", ".join(filter(None, about)))
        if isnan(self.optimum):
            parts.append("no best value")
        else:
            parts.append(f"{self._name_of_best()} {self.best}")
        text = "; ".join(parts)
        sentences = f"{text[0].upper()}{text[1:]}."
        if self.test is not None:
            sentences += f" Also shown: {self.test.label}; best architecture {self.test.best}."
        return sentences

    def _name_of_best(self) -> str:
        """Return what `best` is."""
        is_predicted = self.column is not None and self.column.predicted
        if not self.known:
            return "optimum unknown, best value of all runs"
        if self.of_front:
            return "the whole front has"
        if self.best_known:
            noun = "prediction" if is_predicted else "value"
            return f"optimum unknown, regrets refer to the best known {noun}"
        if is_predicted:
            return "best prediction"
        if self.evaluator == "table":
            return "best architecture"
        return f"best of the {self.evaluator}"


def facts_of(
    frame: pd.DataFrame,
    tasks: Mapping[str, Task] | None = None,
    reported: Sequence[ColumnInfo] = (),
    evaluators: Mapping[str, Evaluator] | None = None,
) -> list[TaskFacts]:
    """Return the facts about the tasks in a results frame, in its order.

    `tasks` provide units, releases and test values; the first `reported` column of its dataset has
    the test values of a task. `evaluators`, by task, returned the values if they are not from the
    tables.
    """
    tasks = tasks or {}
    evaluators = evaluators or {}
    facts = []
    for name, rows in frame.groupby("task", sort=False, observed=True):
        task = tasks.get(str(name))
        evaluator = evaluators.get(str(name))
        kind = "table"
        task_of_values = task
        source: Task | Evaluator | None = task
        if evaluator is not None:
            kind = evaluator.name
            task_of_values = evaluator.task
            source = evaluator
        column = None
        unit = ""
        if source is not None:
            column = column_in(frame, str(name), source.column)
            unit = column.unit
        test = None
        known = not rows["regret"].isna().all()
        if known and task is not None:
            test = _test_column(task, rows["incumbent"].unique(), reported)
        optimum, sign = _from_frame(rows)
        one = TaskFacts(
            name=str(name),
            optimum=optimum,
            sign=sign,
            known=known,
            digits=digits_of(rows, unit),
            column=column,
            described=known or evaluator is not None,
            test=test,
            evaluator=kind,
            best_known=task_of_values is not None and task_of_values.best_known is not None,
        )
        facts.append(one)
    return facts


def _from_frame(rows: pd.DataFrame) -> tuple[float, float]:
    """Return optimum and sign; value plus regret is the optimum if higher is better, value minus regret if lower."""
    if not has_value(rows).any():
        return nan, 1.0
    rows = with_regrets(rows)[0]
    values = rows["incumbent_value"].to_numpy(np.float64)
    regrets = rows["regret"].to_numpy(np.float64)
    if_higher = values + regrets
    if_lower = values - regrets
    # All rows have one optimum, so the other sum varies.
    if np.ptp(if_higher) <= np.ptp(if_lower):
        return float(if_higher[0]), 1.0
    return float(if_lower[0]), -1.0


def _test_column(
    task: Task, incumbents: Floats, reported: Sequence[ColumnInfo]
) -> TestColumn | None:
    """Return the first test column that has all incumbents."""
    try:
        for info in _test_columns_in_order(task, reported):
            values = task.table.column(*Signal.of(info).address).astype(np.float64)
            if not np.isnan(values[incumbents]).any():
                about = f"{info.dataset}, {describe_training(info)}, {info.origin_text}"
                best = task.sign * np.nanmax(task.sign * values)
                return TestColumn(
                    label=f"{info.labelled(info.metric)} ({about})",
                    values=values,
                    best=f"{best:.{decimals_of(values, info.unit)}f}",
                )
    except NasmetaError:  # a damaged file of a fetched source must not prevent the report
        pass
    return None


def _test_columns_in_order(task: Task, reported: Sequence[ColumnInfo]) -> list[ColumnInfo]:
    """Return test columns: those that the comparison reports first, then those with the most similar training.

    After the reported ones, columns of networks that were trained on the whole training set come
    first, then columns of the same release, and all others by name.
    """
    signal = task.signal

    def order(info: ColumnInfo) -> tuple[bool, bool, str, str]:
        is_other_dataset = info.dataset != signal.dataset
        return is_other_dataset, info.release != signal.release, info.release, info.address

    datasets = (signal.dataset, f"{signal.dataset}-valid")
    first = [info for info in reported if info.dataset in datasets]
    return first + sorted(task.test_columns, key=order)
