"""All that a report says, computed once: Markdown, LaTeX and the page only write it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from nasmeta.analysis._aggregates import aggregate_scores, probability_of_improvement
from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._frame import count_runs, has_value, read_runs
from nasmeta.analysis._losses import budget_axis
from nasmeta.analysis._metrics import summarise, usual_budgets
from nasmeta.analysis._paired_tests import paired_tests
from nasmeta.analysis._profiles import anytime_area, performance_profiles
from nasmeta.analysis._ranks import Friedman, average_ranks, friedman_test, rank_curves
from nasmeta.analysis._run_summary import (
    asked_runs,
    deterministic_searchers,
    failed_of,
    failures_of,
    known_seconds,
    nothing_succeeded,
    without_spread_of_equals,
    without_value,
)
from nasmeta.analysis._tables import Goals
from nasmeta.analysis.report._facts import TaskFacts, facts_of
from nasmeta.errors import SettingError
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task

SCORE_GOALS: Goals = {"iqm": "max", "median": "max", "mean": "max", "optimality_gap": "min"}

_DAY = 86400.0
_SIGNIFICANT = 0.05
_TASKS_FOR_A_TEST = 5
_OF_OPTIMUM = ("share_", "evaluations_to", "final_regret", "area")  # columns that are only where it is known


@dataclass
class Findings:
    """What a comparison found."""

    frame: pd.DataFrame  # with the column test, NaN on tasks without a test column
    facts: list[TaskFacts]
    searchers: list[str]
    x: XAxis  # what the budget counts; ranks and tests are at its end
    at: int | None  # the budget that was asked for
    runs: list[int]  # the different numbers of runs of a (task, searcher)
    level: float = 0.95  # of all intervals
    seed: int = 0  # of the bootstrap
    results: dict[str, pd.DataFrame] = field(default_factory=dict)  # by task, one row a searcher
    headers: dict[str, str] = field(default_factory=dict)  # of the columns of `results`
    goals: Goals = field(default_factory=dict)  # of the same
    best: dict[str, str] = field(default_factory=dict)  # by task, the searcher whose runs end best
    tests: dict[str, pd.DataFrame] = field(default_factory=dict)  # by task, of all pairs
    ranks: pd.DataFrame | None = None  # this and the next are None where `remarks` say why
    aggregates: pd.DataFrame | None = None
    improvement: pd.DataFrame | None = None
    profiles: pd.DataFrame | None = None
    rank_course: pd.DataFrame | None = None
    friedman: Friedman | None = None  # one block a (task, seed)
    friedman_of_tasks: Friedman | None = None  # one block a task, from five on
    remarks: list[str] = field(default_factory=list)  # what a reader has to know
    failures: list[str] = field(default_factory=list)  # those of them that say how many evaluations failed, and why

    @property
    def budget(self) -> str:
        """The budget at which ranks and tests compare, in words."""
        if self.x == "simulated_seconds":
            if self.at is not None:
                return f"after {self.at:,} {self.simulated}seconds"
            return f"at the end of the {self.simulated}time that all runs of a task reach"
        if self.ranks is None:
            return "at the end of the runs"
        return f"after {int(self.ranks['evaluation'].iloc[0]):,} evaluations"

    @property
    def rank_table(self) -> pd.DataFrame | None:
        """The ranks without the budget, which the text tells."""
        return None if self.ranks is None else self.ranks.drop(columns="evaluation", errors="ignore")

    @property
    def score_table(self) -> pd.DataFrame | None:
        """The scores over all tasks without what the text tells of them."""
        return None if self.aggregates is None else self.aggregates.drop(columns=["reference", "runs"])

    @property
    def reference(self) -> str:
        """The searcher whose mean regret is a score of 0."""
        return "" if self.aggregates is None else str(self.aggregates["reference"].iloc[0])

    @property
    def two_times(self) -> bool:
        """Whether ranks and tests compare at another moment than the ends of the runs."""
        return self.x == "simulated_seconds" or self.at is not None

    @property
    def decimals(self) -> dict[str, int]:
        """Decimals of the columns that have no uncertainty beside them."""
        return {"rank": 2, "mean": 2, "simulated_days": 2, "seconds": 1} | {fact.name: 2 for fact in self.facts}

    @property
    def tested(self) -> bool:
        """Whether any task has a test column here."""
        return any(fact.test is not None for fact in self.facts)

    @property
    def known(self) -> bool:
        """Whether the optima are; else something has answered that takes time of its own, such as real trainings."""
        return all(fact.known for fact in self.facts)

    @property
    def on_test(self) -> bool:
        """Whether any task was searched on test values."""
        return any(fact.on_test for fact in self.facts)

    @property
    def first(self) -> str:
        """What the searched values are called."""
        return "best" if self.on_test else "valid."

    @property
    def second(self) -> str:
        """What stands beside the searched values: the test split's, or the table's where networks are trained."""
        return "test" if self.known else "table"

    @property
    def simulated(self) -> str:
        """What to say before times."""
        return "simulated " if self.known else ""

    @property
    def losses(self) -> str:
        """What ranks and tests compare."""
        return "regrets" if self.known else "distances to the best value that any run found"

    def against_best(self, task: str) -> pd.DataFrame:
        """Return the tests of each searcher against the one with the smallest regret on the task, that one first."""
        table = self.tests[task]
        best = self.best[task]
        flipped = table[table["searcher"] == best].assign(sign=-1.0)
        straight = table[table["other"] == best].assign(sign=1.0)
        flipped = flipped.rename(
            columns={"searcher": "other", "other": "searcher", "better": "worse", "worse": "better"}
        )
        rows = pd.concat([straight, flipped])
        low, high = rows["difference_low"] * rows["sign"], rows["difference_high"] * rows["sign"]
        rows["difference"] *= rows["sign"]
        rows["difference_low"], rows["difference_high"] = np.minimum(low, high), np.maximum(low, high)
        rows["order"] = rows["searcher"].map({name: i for i, name in enumerate(self.searchers)})
        columns = ["searcher", "other", "difference", "difference_low", "difference_high", "better", "ties", "worse"]
        return rows.sort_values("order")[[*columns, "p_value", "p_holm"]].reset_index(drop=True)


def find(
    frame: pd.DataFrame,
    tasks: Mapping[str, Task] | None = None,
    at: int | None = None,
    x: XAxis | None = None,
    level: float = 0.95,
    seed: int = 0,
    columns: Sequence[ColumnInfo] = (),
    reference: str | None = None,
) -> Findings:
    """Compute everything; what the frame does not allow is left out, with a remark that says why.

    Of the `tasks` that are passed it tells units, releases and test values. `columns` are the test columns that the
    comparison reports, by default one in an order that does not depend on what was fetched. `reference` is the label of
    the searcher with a score of 0, by default that of random search.
    """
    runs = read_runs(frame, "incumbent_value", "simulated_seconds")
    _require_values(frame)
    facts = facts_of(frame, tasks, columns)
    counts = sorted({high.stop - high.start for _, _, high in runs.groups()})
    found = Findings(
        _with_test(frame, facts), facts, list(runs.searchers), x or budget_axis(frame), at, counts, level, seed
    )
    if at is not None:
        average_ranks(frame, at, found.x)  # raises where the budget is not reached
    _results(found)
    try:
        found.ranks = average_ranks(frame, at, found.x)
        found.rank_course = rank_curves(frame, found.x)
        for task, rows in frame.groupby("task", sort=False, observed=True):
            if len(runs.searchers) > 1:
                found.tests[str(task)] = paired_tests(rows, at, found.x, level=level, seed=seed)
        if len(runs.searchers) > 1:
            found.improvement = probability_of_improvement(frame, at, found.x, level=level, seed=seed)
    except SettingError as reason:
        found.remarks.append(f"No ranks and tests: {reason}")
        found.tests = {}
    pairs = max((len(table) for table in found.tests.values()), default=0)
    smallest = 2.0 ** (1 - max(counts)) * pairs
    if smallest >= _SIGNIFICANT:
        found.remarks.append(
            f"With {max(counts)} runs no paired test can be significant: of {pairs} pairs the smallest corrected "
            f"p-value that can be is {min(smallest, 1):.2g}. More repeats are needed."
        )
    if found.ranks is not None:
        try:
            found.friedman = friedman_test(frame, at, found.x)
            if len(facts) >= _TASKS_FOR_A_TEST:
                found.friedman_of_tasks = friedman_test(frame, at, found.x, over="tasks")
        except SettingError as reason:
            found.remarks.append(f"No Friedman test: {reason}")
        try:
            if found.known:
                found.aggregates = aggregate_scores(frame, at, found.x, reference, level, seed)
                found.profiles = performance_profiles(frame, at, found.x, reference, level=level, seed=seed)
        except SettingError as reason:
            found.remarks.append(f"No scores over all tasks: {reason}")
    found.remarks += [
        f"The optimum of {fact.name} is not known, so there are no regrets, scores and profiles. Ranks and tests "
        "compare the best values that were found."
        for fact in facts
        if not fact.known
    ]
    found.remarks += [
        f"{fact.name} was searched on test values. What was found is chosen by these, so they are no honest estimate."
        for fact in facts
        if fact.on_test
    ]
    found.remarks += _unfinished(frame)
    by_searcher = frame.groupby("searcher", sort=False, observed=True)
    found.failures = [f"{name}: {failed}." for name, rows in by_searcher if (failed := failed_of(rows))]
    found.remarks += found.failures
    found.remarks += [
        f"{name} on {', '.join(names)}: all runs alike, so without ± and interval; in ranks and tests it stands for a "
        "searcher that does the same each time."
        for name, names in deterministic_searchers(frame).items()
    ]
    return found


def _unfinished(frame: pd.DataFrame) -> list[str]:
    """Say which runs have no row, where the frame tells how many there were."""
    there = count_runs(frame)
    missing = [(*pair, asked - there.get(pair, 0), asked) for pair, asked in asked_runs(frame).items()]
    said = [
        f"{searcher} on {task}: {count} of its {asked} runs finished no evaluation and are in no figure."
        for task, searcher, count, asked in missing
        if count > 0
    ]
    for (task, searcher), rows in frame.groupby(["task", "searcher"], sort=False, observed=True):
        said += [
            f"{one}; ranks, tests and curves put the worst that it evaluated in place of its best."
            for one in without_value(rows, f"{searcher} on {task}", there[str(task), str(searcher)])
        ]
    return said


def _require_values(frame: pd.DataFrame) -> None:
    """Refuse a frame in which no training of a task succeeded."""
    for task, rows in frame.groupby("task", sort=False, observed=True):
        if not has_value(rows).any():
            why = failures_of(rows)
            raise SettingError(
                f"On {task} {nothing_succeeded(rows)}, so there is no best value to report{why and f': {why}'}. "
                "The journals in the folder's runs say what was tried."
            )


def _with_test(frame: pd.DataFrame, facts: Sequence[TaskFacts]) -> pd.DataFrame:
    test = np.full(len(frame), np.nan)
    incumbent, names = frame["incumbent"].to_numpy(), frame["task"].astype(str).to_numpy()
    for fact in facts:
        if fact.test is not None:
            rows = names == fact.name
            test[rows] = fact.test.values[incumbent[rows]]
    return frame.assign(test=test)


def _results(found: Findings) -> None:
    """Fill the results of each task."""
    frame, level, seed = found.frame, found.level, found.seed
    budgets = usual_budgets(frame) if found.x == "evaluation" else []
    summary = summarise(frame, at=budgets, level=level, seed=seed)
    last = frame.groupby(["task", "searcher", "seed"], sort=False, observed=True)[["incumbent_value", "test"]].last()
    by = last.groupby(["task", "searcher"], sort=False, observed=True)
    ends = pd.concat([by.mean().add_suffix("_end"), by.std().add_suffix("_end_std")], axis=1)
    keys = {"task": str, "searcher": str}
    summary = summary.astype(keys).merge(ends.reset_index().astype(keys), how="left", on=list(keys))
    try:
        area = anytime_area(frame, found.at, found.x, log=True, level=level, seed=seed)
        summary[["area", "area_low", "area_high"]] = area[["area", "area_low", "area_high"]]
        ranks = average_ranks(frame, found.at, found.x).set_index("searcher")
        pairs = zip(summary["task"], summary["searcher"], strict=True)
        summary["rank"] = [ranks.loc[searcher, task] for task, searcher in pairs]
    except SettingError:
        pass  # the reason is given once, where all ranks are missing
    summary = without_spread_of_equals(summary, frame)
    seconds = known_seconds(summary.pop("simulated_seconds"))
    summary = summary.assign(**({"simulated_days": seconds / _DAY} if found.known else {"seconds": seconds}))
    dropped = ["task"] + (["incumbent_value_end", "incumbent_value_end_std"] if budgets else [])
    for task, rows in summary.groupby("task", sort=False, observed=True):
        table = rows.drop(columns=dropped).reset_index(drop=True)
        found.best[str(task)] = str(table.sort_values("final_regret", kind="stable")["searcher"].iloc[0])
        if table["test_end"].isna().all():
            table = table.drop(columns=["test_end", "test_end_std"])
        if table["share_solved"].isna().all():  # no optimum is known
            table = table.drop(columns=[name for name in table if str(name).startswith(_OF_OPTIMUM)])
        if (table["runs"] == table["runs"].iloc[0]).all():
            table = table.drop(columns="runs")
        order = ["incumbent_value_end", "test_end", "rank", "final_regret", "area"]
        front = ["searcher", *(name for name in table if str(name).startswith("value_at"))]
        front += [name + end for name in order for end in ("", "_std", "_low", "_high") if name + end in table]
        found.results[str(task)] = table[front + [name for name in table if name not in front]]
    end, common = ("(own end)", " (common time)") if found.two_times else ("at the end", "")
    found.headers = {f"value_at_{budget}": f"{found.first} after {budget:,}" for budget in budgets} | {
        "incumbent_value_end": f"{found.first} {end}",
        "test_end": f"{found.second} {end}",
        "rank": f"mean rank{common}",
        "final_regret": f"regret {end}" if found.two_times else "regret",
        "area": f"anytime regret{common}",
        "share_solved": "found",
        "evaluations_to_optimum": "needed",
        "simulated_days": "days",
    }
    signs = {fact.sign for fact in found.facts}
    value_goal = "max" if signs == {1.0} else "min"
    goals = {
        "rank": "min",
        "final_regret": "min",
        "area": "min",
        "share_solved": "max",
        "evaluations_to_optimum": "min",
    }
    if len(signs) == 1:
        goals |= dict.fromkeys([*(f"value_at_{n}" for n in budgets), "incumbent_value_end", "test_end"], value_goal)
    found.goals = goals  # type: ignore[assignment]
