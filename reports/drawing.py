"""The pictures that most reports share: dots with intervals, and lines, in the house style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import nasmeta.searchers  # noqa: F401  (declares the styles of their names)
from nasmeta.plotting import (
    Style,
    draw_grid,
    house_style,
    label_panels,
    legend_below,
    new_panels,
    points,
    save_figure,
    style_at,
    styles,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.35  # inches
save_png = partial(save_figure, formats=("png",))


def in_order(names: Any) -> dict[str, Style]:
    """Return styles by position, for names that are neither searchers nor predictors."""
    return {str(name): style_at(position) for position, name in enumerate(names)}


def label_ends(
    panel: Axes, ends: Mapping[str, tuple[float, float]], looks: Mapping[str, Style]
) -> None:
    """Write the name of each line next to the right end of the panel, without overlap."""
    size = points(7.5)
    panel.autoscale_view()
    names = sorted(ends, key=lambda name: panel.transData.transform(ends[name])[1])
    at = panel.transAxes.inverted().transform(
        panel.transData.transform([ends[name] for name in names])
    )[:, 1]
    figure: Any = panel.figure
    height = figure.get_size_inches()[1] - 0.6
    steps = 1.25 * size / 72 / height * np.arange(len(names))
    at = np.minimum(np.maximum.accumulate(at - steps) + steps, 1 - steps[::-1])
    for name, place in zip(names, at, strict=True):
        look = looks[name]
        line = {
            "arrowstyle": "-",
            "color": "0.75",
            "linewidth": 0.5,
            "relpos": (0, 0.5),
            "shrinkA": 1,
        }
        colour = look.colour if look.marker else "0.45"
        panel.annotate(
            name, ends[name], (1.08, place), textcoords="axes fraction", va="center", fontsize=size, color=colour,
            annotation_clip=False, arrowprops=line,
        )  # fmt: skip


@house_style()
def dot_plot(
    frame: pd.DataFrame,
    x: str,
    *,
    looks: Mapping[str, Style] | None = None,
    log: bool = False,
    line: float | None = None,
    cases: pd.DataFrame | None = None,
    title: str = "",
    ticks: tuple[float, ...] = (),
    share_x: bool = False,
) -> Figure:
    """Draw means with intervals: a panel per ``panel``, a row per ``row``, a style per ``name``.

    The columns ``mean``, ``low`` and ``high`` may contain NaN. `cases` has single values in its
    column ``value``, which are drawn as faint dots. `line` is a vertical line, such as the value of
    the reference.
    """
    rows, names = list(dict.fromkeys(frame["row"])), list(dict.fromkeys(frame["name"]))
    one = bool((frame["row"] == frame["name"]).all())  # a row per name, so no legend
    looks = styles(names) if looks is None else looks
    titles = list(dict.fromkeys(frame["panel"]))
    height = 0.9 + len(rows) * (0.1 + 0.11 * (1 if one else len(names)))
    figure, panels = new_panels(
        titles, WIDTH, (WIDTH / min(3, len(titles)), height), sharey=True, sharex=share_x
    )
    apart = 0 if one else 0.75 / len(names)
    shifts = {name: apart * (number - (len(names) - 1) / 2) for number, name in enumerate(names)}
    for panel, of_panel in zip(panels, titles, strict=True):
        for name in names:
            own = frame[(frame["panel"] == of_panel) & (frame["name"] == name)]
            y = np.array([rows.index(row) for row in own["row"]]) + shifts[name]
            look = looks[name]
            if cases is not None:
                some = cases[(cases["panel"] == of_panel) & (cases["name"] == name)]
                at = np.array([rows.index(row) for row in some["row"]]) + shifts[name]
                panel.plot(
                    some["value"],
                    at,
                    "o",
                    color=look.colour,
                    markersize=2.5,
                    alpha=0.35,
                    markeredgewidth=0,
                )
            bars = (
                np.nan_to_num([own["mean"] - own["low"], own["high"] - own["mean"]])
                if "low" in own
                else None
            )
            panel.errorbar(
                own["mean"], y, xerr=bars, color=look.colour, marker=look.marker, linestyle="none", label=name,
                markersize=4.5, elinewidth=1.2, zorder=3,
            )  # fmt: skip
        if log:
            panel.set_xscale("log")
        if ticks:
            panel.set_xticks(ticks, [f"{tick:,g}" for tick in ticks])
            panel.minorticks_off()
        if line is not None:
            panel.axvline(line, color="0.35", linewidth=0.8)
        panel.set_yticks(range(len(rows)), rows)
        for border in np.arange(len(rows) - 1) + 0.5:
            panel.axhline(border, color="0.93", linewidth=0.6, zorder=0)
        panel.set_ylim(len(rows) - 0.5, -0.5)
        draw_grid(panel, "x")
    label_panels(panels, x, "")
    if len(names) > 1 and not one:
        legend_below(figure, title)
    return figure


@house_style()
def curves(
    frame: pd.DataFrame,
    x: str,
    ticks: Sequence[float] = (),
    *,
    y: str = "",
    looks: Mapping[str, Style] | None = None,
    log_y: Sequence[float] = (),
    ends: bool = False,
    title: str = "",
) -> Figure:
    """Draw lines ``x``, ``y``: a panel per ``panel``, a style per ``name``; `ends` labels the lines directly.

    The axes are logarithmic if they have `ticks` and `log_y`; the latter applies to the first
    panel.
    """
    titles = list(dict.fromkeys(frame["panel"]))
    looks = styles(frame["name"]) if looks is None else looks
    columns = min(3, len(titles))
    figure, panels = new_panels(
        titles, WIDTH, (WIDTH / columns, 2.9 if columns < 3 else 2.3), sharey=not log_y
    )
    last: dict[str, dict[str, tuple[float, float]]] = {of_panel: {} for of_panel in titles}
    for panel, of_panel in zip(panels, titles, strict=True):
        for name in looks:
            own = frame[(frame["panel"] == of_panel) & (frame["name"] == name)]
            if own.empty:
                continue
            every = 1 if len(own) < 15 else (0.02 + 0.2 * list(looks).index(name) / len(looks), 0.2)
            panel.plot(own["x"], own["y"], label=name, markevery=every, **looks[name].line())
            last[of_panel][name] = own["x"].iloc[-1], own["y"].iloc[-1]
        if len(ticks):
            panel.set_xscale("log")
            panel.set_xticks(ticks, [f"{tick:,g}" for tick in ticks])
            panel.minorticks_off()
        if panel is panels[0] and log_y:
            panel.set_yscale("log")
            panel.set_yticks(log_y, [f"{tick:g}" for tick in log_y])
            panel.minorticks_off()
        draw_grid(panel)
    label_panels(panels, x, y)
    if ends:  # after all lines, because panels share an axis
        for panel, of_panel in zip(panels, titles, strict=True):
            label_ends(panel, last[of_panel], looks)
    else:
        legend_below(figure, title)
    return figure
