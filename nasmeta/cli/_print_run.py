"""What ``nasmeta search`` shows of a run, and ``compare`` and ``demo`` of a comparison."""

from __future__ import annotations

from collections import Counter
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer

from nasmeta.checks import written
from nasmeta.cli._cli_utils import console, duration, print_table
from nasmeta.evaluators import TRAINED
from nasmeta.runs import FrontHistory, History
from nasmeta.tables import describe_column

if TYPE_CHECKING:
    from nasmeta.analysis.report import Findings


_NOT_PRINTED = ("final_regret", "simulated_days", "seconds")  # columns of the summary
_REASONS = 3  # why evaluations failed; the errors of somebody's own network may all differ


def print_summary(found: Findings) -> None:
    """Print a table per task, without intervals, and the remarks on the runs."""
    from nasmeta.analysis._tables import texts_of
    from nasmeta.analysis.report import column_notes, size_sentence, summary_sections

    terminal = console()
    if found.frame.empty:
        terminal.print(summary_sections(found)[0].text)
        return
    terminal.print(size_sentence(found))
    for fact in found.facts:
        table = found.summary[fact.name]
        names = [str(name) for name in table]
        unwanted = [name for name in names if name.endswith(("_low", "_high")) or name.startswith(_NOT_PRINTED)]
        table = table.drop(columns=unwanted)
        decimals = found.decimals | {"share_solved": 2, "evaluations_to_optimum": 1}
        headers = found.headers(fact.name) | {"evaluations_to_optimum": "to optimum"}
        text = texts_of(table, headers, decimals=decimals)
        print_table(text.headings, text.rows, f"{fact.name}. {fact}", right=text.headings[1:])
    for line in (*column_notes(found, {"": table}, intervals=False), *found.run_remarks):
        terminal.print(line)
    terminal.print()


def all_failed(run: History) -> bool:
    """Tell whether a run has no best because what could have been it failed."""
    return len(run) > 0 and bool(run.failures) and int(run.incumbent_positions[-1]) < 0


def nothing_succeeded(run: History) -> str:
    """Say that a run has no best, in the words for what it did; a function trains nothing."""
    trains = run.full_epochs and run.evaluator.name != "function"
    return f"no {'full training' if trains else 'evaluation'} succeeded"


def print_run(run: History, journal: Path | None) -> None:
    """Print the facts of a run and its best cell; of several objectives the front that it found."""
    if isinstance(run, FrontHistory):
        _print_front(run, journal)
        return
    info = run.evaluator.column
    answers, trained = run.evaluator, run.evaluator.name in TRAINED
    known = "" if isnan(answers.optimum) else f" (the best of the {answers.name}: {written(answers.optimum)})"
    if run.task.is_sampled and answers.noise_free is not None:
        known = f", of one seed; {written(answers.noise_free[run.best.cell])} in the mean of its seeds{known}"
    unit = "" if info.unit == "1" else f" {info.unit}"
    best = {"best cell": f"none: {nothing_succeeded(run)}"}
    if not all_failed(run):
        best = {
            "best cell": str(run.best.cell),
            "": run.task.space.to_string(run.best.cell),
            "found by": f"evaluation {run.incumbent_positions[-1] + 1:,} of {run.evaluations:,}",
            info.metric: f"{written(run.best.value)}{unit}{known}",
        }
    spent = _spent(run, trained)
    lines = {
        "task": f"{run.task.name}",
        "searcher": f"{run.searcher}, seed {run.seed}"
        + (f", learnt from {', '.join(run.sources)}" if run.sources else ""),
        **_guidance(run),
        **best,
        **({"data": info.dataset} if trained else {}),
        "predicted" if answers.name == "surrogate" else "measured": describe_column(info)
        + (f", {info.source}" if trained else ""),
        "evaluations": f"{run.evaluations} (stopped by: {run.stopped})",
        "training time" if trained else "simulated time": spent
        + (f" in {duration(float(run.end_seconds[-1]))} on {run.clock}" if run.clock.workers > 1 and len(run) else ""),
    }
    lines |= _failed(run)
    width = _echo(lines, journal)
    for column, value in ({} if all_failed(run) else run.report()).items():
        typer.echo(
            f"{'also measured':<{width}}{column.metric} {written(value)} {column.unit}: {describe_column(column)}"
        )


def _echo(lines: dict[str, str], journal: Path | None) -> int:
    """Print facts as two columns; return the width of the first one."""
    if journal is not None:
        lines["journal"] = str(journal)
    width = max(16, *(len(name) + 2 for name in lines))
    for name, text in lines.items():
        typer.echo(f"{name:<{width}}{text}")
    return width


def _spent(run: History, trained: bool) -> str:
    """Say how long the trainings of a run took, and of how many nobody knows."""
    if not trained and not run.cost_seconds.any() and run.task.device is None:
        return "unknown: no training times"
    spent = f"{duration(float(run.cost_seconds.sum()))} of training"
    if run.evaluator.name != "table" or not run.task.has_cost:
        return spent
    lost = int(np.isnan(run.task.cost_seconds[run.cells]).sum())
    return spent + f", without {lost:,} evaluations whose time nobody recorded" * bool(lost)


def _failed(run: History) -> dict[str, str]:
    """Return the line about evaluations that failed; none where none did."""
    if not run.failures:
        return {}
    what = "training" if run.evaluator.name in TRAINED else "evaluation"
    counts = Counter(run.failures.values()).most_common()
    reasons = ", ".join(f"{why} ({n})" for why, n in counts[:_REASONS]) + ", …" * (len(counts) > _REASONS)
    return {"failed": f"{len(run.failures)} {what}{'s' * (len(run.failures) != 1)}: {reasons}"}


def _guidance(run: History) -> dict[str, str]:
    """Return the lines about what sources chose."""
    lines = {}
    if run.space != "all":
        known = (
            "" if isnan(run.chance_of_best) else f", which hold the best one with a chance of {run.chance_of_best:.2f}"
        )
        words = {"learned": f"learnt from the sources{known}", "measured": "those that have a value"}
        parts = (part.partition(":") for part in run.space.split())
        lines["searched in"] = "; ".join(
            f"{100 * float(share):.3g} % of the space, {words[of]}" for of, _, share in parts
        )
    if run.warm_start != "0":
        lines["first cells"] = f"{run.warm_start} chosen from the sources"
    return lines


def _print_front(run: FrontHistory, journal: Path | None) -> None:
    """Print the facts of a run and the front that it found."""
    true, found = run.evaluator.front, run.front
    lines = {"task": run.task.name, "searcher": f"{run.searcher}, seed {run.seed}"}
    for i, column in enumerate(run.evaluator.columns, start=1):
        better = "higher" if column.direction == "max" else "lower"
        lines[f"objective {i}"] = f"{column.metric} ({column.unit}, {better} is better): {describe_column(column)}"
    lines["evaluations"] = f"{run.evaluations} (stopped by: {run.stopped})"
    lines |= _failed(run)
    lines["simulated time"] = f"{duration(float(run.cost_seconds.sum()))} of training"
    if len(run) and true is not None:
        reference = ", ".join(f"{value:.5g}" for value in true.reference)
        lines["hypervolume"] = (
            f"{run.hypervolumes[-1]:.2f} % of the true front's hypervolume ({len(true.cells)} architectures; "
            f"reference point {reference})"
        )
    lines["front found"] = f"{len(found)} architectures"
    _echo(lines, journal)
    if len(found):
        rows = [[f"{value:.5g}" if isinstance(value, float) else str(value) for value in row] for row in found.values]
        print_table(list(found.columns), rows)
