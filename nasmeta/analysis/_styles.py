"""Colours, dashes and markers of curves, in print and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008) without their yellow, which is lost on white paper, and five more for the eighth searcher and
# those behind it; line style and marker differ as well, so that the curves can be told apart in grey.
_COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00", "#882255", "#8C8C8C", "#6A3D9A",
    "#7A7A00", "#00E0C0",
)  # fmt: skip
_DASHES: tuple[tuple[Any, str], ...] = (  # matplotlib's, and the same for SVG and plotly in pixels of a 2-pixel line
    ("-", "solid"),
    ((0, (5, 1.5)), "10px,3px"),
    ((0, (5, 1.2, 1.2, 1.2)), "10px,2.5px,2.5px,2.5px"),
    ((0, (1.2, 1.2)), "2.5px,2.5px"),
    ((0, (3, 1, 1, 1, 1, 1)), "6px,2px,2px,2px,2px,2px"),
    ((0, (9, 1.5)), "18px,3px"),
    ((0, (7, 2, 1.2, 2)), "14px,4px,2.5px,4px"),
)
_MARKERS = (
    ("o", "circle"),
    ("s", "square"),
    ("^", "triangle-up"),
    ("D", "diamond"),
    ("v", "triangle-down"),
    ("P", "cross"),
    ("X", "x"),
)


@dataclass(frozen=True)
class Style:
    """How one searcher is drawn: in matplotlib's words, and in plotly's."""

    colour: str
    dash: Any
    marker: str
    plotly_dash: str
    plotly_marker: str

    def line(self, **more: Any) -> dict[str, Any]:
        """Return the keyword arguments of a line with its markers, for matplotlib."""
        return {
            "color": self.colour,
            "linestyle": self.dash,
            "marker": self.marker,
            "markeredgecolor": "white",
            "markeredgewidth": 0.5,
            **more,
        }


def style(position: int) -> Style:
    """Return the style of the searcher at this position; the first 12 differ in colour, the first 84 in colour or dash.

    A user's own ``axes.prop_cycle`` provides the colours. If it has so few that dashes repeat, the markers differ.
    """
    colours = _colours()
    colour, turn = position % len(colours), position // len(colours)
    dash, plotly_dash = _DASHES[(colour + turn) % len(_DASHES)]
    marker, plotly_marker = _MARKERS[(colour + turn + turn // len(_DASHES)) % len(_MARKERS)]
    return Style(colours[colour], dash, marker, plotly_dash, plotly_marker)


def _colours() -> Sequence[str]:
    from matplotlib import rcParams, rcParamsDefault
    from matplotlib.colors import to_hex

    cycle = rcParams["axes.prop_cycle"]
    own = [] if cycle == rcParamsDefault["axes.prop_cycle"] else cycle.by_key().get("color", [])
    return [to_hex(colour) for colour in own] or _COLOURS


def tidy(axes: Axes, grid: Literal["x", "y", "both"] = "both") -> None:
    """Draw a light grid behind the lines."""
    from matplotlib import rcParams

    # Ticks are made when they are drawn: by then the house style is over.
    axes.grid(True, which="major", axis=grid, color=rcParams["grid.color"], linewidth=rcParams["grid.linewidth"])
    axes.set_axisbelow(True)
    axes.tick_params(axis="x", labelsize=rcParams["xtick.labelsize"])
    axes.tick_params(axis="y", labelsize=rcParams["ytick.labelsize"])
