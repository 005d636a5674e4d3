"""Sentences of a report, shared by the terminal, Markdown, LaTeX and HTML."""

from __future__ import annotations

from collections.abc import Iterable

from nasmeta.analysis._ranks import Friedman
from nasmeta.analysis.report._findings import Findings
from nasmeta.analysis.report._remarks import asked_runs

_COLUMNS = {  # explanations, by the beginnings of columns
    "value_at": "Best after n: best value after n evaluations, mean ± standard deviation over the runs.",
    "value_by": "Best by n s: best value of the evaluations that had ended by then, mean ± standard deviation.",
    "value_end": "Best at the end: mean ± standard deviation over the runs{crossing}.",
    "evaluations": "Evaluations: mean number per run.",
    "test_end": "{second} at the end: value of the same architecture {where}.",
    "rank": "Mean rank: rank of the {loss} among all searchers, averaged over the runs.",
    "final_regret": "Regret: mean distance to the best architecture at the end of the runs.",
    "area": "Anytime regret: mean over the whole budget on a log scale.",
    "share_solved": "Solved: share of the runs that {solved}.",
    "evaluations_to_optimum": "Evaluations to optimum: mean number, if all runs are solved.",
    "simulated_days": "Simulated days: mean per run.",
    "seconds": "Seconds per run: mean time of all its evaluations.",
}


def p_text(p_value: float) -> str:
    """Format a p-value, down to 0.001."""
    if p_value < 0.001:
        return "< 0.001"
    return f"{p_value:.2g}" if p_value < 0.1 else f"{p_value:.2f}".rstrip("0").rstrip(".")


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size_sentence(found: Findings) -> str:
    """State the size of the comparison."""
    runs = sorted(set(asked_runs(found.frame).values()))
    each = f"{_plural(runs[0], 'run')} each" if len(runs) == 1 else f"{runs[0]:,} to {runs[-1]:,} runs each"
    within = "" if found.x == "evaluation" else f", within a {found.simulated}time"
    return (
        f"{_plural(len(found.searchers), 'searcher')}, {_plural(len(found.facts), 'task')}, {each}, up to "
        f"{found.frame['evaluation'].max():,} evaluations per run{within}; {len(found.frame):,} evaluations in all."
    )


def column_notes(found: Findings, columns: Iterable[str], intervals: bool = True) -> list[str]:
    """Explain the columns of result tables."""
    shown = set(columns)
    words = {
        "crossing": "",
        "second": found.second.capitalize(),
        "where": "on the test split" if found.second == "test" else "in the table of the task",
        "loss": "regret" if found.known else "best value",
        "solved": "evaluated the best architecture",
    }
    if found.x == "simulated_seconds" and "clock" in found.frame.columns:
        words["crossing"] = (
            "; evaluations that began in time and ended later count (overshoot=count)"
            if found._crossing_counts
            else "; only evaluations that ended in time count (overshoot=discard)"
        )
    if any(fact.of_front for fact in found.facts):
        words["solved"] += " (with several objectives: the whole front; the value is the hypervolume)"
    notes = [
        note.format(**words)
        for name, note in _COLUMNS.items()
        if name in shown or (name == "value_at" and any(column.startswith("value_at_") for column in shown))
    ]
    if found.two_times and "rank" in shown:
        notes.append(f"Common time: {found.budget}.")
    if intervals:
        notes.append(f"In brackets: {100 * found.level:g} % intervals (bootstrap; Wilson's for shares).")
    return notes


def test_note(found: Findings) -> str:
    """Explain the paired tests."""
    return (
        f"{found.losses.capitalize()} {found.budget}, runs of equal seeds paired; below 0 the first searcher is "
        "better. p: Wilcoxon's signed rank test, two-sided and exact, corrected by Holm for all pairs of the task."
    )


def score_note(found: Findings) -> str:
    """Explain the scores."""
    return (
        f"Scores over all tasks and runs: 1 at the optimum, 0 at the mean regret of {found.reference}. Interquartile "
        "mean (IQM) and mean over all runs, median of the means per task, mean distance from 1 (optimality gap), with "
        "stratified bootstrap intervals."
    )


def friedman_sentence(found: Findings) -> str:
    """State the result of the Friedman test."""
    result, of_tasks = found.friedman, found.friedman_of_tasks
    if result is None:
        return ""
    sentence = (
        f"Friedman's test over {result.blocks} blocks (task × seed) {found.budget}: {_verdict(result)}. Average ranks "
        f"that differ by {result.critical_difference:.2f} or more differ at the level of {result.level:g} (Nemenyi). "
        "The blocks are runs, so the result holds for these tasks and other seeds, not for other tasks."
    )
    if of_tasks is not None:
        sentence += (
            f" With one block for each of the {of_tasks.blocks} tasks, as needed for other tasks of the kind: "
            f"{_verdict(of_tasks)}, and the critical difference is {of_tasks.critical_difference:.2f}."
        )
    return sentence


def _verdict(result: Friedman) -> str:
    p = p_text(result.p_value)
    differ = "the searchers differ" if result.p_value < result.level else "the searchers do not differ significantly"
    return f"χ² = {result.statistic:.1f}, p {p if p.startswith('<') else '= ' + p}: {differ}"
