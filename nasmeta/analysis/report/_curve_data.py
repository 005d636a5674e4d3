"""The curves of the page: thinned, and packed as base64 of little-endian float32."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasmeta.analysis._curves import XAxis, regret_curves
from nasmeta.analysis._frame import count_runs
from nasmeta.analysis._styles import style
from nasmeta.analysis.report._findings import Findings
from nasmeta.errors import SettingError

if TYPE_CHECKING:
    import pandas as pd

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
