"""Sections of a page, rendered as Markdown, HTML and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from nasmeta.errors import SettingError
from nasmeta.files import write_atomically
from nasmeta.pages._tables import Goals, in_markdown, to_html, to_latex, to_markdown
from nasmeta.plotting import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Section:
    """A part of a page; a table with a name is also written as LaTeX."""

    heading: str = ""
    text: str = ""
    table: pd.DataFrame | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    goals: Goals = field(default_factory=dict)
    decimals: Mapping[str, int] = field(default_factory=dict)
    note: str = ""  # below the table
    name: str = ""
    # their descriptions by file name without suffix
    figures: Mapping[str, str] = field(default_factory=dict)

    def in_markdown(self) -> Section:
        """Return the section with its texts, headings and labels as Markdown."""
        paragraphs = map(in_markdown, self.text.split("\n\n"))
        table = self.table
        headers = dict(self.headers)
        if table is not None:
            for name in map(str, table):
                headers[name] = in_markdown(headers.get(name, name.replace("_", " ")))
            table = table.map(_cell_in_markdown)
        return replace(
            self,
            heading=in_markdown(self.heading),
            text="\n\n".join(paragraphs),
            table=table,
            headers=headers,
            note=in_markdown(self.note),
        )


def _cell_in_markdown(value: object) -> object:
    if isinstance(value, str):
        return in_markdown(value)
    return value


def as_markdown(
    title: str,
    sections: Iterable[Section],
    remarks: Iterable[str] = (),
    figures: Mapping[str, str] | None = None,
) -> str:
    """Return sections with texts in Markdown as a page; `figures` are the paths of figures by name, relative to it."""
    paths = figures or {}
    parts = [f"# {title}"]
    for section in sections:
        if section.heading:
            parts.append(f"## {section.heading}")
        parts.append(section.text)
        for name, description in section.figures.items():
            if name in paths:
                parts.append(f"![{description}]({paths[name]})")
        if section.table is not None:
            table = to_markdown(section.table, section.headers, section.decimals)
            parts.append(table.rstrip("\n"))
        parts.append(section.note)
    parts.append("\n".join(f"* {remark}" for remark in remarks))
    return "\n\n".join(filter(None, parts)) + "\n"


def write_markdown(
    path: Path,
    title: str,
    sections: Sequence[Section],
    remarks: Iterable[str] = (),
    figures: Mapping[str, Callable[[], Figure]] | None = None,
    folder: str = "",
    formats: Sequence[str] = ("png", "svg"),
) -> list[Path]:
    """Write sections with texts in Markdown, and figures in a `folder` next to the page; return the page, then these.

    A remark names each figure that cannot be drawn. Figures that no section mentions are only
    saved.
    """
    home = path.parent
    home.mkdir(parents=True, exist_ok=True)
    if figures is None or not formats:
        figures = {}
    remarks = list(remarks)
    paths = dict[str, str]()
    written = [path]
    for name, draw in figures.items():
        try:
            files = save_figure(draw(), home / folder / name, formats)
        except SettingError as reason:
            remarks.append(in_markdown(f"No figure {name}: {reason}"))
        else:
            paths[name] = files[0].relative_to(home).as_posix()
            written += files
    write_atomically(path, as_markdown(title, sections, remarks, paths))
    return written


def as_html(sections: Iterable[Section], pictures: Mapping[str, str]) -> str:
    """Return sections as HTML, with pictures by name. Wide tables scroll by themselves, also with the keyboard."""
    parts = []
    for section in sections:
        if section.heading:
            parts.append(f"<h3>{escape(section.heading)}</h3>")
        if section.text:
            parts.append(f"<p>{escape(section.text)}</p>")
        for name in section.figures:
            if name in pictures:
                parts.append(f'<div class="picture">{pictures[name]}</div>')
        if section.table is not None:
            table = to_html(section.table, section.headers, section.goals, section.decimals)
            label = escape(section.heading or section.text or section.note)
            parts.append(
                f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{table}</div>'
            )
        if section.note:
            parts.append(f'<p class="note">{escape(section.note)}</p>')
    return "\n".join(parts)


def latex_tables(sections: Iterable[Section], notes: Iterable[str] = ()) -> dict[str, str]:
    """Return the tables of a page by file name without suffix; each is a tabular for an input command.

    The `notes` become comments.
    """
    head = ""
    for comment in ("Needs \\usepackage{booktabs}. Written by nasmeta report.", *notes):
        head += f"% {comment}\n"
    tables = {}
    for section in sections:
        if section.table is not None and section.name:
            table = to_latex(section.table, section.headers, section.goals, section.decimals)
            tables[section.name] = head + table
    return tables
