"""A figure that a notebook displays without pyplot."""

from __future__ import annotations

import io

from matplotlib.colors import to_hex
from matplotlib.figure import Figure


class Picture(Figure):
    """A matplotlib figure that a notebook displays."""

    def __repr__(self) -> str:
        """Return the size in inches, the titles, and the colours of named lines."""
        titles = [axes.get_title() for axes in self.axes]
        colours = {}
        for axes in self.axes:
            for line in axes.lines:
                name = str(line.get_label())
                if not name.startswith("_"):  # as matplotlib names lines without a label
                    colours[name] = to_hex(line.get_color())
        width, height = self.get_size_inches()
        return f"<Picture {width:.2f} x {height:.2f}: {titles}, {colours}>"

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        self.savefig(content, format="png", dpi=144)
        return content.getvalue()
