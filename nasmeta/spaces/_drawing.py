"""Pictures of architectures, and rows of choices on them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError, shown
from nasmeta.pictures import Width, inches
from nasmeta.spaces._graph_drawing import DEAD, DEAD_TEXT, INCHES, text_width

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nasmeta.spaces._positions import Position

_CHOSEN = "#0072B2"
_NAME_SIZE, _CHOICE_SIZE = 8.0, 7.0
_ROW = 0.55
_SHOWN = 12  # positions
_WIDEST = 7.5  # of a row of choices


class Drawing:
    """A picture of an architecture that shows itself in a notebook; ``figure`` and ``ax`` are matplotlib's."""

    def __init__(self, figure: Figure, ax: Any, *, cropped: bool = True) -> None:
        self.figure, self.ax = figure, ax
        self._saved: dict[str, Any] = {"bbox_inches": "tight"} if cropped else {}

    def svg(self) -> str:
        """Return the picture as SVG."""
        text = io.StringIO()
        self.figure.savefig(text, format="svg", **self._saved)
        return text.getvalue()

    def _repr_svg_(self) -> str:
        return self.svg()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture; the suffix says the format, which must be one of matplotlib's."""
        known = self.figure.canvas.get_supported_filetypes()
        suffix = os.path.splitext(os.fspath(path))[1].removeprefix(".")
        if suffix.lower() not in known:
            raise SettingError(f"{os.fspath(path)} has no suffix of a picture. Possible: {', '.join(sorted(known))}.")
        self.figure.savefig(path, **self._saved)


def facts_of(name: str, size: int, positions: Sequence[Position]) -> dict[str, object]:
    """Return what a notebook shows of a space: its positions, each with its choices."""
    facts: dict[str, object] = {"name": name, "architectures": f"{size:,}"}
    for position in positions[:_SHOWN]:
        facts[position.name] = ", ".join(map(str, position.choices))
    return facts if len(positions) <= _SHOWN else {**facts, "…": f"{len(positions) - _SHOWN} more positions"}


def drawn(draw: Callable[[Any], object], ax: Any, width: Width = None) -> Drawing:
    """Return what a function draws on axes, or on a figure of its own whose size fits, or whose width is given."""
    from matplotlib.figure import Figure

    if ax is not None and width is not None:
        raise SettingError("A width is that of a new figure: leave it out where the axes are given.")
    if ax is not None and not hasattr(ax, "get_xlim"):
        raise SettingError(f"ax must be axes of matplotlib, not {shown(ax)}.")
    figure = Figure(facecolor="white") if ax is None else ax.figure
    axes = figure.add_axes((0, 0, 1, 1)) if ax is None else ax
    draw(axes)
    if ax is None:
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        natural = INCHES * abs(right - left)
        across = inches(width, natural)
        figure.set_size_inches(across, across / abs(right - left) * abs(top - bottom))
        _shrink(axes, min(1.0, across / natural))
    return Drawing(figure, axes, cropped=width is None)


def _shrink(axes: Any, factor: float) -> None:
    """Shrink what has its size in points, so that it keeps its place in a narrower figure."""
    for text in axes.texts:
        text.set_fontsize(text.get_fontsize() * factor)
    for line in axes.lines:
        line.set(linewidth=line.get_linewidth() * factor, markersize=line.get_markersize() * factor)
    for patch in axes.patches:
        patch.set_linewidth(patch.get_linewidth() * factor)
        if hasattr(patch, "set_mutation_scale"):
            patch.set_mutation_scale(patch.get_mutation_scale() * factor)


def draw_choices(axes: Any, positions: Sequence[Position], codes: Sequence[int] | NDArray[Any]) -> None:
    """Draw a row a position: a scale with a mark where choices are ordered, else boxes of which one is filled."""
    names, right, y = max(text_width(position.name, _NAME_SIZE) for position in positions), 0.0, 0.0
    for position, code in zip(positions, np.asarray(codes).tolist(), strict=True):
        axes.text(names, y, position.name, fontsize=_NAME_SIZE, ha="right", va="center", parse_math=False)
        draw = _draw_scale if position.ordered else _draw_boxes
        reach, y = draw(axes, [str(choice) for choice in position.choices], code, names + 0.3, y)
        right, y = max(right, reach), y - _ROW
    axes.set_xlim(-0.1, right + 0.15)
    axes.set_ylim(y + _ROW / 2 - 0.05, _ROW / 2 + 0.05)
    axes.set_aspect("equal")
    axes.axis("off")


def _draw_scale(axes: Any, choices: Sequence[str], code: int, left: float, y: float) -> tuple[float, float]:
    """Draw a line with a dot a choice and the chosen one marked; return where it ends and the last line's height."""
    widest = max(text_width(choice, _CHOICE_SIZE) for choice in choices)
    step = min(widest + 0.16, _WIDEST / max(1, len(choices) - 1))
    every = int(np.ceil((widest + 0.1) / step))
    places = left + widest / 2 + step * np.arange(len(choices))
    axes.plot(places[[0, -1]], [y + 0.09] * 2, color=DEAD, linewidth=1.0, zorder=1)
    axes.plot(places, [y + 0.09] * len(places), ".", color=DEAD, markersize=3.5, zorder=2)
    axes.plot(places[code], y + 0.09, "o", color=_CHOSEN, markersize=5.5, zorder=3)
    for i, (place, choice) in enumerate(zip(places, choices, strict=True)):
        if i == code or (abs(i - code) >= every and i % every == 0):
            _write(axes, place, y - 0.12, choice, _CHOSEN if i == code else DEAD_TEXT, bold=i == code)
    return float(places[-1] + widest / 2), y


def _draw_boxes(axes: Any, choices: Sequence[str], code: int, left: float, y: float) -> tuple[float, float]:
    """Draw a box a choice, in several lines where there are many; return how far and how deep they reach."""
    from matplotlib.patches import FancyBboxPatch

    x, reach = left, left
    for i, choice in enumerate(choices):
        width = text_width(choice, _CHOICE_SIZE) + 0.16
        if x > left and x + width - left > _WIDEST:
            x, y = left, y - 0.8 * _ROW
        box = FancyBboxPatch(
            (x, y - 0.15), width, 0.3, boxstyle="round,pad=0,rounding_size=0.06", linewidth=0.8,
            facecolor=_CHOSEN if i == code else "white", edgecolor=_CHOSEN if i == code else DEAD,
        )  # fmt: skip
        axes.add_patch(box)
        _write(axes, x + width / 2, y, choice, "white" if i == code else DEAD_TEXT, bold=i == code)
        x += width + 0.09
        reach = max(reach, x - 0.09)
    return reach, y


def _write(axes: Any, x: float, y: float, text: str, colour: str, *, bold: bool) -> None:
    weight = "bold" if bold else "normal"
    axes.text(
        x, y, text, fontsize=_CHOICE_SIZE, ha="center", va="center_baseline", color=colour, fontweight=weight,
        parse_math=False,
    )  # fmt: skip
