"""Colours, dashes and markers by which curves are told apart, in print and on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Style", "style", "tidy"]

# Okabe and Ito (2008) without their yellow, which is lost on white paper; line style and marker differ as well, so that
# the curves can be told apart in grey.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
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
            "linewidth": 1.4,
            "marker": self.marker,
            "markersize": 4.5,
            "markeredgecolor": "white",
            "markeredgewidth": 0.5,
            **more,
        }


def style(position: int) -> Style:
    """Return the style of the searcher at this position; the first 49 differ from one another.

    Examples
    --------
    >>> len({style(position) for position in range(49)})
    49
    """
    colour, turn = position % len(_COLOURS), position // len(_COLOURS)
    dash, plotly_dash = _DASHES[(colour + turn) % len(_DASHES)]
    marker, plotly_marker = _MARKERS[(colour + turn) % len(_MARKERS)]
    return Style(_COLOURS[colour], dash, marker, plotly_dash, plotly_marker)


def tidy(axes: Axes, grid: Literal["x", "y", "both"] = "both") -> None:
    """Draw a light grid behind the lines, small numbers, and no frame on the top and on the right."""
    axes.grid(True, which="major", axis=grid, color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
