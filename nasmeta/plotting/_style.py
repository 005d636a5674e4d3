"""The style of all figures: widths of papers, rcParams, and the colour, dashes and marker of each name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from zlib import crc32

from nasmeta.registry import STYLES

Width: TypeAlias = "str | float | None"

WIDTHS = {  # inches: of a column, and of the text if that is wider
    "acl": 3.03,
    "acl-full": 6.3,
    "iclr": 5.5,
    "icml": 3.25,
    "icml-full": 6.75,
    "ieee": 3.5,
    "ieee-full": 7.16,
    "jmlr": 6.0,
    "neurips": 5.5,
}
PROPORTION = 2.2 / 3.25  # of height to width, of a figure with one panel in a column
# Okabe and Ito (2008) without yellow, which is hard to see on white paper, and five more. Line
# style and marker differ as well, so that the curves can be distinguished in grey.
COLOURS = {
    "blue": "#0072B2", "vermilion": "#D55E00", "green": "#009E73", "pink": "#CC79A7", "black": "#000000",
    "sky": "#56B4E9", "orange": "#E69F00", "wine": "#882255", "brown": "#8C510A", "violet": "#6A3D9A",
    "olive": "#7A7A00", "turquoise": "#00E0C0",
}  # fmt: skip
_DASHES: tuple[tuple[float, ...], ...] = (  # lengths of lines and gaps, in line widths
    (), (5, 1.5), (5, 1.2, 1.2, 1.2), (1.2, 1.2), (3, 1, 1, 1, 1, 1), (9, 1.5), (7, 2, 1.2, 2)
)  # fmt: skip
_MARKERS = {  # of matplotlib and plotly
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross", "X": "x"
}  # fmt: skip
_DISTINCT = len(COLOURS) * len(_DASHES)
_FIRST_OTHER = 48  # position; fixed, so that other names keep their style if names are declared
_GREY = "0.78"  # of curves in the background
_MOST_CURVES = 8  # in colour
_HIGHLIGHTED = 5  # of more curves


def inches(width: Width, default: float) -> float:
    """Return a width in inches, from the name of a paper's column or text, a number, or the default.

    >>> inches("icml", 5.0), inches(4, 5.0), inches(None, 5.0)
    (3.25, 4.0, 5.0)
    """
    if width is None:
        return default
    if isinstance(width, str):
        return WIDTHS[width]
    return float(width)


@contextmanager
def house_style(label: float = 9, tick: float = 8) -> Iterator[None]:
    """Change the rcParams which the user has left at their defaults, in a ``with`` statement or as a decorator.

    Sizes are points at matplotlib's default ``font.size``, and are scaled with the user's.
    """
    import matplotlib

    now: Any = matplotlib.rcParams
    default: Any = matplotlib.rcParamsDefault
    style: dict[str, Any] = {
        "axes.labelsize": points(label),
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlesize": points(label),
        "figure.facecolor": "white",
        "grid.color": "0.9",
        "grid.linewidth": 0.6,
        "legend.fontsize": points(8),
        "legend.frameon": False,
        "legend.title_fontsize": points(8),
        "lines.linewidth": 1.4,
        "lines.markersize": 4.5,
        "xtick.labelsize": points(tick),
        "ytick.labelsize": points(tick),
    }
    unchanged: Any = {key: value for key, value in style.items() if now[key] == default[key]}
    with matplotlib.rc_context(unchanged):
        yield


def points(size: float) -> float:
    """Return a size of text in proportion to the user's ``font.size``; matplotlib's default is 10.

    >>> points(9)
    9.0
    """
    from matplotlib import rcParams

    return size * float(rcParams["font.size"]) / 10


@dataclass(frozen=True)
class Style:
    """How one searcher is drawn, for matplotlib and plotly."""

    colour: str
    dash: tuple[float, ...]
    marker: str

    @property
    def is_grey(self) -> bool:
        """Whether the searcher is in the background."""
        return not self.marker

    def line(self) -> dict[str, Any]:
        """Return the keyword arguments of a line with markers, for matplotlib."""
        linestyle: Any = "-"
        if self.dash:
            linestyle = (0, self.dash)
        return {
            "color": self.colour,
            "linestyle": linestyle,
            "marker": self.marker,
            "markeredgecolor": "white",
            "markeredgewidth": 0.5,
        }

    def plotly(self) -> dict[str, str]:
        """Return colour, dashes of a 2-pixel line and marker, for plotly."""
        dash = ",".join(f"{2 * length:g}px" for length in self.dash) or "solid"
        return {"colour": self.colour, "dash": dash, "marker": _MARKERS[self.marker]}


def styles(names: Iterable[str], highlight: Collection[str] | None = None) -> dict[str, Style]:
    """Return the style of each searcher or predictor; all except those to `highlight` are grey.

    A name has the same style in every figure: the one of its declaration (`Registry.declare`).
    Other names get one by their checksum; if it is in use, the next one.

    >>> styles(["gp", "mine"])["gp"] == styles(["random", "gp"])["gp"]
    True
    """
    listed = list(dict.fromkeys(names))
    looks: dict[str, Style] = {}
    for name in sorted(listed, key=lambda name: (name not in STYLES, name)):  # declared ones first
        if name in STYLES:
            first = _position_of(STYLES[name])
        else:
            first = _FIRST_OTHER + crc32(name.encode()) % (_DISTINCT - _FIRST_OTHER)
        later = map(style_at, range(first, first + 10 * _DISTINCT))
        unused = (look for look in later if look not in looks.values())
        looks[name] = next(unused, style_at(first))
    if highlight is not None:
        looks |= dict.fromkeys(set(listed).difference(highlight), Style(_GREY, (), ""))
    return {name: looks[name] for name in listed}


def _position_of(style: str) -> int:
    """Return the first position of a colour and marker, such as ``blue circle``."""
    colour_name, marker_name = style.split()
    colour = list(COLOURS).index(colour_name)
    marker = list(_MARKERS.values()).index(marker_name)
    turn = (marker - colour) % len(_MARKERS)
    return turn * len(COLOURS) + colour


def style_at(position: int) -> Style:
    """Return the style at a position; the first 12 differ in colour, the first 84 in colour or dash."""
    turn, colour = divmod(position, len(COLOURS))
    dash = colour + turn
    marker = dash + turn // len(_DASHES)
    return Style(
        colour=list(COLOURS.values())[colour],
        dash=_DASHES[dash % len(_DASHES)],
        marker=list(_MARKERS)[marker % len(_MARKERS)],
    )


def highlighted(best_first: Sequence[str], chosen: Sequence[str] | None) -> Sequence[str] | None:
    """Return the chosen curves; by default the best five if there are more than eight, and otherwise all (None)."""
    if chosen is None and len(best_first) > _MOST_CURVES:
        return best_first[:_HIGHLIGHTED]
    return chosen
