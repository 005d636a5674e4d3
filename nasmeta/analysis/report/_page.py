"""The page: one HTML file that holds its script, its data and plotly.js, and loads nothing from anywhere."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from nasmeta.analysis._curves import XAxis, regret_curves
from nasmeta.analysis._frame import count_runs
from nasmeta.analysis._rank_plots import plot_critical_difference
from nasmeta.analysis._styles import style
from nasmeta.analysis._tables import to_html
from nasmeta.analysis.report._findings import SCORE_GOALS, Findings
from nasmeta.analysis.report._words import (
    column_notes,
    friedman_sentence,
    p_text,
    score_note,
    size_sentence,
    test_note,
)
from nasmeta.errors import SettingError, needing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_POINTS = 400
_CURVE_BYTES = 680_000  # of a page, so that it stays below 6 MB with plotly's 4.8
_STATISTICS = ("mean", "low", "high", "median", "q25", "q75")
_AXES: tuple[XAxis, XAxis] = ("evaluation", "simulated_seconds")


def points_for(curves: int) -> int:
    """Return how many points each of so many (task, searcher) may have."""
    numbers = 2 * 2 * (1 + len(_STATISTICS))  # two axes, validation and test
    return int(np.clip(_CURVE_BYTES / (numbers * 4 * 4 / 3 * curves), 20, _MOST_POINTS))


def page_data(found: Findings) -> dict[str, Any]:
    """Return everything that the page's script draws, as JSON can hold it."""
    points = points_for(len(found.facts) * len(found.searchers))
    curves = {}
    for x in _AXES:
        curves["valid", x] = _curves(found, found.frame, x, "regret", points)
        curves["test", x] = _curves(found, found.frame[found.frame["test"].notna()], x, "test", points)
    tasks, runs = [], count_runs(found.frame)
    for fact in found.facts:
        of_task = []
        for position, searcher in enumerate(found.searchers):
            packed = {
                measure: {x: rows for x in _AXES if (rows := _packed(curves[measure, x], fact.name, searcher, x))}
                for measure in ("valid", "test")
            }
            if (fact.name, searcher) in runs:
                of_task.append({"searcher": position, "runs": runs[fact.name, searcher], **packed})
        tasks.append(
            {
                "name": fact.name,
                "unit": fact.unit,
                "regretUnit": fact.regret_unit,
                "optimum": fact.optimum,
                "sign": fact.sign,
                "test": None if fact.test is None else {"label": fact.test.label, "best": fact.test.best},
                "curves": of_task,
            }
        )
    looks = [style(position) for position in range(len(found.searchers))]
    return {
        "level": found.level,
        "axis": found.x,
        "known": found.known,
        "validation": not found.on_test,
        "tested": found.tested,
        "searchers": [
            {"name": name, "colour": look.colour, "dash": look.plotly_dash, "marker": look.plotly_marker}
            for name, look in zip(found.searchers, looks, strict=True)
        ],
        "tasks": tasks,
        "ranks": _rank_course(found),
        "profiles": _profiles(found),
    }


def _curves(found: Findings, frame: pd.DataFrame, x: XAxis, column: str, points: int) -> pd.DataFrame | None:
    if frame.empty:
        return None
    try:
        return regret_curves(frame, x, level=found.level, seed=found.seed, column=column, points=points)
    except SettingError:  # for example simulated seconds that begin at 0, which have no logarithm
        return None


def _packed(curves: pd.DataFrame | None, task: str, searcher: str, x: XAxis) -> dict[str, str] | None:
    if curves is None:
        return None
    rows = curves[(curves["task"] == task) & (curves["searcher"] == searcher)]
    if rows.empty:
        return None
    return {"x": _floats(rows[x])} | {name: _floats(rows[name]) for name in _STATISTICS}


def _rank_course(found: Findings) -> dict[str, Any] | None:
    course = found.rank_course
    if course is None:
        return None
    name = str(course.columns[1])
    return {"x": name, "curves": _by_searcher(found, course, x=name, y="rank")}


