"""What a comparison shows and leaves behind: tables on the terminal, Markdown, pictures."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmeta.cli._manners import training
from nasmeta.errors import JournalError, NasmetaError

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.tasks import Task

__all__ = ["print_summary", "write_report"]

_BUDGETS = (50, 100, 200)
_ENDS = {
    "exhausted": "exhausted: no cell was left",
    "stalled": "stalled: the searcher proposed nothing new for very long",
}


def print_summary(frame: pd.DataFrame, evaluations: int | None, evaluator: str = "table") -> None:
    """Print one table a task: the best value so far after some budgets, and how often the optimum was found.

    Without a budget in evaluations (None: it was one in seconds) the runs' ends are compared.
    """
    from rich.console import Console
    from rich.table import Table

    from nasmeta.analysis import summarise, without_spread_of_equals
    from nasmeta.experiments import on_evaluator
    from nasmeta.tasks import get_task

    console = Console()
    summary = without_spread_of_equals(summarise(frame, at=_budgets(frame)), frame)
    ends = _ends(frame) if evaluations is None else None
    for name, rows in summary.groupby("task", sort=False, observed=True):
        budgets = [budget for budget in _budgets(frame) if f"value_at_{budget}" in rows and ends is None]
        table = Table(
            title=_title(on_evaluator(get_task(str(name)), evaluator), int(rows["runs"].iloc[0])), title_justify="left"
        )
        table.add_column("searcher", no_wrap=True)
        for budget in budgets:
            table.add_column(f"after {budget}", justify="right", no_wrap=True)
        for column in () if ends is None else ("at the end", "evaluations"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("found", justify="right", no_wrap=True)
        table.add_column("needed", justify="right", no_wrap=True)
        for _, row in rows.iterrows():
            table.add_row(
                str(row["searcher"]),
                *(_spread(row[f"value_at_{budget}"], row[f"value_at_{budget}_std"]) for budget in budgets),
                *(() if ends is None else ends[str(name), str(row["searcher"])]),
                f"{row['share_solved']:.0%}",
                "–" if np.isnan(row["evaluations_to_optimum"]) else f"{row['evaluations_to_optimum']:.1f}",
            )
        console.print(table)
    console.print(
        (
            "after n: best value after n evaluations, mean ± standard deviation over the runs\n"
            if ends is None
            else "at the end: best value within the seconds, mean ± standard deviation over the runs\n"
        )
        + "found: share of the runs that evaluated the best cell of the table or surrogate\n"
        "needed: mean number of evaluations until then, where all runs found it",
        highlight=False,
    )
    for remark in _remarks(frame, evaluations or 1):
        console.print(remark, highlight=False, markup=False)
    console.print()


def write_report(
    frame: pd.DataFrame, folder: str | Path, evaluations: int | None, evaluator: str = "table"
) -> list[str]:
    """Write summary and pictures of a comparison into its folder or store; return all files a reader wants."""
    from nasmeta.experiments import in_store, located

    home = located("folder", folder)
    if not in_store(home):
        return [str(file) for file in _written(frame, home, evaluations, evaluator)]
    with TemporaryDirectory() as here:
        files = _written(frame, Path(here), evaluations, evaluator)
        for file in files[1:]:  # the first is there
            (home / file.name).write_bytes(file.read_bytes())
    return [str(home / file.name) for file in files]


def _written(frame: pd.DataFrame, folder: Path, evaluations: int | None, evaluator: str) -> list[Path]:
    from nasmeta.analysis import plot_regret, save_figure, summarise, to_markdown, without_spread_of_equals
    from nasmeta.experiments import on_evaluator
    from nasmeta.tasks import get_task

    summary = without_spread_of_equals(summarise(frame, at=_budgets(frame)), frame)
    parts = ["# Comparison of searchers\n"]
    for name, rows in summary.groupby("task", sort=False, observed=True):
        task = on_evaluator(get_task(str(name)), evaluator)
        rows = rows.assign(simulated_days=rows["simulated_seconds"] / 86400)
        headers = {f"value_at_{budget}": f"best after {budget}" for budget in _budgets(frame)}
        parts.append(f"## {task.name}\n")
        parts.append(f"{_title(task, int(rows['runs'].iloc[0]))}. Release {task.column.release}.\n")
        unwanted = ["task", "simulated_seconds"]
        if evaluations is None:  # a budget in seconds: runs have different numbers of evaluations
            unwanted += [str(column) for column in rows if str(column).startswith("value_at_")]
        parts.append(to_markdown(rows.drop(columns=unwanted), headers=headers))
    parts.append(
        "Best after n: mean ± standard deviation of the best value so far after n evaluations. Regret: mean distance "
        "to the best of all cells at the end of the runs. Share solved: runs that evaluated the best cell. Evaluations "
        "to optimum: only where all runs were solved. In brackets: 95 % intervals.\n"
    )
    parts += [f"{remark}\n" for remark in _remarks(frame, evaluations or 1)]
    markdown = folder / "summary.md"
    several = len({get_task(str(name)).column.unit for name in summary["task"].unique()}) > 1
    files = [folder / "results.parquet", markdown]
    try:
        markdown.write_text("\n".join(parts), encoding="utf-8")
        files += save_figure(plot_regret(frame, share_y=not several), folder / "regret_evaluations")
        files += save_figure(plot_regret(frame, x="simulated_seconds", share_y=not several), folder / "regret_seconds")
    except OSError as reason:
        if isinstance(reason, NasmetaError):
            raise
        raise JournalError(
            f"Cannot write the report to {folder}: {reason.strerror or reason} ({reason.filename}). "
            "The runs themselves are kept."
        ) from reason
    return files


def _remarks(frame: pd.DataFrame, evaluations: int) -> list[str]:
    """Say which runs are alike, and which ended before the budget and without the optimum."""
    from nasmeta.analysis import alike_runs

    alike: dict[str, list[str]] = {}
    for task, searcher in sorted(alike_runs(frame)):
        alike.setdefault(searcher, []).append(task)
    remarks = [
        f"{label} on {', '.join(tasks)}: all runs alike, so without ± and interval" for label, tasks in alike.items()
    ]
    last = frame.groupby(["task", "searcher", "seed"], sort=False, observed=True).tail(1)
    for why, meaning in _ENDS.items():
        short = last[(last["evaluation"] < evaluations) & (last["stopped"] == why)]
        for (task_name, name), runs in short.groupby(["task", "searcher"], sort=False, observed=True):
            remarks.append(
                f"{name} on {task_name}: of its runs {len(runs)} ended before {evaluations:,} evaluations ({meaning})"
            )
    return remarks


def _ends(frame: pd.DataFrame) -> dict[tuple[str, str], tuple[str, str]]:
    """Return how the runs of each (task, searcher) ended: best value and number of evaluations."""
    last = frame.groupby(["task", "searcher", "seed"], sort=False, observed=True).tail(1)
    return {
        (str(task), str(searcher)): (
            _spread(own["incumbent_value"].mean(), own["incumbent_value"].std()),
            f"{own['evaluation'].mean():.0f}",
        )
        for (task, searcher), own in last.groupby(["task", "searcher"], sort=False, observed=True)
    }


def _budgets(frame: pd.DataFrame) -> list[int]:
    """Return the usual budgets that were used, and the whole one where it is none of these."""
    longest = int(frame["evaluation"].max())
    return sorted({budget for budget in _BUDGETS if budget < longest} | {longest})[-3:]


def _title(task: Task, runs: int) -> str:
    from nasmeta.surrogates import SurrogateTask

    info = task.column
    answered_by = "surrogate" if isinstance(task, SurrogateTask) else "table"
    dataset = "" if info.dataset in task.name.split("/") else f"dataset {info.dataset}"
    about = ", ".join(part for part in (f"{info.metric} ({info.unit})", dataset, training(info)) if part)
    return f"{task.name}: {about}; best of the {answered_by} {task.optimum:.2f}; {runs} runs each"


def _spread(mean: Any, deviation: Any) -> str:
    if np.isnan(mean):
        return "–"
    return f"{mean:.2f}" if np.isnan(deviation) else f"{mean:.2f} ± {deviation:.2f}"
