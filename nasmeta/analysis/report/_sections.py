"""The contents of a report as sections, which are rendered as Markdown, HTML and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis._ranks import SIGNIFICANT, Friedman
from nasmeta.analysis._tables import Goals, in_markdown, texts_of, to_html, to_latex, to_markdown
from nasmeta.analysis.report._findings import COLUMNS, Findings
from nasmeta.analysis.report._remarks import asked_runs

_ALT = {
    "regret_evaluations": "Mean regret against evaluations, a panel per task",
    "regret_seconds": "Mean regret against simulated seconds, a panel per task",
    "best_evaluations": "Mean of the best value against evaluations, a panel per task",
    "best_seconds": "Mean of the best value against seconds of training, a panel per task",
    "ranks": "Average rank against the budget",
    "critical_difference": "Critical-difference diagram",
    "power": "Power against the number of runs, a panel per task",
}
_SCORE_GOALS: Goals = {"iqm": "max", "median": "max", "mean": "max", "optimality_gap": "min"}


@dataclass(frozen=True)
class Section:
    """A part of a report; a table with a name is also written as LaTeX."""

    heading: str = ""
    text: str = ""
    table: pd.DataFrame | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    goals: Goals = field(default_factory=dict)
    decimals: Mapping[str, int] = field(default_factory=dict)
    note: str = ""  # below the table
    name: str = ""
    figures: Sequence[str] = ()

    def in_markdown(self) -> Section:
        """Return the section with its texts, headings and labels as Markdown."""
        paragraphs, table, headers = map(in_markdown, self.text.split("\n\n")), self.table, self.headers
        if table is not None:
            headers = {name: in_markdown(headers.get(name, name.replace("_", " "))) for name in map(str, table)}
            table = table.map(
                lambda architecture: in_markdown(architecture) if isinstance(architecture, str) else architecture
            )
        return replace(
            self, heading=in_markdown(self.heading), text="\n\n".join(paragraphs), table=table, headers=headers,
            note=in_markdown(self.note),
        )  # fmt: skip


def summary_sections(found: Findings) -> list[Section]:
    """Return the contents of the summary of ``nasmeta compare``."""
    if found.frame.empty:
        return [Section(text="No run finished an evaluation within its budget, so there is nothing to compare.")]
    tables = [
        Section(fact.name, str(fact), found.summary[fact.name], found.headers, decimals=found.decimals)
        for fact in found.facts
    ]
    return [
        Section(text=size_sentence(found)),
        *tables,
        Section(text=" ".join(column_notes(found, found.summary))),
    ]


def report_sections(found: Findings) -> list[Section]:
    """Return the contents of a report: its result, the methods, and tables."""
    curves = [name for name in _ALT if name not in ("ranks", "critical_difference")]
    sections = [
        Section(text="\n\n".join(result_sentences(found))),
        Section("Methods", methods(found), figures=curves),
    ]
    for fact in found.facts:
        slug = re.sub(r"[^a-z0-9]+", "-", fact.name.lower()).strip("-")
        results, headers = found.results[fact.name], found.headers
        sections.append(
            Section(fact.name, str(fact), results, headers, found.goals, found.decimals, name=f"results-{slug}")
        )
        if fact.name in found.tests:
            table = found.against_best(fact.name)
            table["p_holm"] = table["p_holm"].map(p_text)
            if found.plan is not None:
                plan = found.plan[found.plan["task"] == fact.name].set_index("searcher").loc[table["searcher"]]
                table["needed"] = plan["needed"].map(runs_text).mask(plan["shown"], "–").to_numpy()
            text = f"Each against the best, {found.budget_on(fact.name)}:"
            names = {"p_holm": "p (Holm)", "needed": "runs to tell"}
            sections.append(Section("", text, table, names, name=f"tests-{slug}"))
    sections.append(Section(text=" ".join(column_notes(found, found.results))))
    if found.ranks is not None:
        ranks = found.ranks.drop(columns="evaluation", errors="ignore")
        figures, note = ("ranks", "critical_difference"), f"Average rank {found.budget}; 1 is the best."
        sections.append(
            Section(
                "All tasks together", friedman_sentence(found), ranks, {}, {"mean": "min"}, found.decimals, note,
                "ranks", figures,
            )
        )  # fmt: skip
    if found.scores is not None:
        scores = found.scores.drop(columns=["reference", "runs"])
        sections.append(Section("", "", scores, {"iqm": "IQM"}, _SCORE_GOALS, {}, _score_note(found), "scores"))
    return sections


def result_sentences(found: Findings) -> list[str]:
    """State the result of each task in one sentence: the best searcher against the next one."""
    sentences = []
    for fact in found.facts:
        best, *others = found.order[fact.name]
        if found.plan is None or not others:
            sentences.append(f"{fact.name}: {best} has the best mean value at the end of the runs.")
            continue
        of_pair = (found.plan["task"] == fact.name) & (found.plan["searcher"] == others[0])
        budget = found.budget_on(fact.name)
        sentences.append(f"{fact.name}: {_against_next(found.plan[of_pair].iloc[0], fact.regret_unit, budget)}.")
    return sentences


def _against_next(pair: pd.Series[Any], unit: str, budget: str) -> str:
    """State the difference of the best searcher from the next one, and the runs needed if these do not show it."""
    best, other, runs = pair["other"], pair["searcher"], f"{pair['runs']:,} runs"
    columns = ["difference", "difference_low", "difference_high"]
    if (pair[columns] == 0).all():
        return f"{best} and {other} do not differ in any of {runs}"
    values = pair[columns].astype(float)
    if values["difference"] < 0:  # at another budget than the end of the runs
        best, other = other, best
        values = -values.set_axis(["difference", "difference_high", "difference_low"])
    difference = texts_of(pd.DataFrame([values]), None).rows[0][0]
    text = f"{best} needs {difference} fewer evaluations than {other} to the optimum"
    if pair["measure"] == "regret":
        difference = f"{difference} {unit}".rstrip()
        text = f"{best} is {difference} better than {other} {budget} (p {_p_value(pair['p_holm'])})"
    if pair["shown"]:
        return text
    needed = f"; about {pair['needed']:,.0f} runs are needed" if pair["runs"] < pair["needed"] < np.inf else ""
    return f"{text}. {runs} do not show this difference{needed}"


def methods(found: Findings) -> str:
    """Describe the methods in one paragraph, for a paper."""
    seeds, releases = found.frame["seed"], {f"{fact.column.release}" for fact in found.facts if fact.column is not None}
    parts = [size_sentence(found), f"The seeds are {seeds.min()} to {seeds.max()}."]
    if releases:
        parts.append(f"Values are from {', '.join(sorted(releases))}.")
    parts.append("Intervals of means are 95 % percentile bootstrap intervals over the runs (2,000 draws).")
    if found.tests:
        parts.append(_test_note(found))
    if found.plan is not None:
        parts.append(
            "Runs to tell a searcher from the best one, if these runs do not (by evaluations to the optimum if all "
            "runs found it): for 80 % power of a paired t-test at the level "
            f"{found.plan['level'].iloc[0]:.2g} (0.05 divided by the pairs of a task), if the measured effect is true."
        )
    return " ".join(parts)


def runs_text(number: float, most: int = 1000) -> str:
    """Write a number of runs of a plan."""
    return f"> {most:,}" if number == np.inf else f"{number:,.0f}"


def as_markdown(
    title: str, sections: Iterable[Section], remarks: Iterable[str], figures: Mapping[str, str] | None = None
) -> str:
    """Return sections with texts in Markdown as a page; `figures` are the paths of figures by name, relative to it."""
    paths, parts = figures or {}, [f"# {title}\n"]
    for section in sections:
        parts += [f"## {section.heading}\n"] if section.heading else []
        parts += [f"{section.text}\n"] if section.text else []
        parts += [f"![{_ALT[name]}]({paths[name]})\n" for name in section.figures if name in paths]
        if section.table is not None:
            parts.append(to_markdown(section.table, section.headers, section.decimals))
        parts += [f"{section.note}\n"] if section.note else []
    return "\n".join([*parts, *(f"* {remark}" for remark in remarks), ""])


def as_html(sections: Iterable[Section], pictures: Mapping[str, str]) -> str:
    """Return sections as HTML, with pictures by name. Wide tables scroll by themselves, also with the keyboard."""
    parts = []
    for section in sections:
        parts += [f"<h3>{escape(section.heading)}</h3>"] if section.heading else []
        parts += [f"<p>{escape(section.text)}</p>"] if section.text else []
        parts += [f'<div class="picture">{pictures[name]}</div>' for name in section.figures if name in pictures]
        if section.table is not None:
            table = to_html(section.table, section.headers, section.goals, section.decimals)
            label = escape(section.heading or section.text or section.note)
            parts.append(f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{table}</div>')
        parts += [f'<p class="note">{escape(section.note)}</p>'] if section.note else []
    return "\n".join(parts)


def latex_tables(sections: Iterable[Section]) -> dict[str, str]:
    """Return the tables of a report by file name without suffix; each is a tabular for an input command."""
    head = "% Needs \\usepackage{booktabs}. Written by nasmeta report.\n"
    return {
        section.name: head + to_latex(section.table, section.headers, section.goals, section.decimals)
        for section in sections
        if section.table is not None and section.name
    }


def p_text(p_value: float) -> str:
    """Format a p-value, down to 0.001."""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"


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


def column_notes(found: Findings, tables: Mapping[str, pd.DataFrame], intervals: bool = True) -> list[str]:
    """Explain the columns of the results of all tasks."""
    names = {str(name) for table in tables.values() for name in table}
    shown = {"value_at" if name.startswith("value_at_") else name for name in names}
    notes = [column.note.format(**found.words) for column in COLUMNS if column.note and column.name in shown]
    if found.two_times and "rank" in shown:
        notes.append(f"Common time: {found.budget}.")
    if intervals:
        notes.append("In brackets: 95 % intervals (bootstrap; Wilson's for shares).")
    return notes


def _test_note(found: Findings) -> str:
    losses = "Regrets" if found.known else "Distances to the best value that any run found"
    return (
        f"{losses} {found.budget}, runs of equal seeds paired; below 0 the first searcher is better. p: Wilcoxon's "
        "signed rank test, two-sided and exact, corrected by Holm for all pairs of the task."
    )


def _score_note(found: Findings) -> str:
    return (
        f"Scores over all tasks and runs: 1 at the optimum, 0 at the mean regret of {found.reference}. Interquartile "
        "mean (IQM) and mean over all runs, median of the means per task, mean distance from 1 (optimality gap), with "
        "stratified bootstrap intervals."
    )


def friedman_sentence(found: Findings) -> str:
    """State the result of the Friedman test."""
    result = found.friedman
    if result is None:
        return ""
    return (
        f"Friedman's test over {result.blocks} blocks (task × seed) {found.budget}: {_verdict(result)}. Average ranks "
        f"that differ by {result.critical_difference:.2f} or more differ at the level of {SIGNIFICANT:g} (Nemenyi). "
        "The blocks are runs, so the result holds for these tasks and other seeds, not for other tasks."
    )


def _verdict(result: Friedman) -> str:
    differ = "the searchers differ" if result.p_value < SIGNIFICANT else "the searchers do not differ significantly"
    return f"χ² = {result.statistic:.1f}, p {_p_value(result.p_value)}: {differ}"


def _p_value(p_value: float) -> str:
    """Format a p-value with its sign of relation."""
    text = p_text(p_value)
    return text if text.startswith("<") else f"= {text}"