def _profiles(found: Findings) -> dict[str, Any] | None:
    profiles = found.profiles
    if profiles is None or found.aggregates is None:
        return None
    thinned = profiles[profiles.groupby("searcher").cumcount() % 2 == 0]
    curves = _by_searcher(found, thinned, x="threshold", y="share", low="share_low", high="share_high")
    return {"reference": found.reference, "curves": curves}


def _by_searcher(found: Findings, frame: pd.DataFrame, **columns: str) -> list[dict[str, str]]:
    parts = (frame[frame["searcher"] == searcher] for searcher in found.searchers)
    return [{key: _floats(rows[name]) for key, name in columns.items()} for rows in parts]


def _floats(values: npt.ArrayLike) -> str:
    return base64.b64encode(np.asarray(values, dtype="<f4").tobytes()).decode("ascii")


_LEVEL = 0.05


def page(found: Findings, title: str, provenance: Mapping[str, Any]) -> str:
    """Return the page."""
    with needing("The page of a report", "report"):
        from plotly.offline import get_plotlyjs
    data = json.dumps(page_data(found), allow_nan=False, separators=(",", ":"))
    parts = {
        "title": escape(title),
        "subtitle": escape(size_sentence(found)),
        "style": _asset("page.css"),
        "across": _across(found),
        "results": _results(found),
        "tests": _tests(found),
        "remarks": _raw_list(map(escape, found.remarks)),
        "provenance": _provenance(found, provenance),
        "data": data.replace("<", "\\u003c"),  # nothing in it can end the element that holds it
        "script": _asset("page.js"),
        "plotly": re.sub(r"</(?=script)", r"<\\/", str(get_plotlyjs()), flags=re.IGNORECASE),
    }
    text = _asset("page.html")
    # One pass, so that nothing in a part is taken for a place of another one.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], text)


def _asset(name: str) -> str:
    return files("nasmeta.analysis.report").joinpath("assets", name).read_text(encoding="utf-8")


def _across(found: Findings) -> str:
    """Return the critical-difference diagram, the ranks and the scores."""
    parts = []
    if found.friedman is not None:
        parts.append("<h3>Critical differences</h3>")
        parts.append(f"<p>{escape(friedman_sentence(found))}</p>")
        label = "Critical-difference diagram: " + ", ".join(
            f"{name} {rank:.2f}" for name, rank in found.friedman.ranks.items()
        )
        for kind, width in (("wide", 7.2), ("narrow", 3.5)):
            picture = _svg(plot_critical_difference(found.friedman, width=width))
            parts.append(f'<div class="picture {kind}" role="img" aria-label="{escape(label)}">{picture}</div>')
    if found.rank_table is not None:
        parts.append("<h3>Average ranks</h3>")
        caption = f"Average rank {found.budget}; 1 is the best."
        parts.append(_table(to_html(found.rank_table, None, {"mean": "min"}, decimals=found.decimals), caption))
    if found.score_table is not None:
        parts.append("<h3>Scores</h3>")
        parts.append(_table(to_html(found.score_table, {"iqm": "IQM"}, SCORE_GOALS), score_note(found)))
    return "\n".join(parts)


def _results(found: Findings) -> str:
    parts, columns = [], set[str]()
    for fact in found.facts:
        results = found.results[fact.name]
        columns |= set(map(str, results))
        parts.append(f"<h3>{escape(fact.name)}</h3><p>{escape(str(fact))}</p>")
        table = to_html(results, found.headers(fact.name), found.goals, decimals=found.decimals)
        parts.append(_table(table, f"Results on {fact.name}", shown=False))
    parts.append(f'<p class="note">{escape(" ".join(column_notes(found, columns)))}</p>')
    return "\n".join(parts)


