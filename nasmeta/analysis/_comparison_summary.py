"""A comparison in short: a table a task with what must be said of it, and its files."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from nasmeta.analysis._frame import has_value
from nasmeta.analysis._metrics import summarise, usual_budgets
from nasmeta.analysis._plots import has_unknown_optimum, plot_regret, save_figure
from nasmeta.analysis._run_summary import (
    Seconds,
    asked_runs,
    digits_of,
    ends,
    ends_note,
    failures_of,
    known_seconds,
    remarks,
    without_spread_of_equals,
)
from nasmeta.analysis._tables import to_markdown
from nasmeta.errors import JournalError, SettingError
from nasmeta.files import parse_toml, writing
from nasmeta.tables import describe_training

if TYPE_CHECKING:
    from nasmeta.evaluators import Evaluator

_PICTURES: tuple[tuple[Literal["evaluation", "simulated_seconds"], str], ...] = (
    ("evaluation", "regret_evaluations"),
    ("simulated_seconds", "regret_seconds"),
)
_NOTHING = "No run finished an evaluation within its budget, so there is nothing to compare."


@dataclass(frozen=True, eq=False)
class TaskSummary:
    """What the searchers reached on one task."""

    task: str
    title: str  # what was measured, the best value there is, and how many runs there were
    release: str
    table: pd.DataFrame  # from `summarise`, without deviations and intervals where all runs are alike
    digits: int  # decimals of its values
    asked: dict[str, int]  # how many runs of each searcher were asked for
    budgets: list[int]  # numbers of evaluations that are compared; none where the budget was one in seconds
    by_seconds: dict[str, dict[str, str]]  # by heading and searcher: best values by then and at the end


@dataclass(frozen=True, eq=False)
class ComparisonSummary:
    """A comparison in short."""

    tasks: list[TaskSummary]  # none where no run finished an evaluation
    by_seconds: str | None  # what the values of a budget in seconds are; None for a budget in evaluations
    remarks: list[str]  # which runs are alike, without a value, or ended early
    failed: str = ""  # that all evaluations failed, and why; empty where one succeeded


def summarise_comparison(
    frame: pd.DataFrame,
    evaluations: int | None = None,
    evaluator: str | PathLike[str] | Evaluator = "table",
    seconds: Seconds = None,
) -> ComparisonSummary:
    """Sum up a comparison as `nasmeta compare` shows it.

    Where the budget of a run was one in `seconds`, `evaluations` is left out: runs are then compared when these were
    used up, and at their ends.

    >>> import nasmeta as nm
    >>> frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=20)
    >>> of_task = summarise_comparison(frame, evaluations=20).tasks[0]
    >>> of_task.task, of_task.budgets, of_task.asked
    ('nb201/cifar10', [20], {'random': 2})
    """
    from nasmeta.evaluators import Evaluator
    from nasmeta.runs._answers import answers_for
    from nasmeta.tasks import get_task

    if frame.empty:
        return ComparisonSummary([], None, [_NOTHING])
    asked, any_value = asked_runs(frame), _any_value(frame)
    budgets = usual_budgets(frame)
    summary = without_spread_of_equals(summarise(frame, at=budgets), frame)
    tasks = []
    for task, rows in summary.groupby("task", sort=False, observed=True):
        name = str(task)
        answers = evaluator if isinstance(evaluator, Evaluator) else answers_for(get_task(name), evaluator)
        digits = digits_of(frame[frame["task"] == task], answers.column.unit)
        of_task = {searcher: n for (known, searcher), n in asked.items() if known == name}
        tasks.append(
            TaskSummary(
                name,
                _title(answers, max(of_task.values()), digits) + ("" if any_value[name] else "; no best value"),
                answers.column.release,
                rows.reset_index(drop=True),
                digits,
                of_task,
                [n for n in budgets if f"value_at_{n}" in rows and evaluations is not None],
                ends(frame, name, seconds, digits) if evaluations is None else {},
            )
        )
    by_seconds = ends_note(frame) if evaluations is None else None
    failed = "" if any(any_value.values()) else failures_of(frame)
    failed = failed and f"No evaluation succeeded, so there is nothing to compare: {failed}."
    return ComparisonSummary(tasks, by_seconds, remarks(frame, evaluations or 1), failed)


def _any_value(frame: pd.DataFrame) -> dict[str, bool]:
    """Say of each task whether any run has a best value."""
    found = pd.Series(has_value(frame)).groupby(frame["task"].astype(str).to_numpy()).any()
    return {str(task): bool(any_) for task, any_ in found.items()}


def write_summary(
    frame: pd.DataFrame,
    folder: str | PathLike[str],
    evaluations: int | None = None,
    evaluator: str | PathLike[str] | Evaluator = "table",
    seconds: Seconds = None,
) -> list[str]:
    """Write ``summary.md`` and pictures beside ``results.parquet``; return the files that a reader wants.

    >>> import nasmeta as nm
    >>> with TemporaryDirectory() as folder:
    ...     frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=20, folder=folder)
    ...     [Path(file).name for file in write_summary(frame, folder, evaluations=20)][:2]
    ['results.parquet', 'summary.md']
    """
    summary = summarise_comparison(frame, evaluations, evaluator, seconds)
    return [str(file) for file in _written(frame, Path(folder), summary, title_of(folder))]


def title_of(folder: str | PathLike[str]) -> str:
    """Return the title that the specification in a comparison's folder gives; a general one where there is none.

    >>> title_of("no-such-folder")
    'Comparison of searchers'
    """
    said: object = None
    with suppress(OSError, ValueError):
        said = parse_toml(Path(folder, "specification.toml").read_text(encoding="utf-8")).get("title")
    return said if isinstance(said, str) and said.strip() else "Comparison of searchers"


def _written(frame: pd.DataFrame, folder: Path, summary: ComparisonSummary, title: str) -> list[Path]:
    """Write figures and summary; what has nothing to draw is left out with a remark."""
    from nasmeta.tasks import get_task

    files = [folder / "results.parquet", folder / "summary.md"]
    unknown, any_value = has_unknown_optimum(frame), _any_value(frame)
    units = set() if unknown else {get_task(str(name)).column.unit for name in frame["task"].unique()}
    several = len(units) > 1
    left_out: list[str] = []
    with writing(f"Cannot write the report to {folder}", JournalError, " The runs themselves are kept."):
        for x, name in _PICTURES:
            # Where nobody recorded what an evaluation costs, there is no time to plot against.
            shown = frame[frame[x].groupby(frame["task"], observed=True).transform("max") > 0]
            shown = shown[[any_value[str(task)] for task in shown["task"]]]
            if not shown.empty:
                name = name.replace("regret", "best") if unknown else name
                try:
                    figure = plot_regret(shown, x=x, share_y=not several)
                except SettingError as reason:
                    left_out.append(f"The figure {name} is left out. {reason}")
                    continue
                files += save_figure(figure, folder / name)
        text = _markdown(replace(summary, remarks=[*summary.remarks, *left_out]), title)
        files[1].write_text(text, encoding="utf-8")
    return files


def _markdown(summary: ComparisonSummary, title: str) -> str:
    parts, any_known = [f"# {title}\n"], False
    for of_task in summary.tasks:
        parts += [f"## {of_task.task}\n", f"{of_task.title}. Release {of_task.release}.\n"]
        rows, known = of_task.table, bool(of_task.table["share_solved"].notna().any())
        unwanted = ["task", "simulated_seconds"]
        spent = known_seconds(rows["simulated_seconds"])
        if known:
            rows = rows.assign(simulated_days=spent / 86400)
        else:  # something else answered than the table, in time of its own
            rows = rows.assign(seconds_a_run=spent)
            unwanted += [
                str(c) for c in rows if str(c).startswith(("final_", "share_solved", "evaluations_to_optimum"))
            ]
        any_known |= known
        if summary.by_seconds is not None:  # runs have different numbers of evaluations
            unwanted += [str(column) for column in rows if str(column).startswith("value_at_")]
            for place, (heading, texts) in enumerate(of_task.by_seconds.items()):
                rows.insert(3 + place, heading, [texts.get(str(searcher), "–") for searcher in rows["searcher"]])
        headers = {f"value_at_{budget}": f"best after {budget}" for budget in of_task.budgets}
        parts.append(to_markdown(rows.drop(columns=unwanted), headers=headers))
    if summary.tasks:
        values = "Best after n: mean ± standard deviation of the best value so far after n evaluations. "
        if summary.by_seconds is not None:
            values = "".join(f"{line[0].upper()}{line[1:]}. " for line in summary.by_seconds.splitlines())
        if any_known:
            values += (
                "Regret: mean distance to the best of all cells at the end of the runs. Share solved: runs that "
                "evaluated the best cell. Evaluations to optimum: only where all runs were solved. In brackets: 95 % "
                "intervals."
            )
        else:
            values += "Seconds a run: what its evaluations took, mean over the runs."
        parts.append(f"{values}\n")
    return "\n".join([*parts, *(f"{remark}\n" for remark in summary.remarks)])


def _title(evaluator: Evaluator, runs: int, digits: int = 2) -> str:
    task, info = evaluator.task, evaluator.column
    dataset = "" if info.dataset in task.name.split("/") else f"dataset {info.dataset}"
    about = ", ".join(part for part in (f"{info.metric} ({info.unit})", dataset, describe_training(info)) if part)
    best = f"best of the {evaluator.name} {evaluator.optimum:.{digits}f}"
    if evaluator.optimum != evaluator.optimum:
        best = f"answered by {evaluator.name}, the optimum is not known"
    if evaluator.infeasible is not None:
        best += "; feasibility unknown, what the table lacks fails"
    return f"{task.name}: {about}; {best}; {runs} run{'s' * (runs != 1)} each"
