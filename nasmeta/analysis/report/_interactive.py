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

_POINTS = 6000  # of the curves of a page, on each axis
_STATISTICS = ("mean", "low", "high", "median", "q25", "q75")


def page_data(findings: Findings) -> Facts:
    """Return the data that the page's script draws, of JSON's types."""
    frame, course = findings.frame, findings.rank_course
    columns = {"valid": ("regret", frame), "test": ("test", frame[frame["test"].notna()])}
    curves = {
        (measure, x): _curves(findings, rows, x, column)
        for measure, (column, rows) in columns.items()
        for x in get_args(XAxis)
    }
    ranks = None
    if course is not None:
        x = str(course.columns[1])
        by_searcher = course.groupby("searcher", sort=False)
        ranks = {"x": x, "curves": [_numbers(rows, x=x, y="rank") for _, rows in by_searcher]}
    return {
        "axis": findings.x,
        "known": findings.known,
        "validation": not findings.on_test,
        "tested": any(fact.test is not None for fact in findings.facts),
        "searchers": [
            {"name": name, **look.plotly()} for name, look in styles(findings.searchers).items()
        ],
        "tasks": [_task(fact, findings, curves) for fact in findings.facts],
        "ranks": ranks,
    }


def _task(
    fact: TaskFacts, findings: Findings, curves: Mapping[tuple[str, str], Mapping[Any, Any]]
) -> Facts:
    runs = count_runs(findings.frame)
    of_task: list[dict[str, Any]] = []
    for position, searcher in enumerate(findings.searchers):
        pair = fact.name, searcher
        if pair in runs:
            of_task.append({"searcher": position, "runs": runs[pair], "valid": {}, "test": {}})
            for (measure, x), by_pair in curves.items():
                of_task[-1][measure][x] = by_pair.get(pair)
    test = None
    if fact.test is not None:
        test = {
            "label": fact.test.label,
            "best": float(fact.sign * np.nanmax(fact.sign * fact.test.values)),
        }
    return {
        "name": fact.name,
        "unit": fact.unit,
        "regretUnit": fact.regret_unit,
        "optimum": fact.optimum,
        "sign": fact.sign,
        "test": test,
        "curves": of_task,
    }


def _curves(
    findings: Findings, frame: pd.DataFrame, x: XAxis, column: str
) -> dict[Any, dict[str, Any]]:
    """Return the curves by task and searcher; none if the axis has no positive values."""
    points = max(20, min(400, _POINTS // (len(findings.facts) * len(findings.searchers))))
    try:
        curves = regret_curves(frame, x, column, points)
    except SettingError:
        return {}
    names = {"x": x} | {name: name for name in _STATISTICS}
    return {
        pair: _numbers(rows, **names)
        for pair, rows in curves.groupby(["task", "searcher"], observed=True)
    }


def _numbers(rows: pd.DataFrame, **columns: str) -> dict[str, list[float | None]]:
    return {key: rounded(rows[name]) for key, name in columns.items()}


def page(findings: Findings, sections: Sequence[Section], title: str, provenance: Facts) -> str:
    """Return the page."""
    with needing("The page of a report", "report"):
        from plotly.offline import get_plotlyjs
    subtitle, *others = sections
    pictures = {} if findings.plan is None else {"power": svg_element(plot_power(findings.plan))}
    if findings.friedman is not None:
        pictures["critical_difference"] = svg_element(
            plot_critical_difference(findings.friedman, width=7.2)
        )
    seeds = findings.frame["seed"]
    facts: dict[str, Any] = {
        fact.name: fact.signal | {"best": f"{fact.optimum:.6g}"} for fact in findings.facts
    }
    facts |= {"seeds": f"{seeds.min()} to {seeds.max()} ({seeds.nunique()})", **provenance}
    return html_page(
        __package__,
        "report",
        title,
        page_data(findings),
        str(get_plotlyjs()),
        subtitle="</p>\n  <p>".join(map(escape, subtitle.text.split("\n\n"))),
        tables=as_html(others, pictures),
        remarks="".join(f"<li>{escape(remark)}</li>" for remark in findings.remarks),
        provenance="".join(
            f"<dt>{escape(name)}</dt><dd>{_preformatted(fact)}</dd>" for name, fact in facts.items()
        ),
    )


def _preformatted(fact: Any) -> str:
    text = (
        fact
        if isinstance(fact, str)
        else json.dumps(fact, indent=1, ensure_ascii=False, default=str)
    )
    return f"<pre>{escape(text)}</pre>"
