"""The contents of a comparison's summary and report as sections."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis._ranks import SIGNIFICANT
from nasmeta.analysis.report._facts import TaskFacts
from nasmeta.analysis.report._findings import COLUMNS, Findings
from nasmeta.analysis.report._remarks import asked_runs
from nasmeta.pages import Goals, Section, texts_of

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
        return [
            Section(
                text="No run finished an evaluation within its budget, so there is nothing to compare."
            )
        ]
    tables = [
        Section(
            fact.name,
            str(fact),
            findings.summary[fact.name],
            findings.headers,
            decimals=findings.decimals,
        )
        for fact in findings.facts
    ]
    notes = Section(text=" ".join(column_notes(findings, findings.summary)))
    return [Section(text=size_sentence(findings)), *tables, notes]


def report_sections(findings: Findings) -> list[Section]:
    """Return the contents of a report: its result, the methods, and tables."""
    headers, goals, decimals = findings.headers, findings.goals, findings.decimals
    sections = [
        Section(
            text="\n\n".join(
                [*findings.limits, *(_result(findings, fact) for fact in findings.facts)]
            )
        ),
        Section("Methods", methods(findings), figures=_CURVES),
    ]
    for fact in findings.facts:
        slug = re.sub(r"[^a-z0-9]+", "-", fact.name.lower()).strip("-")
        results = findings.results[fact.name]
        sections.append(
            Section(fact.name, str(fact), results, headers, goals, decimals, name=f"results-{slug}")
        )
        if fact.name in findings.tests:
            sections.append(_tests(findings, fact.name, f"tests-{slug}"))
    sections.append(Section(text=" ".join(column_notes(findings, findings.results))))
    if findings.ranks is not None:
        ranks = findings.ranks.drop(columns="evaluation", errors="ignore")
        text, note = friedman_sentence(findings), f"Average rank {findings.budget}; 1 is the best."
        named = {"mean": f"mean{findings.words['by']}"}
        sections.append(
            Section(
                "All tasks together",
                text,
                ranks,
                named,
                {"mean": "min"},
                decimals,
                note,
                "ranks",
                _OF_RANKS,
            )
        )
    if findings.scores is not None:
        scores = findings.scores.drop(columns=["reference", "runs"])
        note = (
            f"Scores over all tasks and runs: 1 at the optimum, 0 at the mean regret of {findings.reference}. "
            "Interquartile mean (IQM) and mean over all runs, median of the means per task, mean distance from 1 "
            "(optimality gap), with stratified bootstrap intervals."
        )
        sections.append(
            Section(
                "",
                "",
                scores,
                {"iqm": f"IQM{findings.words['by']}"},
                _SCORE_GOALS,
                note=note,
                name="scores",
            )
        )
    return sections


def _tests(findings: Findings, task: str, name: str) -> Section:
    table = findings.against_best(task)
    table["p_holm"] = table["p_holm"].map(p_text)
    if findings.plan is not None:
        plan = (
            findings.plan[findings.plan["task"] == task]
            .set_index("searcher")
            .loc[table["searcher"]]
        )
        table["needed"] = plan["needed"].map(runs_text).mask(plan["shown"], "–").to_numpy()
    headers = {
        "difference": findings.words["difference"],
        "p_holm": "p (Holm)",
        "needed": "runs to tell",
    }
    return Section(
        "", f"Each against the best, {findings.budget_on(task)}:", table, headers, name=name
    )


def _result(findings: Findings, fact: TaskFacts) -> str:
    """State the result of a task in one sentence: the best searcher against the next one."""
    best, *others = findings.order[fact.name]
    if findings.plan is None or not others:
        return f"{fact.name}: {best} has the best mean value at the end of the runs."
    pair = findings.plan[
        (findings.plan["task"] == fact.name) & (findings.plan["searcher"] == others[0])
    ].iloc[0]
    sentence = (
        f"{fact.name}: {_against_next(pair, fact.regret_unit, findings.budget_on(fact.name))}."
    )
    return " ".join([sentence, *_effects_of_sources(findings, fact)])


def _effects_of_sources(findings: Findings, fact: TaskFacts) -> Iterator[str]:
    """State what each searcher with sources gains over `gp`, on the measure of the tests."""
    tests, learners = findings.tests[fact.name], findings.with_sources(fact.name)
    not_shown = []
    for name in learners:
        pair = tests[tests["searcher"].isin(["gp", name]) & tests["other"].isin(["gp", name])]
        if len(pair) == 0:
            continue
        row = pair.iloc[0]
        sources = "the sources" if len(learners) == 1 else f"the sources of {name}"
        if not row["p_holm"] < SIGNIFICANT:
            not_shown.append(name)
            continue
        bounds = row[_DIFFERENCE].astype(float)
        if row["other"] == "gp":
            bounds = _opposite(bounds)
        gain = bounds["difference"] >= 0
        number, interval = _interval_text(bounds if gain else _opposite(bounds)).split(" ", 1)
        if row["measure"] == "regret":
            amount = f"{number} {interval} {fact.regret_unit}".rstrip()
            effect = f"{'lowered' if gain else 'raised'} the regret {findings.budget_on(fact.name)} by {amount}"
        else:
            effect = f"{'saved' if gain else 'cost'} {number} evaluations to the optimum {interval}"
        yield f"On {fact.name} {sources} {effect}, against gp."
    if not_shown:
        sources = "the sources" if len(learners) == 1 else f"the sources of {', '.join(not_shown)}"
        yield f"On {fact.name} an effect of {sources} is not shown."


def _opposite(values: pd.Series[float]) -> pd.Series[float]:
    """Return a difference and its bounds with the other sign."""
    return -values.set_axis(["difference", "difference_high", "difference_low"])[_DIFFERENCE]


def _interval_text(values: pd.Series[float]) -> str:
    """Write a difference with its interval."""
    return texts_of(pd.DataFrame([values]), None).rows[0][0]


def _against_next(pair: pd.Series[Any], unit: str, budget: str) -> str:
    """State the difference of the best searcher from the next one, and the runs needed if these do not show it."""
    best, other, runs = pair["other"], pair["searcher"], f"{pair['runs']:,} runs"
    values = pair[_DIFFERENCE].astype(float)
    if (values == 0).all():
        return f"{best} and {other} do not differ in any of {runs}"
    if values["difference"] < 0:  # at another budget than the end of the runs
        best, other = other, best
        values = _opposite(values)
    difference = _interval_text(values)
    text = f"{best} needs {difference} fewer evaluations than {other} to the optimum"
    if pair["measure"] == "regret":
        difference = f"{difference} {unit}".rstrip()
        text = f"{best} is {difference} better than {other} {budget}"
    text += f" (p {_relation(pair['p_holm'])})"
    if pair["shown"]:
        return text
    needed = (
        f"; about {pair['needed']:,.0f} runs are needed"
        if pair["runs"] < pair["needed"] < np.inf
        else ""
    )
    return f"{text}. {runs} do not show this difference{needed}"


def methods(findings: Findings) -> str:
    """Describe the methods in one paragraph, for a paper."""
    seeds = findings.frame["seed"]
    parts = [size_sentence(findings), f"The seeds are {seeds.min()} to {seeds.max()}."]
    columns = [fact.column for fact in findings.facts if fact.column is not None]
    if releases := {column.release for column in columns if column.origin == "measured"}:
        parts.append(f"Values are from {', '.join(sorted(releases))}.")
    parts += origins(findings)
    parts.append(
        "Intervals of means are 95 % percentile bootstrap intervals over the runs (2,000 draws)."
    )
    if findings.tests:
        losses = "Regrets" if findings.known else "Distances to the best value that any run found"
        solved = (
            " (evaluations to the optimum if all runs of both searchers found it by then)"
            if findings.known
            else ""
        )
        parts.append(
            f"{losses} {findings.budget}{solved}, runs of equal seeds paired; below 0 the first searcher is better. p: "
            "Wilcoxon's signed rank test, two-sided and exact, corrected by Holm for all pairs of the task."
        )
    if findings.plan is not None:
        parts.append(
            "Runs to tell a searcher from the best one, if these runs do not: 80 % of comparisons with so many seeds, "
            "drawn from these, show the difference by the same tests."
        )
    return " ".join(parts)


def origins(findings: Findings) -> list[str]:
    """State the origin of values that are predicted, trained or computed, not from a table."""
    columns = [fact.column for fact in findings.facts if fact.column is not None]
    return sorted(
        {f"Values are {column.origin}." for column in columns if column.origin != "measured"}
    )


def runs_text(number: float, most: int = 1000) -> str:
    """Write a number of runs of a plan."""
    return f"> {most:,}" if number == np.inf else f"{number:,.0f}"


def p_text(p_value: float) -> str:
    """Format a p-value, down to 0.001."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"


def _relation(p_value: float) -> str:
    text = p_text(p_value)
    return text if text.startswith("<") else f"= {text}"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size_sentence(findings: Findings) -> str:
    """State the size of the comparison."""
    runs = sorted(set(asked_runs(findings.frame).values()))
    each = (
        f"{_plural(runs[0], 'run')} each"
        if len(runs) == 1
        else f"{runs[0]:,} to {runs[-1]:,} runs each"
    )
    within = "" if findings.x == "evaluation" else f", within a {findings.simulated}time"
    return (
        f"{_plural(len(findings.searchers), 'searcher')}, {_plural(len(findings.facts), 'task')}, {each}, up to "
        f"{findings.frame['evaluation'].max():,} evaluations per run{within}; {len(findings.frame):,} evaluations in "
        "all."
    )


def column_notes(
    findings: Findings, tables: Mapping[str, pd.DataFrame], intervals: bool = True
) -> list[str]:
    """Explain the columns of the results of all tasks."""
    names = {str(name) for table in tables.values() for name in table}
    shown = {"value_at" if name.startswith("value_at_") else name for name in names}
    notes = [
        column.note.format(**findings.words)
        for column in COLUMNS
        if column.note and column.name in shown
    ]
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
