"""What ``nasmeta search`` shows of a run, and ``compare`` and ``demo`` of a comparison."""

from __future__ import annotations

from collections import Counter
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from nasmeta.checks import written
from nasmeta.cli._command import console, echo_facts, print_frame, print_table
from nasmeta.progress import duration
from nasmeta.runs import FrontHistory, History
from nasmeta.tables import describe_column

if TYPE_CHECKING:
    from nasmeta.analysis.report import Findings

_NOT_PRINTED = ("final_regret", "simulated_days", "seconds")  # columns of the summary
_REASONS = 3  # number of different reasons of failures to show


def print_summary(found: Findings) -> None:
    """Print one table per task, without intervals, and the remarks on the runs."""
    from nasmeta.analysis import texts_of
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
        text = texts_of(table, found.headers, decimals=decimals)
        print_table(text.headings, text.rows, f"{fact.name}. {fact}", right=text.headings[1:])
    for line in (*column_notes(found, {"": table}, intervals=False), *found.run_remarks):
        terminal.print(line)
    terminal.print()


def all_failed(run: History) -> bool:
    """Return whether a run has no best architecture because its evaluations failed."""
    return len(run) > 0 and bool(run.failures) and int(run.incumbent_positions[-1]) < 0


def print_run(run: History, journal: Path | None) -> None:
    """Print the facts of a run and its best architecture, or the front of several objectives."""
    facts = dict(run._facts())
    evaluator = run.evaluator
    if run.sources:
        facts["learned from"] = ", ".join(run.sources)
    if run.space != "all":
        chance = "" if isnan(run.chance_of_best) else f" (contains the best cell with chance {run.chance_of_best:.2f})"
        facts["searched space"] = run.space + chance
    if run.warm_start != "0":
        facts["warm start"] = f"{run.warm_start} cells chosen by the sources"
    if all_failed(run):
        facts["best"] = "none: no evaluation succeeded"
    if isinstance(run, FrontHistory):
        facts |= {info.metric: f"{describe_column(info)}, in {info.unit}" for info in run.evaluator.columns}
    else:
        facts["values"] = f"{describe_column(evaluator.column)}, {evaluator.column.source}"
        if not isnan(evaluator.optimum):
            facts["optimum"] = f"{written(evaluator.optimum)}, of the {evaluator.name}"
    if run.failures:
        counts = Counter(run.failures.values()).most_common(_REASONS)
        facts["failed"] = f"{len(run.failures)} evaluations: {', '.join(f'{why} ({n})' for why, n in counts)}"
    spent = duration(float(run.cost_seconds.sum())) if run.cost_seconds.any() else "unknown"
    facts["training time"] = f"{spent} on {run.clock}" if run.clock.workers > 1 else spent
    if journal is not None:
        facts["journal"] = journal
    echo_facts(facts)
    if isinstance(run, FrontHistory):
        print_frame(run.front)
    elif not all_failed(run):
        for column, value in run.report().items():
            echo_facts({"also measured": f"{column.metric} {written(value, column.unit)}: {describe_column(column)}"})
