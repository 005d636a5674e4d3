"""Parts that figures share: panels, lines, axes, legends and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from math import ceil
from os import PathLike
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal

from nasmeta.checks import check_choice
from nasmeta.files import write_atomically
from nasmeta.plotting._names import task_title
from nasmeta.plotting._style import PROPORTION, Style, Width, inches, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FORMATS: dict[str, dict[str, Any]] = {
    "png": {"dpi": 200},
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
}
_LEGEND = 0.18  # of a figure's height, at most; less than 0.2, because the legend has a margin
_LOW = 1.5  # inches, of one of two panels next to each other in a column
_LOWEST = 1.7  # inches, of a panel with its labels and title in a column
_COLUMN = 3.5  # inches; narrower figures are lower, too
_HANDLE = 3.2  # length of a line in the legend, in letters; shorter ones hide the line style


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, with constrained layout, which a notebook displays."""
    from nasmeta.plotting._figure import Picture

    return Picture(figsize=(width, height), layout="constrained")


def text_inches(text: str, size: Any) -> float:
    """Return the width of the widest line of a text in the user's font.

    >>> text_inches("evaluations", 9) < text_inches("evaluations", 10) < text_inches("simulated seconds", 10)
    True
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(size=size)
    widths = [0.0]
    for line in text.splitlines():
        if line.strip():
            path = TextPath((0, 0), line, prop=font)
            widths.append(float(path.get_extents().x1) / 72)  # points to inches
    return max(widths)


def wrapped(text: str, width: float, size: Any) -> str:
    r"""Break a text between words into lines of at most `width` inches.

    >>> wrapped("average rank over 36 blocks", 10, 9), wrapped("average rank over 36 blocks", 1.1, 9)
    ('average rank over 36 blocks', 'average rank\nover 36 blocks')
    """
    # `fill` counts letters; their mean width here is the text's, with a margin.
    letters = int(0.95 * len(text) * width / max(text_inches(text, size), 0.1))
    return fill(text, max(letters, 8), break_long_words=False)


def robust_limits(values: Any) -> tuple[float, float]:
    """Return limits of an axis that leave out values far from the others, by 1.5 interquartile ranges (Tukey, 1977).

    >>> robust_limits([10, 85, 86, 87, 88, 90])
    (84.75, 90.25)
    """
    import numpy as np

    numbers = np.asarray(values, dtype=float)
    low, high = np.nanquantile(numbers, (0.25, 0.75))
    reach = 1.5 * (high - low)
    inside = numbers[(numbers >= low - reach) & (numbers <= high + reach)]  # not NaN
    margin = 0.05 * np.ptp(inside) or 1.0
    return float(inside.min() - margin), float(inside.max() + margin)


def panel_titles(tasks: Sequence[str]) -> list[str]:
    """Return readable titles of tasks; their names if two titles are equal."""
    titles = [task_title(task) for task in tasks]
    if len(set(titles)) < len(titles):
        return list(tasks)
    return titles


def new_panels(
    titles: Sequence[str], width: Width, size: tuple[float, float], **options: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure with one panel per title, in rows of at most three, or two in a column of a paper.

    A panel has the given size in inches; in a figure of another `width`, only its height. `options`
    are passed to matplotlib's ``subplots``.
    """
    from matplotlib import rcParams

    columns = min(len(titles), 3, max(1, int(inches(width, 6) / 1.8)))
    height = size[1]
    if columns == 1 and len(titles) > 2:  # in a column of a paper
        columns = 2
        height = min(height, _LOW)
    rows = ceil(len(titles) / columns)
    total = inches(width, max(columns, 1.4) * size[0])
    figure = new_figure(total, rows * height + 0.3)
    panels = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    title_width = (total - 1.1) / columns  # without labels and gaps
    for title, panel in zip(titles, panels, strict=False):
        panel.set_title(wrapped(title, title_width, rcParams["axes.titlesize"]))
    for unused in panels[len(titles) :]:
        unused.remove()
    return figure, list(panels[: len(titles)])


