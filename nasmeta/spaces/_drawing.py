"""Pictures of architectures."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nasmeta.spaces._search_space import SearchSpace

__all__ = ["Drawing", "draw_architecture"]


class Drawing:
    """A picture of an architecture that shows itself in a notebook.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
    """

    def __init__(self, figure: Figure, ax: Any) -> None:
        self.figure, self.ax = figure, ax

    def svg(self) -> str:
        """Return the picture as SVG."""
        text = io.StringIO()
        self.figure.savefig(text, format="svg", bbox_inches="tight")
        return text.getvalue()

    def _repr_svg_(self) -> str:
        return self.svg()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture; the suffix says the format."""
        self.figure.savefig(path, bbox_inches="tight")


def draw_architecture(space: SearchSpace, architecture: int, ax: Any) -> Drawing:
    """Draw an architecture; see `SearchSpace.draw`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.0, 2.4)) if ax is None else ax.figure
    ax = figure.subplots() if ax is None else ax
    ax.set_axis_off()
    lines = [f"{name}: {choice}" for name, choice in space.choices(architecture).items()]
    ax.text(0.5, 0.5, "\n".join(lines), ha="center", va="center")
    return Drawing(figure, ax)
