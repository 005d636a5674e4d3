"""What a comparison shows and leaves behind: tables on the terminal, Markdown, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import numpy as np

from nasmeta.cli._ends import Seconds, asked_runs, ends, ends_note, remarks, spread
from nasmeta.cli._manners import training
from nasmeta.errors import JournalError, NasmetaError

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.evaluators import Evaluator


__all__ = ["print_summary", "write_report"]

_BUDGETS = (50, 100, 200)


_PICTURES: tuple[tuple[Literal["evaluation", "simulated_seconds"], str], ...] = (
    ("evaluation", "regret_evaluations"),
    ("simulated_seconds", "regret_seconds"),
)
_NOTHING = "No run finished an evaluation within its budget, so there is nothing to compare."


def print_summary(
    frame: pd.DataFrame, evaluations: int | None, evaluator: str = "table", seconds: Seconds = None
) -> None:
    """Print one table a task: the best value so far after some budgets, and how often the optimum was found.

    Without a budget in evaluations (None: it was one in seconds) the runs are compared when the seconds were used up,
    and at their ends.
    """
    from rich.console import Console
    from rich.table import Table

    from nasmeta.analysis import summarise, without_spread_of_equals
    from nasmeta.runs import on_evaluator
    from nasmeta.tasks import get_task

    console = Console()
    if frame.empty:
        console.print(_NOTHING, highlight=False)
        return
    summary = without_spread_of_equals(summarise(frame, at=_budgets(frame)), frame)
    asked = asked_runs(frame)
    for name, rows in summary.groupby("task", sort=False, observed=True):
        budgets = [budget for budget in _budgets(frame) if f"value_at_{budget}" in rows and evaluations is not None]
        by_seconds = ends(frame, str(name), seconds) if evaluations is None else {}
        table = Table(title=_title(on_evaluator(get_task(str(name)), evaluator), asked), title_justify="left")
        table.add_column("searcher", no_wrap=True)
        for budget in budgets:
            table.add_column(f"after {budget}", justify="right", no_wrap=True)
        for column in by_seconds:
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("found", justify="right", no_wrap=True)
        table.add_column("needed", justify="right", no_wrap=True)
        for _, row in rows.iterrows():
            table.add_row(
                str(row["searcher"]),
                *(spread(row[f"value_at_{budget}"], row[f"value_at_{budget}_std"]) for budget in budgets),
                *(column.get(str(row["searcher"]), "–") for column in by_seconds.values()),
                f"{row['share_solved'] * row['runs'] / asked[str(name), str(row['searcher'])]:.0%}",
                "–" if np.isnan(row["evaluations_to_optimum"]) else f"{row['evaluations_to_optimum']:.1f}",
            )
        console.print(table)
    console.print(
        (
            "after n: best value after n evaluations, mean ± standard deviation over the runs\n"
            if evaluations is not None
            else f"{ends_note(frame)}\n"
        )
        + "found: share of the runs that evaluated the best cell of the table or surrogate\n"
        "needed: mean number of evaluations until then, where all runs found it",
        highlight=False,
    )
    for remark in remarks(frame, evaluations or 1):
        console.print(remark, highlight=False, markup=False)
    console.print()


def write_report(
    frame: pd.DataFrame,
    folder: str | Path,
    evaluations: int | None,
    evaluator: str = "table",
    seconds: Seconds = None,
) -> list[str]:
    """Write summary and pictures of a comparison into its folder or store; return all files a reader wants."""
    from nasmeta.places import in_store, located

    home = located("folder", folder)
    if not in_store(home):
        return [str(file) for file in _written(frame, home, evaluations, evaluator, seconds)]
    with TemporaryDirectory() as here:
        files = _written(frame, Path(here), evaluations, evaluator, seconds)
        for file in files[1:]:  # the first is there
            (home / file.name).write_bytes(file.read_bytes())
    return [str(home / file.name) for file in files]


def _written(
    frame: pd.DataFrame, folder: Path, evaluations: int | None, evaluator: str, seconds: Seconds
) -> list[Path]:
    from nasmeta.analysis import plot_regret, save_figure
    from nasmeta.tasks import get_task

    files = [folder / "results.parquet", folder / "summary.md"]
    parts = [f"{_NOTHING}\n"] if frame.empty else _parts(frame, evaluations, evaluator, seconds)
    several = len({get_task(str(name)).column.unit for name in frame["task"].unique()}) > 1
    try:
        files[1].write_text("\n".join(["# Comparison of searchers\n", *parts]), encoding="utf-8")
        for x, name in _PICTURES:
            # Where nobody recorded what an evaluation costs, there is no time to plot against.
            shown = frame[frame[x].groupby(frame["task"], observed=True).transform("max") > 0]
            if not shown.empty:
                files += save_figure(plot_regret(shown, x=x, share_y=not several), folder / name)
    except OSError as reason:
        if isinstance(reason, NasmetaError):
            raise
        raise JournalError(
            f"Cannot write the report to {folder}: {reason.strerror or reason} ({reason.filename}). "
            "The runs themselves are kept."
        ) from reason
    return files


def _parts(frame: pd.DataFrame, evaluations: int | None, evaluator: str, seconds: Seconds) -> list[str]:
    """Return the tables and what is said of them."""
    from nasmeta.analysis import summarise, to_markdown, without_spread_of_equals
    from nasmeta.runs import on_evaluator
    from nasmeta.tasks import get_task

    parts = []
    asked = asked_runs(frame)
    summary = without_spread_of_equals(summarise(frame, at=_budgets(frame)), frame)
    for name, rows in summary.groupby("task", sort=False, observed=True):
        answers = on_evaluator(get_task(str(name)), evaluator)
        task = answers.task
        rows = rows.assign(simulated_days=rows["simulated_seconds"] / 86400)
        headers = {f"value_at_{budget}": f"best after {budget}" for budget in _budgets(frame)}
        parts.append(f"## {task.name}\n")
        parts.append(f"{_title(answers, asked)}. Release {answers.column.release}.\n")
        unwanted = ["task", "simulated_seconds"]
        if evaluations is None:  # a budget in seconds: runs have different numbers of evaluations
            unwanted += [str(column) for column in rows if str(column).startswith("value_at_")]
            for place, (heading, texts) in enumerate(ends(frame, str(name), seconds).items()):
                rows.insert(3 + place, heading, [texts.get(str(searcher), "–") for searcher in rows["searcher"]])
        parts.append(to_markdown(rows.drop(columns=unwanted), headers=headers))
    parts.append(
        (
            "Best after n: mean ± standard deviation of the best value so far after n evaluations. "
            if evaluations is not None
            else "".join(f"{line[0].upper()}{line[1:]}. " for line in ends_note(frame).splitlines())
        )
        + "Regret: mean distance to the best of all cells at the end of the runs. Share solved: runs that evaluated "
        "the best cell. Evaluations to optimum: only where all runs were solved. In brackets: 95 % intervals.\n"
    )
    return parts + [f"{remark}\n" for remark in remarks(frame, evaluations or 1)]


def _budgets(frame: pd.DataFrame) -> list[int]:
    """Return the usual budgets that were used, and the whole one where it is none of these."""
    longest = int(frame["evaluation"].max())
    return sorted({budget for budget in _BUDGETS if budget < longest} | {longest})[-3:]


def _title(evaluator: Evaluator, asked: Mapping[tuple[str, str], int]) -> str:
    task, info = evaluator.task, evaluator.column
    runs = [n for (name, _), n in asked.items() if name == task.name]
    dataset = "" if info.dataset in task.name.split("/") else f"dataset {info.dataset}"
    about = ", ".join(part for part in (f"{info.metric} ({info.unit})", dataset, training(info)) if part)
    return f"{task.name}: {about}; best of the {evaluator.name} {evaluator.optimum:.2f}; {max(runs)} runs each"
