"""Parts that the figures share: styles of searchers, panels, lines, legends and files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal
from zlib import crc32

from nasmeta.checks import check_choice
from nasmeta.pictures import PROPORTION, Width, inches, new_figure, points, task_title, text_inches, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008) without yellow, which is hard to see on white paper, and five more. Line style and marker differ
# as well, so that the curves can be distinguished in grey.
_COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00", "#882255", "#8C510A", "#6A3D9A",
    "#7A7A00", "#00E0C0",
)  # fmt: skip
_DASHES: tuple[tuple[float, ...], ...] = (  # lengths of lines and gaps, in line widths
    (), (5, 1.5), (5, 1.2, 1.2, 1.2), (1.2, 1.2), (3, 1, 1, 1, 1, 1), (9, 1.5), (7, 2, 1.2, 2)
)  # fmt: skip
_MARKERS = {  # of matplotlib and plotly
    "o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross", "X": "x"
}  # fmt: skip
# The position of a name determines its style. Names that often share a figure differ in colour and marker.
_NAMES = (
    "gp", "meta", "evolution", "local-search", "random", "tpe", "meta-gp", "source-order", "bananas", "rgpe",
    "multi-task-gp", "local-search-full",
    "hyperband", "ensemble", "ehvi", "reinforce", "random-forest", "bohb", "successive-halving", "meta-nas", "nsga2",
    "asha", "meta-rl", "parego",
    "optuna", "optuna-tpe", "smac", "syne-tune-kde", "rgpe-vanilla", "pareto-local-search", "pymoo-nsga2", "ax",
    "syne-tune-zero-shot", "syne-tune-cqr", "syne-tune-bore", "nwot",
    "syne-tune-gp", "optuna-gp", "syne-tune-bounding-box", "syne-tune-quantile-copula", "optuna-nsgaii", "botorch",
    "xgboost", "ridge", "parameters",
)  # fmt: skip
_DISTINCT = len(_COLOURS) * len(_DASHES)
_FIRST_OTHER = 48  # position; fixed, so that other names keep their style if the table changes
_GREY = "0.78"  # of curves in the background
MOST_CURVES, _HIGHLIGHTED = 8, 5
_FORMATS: dict[str, dict[str, Any]] = {
    "png": {"dpi": 200},
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
}
_LEGEND = 0.18  # of a figure's height, at most; less than 0.2, because the legend has a margin
_LOWEST = 1.7  # inches, of a panel with its labels and title in a column
_COLUMN = 3.5  # inches; narrower figures are lower, too
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


def styles(names: Iterable[str], highlight: Collection[str] | None = None) -> dict[str, Style]:
    """Return the style of each searcher or predictor; all except those to `highlight` are grey.

    A name has the same style in every figure. Names outside the table get one by their checksum; if it is in use, the
    next one.

    >>> styles(["gp", "mine"])["gp"] == styles(["random", "gp"])["gp"]
    True
    """
    looks: dict[str, Style] = {}
    listed = list(dict.fromkeys(names))
    for name in sorted(listed, key=lambda name: (name not in _NAMES, name)):
        other = _FIRST_OTHER + crc32(name.encode()) % (_DISTINCT - _FIRST_OTHER)
        first = _NAMES.index(name) if name in _NAMES else other
        later = map(_style, range(first, first + 10 * _DISTINCT))
        looks[name] = next((look for look in later if look not in looks.values()), _style(first))
    grey = Style(_GREY, (), "")
    return {name: looks[name] if highlight is None or name in highlight else grey for name in listed}


def _style(position: int) -> Style:
    """Return the style at a position; the first 12 differ in colour, the first 84 in colour or dash."""
    turn, colour = divmod(position, len(_COLOURS))
    dash = _DASHES[(colour + turn) % len(_DASHES)]
    marker = list(_MARKERS)[(colour + turn + turn // len(_DASHES)) % len(_MARKERS)]
    return Style(_COLOURS[colour], dash, marker)


def highlighted(best_first: Sequence[str], chosen: Sequence[str] | None) -> Sequence[str] | None:
    """Return the chosen curves; by default the best five if there are more than eight, and otherwise all (None)."""
    return best_first[:_HIGHLIGHTED] if chosen is None and len(best_first) > MOST_CURVES else chosen


def panel_titles(tasks: Sequence[str]) -> list[str]:
    """Return readable titles of tasks; their names if two titles are equal."""
    titles = [task_title(task) for task in tasks]
    return titles if len(set(titles)) == len(titles) else list(tasks)


def new_panels(
    titles: Sequence[str], width: Width, size: tuple[float, float], **options: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel per title, in rows of at most three.

    A panel has the given size in inches; in a figure of another `width`, only its height. `options` are those of
    matplotlib's ``subplots``.
    """
    from matplotlib import rcParams

    columns = min(len(titles), 3, max(1, int(inches(width, 6) / 1.8)))
    rows = -(-len(titles) // columns)
    total = inches(width, max(columns, 1.4) * size[0])
    figure = new_figure(total, rows * size[1] + 0.3)
    panels = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    for title, panel in zip(titles, panels, strict=False):
        panel.set_title(wrapped(title, (total - 1.1) / columns, rcParams["axes.titlesize"]))
    for unused in panels[len(titles) :]:
        unused.remove()
    return figure, list(panels[: len(titles)])


def label_panels(panels: Sequence[Axes], x: str, y: str) -> None:
    """Label the vertical axes of the first column and the lowest horizontal axes."""
    from matplotlib import rcParams

    figure: Any = panels[0].figure
    grid = panels[0].get_subplotspec()
    columns = 1 if grid is None else grid.get_gridspec().ncols
    total = float(figure.get_size_inches()[0])
    broken = wrapped(x, total / columns - 0.8, rcParams["axes.labelsize"])
    for position, panel in enumerate(panels):
        if position + columns >= len(panels):
            panel.set_xlabel(broken)
        if position % columns == 0:
            panel.set_ylabel(fill(y, 28 if total > _COLUMN else 20))


def draw_line(
    panel: Axes,
    name: str,
    looks: Mapping[str, Style],
    x: Any,
    y: Any,
    band: tuple[Any, Any] | None = None,
    step: Literal["pre", "post"] | None = "post",
) -> None:
    """Draw the line of one searcher in its style, with a band between two curves."""
    look = looks[name]
    grey = not look.marker
    if band is not None and not grey:
        panel.fill_between(x, *band, color=look.colour, alpha=0.16, linewidth=0, step=step)
    steps: dict[str, Any] = {"zorder": 1.5 if grey else 2}
    if step is not None:  # with staggered markers, at parts of the diagonal of the axes
        stagger = 0.02 + 0.2 * list(looks).index(name) / len(looks)
        steps |= {"drawstyle": f"steps-{step}", "markevery": (stagger, 0.2)}
    others = f"{sum(not other.marker for other in looks.values())} others"
    panel.plot(x, y, label=others if grey else name, **look.line(), **steps)


def log_axis(panel: Axes) -> None:
    """Make the horizontal axis logarithmic; label more than the powers of ten if it is short."""
    from matplotlib.ticker import LogFormatter

    panel.set_xscale("log")
    if panel.get_xlim()[1] <= 10_000:
        panel.xaxis.set_major_formatter("{x:,.10g}")
        panel.xaxis.set_minor_formatter(LogFormatter())


def draw_grid(panel: Axes, axis: Literal["x", "y", "both"] = "both") -> None:
    """Draw a light grid behind the lines."""
    from matplotlib import rcParams

    # Ticks are created when the figure is drawn, after the end of the house style.
    panel.grid(True, which="major", axis=axis, color=rcParams["grid.color"], linewidth=rcParams["grid.linewidth"])
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=rcParams["xtick.labelsize"])


