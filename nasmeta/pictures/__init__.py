"""Figures for papers: widths by name, a style that respects the user's rcParams, and display in notebooks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from textwrap import fill
from typing import TYPE_CHECKING, Any, TypeAlias

from nasmeta.checks import check_number
from nasmeta.errors import UnknownNameError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__: list[str] = []  # for other subpackages

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


_SPELLINGS = {
    "cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16-120": "ImageNet16-120", "arxiv": "arXiv",
    "citeseer": "CiteSeer", "cs": "CS", "pubmed": "PubMed", "edgegpu": "Edge GPU", "edgetpu": "Edge TPU",
    "eyeriss": "Eyeriss", "fpga": "FPGA", "pixel2": "Pixel 2", "pixel3": "Pixel 3", "raspi4": "Raspberry Pi 4",
    "pgd": "PGD", "fgsm": "FGSM", "apgd-ce": "APGD-CE", "segmentsemantic": "semantic segmentation",
    "normal": "surface normals",
}  # fmt: skip
_READABLE = (  # parts of a task's name
    (r"(latency|energy)/([^/+@#]+)", r"\2 \1"),
    (r"robust/([\w-]+)@([\d.]+)", r"accuracy under \1 \2"),
    (r"within-([\d.]+)(\w+)/", r"at most \1 \2 on "),
    (r"tradeoff-[\d.]+/", "trade-off with "),
    (r"@(\d+)ep", r", \1 epochs"),
    (r"#(\w+)", r", seed \1"),
    (r"[/+@]", ", "),
    (r"_", " "),
    (r"train[ -]seconds", "training time"),
)


def task_title(name: str) -> str:
    """Return a readable title of a task.

    >>> task_title("nb201/cifar10@12ep"), task_title("nb201/cifar100+latency/pixel3"), task_title("tnb101/class_scene")
    ('CIFAR-10, 12 epochs', 'CIFAR-100, Pixel 3 latency', 'Class scene')
    """
    title = name.partition("/")[2] or name
    for pattern, readable in _READABLE if title != name else ():
        title = re.sub(pattern, readable, title)
    title = _spelled(title)
    return title[:1].upper() + title[1:] if title != name else name


def _spelled(text: str) -> str:
    return re.sub(r"[\w-]+", lambda word: _SPELLINGS.get(word[0], word[0]), text)


def value_label(metric: str, unit: str) -> str:
    """Return the label of an axis from a column's metric and unit.

    >>> value_label("latency pixel3 milliseconds", "ms"), value_label("accuracy", "percent")
    ('Pixel 3 latency (ms)', 'accuracy (%)')
    """
    text = re.sub(r"train seconds", "training time", metric)
    text = re.sub(r"^(latency|energy) (.+?)( milliseconds| millijoules)?$", r"\2 \1", text)
    return _spelled(text) + {"1": "", "percent": " (%)"}.get(unit, f" ({unit})")


def inches(width: Width, default: float) -> float:
    """Return a width in inches, from the name of a paper's column or text, a number, or the default.

    >>> inches("icml", 5.0), inches(4, 5.0), inches(None, 5.0)
    (3.25, 4.0, 5.0)
    """
    if width is None:
        return default
    if isinstance(width, str):
        if width not in WIDTHS:
            raise UnknownNameError.of("width", width, WIDTHS)
        return WIDTHS[width]
    return float(check_number("width", width, 1, 100))


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


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, with constrained layout, which a notebook displays."""
    from nasmeta.pictures._figure import Picture

    return Picture(figsize=(width, height), layout="constrained")


def text_inches(text: str, size: Any) -> float:
    """Return the width of the widest line of a text in the user's font.

    >>> text_inches("evaluations", 9) < text_inches("evaluations", 10) < text_inches("simulated seconds", 10)
    True
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(size=size)
    paths = [TextPath((0, 0), line, prop=font) for line in text.splitlines() if line.strip()]
    return max((float(path.get_extents().x1) / 72 for path in paths), default=0.0)


def wrapped(text: str, width: float, size: Any) -> str:
    r"""Break a text between words into lines of at most `width` inches.

    >>> wrapped("average rank over 36 blocks", 10, 9), wrapped("average rank over 36 blocks", 1.1, 9)
    ('average rank over 36 blocks', 'average rank\nover 36 blocks')
    """
    letters = int(0.95 * len(text) * width / max(text_inches(text, size), 0.1))
    return fill(text, max(letters, 8), break_long_words=False)


def robust_limits(values: Any) -> tuple[float, float]:
    """Return limits of an axis that leave out values far from the others, by 1.5 interquartile ranges (Tukey, 1977).

    >>> robust_limits([10, 85, 86, 87, 88, 90])
    (84.75, 90.25)
    """
    import numpy as np

    low, high = np.nanquantile(values, (0.25, 0.75))
    reach, finite = 1.5 * (high - low), np.asarray(values, dtype=float)
    inside = finite[(finite >= low - reach) & (finite <= high + reach)]
    margin = 0.05 * np.ptp(inside) or 1.0
    return float(inside.min() - margin), float(inside.max() + margin)


class ShowsFacts:
    """Base class of objects that a notebook displays as a table of facts."""

    def _facts(self) -> Mapping[str, object]:
        """Return the displayed facts by heading."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        left = 'style="text-align: left"'
        rows = "".join(
            f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(str(fact))}</td></tr>"
            for name, fact in self._facts().items()
        )
        return f"<table><caption>{escape(type(self).__name__)}</caption><tbody>{rows}</tbody></table>"
