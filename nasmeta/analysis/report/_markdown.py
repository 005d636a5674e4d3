"""The report in short, as Markdown with its pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nasmeta.analysis._tables import to_markdown
from nasmeta.analysis.report._findings import Findings
from nasmeta.analysis.report._words import (
    friedman_sentence,
    p_text,
    result_notes,
    size_sentence,
    task_sentence,
    test_note,
)

if TYPE_CHECKING:
    import pandas as pd

_ALT = {
    "regret_evaluations_mean": "Mean regret against evaluations, a panel a task",
    "regret_seconds_mean": "Mean regret against simulated seconds, a panel a task",
    "best_evaluations_mean": "Mean of the best value found against evaluations, a panel a task",
    "best_seconds_mean": "Mean of the best value found against seconds of training, a panel a task",
    "ranks": "Average rank against the budget",
    "critical_difference": "Critical-difference diagram",
    "performance_profile": "Share of runs against normalised regret",
    "runtime_profile": "Share of runs that found the optimum, against evaluations",
}


def markdown(found: Findings, title: str, pictures: Mapping[str, str]) -> str:
    """Return the report; `pictures` has their paths, relative to the report, by name."""

    def picture(name: str) -> list[str]:
        return [f"![{_ALT[name]}]({pictures[name]})\n"] if name in pictures else []

    parts = [f"# {title}\n", size_sentence(found) + "\n"]
    for name in ("regret_evaluations_mean", "regret_seconds_mean", "best_evaluations_mean", "best_seconds_mean"):
        parts += picture(name)
    for fact in found.facts:
        parts += [f"## {fact.name}\n", task_sentence(fact) + "\n"]
        parts.append(to_markdown(found.results[fact.name], found.headers, found.decimals))
        if fact.name in found.tests:
            parts.append(f"\nEach against the best, {found.budget}:\n")
            parts.append(to_markdown(against_best_texts(found, fact.name)))
    parts.append(result_notes(found) + f" Their level is {100 * found.level:g} %.\n")
    if found.tests:
        parts.append(test_note(found) + "\n")
    if found.ranks is not None:
        parts += ["## All tasks\n", to_markdown(found.ranks, decimals=found.decimals), *picture("ranks")]
    if found.friedman is not None:
        parts += [friedman_sentence(found) + "\n", *picture("critical_difference")]
    if found.score_table is not None:
        parts.append(to_markdown(found.score_table))
        parts.append(
            f"Scores: 1 at the optimum, 0 as {found.reference} on average; interquartile mean "
            "(IQM) and mean over all runs, median of the tasks' means, and the mean distance from 1 (optimality gap), "
            "with stratified bootstrap intervals.\n"
        )
    parts += [*picture("performance_profile"), *picture("runtime_profile")]
    parts += [f"* {remark}\n" for remark in found.remarks]
    return "\n".join(parts)


def against_best_texts(found: Findings, task: str) -> pd.DataFrame:
    """Return the tests against the best searcher of a task, p-values in words."""
    table = found.against_best(task).drop(columns="p_value")
    return table.assign(p_holm=[p_text(p) for p in table["p_holm"]]).rename(columns={"p_holm": "p (Holm)"})
