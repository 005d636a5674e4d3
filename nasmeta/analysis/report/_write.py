"""Files of a comparison: the summary of `nasmeta compare`, and the report with figures, LaTeX tables and a page."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from math import isnan
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from nasmeta.analysis._attainment import plot_attainment, tasks_with_two
from nasmeta.analysis._comparison_plots import (
    plot_critical_difference,
    plot_power,
    plot_ranks,
    plot_regret,
)
from nasmeta.analysis._curves import XAxis
from nasmeta.analysis._units import regret_unit
from nasmeta.analysis.report._findings import Findings
from nasmeta.analysis.report._interactive import page
from nasmeta.analysis.report._published import published_section
from nasmeta.analysis.report._sections import origins, report_sections, summary_sections
from nasmeta.arrays import Facts
from nasmeta.files import facts_in, write_atomically
from nasmeta.pages import in_markdown, latex_tables, write_markdown
from nasmeta.plotting import check_formats

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def title_of(folder: str | PathLike[str]) -> str:
    """Return the title in the specification of a comparison's folder; a general one if there is none.

    >>> title_of("no-such-folder")
    'Comparison of searchers'
    """
    with suppress(FileNotFoundError, KeyError):
        provenance = facts_in(Path(folder) / "provenance.json")
        specification = tomllib.loads(provenance["specification"]["text"])
        return str(specification["title"])
    return "Comparison of searchers"


def write_summary(findings: Findings, folder: str | PathLike[str]) -> list[str]:
    """Write ``summary.md`` and curves next to ``results.parquet``; return the paths of all of them.

    >>> from tempfile import TemporaryDirectory
    >>> import nasmeta as nm
    >>> from nasmeta.analysis.report import summarise_comparison
    >>> with TemporaryDirectory() as folder:
    ...     frame = nm.compare(["random"], "nb201/cifar10", repeats=2, evaluations=20, folder=folder)
    ...     [Path(file).name for file in write_summary(summarise_comparison(frame, 20), folder)][:2]
    ['results.parquet', 'summary.md']
    """
    home = Path(folder)
    sections = [section.in_markdown() for section in summary_sections(findings)]
    remarks = map(in_markdown, findings.run_remarks)
    title = in_markdown(title_of(home))
    files = write_markdown(home / "summary.md", title, sections, remarks, _curves(findings))
    return [str(file) for file in [home / "results.parquet", *files]]


def write_findings(
    findings: Findings,
    folder: str | PathLike[str],
    provenance: Facts | None = None,
    title: str = "Comparison of searchers",
    formats: Sequence[str] = ("png", "svg", "pdf"),
    published: pd.DataFrame | None = None,
) -> list[Path]:
    """Write the report; the page also shows the `provenance`, and the `published` values next to the measured ones.

    The folder gets ``index.html`` (one file with plotly.js, which loads nothing), ``report.md``,
    ``figures/``, and ``tables/`` (LaTeX with booktabs).
    """
    check_formats(formats)
    home = Path(folder)
    sections = report_sections(findings)
    if published is not None:
        sections.append(published_section(published))
    # Before any file is written: the page may lack a package.
    texts = {home / "index.html": page(findings, sections, title, provenance or {})}
    for name, table in latex_tables(sections, origins(findings)).items():
        texts[home / "tables" / f"{name}.tex"] = table
    (home / "tables").mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        write_atomically(file, text)
    files = write_markdown(
        home / "report.md",
        in_markdown(title),
        [section.in_markdown() for section in sections],
        map(in_markdown, findings.remarks),
        _figures(findings),
        "figures",
        formats,
    )
    index, *tables = texts
    return [index, *files, *tables]


def _curves(findings: Findings) -> dict[str, Callable[[], Figure]]:
    """Return the search curves by file name, not yet drawn, of tasks with values."""
    facts = [fact for fact in findings.facts if not isnan(fact.optimum)]
    names = [fact.name for fact in facts]
    frame = findings.frame[findings.frame["task"].isin(names)]
    unit = regret_unit([fact.column for fact in facts])
    share_y = len({fact.unit for fact in facts}) == 1
    measure = "regret" if findings.known else "best"
    figures: dict[str, Callable[[], Figure]] = {}
    axes: dict[XAxis, str] = {"evaluation": "evaluations", "simulated_seconds": "seconds"}
    for x, name in axes.items():
        longest = frame.groupby("task", observed=True)[x].transform("max")
        shown = frame[longest > 0]  # seconds are 0 if a task lacks costs
        if len(shown):
            draw = partial(plot_regret, shown, x=x, unit=unit, share_y=share_y)
            figures[f"{measure}_{name}"] = draw
    return figures


def _figures(findings: Findings) -> dict[str, Callable[[], Figure]]:
    """Return the figures of a report by file name, not yet drawn."""
    frame = findings.frame
    figures = _curves(findings)
    if findings.friedman is not None:
        figures["critical_difference"] = partial(plot_critical_difference, findings.friedman)
    if findings.rank_course is not None and len(findings.searchers) > 1:
        figures["ranks"] = partial(plot_ranks, frame, findings.x)
    if findings.plan is not None:
        figures["power"] = partial(plot_power, findings.plan)
    if tasks_with_two(frame):
        at = None
        if findings.at is not None and findings.x == "evaluation":
            at = int(findings.at)
        figures["attainment"] = partial(plot_attainment, frame, at=at)
    return figures
