"""Objects that a notebook displays as a table of facts."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape


class ShowsFacts:
    """Base class of objects that a notebook displays as a table of facts."""

    def _facts(self) -> Mapping[str, object]:
        """Return the displayed facts by heading."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        left = 'style="text-align: left"'
        rows = ""
        for name, fact in self._facts().items():
            rows += f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(str(fact))}</td></tr>"
        caption = escape(type(self).__name__)
        return f"<table><caption>{caption}</caption><tbody>{rows}</tbody></table>"