def legend_below(figure: Figure, title: str = "", width: Width = None) -> None:
    """Put a legend of all lines below the panels, and make the figure taller by the legend's height.

    In a figure one column wide, the panels are as tall as `PROPORTION` and the legend allow.
    """
    from matplotlib import rcParams

    lines: dict[Any, Any] = {}
    for panel in figure.axes:
        found, names = panel.get_legend_handles_labels()
        lines |= dict(zip(names, found, strict=True))
    total, height = figure.get_size_inches()
    letter, size = points(8) / 72, rcParams["legend.fontsize"]
    entry = max(text_inches(name, size) for name in lines) + (_HANDLE + 2.5) * letter
    rows = -(-len(lines) // max(1, int(total / entry)))
    legend = figure.legend(
        list(lines.values()),
        list(lines),
        loc="outside lower center",
        ncols=-(-len(lines) // rows),
        title=wrapped(title, total - 0.15, rcParams["legend.title_fontsize"]) if title else None,
        handlelength=_HANDLE,
        columnspacing=1.5,
    )
    legend.get_title().set_multialignment("center")
    needed = 1.5 * letter * (rows + legend.get_title().get_text().count("\n") + bool(title))
    height = max(height + needed, needed / _LEGEND)
    first: Any = figure.axes[0]
    grid = first.get_subplotspec().get_gridspec()
    if width is not None and grid.ncols == 1:
        height = min(height, max(PROPORTION * total * grid.nrows, _LOWEST * grid.nrows + needed))
    figure.set_size_inches(total, height)


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
    from PIL import Image

    check_formats(formats)
    target = Path(path)
    files = [target.with_name(f"{target.name}.{name}") for name in formats]
    target.parent.mkdir(parents=True, exist_ok=True)
    for name, file in zip(formats, files, strict=True):
        # By default, the ids in an SVG are random, and a PDF contains fonts that journals refuse.
        with rc_context({"svg.hashsalt": "nasmeta", "pdf.fonttype": 42}):
            figure.savefig(file, **_FORMATS[name])
        if name == "png":  # 256 colours take a third of the space
            with Image.open(file) as image:
                image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    return files
