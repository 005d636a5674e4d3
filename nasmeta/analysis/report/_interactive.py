"""The page of a report: one HTML file with its script, its data and plotly.js, which loads nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, get_args

import numpy as np
import pandas as pd

from nasmeta.analysis._comparison_plots import plot_critical_difference, plot_power
from nasmeta.analysis._curves import XAxis, regret_curves
from nasmeta.analysis._frame import count_runs
from nasmeta.analysis.report._facts import TaskFacts
from nasmeta.analysis.report._findings import Findings
from nasmeta.arrays import Facts
from nasmeta.errors import SettingError, needing
from nasmeta.pages import Section, as_html, html_page, rounded, svg_element
from nasmeta.plotting import styles

_POINTS = 6000  # of the curves of a page, on each axis, so that the file stays small
_STATISTICS = ("mean", "low", "high", "median", "q25", "q75")


def page_data(findings: Findings) -> Facts:
    """Return the data that the page's script draws, of JSON's types."""
    tested = findings.frame[findings.frame["test"].notna()]
    curves = {}
    for x in get_args(XAxis):
        curves["valid", x] = _curves(findings, findings.frame, x, "regret")
        curves["test", x] = _curves(findings, tested, x, "test")
    looks = styles(findings.searchers)
    return {
        "axis": findings.x,
        "known": findings.known,
        "validation": not findings.on_test,
        "tested": any(fact.test is not None for fact in findings.facts),
        "searchers": [{"name": name, **look.plotly()} for name, look in looks.items()],
        "tasks": [_task(fact, findings, curves) for fact in findings.facts],
        "ranks": _ranks(findings.rank_course),
    }


def _ranks(course: pd.DataFrame | None) -> Facts | None:
    """Return the curves of the searchers' average ranks, in the order of the searchers."""
    if course is None:
        return None
    x = str(course.columns[1])
    by_searcher = course.groupby("searcher", sort=False)
    return {"x": x, "curves": [_numbers(rows, x=x, y="rank") for _, rows in by_searcher]}


def _task(
    fact: TaskFacts, findings: Findings, curves: Mapping[tuple[str, str], Mapping[Any, Any]]
) -> Facts:
    """Return the facts of a task, and the curves of its searchers from all curves by measure and axis."""
    runs = count_runs(findings.frame)
    of_searchers: list[Facts] = []
    for position, searcher in enumerate(findings.searchers):
        pair = fact.name, searcher
        if pair not in runs:
            continue
        by_measure: dict[str, dict[str, Any]] = {"valid": {}, "test": {}}
        for (measure, x), by_pair in curves.items():
            by_measure[measure][x] = by_pair.get(pair)  # None if no point has all runs
        of_searchers.append({"searcher": position, "runs": runs[pair], **by_measure})
    test = None
    if fact.test is not None:
        best = fact.sign * np.nanmax(fact.sign * fact.test.values)
        test = {"label": fact.test.label, "best": float(best)}
    return {
        "name": fact.name,
        "unit": fact.unit,
        "regretUnit": fact.regret_unit,
        "optimum": fact.optimum,
        "sign": fact.sign,
        "test": test,
        "curves": of_searchers,
    }


def _curves(
    findings: Findings, frame: pd.DataFrame, x: XAxis, column: str
) -> dict[Any, dict[str, Any]]:
    """Return the curves by task and searcher; none if the axis has no positive values."""
    n_curves = len(findings.facts) * len(findings.searchers)
    points = max(20, min(400, _POINTS // n_curves))
    try:
        curves = regret_curves(frame, x, column, points)
    except SettingError:
        return {}
    names = {"x": x} | {name: name for name in _STATISTICS}
    by_pair = curves.groupby(["task", "searcher"], observed=True)
    return {pair: _numbers(rows, **names) for pair, rows in by_pair}


def _numbers(rows: pd.DataFrame, **columns: str) -> dict[str, list[float | None]]:
    return {key: rounded(rows[name]) for key, name in columns.items()}


def page(findings: Findings, sections: Sequence[Section], title: str, provenance: Facts) -> str:
    """Return the page."""
    with needing("The page of a report", "report"):
        from plotly.offline import get_plotlyjs
    pictures = {}
    if findings.plan is not None:
        pictures["power"] = svg_element(plot_power(findings.plan))
    if findings.friedman is not None:
        diagram = plot_critical_difference(findings.friedman, width=7.2)
        pictures["critical_difference"] = svg_element(diagram)
    facts: dict[str, Any] = {}
    for fact in findings.facts:
        facts[fact.name] = fact.signal | {"best": f"{fact.optimum:.6g}"}
    seeds = findings.frame["seed"]
    facts["seeds"] = f"{seeds.min()} to {seeds.max()} ({seeds.nunique()})"
    facts |= provenance
    listed = ""
    for name, value in facts.items():
        listed += f"<dt>{escape(name)}</dt><dd>{_preformatted(value)}</dd>"
    subtitle, *others = sections
    paragraphs = escape(subtitle.text).split("\n\n")
    return html_page(
        __package__,
        "report",
        title,
        page_data(findings),
        str(get_plotlyjs()),
        subtitle="</p>\n  <p>".join(paragraphs),
        tables=as_html(others, pictures),
        remarks="".join(f"<li>{escape(remark)}</li>" for remark in findings.remarks),
        provenance=listed,
    )


def _preformatted(fact: Any) -> str:
    if not isinstance(fact, str):
        fact = json.dumps(fact, indent=1, ensure_ascii=False, default=str)
    return f"<pre>{escape(fact)}</pre>"
