"""Files of a comparison: the summary of `nasmeta compare`, and the report with figures, LaTeX tables and a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from nasmeta.analysis._attainment import plot_attainment, tasks_with_two
from nasmeta.analysis._plots import check_formats, plot_regret, save_figure
from nasmeta.analysis._rank_plots import plot_critical_difference, plot_profiles, plot_ranks
from nasmeta.analysis._tables import to_latex, to_markdown
from nasmeta.analysis._units import regret_unit
from nasmeta.analysis.report._findings import SCORE_GOALS, Findings, summarise_comparison
from nasmeta.analysis.report._page import page
from nasmeta.analysis.report._remarks import failure_remarks
from nasmeta.analysis.report._words import (
    column_notes,
    friedman_sentence,
    p_text,
    score_note,
    size_sentence,
    test_note,
)
from nasmeta.errors import JournalError, SettingError
from nasmeta.files import parse_toml, writing
from nasmeta.places import answering, in_store, located

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nasmeta.evaluators import Evaluator

NOTHING = "No run finished an evaluation within its budget, so there is nothing to compare."

_ALT = {
    "regret_evaluations_mean": "Mean regret against evaluations, a panel per task",
    "regret_seconds_mean": "Mean regret against simulated seconds, a panel per task",
    "best_evaluations_mean": "Mean of the best value against evaluations, a panel per task",
    "best_seconds_mean": "Mean of the best value against seconds of training, a panel per task",
    "ranks": "Average rank against the budget",
    "critical_difference": "Critical-difference diagram",
    "performance_profile": "Share of runs against normalised regret",
    "runtime_profile": "Share of runs that found the optimum, against evaluations",
}


def title_of(folder: str | PathLike[str]) -> str:
    """Return the title in the specification of a comparison's folder; a general one if there is none.

    >>> title_of("no-such-folder")
    'Comparison of searchers'
    """
    home = located("folder", folder)
    title: object = None
    with answering(home), suppress(OSError, ValueError):
        title = parse_toml((home / "specification.toml").read_text(encoding="utf-8")).get("title")
    return title if isinstance(title, str) and title.strip() else "Comparison of searchers"


def write_summary(
    frame: pd.DataFrame,
    folder: str | PathLike[str],
    evaluations: int | None = None,
    evaluator: str | PathLike[str] | Evaluator = "table",
    seconds: float | Mapping[str, float] | None = None,
) -> list[str]:
    """Write ``summary.md`` and curves next to ``results.parquet``; return the paths of all of them.

    >>> import nasmeta as nm
    >>> with TemporaryDirectory() as folder:
    ...     frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=20, folder=folder)
    ...     [Path(file).name for file in write_summary(frame, folder, evaluations=20)][:2]
    ['results.parquet', 'summary.md']
    """
    home = located("folder", folder)
    found, title = summarise_comparison(frame, evaluations, evaluator, seconds), title_of(home)
    if not in_store(home):
        return [str(file) for file in _write_summary(found, home, title)]
    with TemporaryDirectory() as here:
        files = _write_summary(found, Path(here), title)
        for file in files[1:]:  # the first is there
            (home / file.name).write_bytes(file.read_bytes())
    return [str(home / file.name) for file in files]


def _write_summary(found: Findings, folder: Path, title: str) -> list[Path]:
    files = [folder / "results.parquet", folder / "summary.md"]
    frame, what = found.frame, "regret" if found.known else "best"
    with_values = [fact.name for fact in found.facts if fact.optimum == fact.optimum]
    share_y = len({fact.unit for fact in found.facts}) == 1
    with writing(f"Cannot write the report to {folder}", JournalError, " The runs themselves are kept."):
        figures: dict[str, Callable[[], Figure]] = {}
        for x, name in (("evaluation", "evaluations"), ("simulated_seconds", "seconds")):
            shown = frame[frame["task"].isin(with_values)]
            shown = shown[shown[x].groupby(shown["task"], observed=True).transform("max") > 0]  # 0: not recorded
            if not shown.empty:
                figures[f"{what}_{name}"] = lambda shown=shown, x=x: plot_regret(shown, x, share_y=share_y)  # type: ignore[misc]
        drawn, remarks = _save_figures(figures, folder, ("png", "svg"))
        files[1].write_text(_summary(found, title, remarks), encoding="utf-8")
    return files + [file for of_figure in drawn.values() for file in of_figure]


def _summary(found: Findings, title: str, remarks: Iterable[str]) -> str:
    parts = [f"# {title}\n"]
    if found.frame.empty:
        return "\n".join([*parts, f"{NOTHING}\n"])
    parts.append(size_sentence(found) + "\n")
    for fact in found.facts:
        parts += [f"## {fact.name}\n", f"{fact}\n"]
        parts.append(to_markdown(found.summary[fact.name], found.headers(fact.name), found.decimals))
    parts.append(" ".join(column_notes(found, _columns(found.summary))) + "\n")
    return "\n".join([*parts, *(f"* {remark}" for remark in (*found.run_remarks, *remarks)), ""])


def _columns(tables: Mapping[str, pd.DataFrame]) -> set[str]:
    return {str(name) for table in tables.values() for name in table}


def markdown(found: Findings, title: str, pictures: Mapping[str, str], remarks: Iterable[str] = ()) -> str:
    """Return the report; `pictures` are the paths of the figures by name, relative to the report."""

    def picture(name: str) -> list[str]:
        return [f"![{_ALT[name]}]({pictures[name]})\n"] if name in pictures else []

    parts = [f"# {title}\n", size_sentence(found) + "\n"]
    for name in ("regret_evaluations_mean", "regret_seconds_mean", "best_evaluations_mean", "best_seconds_mean"):
        parts += picture(name)
    for fact in found.facts:
        parts += [f"## {fact.name}\n", f"{fact}\n"]
        parts.append(to_markdown(found.results[fact.name], found.headers(fact.name), found.decimals))
        if fact.name in found.tests:
            parts.append(f"\nEach against the best, {found.budget}:\n")
            parts.append(to_markdown(against_best_texts(found, fact.name)))
    parts.append(" ".join(column_notes(found, _columns(found.results))) + "\n")
    if found.tests:
        parts.append(test_note(found) + "\n")
    if found.rank_table is not None:
        parts += ["## All tasks together\n", *picture("ranks"), *picture("critical_difference")]
        parts += [friedman_sentence(found) + "\n"] if found.friedman is not None else []
        parts += [to_markdown(found.rank_table, decimals=found.decimals), f"\nAverage rank {found.budget}.\n"]
    if found.score_table is not None:
        parts += [to_markdown(found.score_table, {"iqm": "IQM"}), f"\n{score_note(found)}\n"]
    parts += [*picture("performance_profile"), *picture("runtime_profile")]
    return "\n".join([*parts, *(f"* {remark}\n" for remark in (*found.remarks, *remarks))])


def against_best_texts(found: Findings, task: str) -> pd.DataFrame:
    """Return the tests against the best searcher of a task, with formatted p-values."""
    table = found.against_best(task).drop(columns="p_value")
    return table.assign(p_holm=[p_text(p) for p in table["p_holm"]]).rename(columns={"p_holm": "p (Holm)"})


def write_findings(
    found: Findings,
    folder: str | PathLike[str],
    provenance: Mapping[str, Any] | None = None,
    title: str = "Comparison of searchers",
    formats: Sequence[str] = ("png", "svg", "pdf"),
) -> list[Path]:
    """Write the report; `provenance` is shown on the page and may be nested.

    The folder gets ``index.html`` (one file with plotly.js, which loads nothing), ``report.md``, ``figures/``, and
    ``tables/`` (LaTeX with booktabs).
    """
    check_formats(formats)
    home = Path(folder)
    text = page(found, title, provenance or {})  # first, as it may lack a package
    files = [home / "index.html", home / "report.md"]
    with writing(f"Cannot write the report to {home}"):
        home.mkdir(parents=True, exist_ok=True)
        files[0].write_text(text, encoding="utf-8")
        drawn, remarks = _save_figures(_figures(found) if formats else {}, home / "figures", formats)
        pictures = {name: of_figure[0].relative_to(home).as_posix() for name, of_figure in drawn.items()}
        files[1].write_text(markdown(found, title, pictures, remarks), encoding="utf-8")
        (home / "tables").mkdir(exist_ok=True)
        tables = {home / "tables" / f"{name}.tex": content for name, content in latex_tables(found).items()}
        for file, content in tables.items():
            file.write_text(content, encoding="utf-8")
    return [*files, *(file for of_figure in drawn.values() for file in of_figure), *tables]


def _save_figures(
    figures: Mapping[str, Callable[[], Figure]], folder: Path, formats: Sequence[str]
) -> tuple[dict[str, list[Path]], list[str]]:
    """Draw and save figures; return their files by name, and a remark for each that cannot be drawn."""
    drawn, remarks = {}, []
    for name, draw in figures.items():
        try:
            figure = draw()
        except SettingError as reason:  # such as simulated seconds of 0, which have no logarithm
            remarks.append(f"No figure {name}: {reason}")
            continue
        drawn[name] = save_figure(figure, folder / name, formats)
    return drawn, remarks


def _figures(found: Findings) -> dict[str, Callable[[], Figure]]:
    """Return the figures of a report by file name, not yet drawn."""
    frame = found.frame
    unit = regret_unit([fact.column for fact in found.facts])
    share_y = len({fact.unit for fact in found.facts}) == 1
    figures: dict[str, Callable[[], Figure]] = {}
    what = "regret" if found.known else "best"
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
        at = int(found.at) if found.at is not None and found.x == "evaluation" else None
        figures["attainment"] = lambda: plot_attainment(frame, fronts, at=at)
    if found.known:
        figures["runtime_profile"] = lambda: plot_profiles(frame, "runtime")
    return figures


def latex_tables(found: Findings) -> dict[str, str]:
    """Return the tables by file name without suffix; each is a tabular for an input command."""
    tables = {}
    for fact in found.facts:
        name = re.sub(r"[^a-z0-9]+", "-", fact.name.lower()).strip("-")
        results, headers = found.results[fact.name], found.headers(fact.name)
        tables[f"results-{name}"] = to_latex(results, headers, found.goals, found.decimals)
        if fact.name in found.tests:
            tables[f"tests-{name}"] = to_latex(against_best_texts(found, fact.name))
    if found.rank_table is not None:
        tables["ranks"] = to_latex(found.rank_table, best={"mean": "min"}, decimals=found.decimals)
    if found.score_table is not None:
        tables["scores"] = to_latex(found.score_table, headers={"iqm": "IQM"}, best=SCORE_GOALS)
    head = "% Needs \\usepackage{booktabs}. Written by nasmeta report.\n"
    head += "".join(f"% {' '.join(failed.split())}\n" for failed in failure_remarks(found.frame))
    return {name: head + table for name, table in tables.items()}
