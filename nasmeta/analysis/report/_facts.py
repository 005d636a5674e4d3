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
    described: bool = (
        True  # whether the column describes the values, which another evaluator may have returned
    )
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
        info = self.column
        return (
            self.known
            and info is not None
            and (info.split == "test" or bool(only_test_values((), info)))
        )

    @property
    def of_front(self) -> bool:
        """Whether the task has several objectives, and its values are hypervolumes."""
        return self.column is not None and self.column.metric.startswith("hypervolume_of_")

    @property
    def signal(self) -> dict[str, str]:
        """Description of the measurement of the values."""
        if self.column is None or not self.described:
            return {}
        return {
            name: str(fact) for name, fact in asdict(self.column).items() if fact not in (None, "")
        }

    def __str__(self) -> str:
        """Return a sentence about the values, the best of them, and the test column."""
        info, parts = self.column, []
        if info is not None and self.described:
            dataset = "" if info.dataset in self.name.split("/") else f"dataset {info.dataset}"
            metric = info.labelled(with_unit(info.metric, info.unit))
            about = [metric, dataset, describe_training(info), info.origin_text]
            parts.append("Metric: " + ", ".join(part for part in about if part))
        if isnan(self.optimum):
            parts.append("no best value")
        elif not self.known:
            parts.append(f"optimum unknown, best value of all runs {self.best}")
        else:
            best = (
                "best architecture"
                if self.evaluator == "table"
                else f"best of the {self.evaluator}"
            )
            noun = "prediction" if info is not None and info.predicted else "value"
            best = "best prediction" if noun == "prediction" else best
            best = (
                f"optimum unknown, regrets refer to the best known {noun}"
                if self.best_known
                else best
            )
            parts.append(f"{'the whole front has' if self.of_front else best} {self.best}")
        test = (
            ""
            if self.test is None
            else f" Also shown: {self.test.label}; best architecture {self.test.best}."
        )
        text = "; ".join(parts)
        return f"{text[0].upper()}{text[1:]}.{test}"


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
    facts = []
    for name, rows in frame.groupby("task", sort=False, observed=True):
        task, evaluator = (tasks or {}).get(str(name)), (evaluators or {}).get(str(name))
        source = evaluator or task
        column = None if source is None else column_in(frame, str(name), source.column)
        known = not rows["regret"].isna().all()
        test = (
            None
            if task is None or not known
            else _test_column(task, rows["incumbent"].unique(), reported)
        )
        optimum, sign = _from_frame(rows)
        digits = digits_of(rows, "" if column is None else column.unit)
        described, kind = (
            known or evaluator is not None,
            "table" if evaluator is None else evaluator.name,
        )
        of_task = task if evaluator is None else evaluator.task
        best_known = of_task is not None and of_task.best_known is not None
        facts.append(
            TaskFacts(
                str(name), optimum, sign, known, digits, column, described, test, kind, best_known
            )
        )
    return facts


def _from_frame(rows: pd.DataFrame) -> tuple[float, float]:
    """Return optimum and sign; value plus regret is the optimum if higher is better, value minus regret if lower."""
    if not has_value(rows).any():
        return nan, 1.0
    rows = with_regrets(rows)[0]
    value, regret = (
        rows["incumbent_value"].to_numpy(np.float64),
        rows["regret"].to_numpy(np.float64),
    )
    optima = {sign: value + sign * regret for sign in (1.0, -1.0)}
    sign = min(optima, key=lambda sign: float(np.ptp(optima[sign])))  # one optimum for all rows
    return float(optima[sign][0]), sign


def _test_column(
    task: Task, incumbents: Floats, reported: Sequence[ColumnInfo]
) -> TestColumn | None:
    """Return the first test column that has all incumbents.

    The columns that the comparison reports come first, then columns of networks that were trained
    on the whole training set, columns of the same release, and all others by name.
    """
    try:
        s = task.signal
        wanted = [info for info in reported if info.dataset in (s.dataset, f"{s.dataset}-valid")]
        wanted += sorted(
            task.test_columns,
            key=lambda info: (
                info.dataset != s.dataset,
                info.release != s.release,
                info.release,
                info.address,
            ),
        )
        for info in wanted:
            values = task.table.column(*Signal.of(info).address).astype(np.float64)
            if not np.isnan(values[incumbents]).any():
                label = f"{info.labelled(info.metric)} ({info.dataset}, {describe_training(info)}, {info.origin_text})"
                best = f"{task.sign * np.nanmax(task.sign * values):.{decimals_of(values, info.unit)}f}"
                return TestColumn(label, values, best)
    except NasmetaError:  # a damaged file of a fetched source must not prevent the report
        pass
    return None
