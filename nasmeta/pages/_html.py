"""One HTML file with its style, script and data, which loads nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from io import StringIO
from math import isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def html_page(
    package: str, name: str, title: str, data: Any, library: str = "", more: str = "", **parts: str
) -> str:
    """Return a page from the files ``name.html``, ``name.css`` and ``name.js`` in a package's folder ``assets``.

    `parts` are HTML texts that replace ``{{keys}}`` in ``name.html``. The script reads `data` from
    the element with the id ``data``, and may use a JavaScript `library`. `more` are further
    elements with data.
    """
    title = escape(title)
    body = _filled(_asset(package, f"{name}.html"), title=title, **parts)
    content = json.dumps(data, allow_nan=False, separators=(",", ":"))
    content = content.replace("<", "\\u003c")  # so that it cannot end its element
    # A script ends at the first closing tag, even inside a string.
    library = re.sub(r"</(?=script)", r"<\\/", library, flags=re.IGNORECASE)
    return _filled(
        _asset(__package__, "frame.html"),
        title=title,
        shared_style=_asset(__package__, "page.css"),
        style=_asset(package, f"{name}.css"),
        body=body,
        data=f'<script type="application/json" id="data">{content}</script>{more}',
        library=library,
        shared_script=_asset(__package__, "element.js"),
        script=_asset(package, f"{name}.js"),
    )


def _asset(package: str, name: str) -> str:
    return files(package).joinpath("assets", name).read_text(encoding="utf-8")


def _filled(template: str, **parts: str) -> str:
    """Return a template with a part for each of its ``{{keys}}``."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template)


def rounded(values: Iterable[float], digits: int = 6) -> list[float | None]:
    """Return numbers with this many significant digits; None for NaN.

    >>> rounded([91.6066666, float("nan")], 4)
    [91.61, None]
    """
    numbers: list[float | None] = []
    for value in values:
        if isnan(value):
            numbers.append(None)
        else:
            numbers.append(float(f"{value:.{digits}g}"))
    return numbers


def svg_element(figure: Figure) -> str:
    """Return a figure as an SVG element for HTML."""
    from matplotlib import rc_context

    # Without dates and random ids, so that the same figure gives the same bytes.
    unwanted = dict.fromkeys(["Date", "Creator", "Format", "Type"])
    with rc_context({"svg.hashsalt": "nasmeta"}), StringIO() as buffer:
        figure.savefig(buffer, format="svg", metadata=unwanted)
        text = buffer.getvalue()
    element = text[text.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
