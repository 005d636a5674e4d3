"""Parts that the figures share: styles of searchers, panels, lines, legends and files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal

from nasmeta.checks import check_choice
from nasmeta.pictures import Width, fitting_size, inches, new_figure, points, text_inches, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008) without yellow, which is hard to see on white paper, and five more. Line style and marker differ
# as well, so that the curves can be distinguished in grey.
_COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00", "#882255", "#8C8C8C", "#6A3D9A",
    "#7A7A00", "#00E0C0",
)  # fmt: skip
_DASHES: tuple[tuple[float, ...], ...] = (  # lengths of lines and gaps, in line widths
    (), (5, 1.5), (5, 1.2, 1.2, 1.2), (1.2, 1.2), (3, 1, 1, 1, 1, 1), (9, 1.5), (7, 2, 1.2, 2)
)  # fmt: skip
_MARKERS = {  # of matplotlib and plotly
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross", "X": "x"
}  # fmt: skip
_FORMATS: dict[str, dict[str, Any]] = {
    "png": {"dpi": 200},
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
}
_HANDLE = 3.2  # length of a line in the legend, in letters; shorter ones hide the line style


@dataclass(frozen=True)
class Style:
    """How one searcher is drawn, for matplotlib and plotly."""

    colour: str
    dash: tuple[float, ...]
    marker: str

    def line(self) -> dict[str, Any]:
        """Return the keyword arguments of a line with markers, for matplotlib."""
        return {
            "color": self.colour,
            "linestyle": (0, self.dash) if self.dash else "-",
            "marker": self.marker,
            "markeredgecolor": "white",
            "markeredgewidth": 0.5,
        }

    def plotly(self) -> dict[str, str]:
        """Return colour, dashes of a 2-pixel line and marker, for plotly."""
        dash = ",".join(f"{2 * length:g}px" for length in self.dash) or "solid"
        return {"colour": self.colour, "dash": dash, "marker": _MARKERS[self.marker]}


def style(position: int) -> Style:
    """Return the style of the searcher at this position; the first 12 differ in colour, the first 84 in colour or dash.

    If the user has set ``axes.prop_cycle``, it provides the colours.
    """
    from matplotlib import rcParams, rcParamsDefault
    from matplotlib.colors import to_hex

    cycle = rcParams["axes.prop_cycle"]
    chosen = [] if cycle == rcParamsDefault["axes.prop_cycle"] else cycle.by_key().get("color", [])
    colours = [to_hex(colour) for colour in chosen] or _COLOURS
    turn, colour = divmod(position, len(colours))
    dash = _DASHES[(colour + turn) % len(_DASHES)]
    marker = list(_MARKERS)[(colour + turn + turn // len(_DASHES)) % len(_MARKERS)]
    return Style(colours[colour], dash, marker)


def new_panels(
    titles: Sequence[str], width: Width, size: tuple[float, float], most: int = 3, **options: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel per title, in rows of at most `most` panels.

    A panel has the given size in inches; in a figure of another `width`, only its height. `options` are those of
    matplotlib's ``subplots``.
    """
    from matplotlib import rcParams

    fitting = most if width is None else max(1, int(inches(width, 0.0) / 1.8))
    columns = min(len(titles), most, fitting)
    rows = -(-len(titles) // columns)
    total = inches(width, max(columns, 1.4) * size[0])
    figure = new_figure(total, rows * size[1] + 0.3)
    panels = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    for title, panel in zip(titles, panels, strict=False):
        panel.set_title(title, fontsize=fitting_size(title, (total - 1.1) / columns, rcParams["axes.titlesize"]))
    for unused in panels[len(titles) :]:
        unused.remove()
    return figure, list(panels[: len(titles)])


def label_panels(panels: Sequence[Axes], x: str, y: str) -> None:
    """Label the vertical axes of the first column and the lowest horizontal axes."""
    from matplotlib import rcParams

    figure: Any = panels[0].figure
    grid = panels[0].get_subplotspec()
    columns = 1 if grid is None else grid.get_gridspec().ncols
    broken = wrapped(x, float(figure.get_size_inches()[0]) / columns - 0.8, rcParams["axes.labelsize"])
    for position, panel in enumerate(panels):
        if position + columns >= len(panels):
            panel.set_xlabel(broken)
        if position % columns == 0:
            panel.set_ylabel(fill(y, 28))


def draw_line(
    panel: Axes,
    name: str,
    position: int,
    x: Any,
    y: Any,
    band: tuple[Any, Any] | None = None,
    step: Literal["pre", "post"] | None = "post",
    n_lines: int = 1,
) -> None:
    """Draw the line of one searcher in its style, with a band between two curves."""
    look = style(position)
    if band is not None:
        panel.fill_between(x, *band, color=look.colour, alpha=0.16, linewidth=0, step=step)
    steps: dict[str, Any] = {}
    if step is not None:  # with staggered markers, at parts of the diagonal of the axes
        steps = {"drawstyle": f"steps-{step}", "markevery": (0.02 + 0.2 * position / n_lines, 0.2)}
    panel.plot(x, y, label=name, **look.line(), **steps)


def log_axis(panel: Axes) -> None:
    """Make the horizontal axis logarithmic; label more than the powers of ten if it is short."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    panel.set_xscale("log")
    low, high = panel.get_xlim()
    plain = FuncFormatter(lambda value, _: f"{value:,.10g}")
    if high <= 10_000:
        panel.xaxis.set_major_formatter(plain)
    short = high < 30 * low
    panel.xaxis.set_minor_locator(LogLocator(subs=(2, 5) if short else range(2, 10)))
    panel.xaxis.set_minor_formatter(plain if short else NullFormatter())


def draw_grid(panel: Axes, axis: Literal["x", "y", "both"] = "both") -> None:
    """Draw a light grid behind the lines."""
    from matplotlib import rcParams

    # Ticks are created when the figure is drawn, after the end of the house style.
    panel.grid(True, which="major", axis=axis, color=rcParams["grid.color"], linewidth=rcParams["grid.linewidth"])
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=rcParams["xtick.labelsize"])


def legend_below(figure: Figure, title: str = "") -> None:
    """Put a legend of all lines below the panels, and make the figure higher by the legend's height."""
    from matplotlib import rcParams

    lines: dict[Any, Any] = {}
    for panel in figure.axes:
        found, names = panel.get_legend_handles_labels()
        lines |= dict(zip(names, found, strict=True))
    width, height = figure.get_size_inches()
    letter, size = points(8) / 72, rcParams["legend.fontsize"]
    entry = max(text_inches(name, size) for name in lines) + (_HANDLE + 2.5) * letter
    rows = -(-len(lines) // max(1, int(width / entry)))
    legend = figure.legend(
        list(lines.values()),
        list(lines),
        loc="outside lower center",
        ncols=-(-len(lines) // rows),
        title=wrapped(title, width - 0.15, rcParams["legend.title_fontsize"]) if title else None,
        handlelength=_HANDLE,
        columnspacing=1.5,
    )
    legend.get_title().set_multialignment("center")
    figure.set_size_inches(width, height + 1.5 * letter * rows)


def check_formats(formats: Sequence[str]) -> None:
    """Raise a SettingError for an unknown format of figures."""
    for name in formats:
        check_choice("format", name, _FORMATS)


def save_figure(figure: Figure, path: str | PathLike[str], formats: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Write a figure as PNG (200 dots per inch), SVG or PDF; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        For example from `plot_regret`.
    path : path-like
        Path without a suffix: "curves" becomes "curves.png" and "curves.svg". Missing folders are created.
    formats : sequence of {"png", "svg", "pdf"}

    Returns
    -------
    list of Path
        In the order of the formats.

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [file.name for file in save_figure(Figure(figsize=(1, 1)), f"{folder}/curves")]
    ['curves.png', 'curves.svg']
    """
    from matplotlib import rc_context

    check_formats(formats)
    target = Path(path)
    files = [target.with_name(f"{target.name}.{name}") for name in formats]
    target.parent.mkdir(parents=True, exist_ok=True)
    for name, file in zip(formats, files, strict=True):
        # By default, the ids in an SVG are random, and a PDF contains fonts that journals refuse.
        with rc_context({"svg.hashsalt": "nasmeta", "pdf.fonttype": 42}):
            figure.savefig(file, **_FORMATS[name])
    return files
