"""A figure that a notebook displays without pyplot."""

from __future__ import annotations

import io

from matplotlib.colors import to_hex
from matplotlib.figure import Figure


class Picture(Figure):
    """A matplotlib figure that a notebook displays."""

    def __repr__(self) -> str:
        """Return the size in inches, the titles, and the colours of named lines."""
        lines = [line for axes in self.axes for line in axes.lines]
        named = {str(line.get_label()): to_hex(line.get_color()) for line in lines}
        named = {name: colour for name, colour in named.items() if not name.startswith("_")}
        width, height = self.get_size_inches()
        return f"<Picture {width:.2f} x {height:.2f}: {[axes.get_title() for axes in self.axes]}, {named}>"

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=144)
        return content.getvalue()