def _tests(found: Findings) -> str:
    if not found.tests:
        return "<p>There is nothing to test here; the remarks below say why.</p>"
    parts = [f"<p>{escape(test_note(found))}</p>"]
    for number, (task, table) in enumerate(found.tests.items()):
        fact = next(fact for fact in found.facts if fact.name == task)
        matrix = pair_matrix(table, found.searchers, fact.digits)
        parts.append(
            f"<details{' open' if number == 0 else ''}><summary>{escape(task)}</summary>"
            f"{_table(matrix, matrix_caption(fact.regret_unit, found.losses))}</details>"
        )
    if found.improvement is not None:
        table = found.improvement.pivot(index="searcher", columns="other", values="probability")
        table = table.loc[found.searchers, found.searchers].reset_index().rename_axis(columns=None)
        caption = "Chance that a run of the row ends better than one of the column, ties half; mean over the tasks."
        shown = _table(to_html(table, decimals=dict.fromkeys(found.searchers, 2)), caption)
        parts.append(f"<details><summary>Probability of improvement</summary>{shown}</details>")
    return "\n".join(parts)


def _provenance(found: Findings, provenance: Mapping[str, Any]) -> str:
    """Return how the tasks were measured, the seeds, and the provenance, whose values may be nested."""
    seeds = sorted(found.frame["seed"].unique().tolist())
    rows: dict[str, Any] = {fact.name: fact.signal | {"best": f"{fact.optimum:.6g}"} for fact in found.facts}
    rows |= {"seeds": f"{seeds[0]} to {seeds[-1]} ({len(seeds)})", **provenance}
    parts = (f"<dt>{escape(str(key).replace('_', ' '))}</dt><dd>{_nested(value)}</dd>" for key, value in rows.items())
    return f"<dl>{''.join(parts)}</dl>"


def _nested(value: Any) -> str:
    """Return a value as HTML; mappings and lists become lists."""
    if isinstance(value, Mapping):
        return _raw_list(f"{escape(str(key))}: {_nested(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return _raw_list(map(_nested, value))
    return f"<pre>{escape(value)}</pre>" if "\n" in str(value) else escape(str(value))


def _raw_list(items: Any) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _table(table: str, caption: str, shown: bool = True) -> str:
    """Let a wide table scroll by itself, with the keyboard, too, below its caption."""
    head = f'<p class="note">{escape(caption)}</p>' if shown else ""
    return f'{head}<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">{table}</div>'


def _svg(figure: Figure) -> str:
    """Return a figure as an SVG element to be put into HTML, its letters as shapes."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "nasmeta"}), StringIO() as buffer:
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        text = buffer.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)


def pair_matrix(table: pd.DataFrame, searchers: Sequence[str], digits: int = 2) -> str:
    """Return an HTML table of searchers by searchers with the paired tests of one task."""
    turned = table.rename(columns={"searcher": "other", "other": "searcher", "better": "worse", "worse": "better"})
    both = pd.concat([table, turned.assign(difference=-turned["difference"])])
    cells = {(row["searcher"], row["other"]): _pair(row, digits) for row in both.to_dict("records")}
    present = [name for name in searchers if name in set(both["searcher"])]
    head = "".join(f'<th scope="col" class="num">{escape(name)}</th>' for name in present)
    body = ""
    for one in present:
        line = "".join(cells.get((one, other), '<td class="self"></td>') for other in present)
        body += f'<tr><th scope="row">{escape(one)}</th>{line}</tr>'
    return f'<table class="matrix"><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table>'


def _pair(row: Mapping[Any, Any], digits: int) -> str:
    """Return the cell of a pair: the difference with its p-value, and the counts when pointed at."""
    difference, p = row["difference"], p_text(row["p_holm"])
    kind, sign = ("even", "") if row["p_holm"] >= _LEVEL else ("better", "▲ ") if difference < 0 else ("worse", "▼ ")
    number = f"{difference:+.{digits}f}".replace("-", "−") if round(difference, digits) else f"{0:.{digits}f}"
    about = "{searcher} − {other}: {difference:+.4g}; better {better}, equal {ties}, worse {worse}".format(**row)
    return f'<td class="num {kind}" title="{escape(about)}">{sign}{number}<small>p {p}</small></td>'


def matrix_caption(unit: str, losses: str = "regrets") -> str:
    """Return what stands above the table; the unit is that of the differences."""
    return (
        f"Mean difference of {losses}, row minus column, in {unit or 'the unit of the signal'}. ▲ the row is better, "
        f"▼ it is worse, at the level of {_LEVEL}; the others may be chance."
    )
