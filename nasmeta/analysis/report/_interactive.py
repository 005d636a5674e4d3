"""The page of a report: one HTML file with its script, its data and plotly.js, which loads nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from io import StringIO
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from nasmeta.analysis._comparison_plots import plot_critical_difference, plot_power
from nasmeta.analysis._curves import XAxis, regret_curves
from nasmeta.analysis._frame import count_runs
from nasmeta.analysis.report._findings import Findings
from nasmeta.analysis.report._sections import Section, as_html
from nasmeta.errors import SettingError, needing
from nasmeta.plotting import styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POINTS = 6000  # of the curves of a page, on each axis
_STATISTICS = ("mean", "low", "high", "median", "q25", "q75")


def page_data(found: Findings) -> dict[str, Any]:
    """Return the data that the page's script draws, of JSON's types."""
    runs, tasks = count_runs(found.frame), []
    measures = {"valid": ("regret", found.frame), "test": ("test", found.frame[found.frame["test"].notna()])}
    curves = {
        (measure, x): _curves(found, frame, x, column)
        for measure, (column, frame) in measures.items()
        for x in get_args(XAxis)
    }
    for fact in found.facts:
        of_task: list[dict[str, Any]] = []
        for position, searcher in enumerate(found.searchers):
            pair = fact.name, searcher
            if pair in runs:
                of_task.append({"searcher": position, "runs": runs[pair], "valid": {}, "test": {}})
                for (measure, x), by_pair in curves.items():
                    of_task[-1][measure][x] = by_pair.get(pair)
        best_test = None if fact.test is None else float(fact.sign * np.nanmax(fact.sign * fact.test.values))
        tasks.append(
            {
                "name": fact.name,
                "unit": fact.unit,
                "regretUnit": fact.regret_unit,
                "optimum": fact.optimum,
                "sign": fact.sign,
                "test": None if fact.test is None else {"label": fact.test.label, "best": best_test},
                "curves": of_task,
            }
        )
    ranks = None
    if (course := found.rank_course) is not None:
        x = str(course.columns[1])
        ranks = {"x": x, "curves": [_numbers(rows, x=x, y="rank") for rows in _by_searcher(found, course)]}
    return {
        "axis": found.x,
        "known": found.known,
        "validation": not found.on_test,
        "tested": found.tested,
        "searchers": [{"name": name, **look.plotly()} for name, look in styles(found.searchers).items()],
        "tasks": tasks,
        "ranks": ranks,
    }


def _curves(found: Findings, frame: pd.DataFrame, x: XAxis, column: str) -> dict[Any, dict[str, list[float | None]]]:
    """Return the curves by task and searcher; none if the axis has no positive values."""
    points = max(20, min(400, _POINTS // (len(found.facts) * len(found.searchers))))
    try:
        curves = regret_curves(frame, x, column, points)
    except SettingError:
        return {}
    names = {"x": x} | {name: name for name in _STATISTICS}
    return {pair: _numbers(rows, **names) for pair, rows in curves.groupby(["task", "searcher"], observed=True)}


def _by_searcher(found: Findings, frame: pd.DataFrame) -> list[pd.DataFrame]:
    return [frame[frame["searcher"] == searcher] for searcher in found.searchers]


def _numbers(rows: pd.DataFrame, **columns: str) -> dict[str, list[float | None]]:
    return {key: rounded(rows[name]) for key, name in columns.items()}


def rounded(values: Iterable[float], digits: int = 6) -> list[float | None]:
    """Return numbers with this many significant digits; None for NaN.

    >>> rounded([91.6066666, float("nan")], 4)
    [91.61, None]
    """
    return [float(f"{value:.{digits}g}") if value == value else None for value in values]


def page(found: Findings, sections: Sequence[Section], title: str, provenance: Mapping[str, Any]) -> str:
    """Return the page."""
    with needing("The page of a report", "report"):
        from plotly.offline import get_plotlyjs
    data = json.dumps(page_data(found), allow_nan=False, separators=(",", ":"))
    subtitle, *others = sections
    pictures = {} if found.plan is None else {"power": _svg(plot_power(found.plan))}
    if found.friedman is not None:
        pictures["critical_difference"] = _svg(plot_critical_difference(found.friedman, width=7.2))
    seeds = sorted(found.frame["seed"].unique().tolist())
    facts: dict[str, Any] = {fact.name: fact.signal | {"best": f"{fact.optimum:.6g}"} for fact in found.facts}
    facts |= {"seeds": f"{seeds[0]} to {seeds[-1]} ({len(seeds)})", **provenance}
    parts = {
        "title": escape(title),
        "subtitle": "</p>\n  <p>".join(map(escape, subtitle.text.split("\n\n"))),
        "tables": as_html(others, pictures),
        "remarks": "".join(f"<li>{escape(remark)}</li>" for remark in found.remarks),
        "provenance": "".join(f"<dt>{escape(name)}</dt><dd>{_preformatted(fact)}</dd>" for name, fact in facts.items()),
        "data": data.replace("<", "\\u003c"),  # no text in it can end the element
        "plotly": re.sub(r"</(?=script)", r"<\\/", str(get_plotlyjs()), flags=re.IGNORECASE),
    }
    return filled(asset(__package__, "page.html"), **parts)


def asset(package: str, name: str) -> str:
    """Return the text of a file in a package's folder ``assets``."""
    return files(package).joinpath("assets", name).read_text(encoding="utf-8")


def filled(template: str, **parts: str) -> str:
    """Return a template with texts in place of ``{{names}}``, and shared files in place of ``{{file.suffix}}``."""

    def text(place: re.Match[str]) -> str:
        return asset(__package__, place[1]) if "." in place[1] else parts[place[1]]

    return re.sub(r"\{\{([\w.]+)\}\}", text, template)


def _preformatted(fact: Any) -> str:
    text = fact if isinstance(fact, str) else json.dumps(fact, indent=1, ensure_ascii=False, default=str)
    return f"<pre>{escape(text)}</pre>"


def _svg(figure: Figure) -> str:
    """Return a figure as an SVG element for HTML."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "nasmeta"}), StringIO() as buffer:
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        text = buffer.getvalue()
    return re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
