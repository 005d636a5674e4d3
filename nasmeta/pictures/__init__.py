"""Pictures for papers: widths by name, a user's rcParams before ours, figures that show themselves in a notebook."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar, cast

from nasmeta.errors import SettingError, UnknownNameError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__: list[str] = []  # of the ground: for rooms, not for users

P = ParamSpec("P")
R = TypeVar("R")
Width: TypeAlias = "str | float | None"

WIDTHS = {  # inches: of a column, and of the text where that is another
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
_FONT_SIZE = 10.0  # matplotlib's, to which our sizes are in proportion


def inches(width: Width, default: float) -> float:
    """Return a width in inches: that of a paper's column or text by its name, a number, or the default.

    >>> inches("icml", 5.0), inches(4, 5.0), inches(None, 5.0)
    (3.25, 4.0, 5.0)
    """
    if width is None:
        return default
    if isinstance(width, str):
        if width not in WIDTHS:
            raise UnknownNameError.of("width", width, WIDTHS)
        return WIDTHS[width]
    if isinstance(width, bool) or not isinstance(width, int | float) or not 1 <= width <= 100:
        raise SettingError(
            f"A width is a number of inches from 1 to 100 or one of {', '.join(WIDTHS)}, not {width!r:.80}."
        )
    return float(width)


def house_style(
    label: float = 9, tick: float = 8, legend: float = 8, *, framed: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:  # fmt: skip
    """Return a decorator of plot functions: ours is what the user's rcParams leave at matplotlib's default.

    Sizes are points at matplotlib's ``font.size``, and grow and shrink with the user's; `framed` axes have four sides.
    Texts are drawn as they stand: a ``$`` in a name begins no formula.
    """

    def decorate(plot: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(plot)
        def styled(*arguments: P.args, **settings: P.kwargs) -> R:
            import matplotlib

            now: Any = matplotlib.rcParams
            default: Any = matplotlib.rcParamsDefault
            ours: dict[str, Any] = {
                "axes.labelsize": points(label),
                "axes.spines.right": framed,
                "axes.spines.top": framed,
                "axes.titlesize": points(label),
                "figure.facecolor": "white",
                "grid.color": "0.9",
                "grid.linewidth": 0.6,
                "legend.fontsize": points(legend),
                "legend.frameon": False,
                "legend.title_fontsize": points(legend),
                "lines.linewidth": 1.4,
                "lines.markersize": 4.5,
                "xtick.labelsize": points(tick),
                "ytick.labelsize": points(tick),
            }
            left: Any = {key: own for key, own in ours.items() if now[key] == default[key]}
            with matplotlib.rc_context(left):
                figure = plot(*arguments, **settings)
                _without_formulas(cast("Figure", figure))
                return figure

        return styled

    return decorate


def _without_formulas(figure: Figure) -> None:
    """Let no text of a figure be read as a formula, but for the numbers at ticks: those of powers of ten are some."""
    parts = [figure, *figure.subfigs]
    legends = [legend for part in parts for legend in part.legends]
    texts = [text for part in parts for text in part.texts]
    for axes in figure.axes:
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        legends += filter(None, [axes.get_legend()])
    for text in [*texts, *(text for legend in legends for text in (*legend.get_texts(), legend.get_title()))]:
        text.set_parse_math(False)


def points(size: float) -> float:
    """Return a size of text in proportion to the user's ``font.size``.

    >>> points(9)
    9.0
    """
    from matplotlib import rcParams

    return size * float(rcParams["font.size"]) / _FONT_SIZE


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, with constrained layout, that shows itself in a notebook."""
    from nasmeta.pictures._figure import Picture

    return Picture(figsize=(width, height), layout="constrained")


def text_inches(text: str, size: Any) -> float:
    """Return how wide the widest line of a text is in the user's font.

    >>> text_inches("evaluations", 9) < text_inches("evaluations", 10) < text_inches("simulated seconds", 10)
    True
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(size=size)
    paths = [TextPath((0, 0), line.replace("$", r"\$"), prop=font) for line in text.splitlines() if line.strip()]
    return max((float(path.get_extents().x1) / 72 for path in paths), default=0.0)


def wrapped(text: str, width: float, size: Any) -> str:
    r"""Break a text into lines that are no wider than so many inches, where its words allow it.

    >>> wrapped("average rank over 36 blocks", 10, 9), wrapped("average rank over 36 blocks", 1.1, 9)
    ('average rank over 36 blocks', 'average rank\nover 36 blocks')
    """
    letters = len(text)
    while (broken := "\n".join(wrap(text, letters, break_long_words=False))) and letters > 8:
        if text_inches(broken, size) <= width:
            break
        letters -= 1
    return broken


def fitting_size(text: str, width: float, size: Any) -> float:
    """Return a size of at most `size` at which a text is no wider than so many inches, as far as it can be read then.

    >>> fitting_size("nb201/cifar10", 3, 9), fitting_size("nb201/cifar10/tradeoff-5.89/edgegpu", 1.4, 9) < 9
    (9.0, True)
    """
    from matplotlib.font_manager import FontProperties

    asked = float(FontProperties(size=size).get_size_in_points())
    wide = text_inches(text, asked)
    return asked if wide <= width else max(5.0, asked * width / wide)


class ShowsFacts:
    """Base of what a notebook shows as its facts."""

    def _facts(self) -> Mapping[str, object]:
        """Return what is shown, in words, by heading."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        left = 'style="text-align: left"'
        rows = "".join(
            f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(str(fact))}</td></tr>"
            for name, fact in self._facts().items()
        )
        return f"<table><caption>{escape(type(self).__name__)}</caption><tbody>{rows}</tbody></table>"
