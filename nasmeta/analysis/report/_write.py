"""Everything that `nasmeta report` leaves behind: Markdown, figures, LaTeX tables, and the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from nasmeta.analysis._attainment import plot_attainment, tasks_with_two
from nasmeta.analysis._plots import check_formats, plot_regret, save_figure
from nasmeta.analysis._rank_plots import plot_critical_difference, plot_profiles, plot_ranks
from nasmeta.analysis._run_summary import regret_unit
from nasmeta.analysis._tables import to_latex, to_markdown
from nasmeta.analysis.report._findings import SCORE_GOALS, Findings
from nasmeta.analysis.report._page import page
from nasmeta.analysis.report._words import (
    friedman_sentence,
    p_text,
    result_notes,
    size_sentence,
    task_sentence,
    test_note,
)
from nasmeta.errors import SettingError
from nasmeta.files import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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


def write_findings(
    found: Findings,
    folder: str | PathLike[str],
    provenance: Mapping[str, Any] | None = None,
    title: str = "Comparison of searchers",
    formats: Sequence[str] = ("png", "svg", "pdf"),
) -> list[Path]:
    """Write what was computed as a report; `provenance` is kept with the results, its values may be nested.

    The folder gets ``index.html`` (one file, plotly.js in it, nothing is loaded from anywhere), ``report.md``, the same
    in short, ``figures/`` and ``tables/`` (LaTeX, with booktabs) for papers.
    """
    check_formats(formats)
    home = Path(folder)
    text = page(found, title, provenance or {})  # first, for it needs what may not be installed
    files = [home / "index.html", home / "report.md"]
    with writing(f"Cannot write the report to {home}"):
        home.mkdir(parents=True, exist_ok=True)
        files[0].write_text(text, encoding="utf-8")
        pictures = {}
        for name, figure in _figures(found).items() if formats else ():
            try:
                picture = figure()
            except SettingError as reason:  # such as simulated seconds of 0, which have no logarithm
                found.remarks.append(f"No figure {name}: {reason}")
                continue
            drawn = save_figure(picture, home / "figures" / name, formats)
            pictures[name] = drawn[0].relative_to(home).as_posix()
            files += drawn
        files[1].write_text(markdown(found, title, pictures), encoding="utf-8")
        (home / "tables").mkdir(exist_ok=True)
        for name, content in latex_tables(found).items():
            files.append(home / "tables" / f"{name}.tex")
            files[-1].write_text(content, encoding="utf-8")
    return files


def _figures(found: Findings) -> dict[str, Callable[[], Figure]]:
    """Return what can be drawn, by file name."""
    frame = found.frame
    unit = regret_unit([fact.column for fact in found.facts])
    share_y = len({fact.unit for fact in found.facts}) == 1
    figures: dict[str, Callable[[], Figure]] = {}
    what = "regret" if all(fact.known for fact in found.facts) else "best"
    for name, axis in (("evaluations", "evaluation"), ("seconds", "simulated_seconds")):
        for centre in ("mean", "median"):
            figures[f"{what}_{name}_{centre}"] = lambda axis=axis, centre=centre: plot_regret(  # type: ignore[misc]
                frame, axis, centre, unit=unit, share_y=share_y, level=found.level, seed=found.seed
            )
    if found.friedman is not None:
        result = found.friedman
        figures["critical_difference"] = lambda: plot_critical_difference(result)
    if found.rank_course is not None and len(found.searchers) > 1:
        figures["ranks"] = lambda: plot_ranks(frame, found.x)
    if found.profiles is not None:
        figures["performance_profile"] = lambda: plot_profiles(frame, at=found.at, x=found.x, reference=found.reference)
    if fronts := tasks_with_two(frame):
        at = found.at if found.x == "evaluation" else None
        figures["attainment"] = lambda: plot_attainment(frame, fronts, at=at)
    if all(fact.known for fact in found.facts):
        figures["runtime_profile"] = lambda: plot_profiles(frame, "runtime")
    return figures


def latex_tables(found: Findings) -> dict[str, str]:
    """Return the tables by file name without suffix; each is a tabular to be put in by an input command."""
    tables = {}
    for fact in found.facts:
        name = re.sub(r"[^a-z0-9]+", "-", fact.name.lower()).strip("-")
        tables[f"results-{name}"] = to_latex(found.results[fact.name], found.headers, found.goals, found.decimals)
        if fact.name in found.tests:
            tables[f"tests-{name}"] = to_latex(against_best_texts(found, fact.name))
    if found.rank_table is not None:
        tables["ranks"] = to_latex(found.rank_table, best={"mean": "min"}, decimals=found.decimals)
    if found.score_table is not None:
        tables["scores"] = to_latex(found.score_table, headers={"iqm": "IQM"}, best=SCORE_GOALS)
    head = "% Needs \\usepackage{booktabs}. Written by nasmeta report.\n"
    head += "".join(f"% {' '.join(failed.split())}\n" for failed in found.failures)
    return {name: head + table for name, table in tables.items()}
