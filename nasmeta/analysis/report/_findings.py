"""The findings of a comparison, computed from its frame and rendered in the terminal, Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from nasmeta.analysis._aggregates import aggregate_scores
from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._frame import has_value, names_in, read_runs
from nasmeta.analysis._losses import Losses, budget_axis, paired_losses
from nasmeta.analysis._metrics import summarise, usual_budgets
from nasmeta.analysis._paired_tests import limit_of, paired_tests
from nasmeta.analysis._power import plan_runs
from nasmeta.analysis._ranks import SIGNIFICANT, Friedman, average_ranks, friedman_test, rank_curves
from nasmeta.analysis.report._facts import TaskFacts, facts_of
from nasmeta.analysis.report._remarks import (
    NOTHING_SUCCEEDED,
    asked_runs,
    failures_of,
    run_remarks,
    trained,
    without_spread_of_equals,
)
from nasmeta.errors import SettingError
from nasmeta.pages import Goals
from nasmeta.registry import names_from_file
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task

if TYPE_CHECKING:
    from nasmeta.evaluators import Evaluator

R = TypeVar("R")

_KEYS = ["task", "searcher"]
_RUN = [*_KEYS, "seed"]


class Column(NamedTuple):
    """A column of a task's table; its texts are formatted with the words of `Findings`."""

    name: str
    heading: str
    note: str = ""  # the explanation below the tables
    goal: Literal["min", "max", "best value", ""] = ""
    decimals: int | None = None  # if it has no uncertainty
    of_optimum: bool = False  # it is empty without solved runs


COLUMNS = (
    Column("searcher", "searcher"),
    Column("runs", "runs"),
    Column(
        "value_at",
        "best after n",
        "Best after n: best value after n evaluations, mean ± standard deviation over the runs.",
        goal="best value",
    ),
    Column(
        "value_end",
        "{best} at the end",
        "Best at the end: mean ± standard deviation over the runs{crossing}.",
        goal="best value",
    ),
    Column("evaluations", "evaluations", "Evaluations: mean number per run.", decimals=0),
    Column(
        "test_end",
        "test at the end",
        "Test at the end: value of the same architecture on the test split.",
        goal="best value",
    ),
    Column(
        "rank",
        "mean rank{common}",
        "Mean rank: rank of the {loss} among all searchers, averaged over the runs.",
        goal="min",
        decimals=2,
    ),
    Column(
        "final_regret",
        "{regret} at the end",
        "Regret: mean distance to the best architecture at the end of the runs.",
        goal="min",
        of_optimum=True,
    ),
    Column(
        "share_solved",
        "solved",
        "Solved: share of the runs that {solved}.",
        goal="max",
        of_optimum=True,
    ),
    Column(
        "evaluations_to_optimum",
        "evaluations to optimum",
        "Evaluations to optimum: mean number, if all runs are solved.",
        goal="min",
        of_optimum=True,
    ),
    Column("simulated_days", "simulated days", "Simulated days: mean per run.", decimals=2),
    Column(
        "seconds",
        "seconds per run",
        "Seconds per run: mean time of all its evaluations.",
        decimals=1,
    ),
)
_ORDER = [column.name for column in COLUMNS]
_VALUE_AT = COLUMNS[_ORDER.index("value_at")]


