"""Sentences that Markdown, LaTeX and the page share."""

from __future__ import annotations

from collections.abc import Sequence

from nasmeta.analysis._ranks import Friedman
from nasmeta.analysis.report._facts import TaskFacts
from nasmeta.analysis.report._findings import Findings


def p_text(p_value: float) -> str:
    """Write a p-value, down to 0.001."""
    if p_value < 0.001:
        return "< 0.001"
    return f"{p_value:.2g}" if p_value < 0.1 else f"{p_value:.2f}".rstrip("0").rstrip(".")


def joined_numbers(numbers: Sequence[int]) -> str:
    """Write one number, or the smallest and the largest."""
    return f"{numbers[0]:,}" if len(numbers) == 1 else f"{min(numbers):,} to {max(numbers):,}"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size_sentence(found: Findings) -> str:
    """Say how large the comparison is."""
    lengths = found.frame.groupby(["task", "searcher", "seed"], sort=False, observed=True).size()
    what = "evaluations a run" if found.x == "evaluation" else f"evaluations a run, within a {found.simulated}time"
    return (
        f"{_plural(len(found.searchers), 'searcher')}, {_plural(len(found.facts), 'task')}, "
        f"{joined_numbers(found.runs)} {'run' if found.runs == [1] else 'runs'} each, "
        f"up to {int(lengths.max()):,} {what}; {len(found.frame):,} evaluations in all."
    )


def task_sentence(fact: TaskFacts) -> str:
    """Say what the signal of a task is, and which test values are told."""
    if not fact.known:
        table = "" if fact.test is None else f" Table: {fact.test.label}; the best cell has {fact.test.best}."
        return f"The optimum is not known; the best value that any run found is {fact.optimum:.4g}.{table}"
    if not fact.signal:
        return (
            f"The best value is {fact.optimum:.4g}. The task itself is not here, so its unit and release are not told."
        )
    named = {
        "dataset": "dataset {}",
        "split": "split {}",
        "epochs": "{} epochs",
        "seed": "seed {}",
        "release": "release {}",
    }
    parts = [fact.signal["metric"]]
    parts += [form.format(fact.signal[key]) for key, form in named.items() if key in fact.signal]
    if of_front(fact):
        return f"Signal: {', '.join(parts)}; the whole front has {fact.best}."
    test = "" if fact.test is None else f" Test: {fact.test.label}; the best cell has {fact.test.best}."
    return f"Signal: {', '.join(parts)}; the best cell has {fact.best}.{test}"


def of_front(fact: TaskFacts) -> bool:
    """Say whether a task has several objectives, so that its value is the hypervolume of what was found."""
    return fact.signal.get("metric", "").startswith("hypervolume_of_") if fact.signal else False


def result_notes(found: Findings) -> str:
    """Explain the columns of the results."""
    after = "" if found.x == "simulated_seconds" else " after so many evaluations"
    what = "the same metric on the test split" if found.second == "test" else "what the task's table says"
    incumbent = "incumbent" if found.on_test else "validation incumbent"
    test = f"{found.second.capitalize()}: {what}, of the {incumbent} at the end of the run. "
    test = test if found.tested else ""
    two_times = (
        f"Own end: that of each run, also for found, needed and days. Common time: {found.budget}. "
        if found.two_times
        else ""
    )
    fronts = (
        "Of several objectives the value is the hypervolume of all that a run evaluated; found means the whole front. "
        if any(map(of_front, found.facts))
        else ""
    )
    valid = f"{found.first.capitalize()}: the best value of the signal{after}, mean ± standard deviation over the runs."
    valid += f" {test}"
    if not found.known:
        return (
            f"{valid}Mean rank: of the best value among all searchers, run by run. Seconds: what the evaluations of a "
            f"run took. {two_times}In brackets: bootstrap intervals."
        )
    return (
        f"{valid}Mean rank: of the regret among all searchers, run by run. Regret: mean distance to the best of all "
        "cells at the end of the runs. Anytime regret: mean over the whole budget on a log scale. Found: share of the "
        "runs that evaluated the best cell. Needed: mean number of evaluations until then, where all runs found it. "
        f"Days: simulated time of a run. {fronts}{two_times}In brackets: bootstrap intervals, for shares Wilson's."
    )


def test_note(found: Findings) -> str:
    """Explain the paired tests."""
    return (
        f"{found.losses.capitalize()} {found.budget}, runs of equal seeds paired; below 0 the first searcher is "
        "better. p: Wilcoxon's signed rank test, two-sided, corrected by Holm for all pairs of the task."
    )


def friedman_sentence(found: Findings) -> str:
    """Say what the Friedman test found."""
    result, of_tasks = found.friedman, found.friedman_of_tasks
    if result is None:
        return ""
    sentence = (
        f"Friedman's test over {result.blocks} blocks (task × seed) {found.budget}: {_verdict(result)}. Average ranks "
        f"that differ by {result.critical_difference:.2f} or more differ at the level of {result.level:g} (Nemenyi). "
        "The blocks are runs, so this holds for these tasks and other seeds; of other tasks it says nothing."
    )
    if of_tasks is not None:
        sentence += (
            f" With one block for each of the {of_tasks.blocks} tasks, which asks about other tasks of the kind: "
            f"{_verdict(of_tasks)}, and the critical difference is {of_tasks.critical_difference:.2f}."
        )
    return sentence


def _verdict(result: Friedman) -> str:
    p = p_text(result.p_value)
    differ = "the searchers differ" if result.p_value < result.level else "the searchers do not differ significantly"
    return f"χ² = {result.statistic:.1f}, p {p if p.startswith('<') else '= ' + p}: {differ}"
