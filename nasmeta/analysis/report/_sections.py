"""The contents of a comparison's summary and report as sections."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis._ranks import SIGNIFICANT
from nasmeta.analysis.report._facts import TaskFacts
from nasmeta.analysis.report._findings import COLUMNS, Findings, base_of
from nasmeta.analysis.report._remarks import asked_runs
from nasmeta.pages import Goals, Section, texts_of
from nasmeta.tables import ColumnInfo

_CURVES = {
    "regret_evaluations": "Mean regret against evaluations, a panel per task",
    "regret_seconds": "Mean regret against simulated seconds, a panel per task",
    "best_evaluations": "Mean of the best value against evaluations, a panel per task",
    "best_seconds": "Mean of the best value against seconds of training, a panel per task",
    "power": "Power (share of comparisons that show a difference) against the number of runs, one panel per task",
}
_OF_RANKS = {
    "ranks": "Average rank against the budget",
    "critical_difference": "Critical-difference diagram",
}
_DIFFERENCE = ["difference", "difference_low", "difference_high"]
_SCORE_GOALS: Goals = {"iqm": "max", "median": "max", "mean": "max", "optimality_gap": "min"}


def summary_sections(findings: Findings) -> list[Section]:
    """Return the contents of the summary of ``nasmeta compare``."""
    if findings.frame.empty:
        nothing = "No run finished an evaluation within its budget, so there is nothing to compare."
        return [Section(text=nothing)]
    sections = [Section(text=size_sentence(findings))]
    for fact in findings.facts:
        sections.append(_results(findings, fact, findings.summary))
    notes = column_notes(findings, findings.summary)
    return [*sections, Section(text=" ".join(notes))]


def _results(findings: Findings, fact: TaskFacts, tables: Mapping[str, pd.DataFrame]) -> Section:
    """Return the section with the table of a task."""
    return Section(
        fact.name,
        str(fact),
        tables[fact.name],
        headers=findings.headers,
        decimals=findings.decimals,
    )


def report_sections(findings: Findings) -> list[Section]:
    """Return the contents of a report: its result, the methods, and tables."""
    sentences = [_result(findings, fact) for fact in findings.facts]
    result = "\n\n".join(findings.limits + sentences)
    sections = [Section(text=result), Section("Methods", methods(findings), figures=_CURVES)]
    for fact in findings.facts:
        slug = re.sub(r"[^a-z0-9]+", "-", fact.name.lower()).strip("-")
        section = _results(findings, fact, findings.results)
        sections.append(replace(section, goals=findings.goals, name=f"results-{slug}"))
        if fact.name in findings.tests:
            sections.append(_tests(findings, fact.name, f"tests-{slug}"))
    notes = column_notes(findings, findings.results)
    sections.append(Section(text=" ".join(notes)))
    if findings.ranks is not None:
        sections.append(_ranks(findings, findings.ranks))
    if findings.scores is not None:
        sections.append(_scores(findings, findings.scores))
    return sections


def _ranks(findings: Findings, ranks: pd.DataFrame) -> Section:
    return Section(
        "All tasks together",
        friedman_sentence(findings),
        ranks.drop(columns="evaluation", errors="ignore"),
        headers={"mean": f"mean{findings.words['by']}"},
        goals={"mean": "min"},
        decimals=findings.decimals,
        note=f"Average rank {findings.budget}; 1 is the best.",
        name="ranks",
        figures=_OF_RANKS,
    )


def _scores(findings: Findings, scores: pd.DataFrame) -> Section:
    note = (
        f"Scores over all tasks and runs: 1 at the optimum, 0 at the mean regret of {findings.reference}. "
        "Interquartile mean (IQM) and mean over all runs, median of the means per task, mean distance from 1 "
        "(optimality gap), with stratified bootstrap intervals."
    )
    return Section(
        table=scores.drop(columns=["reference", "runs"]),
        headers={"iqm": f"IQM{findings.words['by']}"},
        goals=_SCORE_GOALS,
        note=note,
        name="scores",
    )


def _tests(findings: Findings, task: str, name: str) -> Section:
    table = findings.against_best(task)
    table["p_holm"] = table["p_holm"].map(p_text)
    if findings.plan is not None:
        of_task = findings.plan[findings.plan["task"] == task].set_index("searcher")
        plan = of_task.loc[table["searcher"]]
        needed = plan["needed"].map(runs_text).mask(plan["shown"], "–")
        table["needed"] = needed.to_numpy()
    headers = {
        "difference": findings.words["difference"],
        "p_holm": "p (Holm)",
        "needed": "runs to tell",
    }
    text = f"Each against the best, {findings.budget_on(task)}:"
    return Section(text=text, table=table, headers=headers, name=name)


def _result(findings: Findings, fact: TaskFacts) -> str:
    """State the result of a task in one sentence: the best searcher against the next one."""
    best, *others = findings.order[fact.name]
    plan = findings.plan
    if plan is None or not others:
        return f"{fact.name}: {best} has the best mean value at the end of the runs."
    pair = plan[(plan["task"] == fact.name) & (plan["searcher"] == others[0])].iloc[0]
    result = _against_next(pair, fact.regret_unit, findings.budget_on(fact.name))
    return " ".join([f"{fact.name}: {result}.", *_effects_of_sources(findings, fact)])


def _effects_of_sources(findings: Findings, fact: TaskFacts) -> Iterator[str]:
    """State what each searcher with sources gains over `gp`, on the measure of the tests."""
    tests = findings.tests[fact.name]
    learners = findings.with_sources(fact.name)
    not_shown = []
    for name in learners:
        pair = tests[tests["searcher"].isin(["gp", name]) & tests["other"].isin(["gp", name])]
        if len(pair) == 0:
            continue
        row = pair.iloc[0]
        if row["p_holm"] < SIGNIFICANT:
            effect = _effect(row, fact.regret_unit, findings.budget_on(fact.name))
            yield f"On {fact.name} {_sources_of([name], learners)} {effect}, against gp."
        else:
            not_shown.append(name)
    if not_shown:
        yield f"On {fact.name} an effect of {_sources_of(not_shown, learners)} is not shown."


def _sources_of(names: Sequence[str], learners: Sequence[str]) -> str:
    """Name the sources of some of the searchers that have sources."""
    if len(learners) == 1:
        return "the sources"
    return f"the sources of {', '.join(names)}"


def _effect(row: pd.Series[Any], unit: str, budget: str) -> str:
    """State the effect of the sources of a searcher, from its test against `gp`."""
    gain = row[_DIFFERENCE].astype(float)  # of the second searcher: first minus second
    if row["other"] == "gp":
        gain = _opposite(gain)
    is_better = gain["difference"] >= 0
    if not is_better:
        gain = _opposite(gain)
    amount = _interval_text(gain)
    if row["measure"] == "regret":
        verb = "lowered" if is_better else "raised"
        amount = f"{amount} {unit}".rstrip()
        return f"{verb} the regret {budget} by {amount}"
    verb = "saved" if is_better else "cost"
    number, interval = amount.split(" ", 1)
    return f"{verb} {number} evaluations to the optimum {interval}"


def _opposite(values: pd.Series[float]) -> pd.Series[float]:
    """Return a difference and its bounds with the other sign."""
    return -values.set_axis(["difference", "difference_high", "difference_low"])[_DIFFERENCE]


def _interval_text(values: pd.Series[float]) -> str:
    """Write a difference with its interval."""
    return texts_of(pd.DataFrame([values]), None).rows[0][0]


def _against_next(pair: pd.Series[Any], unit: str, budget: str) -> str:
    """State the difference of the best searcher from the next one, and the runs needed if these do not show it."""
    best = pair["other"]  # as in all rows of a plan
    other = pair["searcher"]
    runs = f"{pair['runs']:,} runs"
    values = pair[_DIFFERENCE].astype(float)
    if (values == 0).all():
        return f"{best} and {other} do not differ in any of {runs}"
    if values["difference"] < 0:  # at another budget than the end of the runs
        best, other = other, best
        values = _opposite(values)
    difference = _interval_text(values)
    if pair["measure"] == "regret":
        difference = f"{difference} {unit}".rstrip()
        text = f"{best} is {difference} better than {other} {budget}"
    else:
        text = f"{best} needs {difference} fewer evaluations than {other} to the optimum"
    text += f" (p {_relation(pair['p_holm'])})"
    if not pair["shown"]:
        text += f". {runs} do not show this difference"
        if pair["runs"] < pair["needed"] < np.inf:
            text += f"; about {pair['needed']:,.0f} runs are needed"
    return text


def methods(findings: Findings) -> str:
    """Describe the methods in one paragraph, for a paper."""
    seeds = findings.frame["seed"]
    parts = [size_sentence(findings), f"The seeds are {seeds.min()} to {seeds.max()}."]
    releases = {column.release for column in _columns(findings) if column.origin == "measured"}
    if releases:
        parts.append(f"Values are from {', '.join(sorted(releases))}.")
    parts += origins(findings)
    parts.append(
        "Intervals of means are 95 % percentile bootstrap intervals over the runs (2,000 draws)."
    )
    if findings.tests:
        losses = f"Distances to the best value that any run found {findings.budget}"
        if findings.known:
            losses = (
                f"Regrets {findings.budget} "
                "(evaluations to the optimum if all runs of both searchers found it by then)"
            )
        parts.append(
            f"{losses}, runs of equal seeds paired; below 0 the first searcher is better. p: "
            "Wilcoxon's signed rank test, two-sided and exact, corrected by Holm for all pairs of the task."
        )
    if findings.plan is not None:
        parts.append(
            "Runs to tell a searcher from the best one, if these runs do not: 80 % of comparisons with so many seeds, "
            "drawn from these, show the difference by the same tests."
        )
    return " ".join(parts)


def _columns(findings: Findings) -> list[ColumnInfo]:
    """Return the columns of the values, of tasks that are known on this machine."""
    return [fact.column for fact in findings.facts if fact.column is not None]


def origins(findings: Findings) -> list[str]:
    """State the origin of values that are predicted, trained or computed, not from a table."""
    others = {column.origin for column in _columns(findings)} - {"measured"}
    return sorted(f"Values are {origin}." for origin in others)


def runs_text(number: float, most: int = 1000) -> str:
    """Write a number of runs of a plan."""
    if number == np.inf:
        return f"> {most:,}"
    return f"{number:,.0f}"


def p_text(p_value: float) -> str:
    """Format a p-value, down to 0.001."""
    if p_value < 0.001:
        return "< 0.001"
    return f"{p_value:.2g}"


def _relation(p_value: float) -> str:
    text = p_text(p_value)
    return text if text.startswith("<") else f"= {text}"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size_sentence(findings: Findings) -> str:
    """State the size of the comparison."""
    searchers = _plural(len(findings.searchers), "searcher")
    tasks = _plural(len(findings.facts), "task")
    numbers = sorted(set(asked_runs(findings.frame).values()))
    runs = _plural(numbers[0], "run")
    if len(numbers) > 1:
        runs = f"{numbers[0]:,} to {numbers[-1]:,} runs"
    lengths = f"up to {findings.frame['evaluation'].max():,} evaluations per run"
    if findings.x != "evaluation":
        lengths += f", within a {findings.simulated}time"
    total = f"{len(findings.frame):,} evaluations in all"
    return f"{searchers}, {tasks}, {runs} each, {lengths}; {total}."


def column_notes(
    findings: Findings, tables: Mapping[str, pd.DataFrame], intervals: bool = True
) -> list[str]:
    """Explain the columns of the results of all tasks."""
    shown = set[str]()
    for table in tables.values():
        shown.update(map(base_of, table))
    explained = [column for column in COLUMNS if column.note and column.name in shown]
    notes = [column.note.format(**findings.words) for column in explained]
    if findings.two_times and "rank" in shown:
        notes.append(f"Common time: {findings.budget}.")
    if intervals:
        notes.append("In brackets: 95 % intervals (bootstrap; Wilson's for shares).")
    return notes


def friedman_sentence(findings: Findings) -> str:
    """State the result of the Friedman test."""
    result = findings.friedman
    if result is None:
        return ""
    differ = "differ" if result.p_value < SIGNIFICANT else "do not differ significantly"
    return (
        f"Friedman's test over {result.blocks} blocks (task × seed) {findings.budget}: χ² = {result.statistic:.1f}, p "
        f"{_relation(result.p_value)}: the searchers {differ}. Average ranks that differ by "
        f"{result.critical_difference:.2f} or more differ at the level of {SIGNIFICANT:g} (Nemenyi). "
        "The blocks are runs, so the result holds for these tasks and other seeds, not for other tasks."
    )