@dataclass(frozen=True, eq=False)
class Findings:
    """Statistics of a comparison. Tables and tests are computed when they are first read."""

    frame: pd.DataFrame  # with the column test, NaN on tasks without a test column
    facts: list[TaskFacts]
    x: XAxis  # the axis of the budget
    at: float | None = None  # another budget at which ranks and tests compare
    wanted_reference: str | None = None
    _reasons: dict[str, str] = field(default_factory=dict)  # of missing statistics

    # Tables, one row per searcher

    @cached_property
    def results(self) -> dict[str, pd.DataFrame]:
        """By task, values, ranks, regrets and times."""
        if self.ranks is None:
            return self.summary
        per_task = self.ranks.melt("searcher", [fact.name for fact in self.facts], "task", "rank")
        return self._by_task(self._summary.merge(per_task, how="left"))

    @cached_property
    def summary(self) -> dict[str, pd.DataFrame]:
        """By task, the results without ranks."""
        return self._by_task(self._summary)

    @cached_property
    def _summary(self) -> pd.DataFrame:
        frame = self.frame.astype(dict.fromkeys(_KEYS, str))
        rows = summarise(frame, self.budgets).merge(_ends(frame, "test", "test_end"), how="left")
        if self.x == "simulated_seconds":
            values = _ends(frame[trained(self.frame)], "incumbent_value", "value_end")
            rows = rows.merge(values, how="left")
            lengths = frame.groupby(_RUN, sort=False).size()
            means = lengths.groupby(_KEYS, sort=False).mean()
            rows = rows.merge(means.rename("evaluations").reset_index(), how="left")
        seconds = rows.pop("simulated_seconds")
        seconds = seconds.where(seconds > 0)  # costs of 0 mean that none were recorded
        if self.known:
            return rows.assign(simulated_days=seconds / 86_400)
        return rows.assign(seconds=seconds)

    def _by_task(self, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
        """Return the table of each task, with its columns in order and without empty ones."""
        rows = without_spread_of_equals(rows, self.frame)
        asked = asked_runs(self.frame)
        tables = {}
        for task, part in rows.groupby("task", sort=False):
            unwanted = {"task"}
            numbers_of_runs = {number for (name, _), number in asked.items() if name == task}
            if len(numbers_of_runs.union(part["runs"])) == 1:
                unwanted.add("runs")
            if part["test_end"].isna().all():
                unwanted.add("test_end")
            if part["share_solved"].isna().all():
                unwanted.update(column.name for column in COLUMNS if column.of_optimum)
            names = [str(name) for name in part if base_of(name) not in unwanted]
            names.sort(key=lambda name: _ORDER.index(base_of(name)))
            tables[str(task)] = part[names].reset_index(drop=True)
        return tables

    @cached_property
    def best(self) -> dict[str, str]:
        """By task, the searcher with the smallest mean regret."""
        return {task: order[0] for task, order in self.order.items()}

    @cached_property
    def order(self) -> dict[str, list[str]]:
        """By task, the searchers by mean regret; equal ones by evaluations to the optimum."""
        rows = self._summary.sort_values(["final_regret", "evaluations_to_optimum"], kind="stable")
        by_task = rows.groupby("task", sort=False)["searcher"]
        return {str(task): names.tolist() for task, names in by_task}

    @property
    def budgets(self) -> list[int]:
        """Numbers of evaluations at which values are compared; none for a budget in seconds."""
        if self.x != "evaluation":
            return []
        return usual_budgets(self.frame)

    @cached_property
    def words(self) -> dict[str, str]:
        """The words of the headings and notes of columns, which depend on the comparison."""
        words = {
            "best": "best",
            "regret": "regret",
            "difference": "difference",
            "by": "",
            "common": "",
            "crossing": "",
            "loss": "best value",
            "solved": "evaluated the best architecture",
        }
        if any(fact.column is not None and fact.column.predicted for fact in self.facts):
            words["best"] = "best prediction"
            words["regret"] = "predicted regret"
            words["difference"] = "predicted difference"
            words["by"] = " by predicted values"
        if self.two_times:
            words["common"] = ", common time"
        if self.known:
            words["loss"] = "regret"
        if any(fact.of_front for fact in self.facts):
            words["solved"] += (
                " (with several objectives: the whole front; the value is the hypervolume)"
            )
        if self.x == "simulated_seconds" and "clock" in self.frame.columns:
            clocks = self.frame["clock"].astype(str)
            if clocks.str.contains("overshoot discard").any():
                counted = "only evaluations that ended in time count (overshoot=discard)"
            else:
                counted = "evaluations that began in time and ended later count (overshoot=count)"
            words["crossing"] = f"; {counted}"
        return words

    @property
    def _columns(self) -> dict[str, Column]:
        columns = {column.name: column for column in COLUMNS}
        for n in self.budgets:
            columns[f"value_at_{n}"] = _VALUE_AT._replace(heading=f"{{best}} after {n:,}")
        return columns

    @property
    def headers(self) -> dict[str, str]:
        """Headings of the columns of the tables."""
        return {name: column.heading.format(**self.words) for name, column in self._columns.items()}

    @property
    def goals(self) -> Goals:
        """Which values of a column are the best."""
        goals: dict[str, Literal["min", "max"]] = {}
        signs = {fact.sign for fact in self.facts}
        for name, column in self._columns.items():
            if column.goal in ("min", "max"):
                goals[name] = column.goal
            elif column.goal == "best value" and len(signs) == 1:
                goals[name] = "max" if 1.0 in signs else "min"
        return goals

    @property
    def decimals(self) -> dict[str, int]:
        """Decimals of the columns without uncertainties."""
        decimals = {"mean": 2}
        for fact in self.facts:
            decimals[fact.name] = 2
        for column in COLUMNS:
            if column.decimals is not None:
                decimals[column.name] = column.decimals
        return decimals

    # Comparisons of all searchers; None, or empty, if they cannot be computed: see `remarks`

    def _or_reason(self, what: str, compute: Callable[..., R], *more: Any) -> R | None:
        """Return a statistic of the frame; None, with a remark, if it cannot be computed."""
        try:
            return compute(self.frame, self.at, self.x, *more)
        except SettingError as reason:
            self._reasons[what] = f"No {what}: {reason}"
            return None

    @cached_property
    def _losses(self) -> Losses | None:
        return self._or_reason("ranks and tests", paired_losses)

    @cached_property
    def ranks(self) -> pd.DataFrame | None:
        """Average ranks; see `average_ranks`."""
        if self._losses is None:
            return None
        return average_ranks(self.frame, self.at, self.x)

    @cached_property
    def rank_course(self) -> pd.DataFrame | None:
        """Average ranks over the budget."""
        if self._losses is None:
            return None
        return rank_curves(self.frame, self.x)

    @cached_property
    def tests(self) -> dict[str, pd.DataFrame]:
        """By task, the paired tests of all pairs."""
        if self._losses is None or len(self.searchers) < 2:
            return {}
        tests = paired_tests(self.frame, self.at, self.x, self.best)
        by_task = tests.groupby("task", sort=False)
        return {str(task): rows.reset_index(drop=True) for task, rows in by_task}

    @cached_property
    def plan(self) -> pd.DataFrame | None:
        """The number of runs that each searcher needs against the best one of the task; see `plan_runs`.

        The columns ``p_holm``, and ``shown`` (whether the runs show the difference), are from the
        tests.
        """
        if not self.tests:
            return None
        plan = self._or_reason("numbers of runs", plan_runs, 1000, self.best)
        if plan is None:
            return None
        tests = pd.concat(self.tests.values())[["task", "searcher", "other", "p_holm"]]
        plan = plan.merge(tests, how="left")
        return plan.assign(shown=plan["p_holm"] < SIGNIFICANT)

    @property
    def limits(self) -> list[str]:
        """Sentences on tasks with too few runs for the tests to show any difference."""
        limits = [limit_of(int(rows["runs"].min()), len(rows)) for rows in self.tests.values()]
        return list(dict.fromkeys(filter(None, limits)))

    @cached_property
    def friedman(self) -> Friedman | None:
        """Friedman's test with one block per (task, seed)."""
        if self._losses is None:
            return None
        return self._or_reason("Friedman test", friedman_test)

    @cached_property
    def scores(self) -> pd.DataFrame | None:
        """Scores over all tasks; see `aggregate_scores`."""
        if self._losses is None or not self.known:
            return None
        return self._or_reason("scores over all tasks", aggregate_scores, self.wanted_reference)

    @property
    def reference(self) -> str:
        """The searcher whose mean regret is a score of 0."""
        return "" if self.scores is None else str(self.scores["reference"].iloc[0])

    def with_sources(self, task: str) -> list[str]:
        """Return the searchers that have sources on a task."""
        recorded = self.frame.attrs.get("sources", {}).get(task, {})
        return [name for name in self.searchers if name in recorded]

    def against_best(self, task: str) -> pd.DataFrame:
        """Return the tests of each searcher against the best one of the task."""
        rows = self.tests[task].drop(columns=["task", "runs", "p_value"])
        if (rows["measure"] == "regret").all():
            rows = rows.drop(columns="measure")
        best = self.best[task]
        others = [name for name in self.searchers if name != best]
        of_best = rows[rows["other"] == best].set_index("searcher")
        return of_best.loc[others].reset_index()

    # Facts for sentences

    @property
    def searchers(self) -> list[str]:
        """Labels of the searchers."""
        return names_in(self.frame, "searcher")

    @property
    def known(self) -> bool:
        """Whether the optima are known; else an evaluator that takes real time, such as training, returned values."""
        return all(fact.known for fact in self.facts)

    @property
    def on_test(self) -> bool:
        """Whether searchers observed test values."""
        return any(fact.on_test for fact in self.facts)

    @property
    def simulated(self) -> str:
        """Adjective of times."""
        return "simulated " if self.known else ""

    @property
    def two_times(self) -> bool:
        """Whether ranks and tests compare before the ends of the runs."""
        return self.x == "simulated_seconds" or self.at is not None

    @property
    def budget(self) -> str:
        """The budget at which ranks and tests compare."""
        return self.budget_on(*(fact.name for fact in self.facts))

    def budget_on(self, *tasks: str) -> str:
        """Return the budget at which ranks and tests compare on some tasks."""
        if self._losses is None:
            return "at the end of the runs"
        ends = [self._losses.at[self._losses.tasks.index(task), -1] for task in tasks]
        unit = "evaluations" if self.x == "evaluation" else f"{self.simulated}seconds"
        if min(ends) == max(ends):
            return f"after {_budget_text(ends[0])} {unit}"
        between = f"{_budget_text(min(ends))} to {_budget_text(max(ends))}"
        return f"after {between} {unit}, depending on the task"

    @property
    def failed(self) -> str:
        """The reason if no evaluation succeeded; empty if one did."""
        reasons = failures_of(self.frame)
        if not reasons or has_value(self.frame).any():
            return ""
        return f"No evaluation succeeded, so there is nothing to compare: {reasons}."

    @cached_property
    def run_remarks(self) -> list[str]:
        """Remarks on the runs."""
        remarks = []
        for fact in self.facts:
            if not fact.known:
                remarks.append(
                    f"The optimum of {fact.name} is not known, so there are no regrets and scores. "
                    "Ranks and tests compare the best values."
                )
        return remarks + run_remarks(self.frame)

    @cached_property
    def remarks(self) -> list[str]:
        """Remarks on missing statistics, on test values and on the runs."""
        _ = self.results, self.friedman, self.scores  # computing them adds to the reasons
        remarks = list(self._reasons.values())
        for fact in self.facts:
            if fact.on_test:
                remarks.append(
                    f"{fact.name} was searched on test values. "
                    "The best values were selected by them, so they are optimistic."
                )
        return remarks + self.run_remarks


def _budget_text(number: float) -> str:
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:.4g}"


