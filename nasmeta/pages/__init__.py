"""Pages: sections with tables and figures, written as Markdown, LaTeX and HTML."""

from nasmeta.pages._html import html_page, rounded, svg_element
from nasmeta.pages._sections import Section, as_html, as_markdown, latex_tables, write_markdown
from nasmeta.pages._tables import (
    Goals,
    in_markdown,
    interval_columns,
    number_or_dash,
    range_text,
    spread,
    texts_of,
    to_html,
    to_latex,
    to_markdown,
)

__all__ = [
    "Goals",
    "Section",
    "as_html",
    "as_markdown",
    "html_page",
    "in_markdown",
    "interval_columns",
    "latex_tables",
    "number_or_dash",
    "range_text",
    "rounded",
    "spread",
    "svg_element",
    "texts_of",
    "to_html",
    "to_latex",
    "to_markdown",
    "write_markdown",
]
