"""What ``nasmeta search`` shows of a run, and ``compare`` and ``demo`` of a comparison."""

from __future__ import annotations

from collections import Counter
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from nasmeta.checks import written
from nasmeta.cli._command import console, duration, echo_facts, print_frame, print_table
from nasmeta.evaluators import TRAINED
from nasmeta.runs import FrontHistory, History
from nasmeta.tables import describe_column

if TYPE_CHECKING:
    from nasmeta.analysis.report import Findings

_NOT_PRINTED = ("final_regret", "simulated_days", "seconds")  # columns of the summary
_REASONS = 3  # number of different reasons of failures to show


def print_summary(found: Findings) -> None:
    """Print one table per task, without intervals, and the remarks on the runs."""
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
        headers = found.headers | {"evaluations_to_optimum": "to optimum"}
        text = texts_of(table, headers, decimals=decimals)
        print_table(text.headings, text.rows, f"{fact.name}. {fact}", right=text.headings[1:])
    for line in (*column_notes(found, {"": table}, intervals=False), *found.run_remarks):
        terminal.print(line)
    terminal.print()


def all_failed(run: History) -> bool:
    """Return whether a run has no best architecture because its evaluations failed."""
    return len(run) > 0 and bool(run.failures) and int(run.incumbent_positions[-1]) < 0


def print_run(run: History, journal: Path | None) -> None:
    """Print the facts of a run and its best architecture, or the front of several objectives."""
    is_front = isinstance(run, FrontHistory)
    facts = {"task": run.task.name, "searcher": f"{run.searcher}, seed {run.seed}"}
    if run.sources:
        facts["learned from"] = ", ".join(run.sources)
    if run.space != "all":
        chance = "" if isnan(run.chance_of_best) else f" (contains the best cell with chance {run.chance_of_best:.2f})"
        facts["searched space"] = run.space + chance
    if run.warm_start != "0":
        facts["warm start"] = f"{run.warm_start} cells chosen by the sources"
    facts |= _front_facts(run) if isinstance(run, FrontHistory) else _best_facts(run)
    facts["evaluations"] = f"{run.evaluations} (stopped by: {run.stopped})"
    if run.failures:
        counts = Counter(run.failures.values()).most_common(_REASONS)
        facts["failed"] = f"{len(run.failures)} evaluations: {', '.join(f'{why} ({n})' for why, n in counts)}"
    facts["training time"] = _spent(run)
    if journal is not None:
        facts["journal"] = str(journal)
    echo_facts(facts)
    if not is_front and not all_failed(run):
        for column, value in run.report().items():
            echo_facts({"also measured": f"{column.metric} {written(value)} {column.unit}: {describe_column(column)}"})
    if isinstance(run, FrontHistory) and len(run.front):
        print_frame(run.front)


def _best_facts(run: History) -> dict[str, str]:
    evaluator, info = run.evaluator, run.evaluator.column
    measured = "predicted" if evaluator.name == "surrogate" else "measured"
    about = {
        measured: f"{describe_column(info)}, {info.source}" if evaluator.name in TRAINED else describe_column(info)
    }
    if all_failed(run):
        return {"best cell": "none: no evaluation succeeded"} | about
    known = "" if isnan(evaluator.optimum) else f" (the best of the {evaluator.name}: {written(evaluator.optimum)})"
    if run.task.is_sampled and evaluator.noise_free is not None:
        known = f", of one seed; {written(evaluator.noise_free[run.best.cell])} in the mean of its seeds{known}"
    unit = "" if info.unit == "1" else f" {info.unit}"
    return {
        "best cell": str(run.best.cell),
        "": run.task.space.to_string(run.best.cell),
        "found by": f"evaluation {run.incumbent_positions[-1] + 1:,} of {run.evaluations:,}",
        info.metric: f"{written(run.best.value)}{unit}{known}",
    } | about


def _front_facts(run: FrontHistory) -> dict[str, str]:
    facts = {}
    for i, column in enumerate(run.evaluator.columns, start=1):
        better = "higher" if column.direction == "max" else "lower"
        facts[f"objective {i}"] = f"{column.metric} ({column.unit}, {better} is better): {describe_column(column)}"
    if len(run) and run.evaluator.front is not None:
        true = run.evaluator.front
        reference = ", ".join(f"{value:.5g}" for value in true.reference)
        facts["hypervolume"] = (
            f"{run.hypervolumes[-1]:.2f} % of the true front's hypervolume ({len(true.cells)} architectures; "
            f"reference point {reference})"
        )
    return facts | {"front found": f"{len(run.front)} architectures"}


def _spent(run: History) -> str:
    """Return the seconds of the trainings in words."""
    if run.evaluator.name not in TRAINED and not run.cost_seconds.any() and run.task.device is None:
        return "unknown: no training times"
    spent = duration(float(run.cost_seconds.sum()))
    if run.clock.workers > 1 and len(run):
        spent += f" in {duration(float(run.end_seconds[-1]))} on {run.clock}"
    return spent