def label_panels(panels: Sequence[Axes], x: str, y: str) -> None:
    """Label the vertical axes of the first column and the lowest horizontal axes."""
    from matplotlib import rcParams

    figure: Any = panels[0].figure
    grid = panels[0].get_subplotspec()
    columns = 1
    if grid is not None:
        columns = grid.get_gridspec().ncols
    total = float(figure.get_size_inches()[0])
    x_label = wrapped(x, total / columns - 0.8, rcParams["axes.labelsize"])
    letters = 28  # in a line of y
    if total <= _COLUMN:
        letters = 20 if columns == 1 else 16
    for position, panel in enumerate(panels):
        if position + columns >= len(panels):  # no panel is below
            panel.set_xlabel(x_label)
        if position % columns == 0:
            panel.set_ylabel(fill(y, letters))


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
    options: dict[str, Any] = {"zorder": 2, "label": name}
    if look.is_grey:
        n_grey = sum(other.is_grey for other in looks.values())
        options = {"zorder": 1.5, "label": f"{n_grey} others"}
    elif band is not None:
        panel.fill_between(x, *band, color=look.colour, alpha=0.16, linewidth=0, step=step)
    if step is not None:
        # Staggered, as shares of the diagonal of the axes, so that markers of equal curves differ.
        first_marker = 0.02 + 0.2 * list(looks).index(name) / len(looks)
        options |= {"drawstyle": f"steps-{step}", "markevery": (first_marker, 0.2)}
    panel.plot(x, y, **look.line(), **options)


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

    # Ticks are created when the figure is drawn, after the end of the style of nasmeta.
    panel.grid(
        True,
        which="major",
        axis=axis,
        color=rcParams["grid.color"],
        linewidth=rcParams["grid.linewidth"],
    )
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=rcParams["xtick.labelsize"])


def legend_below(figure: Figure, title: str = "", width: Width = None) -> None:
    """Put a legend of all lines below the panels, and make the figure taller by the legend's height.

    In a figure one column wide, the panels are as tall as `PROPORTION` and the legend allow.
    """
    from matplotlib import rcParams

    lines: dict[Any, Any] = {}  # by name
    for panel in figure.axes:
        handles, names = panel.get_legend_handles_labels()
        lines |= dict(zip(names, handles, strict=True))
    total, height = figure.get_size_inches()
    letter = points(8) / 72
    widest = max(text_inches(name, rcParams["legend.fontsize"]) for name in lines)
    entry = widest + (_HANDLE + 2.5) * letter
    rows = ceil(len(lines) / max(1, int(total / entry)))
    title = wrapped(title, total - 0.15, rcParams["legend.title_fontsize"])
    legend = figure.legend(
        list(lines.values()),
        list(lines),
        loc="outside lower center",
        ncols=ceil(len(lines) / rows),
        title=title,
        handlelength=_HANDLE,
        columnspacing=1.5,
    )
    legend.get_title().set_multialignment("center")
    needed = 1.5 * letter * (rows + len(title.splitlines()))
    height = max(height + needed, needed / _LEGEND)
    first: Any = figure.axes[0]
    grid = first.get_subplotspec().get_gridspec()
    if width is not None and grid.ncols == 1:
        most = max(PROPORTION * total * grid.nrows, _LOWEST * grid.nrows + needed)
        height = min(height, most)
    figure.set_size_inches(total, height)


def check_formats(formats: Sequence[str]) -> None:
    """Raise a SettingError for an unknown format of figures."""
    for name in formats:
        check_choice("format", name, _FORMATS)


def save_figure(
    figure: Figure, path: str | PathLike[str], formats: Sequence[str] = ("png", "svg")
) -> list[Path]:
    """Write a figure as PNG (200 dots per inch), SVG or PDF; the same figure gives the same bytes.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        For example from `plot_regret`.
    path : path-like
        Path without a suffix: "curves" becomes "curves.png" and "curves.svg". Missing folders are
        created.
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
            content = BytesIO()
            figure.savefig(content, format=name, **_FORMATS[name])
        if name == "png":  # 256 colours take a third of the space
            image = Image.open(content).convert("RGB").quantize(256, dither=Image.Dither.NONE)
            content = BytesIO()
            image.save(content, format=name, optimize=True)
        write_atomically(file, content.getvalue())
    return files
