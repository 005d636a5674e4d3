"""Files of a comparison: the summary of `nasmeta compare`, and the report with figures, LaTeX tables and a page."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.analysis._attainment import plot_attainment, tasks_with_two
from nasmeta.analysis._comparison_plots import plot_critical_difference, plot_power, plot_ranks, plot_regret
from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._tables import in_markdown
from nasmeta.analysis._units import regret_unit
from nasmeta.analysis.report._findings import Findings
from nasmeta.analysis.report._page import page
from nasmeta.analysis.report._published import published_section
from nasmeta.analysis.report._sections import Section, as_markdown, latex_tables, report_sections, summary_sections
from nasmeta.errors import SettingError
from nasmeta.files import facts_in
from nasmeta.plotting import check_formats, save_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def title_of(folder: str | PathLike[str]) -> str:
    """Return the title in the specification of a comparison's folder; a general one if there is none.

    >>> title_of("no-such-folder")
    'Comparison of searchers'
    """
    with suppress(FileNotFoundError, KeyError):
        return str(tomllib.loads(facts_in(Path(folder) / "provenance.json")["specification"]["text"])["title"])
    return "Comparison of searchers"


def write_summary(found: Findings, folder: str | PathLike[str]) -> list[str]:
    """Write ``summary.md`` and curves next to ``results.parquet``; return the paths of all of them.

    >>> from tempfile import TemporaryDirectory
    >>> import nasmeta as nm
    >>> from nasmeta.analysis import summarise_comparison
    >>> with TemporaryDirectory() as folder:
    ...     frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=20, folder=folder)
    ...     [Path(file).name for file in write_summary(summarise_comparison(frame, 20), folder)][:2]
    ['results.parquet', 'summary.md']
    """
    home = Path(folder)
    files = [home / "results.parquet", home / "summary.md"]
    drawn, remarks = _save_figures(_curves(found), home, ("png", "svg"))
    text = _in_markdown(title_of(home), summary_sections(found), [*found.run_remarks, *remarks])
    files[1].write_text(text, encoding="utf-8")
    return [str(file) for file in [*files, *(file for of_figure in drawn.values() for file in of_figure)]]


def write_findings(
    found: Findings,
    folder: str | PathLike[str],
    provenance: Mapping[str, Any] | None = None,
    title: str = "Comparison of searchers",
    formats: Sequence[str] = ("png", "svg", "pdf"),
    published: pd.DataFrame | None = None,
) -> list[Path]:
    """Write the report; the page also shows the `provenance`, and the `published` values next to the measured ones.

    The folder gets ``index.html`` (one file with plotly.js, which loads nothing), ``report.md``, ``figures/``, and
    ``tables/`` (LaTeX with booktabs).
    """
    check_formats(formats)
    home = Path(folder)
    sections = report_sections(found) + ([] if published is None else [published_section(published)])
    text = page(found, sections, title, provenance or {})  # first, because a package may be missing
    files = [home / "index.html", home / "report.md"]
    home.mkdir(parents=True, exist_ok=True)
    files[0].write_text(text, encoding="utf-8")
    drawn, remarks = _save_figures(_figures(found) if formats else {}, home / "figures", formats)
    paths = {name: of_figure[0].relative_to(home).as_posix() for name, of_figure in drawn.items()}
    text = _in_markdown(title, sections, [*found.remarks, *remarks], paths)
    files[1].write_text(text, encoding="utf-8")
    (home / "tables").mkdir(exist_ok=True)
    tables = {home / "tables" / f"{name}.tex": content for name, content in latex_tables(sections).items()}
    for file, content in tables.items():
        file.write_text(content, encoding="utf-8")
    return [*files, *(file for of_figure in drawn.values() for file in of_figure), *tables]


def _in_markdown(
    title: str, sections: Iterable[Section], remarks: Iterable[str], figures: Mapping[str, str] | None = None
) -> str:
    """Return plain texts as a page in Markdown."""
    plain = [section.in_markdown() for section in sections]
    return as_markdown(in_markdown(title), plain, map(in_markdown, remarks), figures)


def _save_figures(
    figures: Mapping[str, Callable[[], Figure]], folder: Path, formats: Sequence[str]
) -> tuple[dict[str, list[Path]], list[str]]:
    """Draw and save figures; return their files by name, and a remark for each that cannot be drawn."""
    drawn, remarks = {}, []
    for name, draw in figures.items():
        try:
            drawn[name] = save_figure(draw(), folder / name, formats)
        except SettingError as reason:
            remarks.append(f"No figure {name}: {reason}")
    return drawn, remarks


def _curves(found: Findings) -> dict[str, Callable[[], Figure]]:
    """Return the search curves by file name, not yet drawn, of tasks with values."""
    facts = [fact for fact in found.facts if fact.optimum == fact.optimum]
    frame = found.frame[found.frame["task"].isin([fact.name for fact in facts])]
    unit, share = regret_unit([fact.column for fact in facts]), len({fact.unit for fact in facts}) == 1
    figures: dict[str, Callable[[], Figure]] = {}
    axes: dict[XAxis, str] = {"evaluation": "evaluations", "simulated_seconds": "seconds"}
    for x, name in axes.items():
        shown = frame[frame[x].groupby(frame["task"], observed=True).transform("max") > 0]  # costs were recorded
        if len(shown):
            figures[f"{'regret' if found.known else 'best'}_{name}"] = partial(
                plot_regret,
                shown,
                x=x,
                unit=unit,
                share_y=share,
            )
    return figures


def _figures(found: Findings) -> dict[str, Callable[[], Figure]]:
    """Return the figures of a report by file name, not yet drawn."""
    frame, figures = found.frame, _curves(found)
    if found.friedman is not None:
        figures["critical_difference"] = partial(plot_critical_difference, found.friedman)
    if found.rank_course is not None and len(found.searchers) > 1:
        figures["ranks"] = partial(plot_ranks, frame, found.x)
    if found.plan is not None:
        figures["power"] = partial(plot_power, found.plan)
    if tasks_with_two(frame):
        at = int(found.at) if found.at is not None and found.x == "evaluation" else None
        figures["attainment"] = partial(plot_attainment, frame, at=at)
    return figures