def _ends(rows: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """Return mean and standard deviation over the runs of a column's last value."""
    last = rows.groupby(_RUN, sort=False)[column].last()
    statistics = last.groupby(_KEYS, sort=False).agg(["mean", "std"])
    return statistics.set_axis([name, f"{name}_std"], axis=1).reset_index()


def base_of(column: Hashable) -> str:
    """Return the name in `COLUMNS` of a column of a table, of its deviation, or of a bound of its interval."""
    name = str(column)
    if name.startswith("value_at_"):
        return "value_at"
    return name.removesuffix("_low").removesuffix("_high").removesuffix("_std")


def find(
    frame: pd.DataFrame,
    tasks: Mapping[str, Task] | None = None,
    at: float | None = None,
    x: XAxis | None = None,
    columns: Sequence[ColumnInfo] = (),
    reference: str | None = None,
) -> Findings:
    """Return the findings of a comparison, for a report.

    The `tasks` provide units, releases and test values. `columns` are the test columns that the
    comparison reports; by default one is chosen. `reference` is the label of the searcher with a
    score of 0, by default random search.
    """
    read_runs(frame, "incumbent_value", "simulated_seconds")
    for task, rows in frame.groupby("task", sort=False, observed=True):
        if not has_value(rows).any():
            message = f"On {task}, {NOTHING_SUCCEEDED}, so there is no best value to report"
            reasons = failures_of(rows)
            if reasons:
                message += f": {reasons}"
            raise SettingError(f"{message}.")
    facts = facts_of(frame, tasks, columns)
    x = x or budget_axis(frame)
    if at is not None:
        paired_losses(frame, at, x)  # raises if a run does not reach this budget
    test = np.full(len(frame), np.nan)
    for fact in facts:
        if fact.test is not None:
            of_task = (frame["task"] == fact.name).to_numpy()
            test[of_task] = fact.test.values[frame["incumbent"].to_numpy()[of_task]]
    return Findings(frame.assign(test=test), facts, x, at, reference)


def summarise_comparison(
    frame: pd.DataFrame,
    evaluations: int | None = None,
    evaluator: str | PathLike[str] | Evaluator = "table",
) -> Findings:
    """Return the findings of a comparison as `nasmeta compare` shows them, without test values.

    If the budget of each run was given in seconds, leave out `evaluations`: the table then has the
    best values at the ends of the runs.

    >>> import nasmeta as nm
    >>> frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=20)
    >>> findings = summarise_comparison(frame, evaluations=20)
    >>> list(findings.summary), findings.budgets
    (['nb201/cifar10'], [20])
    """
    from nasmeta.evaluators import Evaluator
    from nasmeta.runs import evaluator_for
    from nasmeta.tasks import get_task

    names = names_in(frame, "task")
    if isinstance(evaluator, Evaluator):
        evaluators = dict.fromkeys(names, evaluator)
    else:
        with names_from_file():  # the frame may be from a file
            tasks = [get_task(name) for name in names]
        of_tasks = [evaluator_for(task, evaluator) for task in tasks]
        evaluators = dict(zip(names, of_tasks, strict=True))
    facts = facts_of(frame, evaluators=evaluators)
    x: XAxis = "simulated_seconds" if evaluations is None else "evaluation"
    return Findings(frame.assign(test=np.nan), facts, x)
