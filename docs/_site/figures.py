"""Figures that several pages show: each has one source, the page of a report.

A comment ``<!-- rows of PATH by COLUMN, … -->`` above a table fills its cells from a table of the
report. A link to a report whose label contains a number must repeat a number of that page. ``python
docs/_site/figures.py`` rewrites the pages after a report has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = r"(?:^\|.*\n)+"
MARKED = re.compile(rf"<!-- rows of (\S+) by (.+) -->\n\n({TABLE})", re.MULTILINE)
LABEL = re.compile(r"\[([^\]]*\d[^\]]*)\]\(((?:\.\./)*reports/[^)]+\.md)\)")


def cells(line: str) -> list[str]:
    """Return the cells of a line of a Markdown table, without remarks in parentheses."""
    return [re.sub(r" \([\d,.]+\)$", "", one.strip()) for one in line.strip().strip("|").split("|")]


def tables(text: str) -> Iterator[list[dict[str, str]]]:
    """Yield the rows of each table."""
    for found in re.findall(TABLE, text, re.MULTILINE):
        head, _, *rows = found.splitlines()
        yield [dict(zip(cells(head), cells(row), strict=False)) for row in rows]


def filled(text: str) -> str:
    """Return a page with the cells of its marked tables taken from the reports."""
    return MARKED.sub(_filled, text)


def _filled(match: re.Match[str]) -> str:
    path, keys, table = match.groups()
    by = keys.split(", ")
    rows = [
        row
        for one in tables((ROOT / path).read_text("utf-8"))
        for row in one
        if set(by) <= set(row)
    ]
    source = {tuple(row[key] for key in by): row for row in reversed(rows)}
    head, rule, *lines = table.splitlines()
    new = [head, rule]
    for line in lines:
        row = dict(zip(cells(head), cells(line), strict=True))
        found = source[tuple(row[key] for key in by)]
        new.append("| " + " | ".join(found[column] for column in row) + " |")
    return match[0].replace(table, "\n".join(new) + "\n")


def outdated(text: str) -> list[str]:
    """Return the labels of links to reports with a number that the report does not contain."""
    found = []
    for label, target in LABEL.findall(text):
        report = (ROOT / target[target.index("reports/") :]).read_text("utf-8")
        found += [label for number in re.findall(r"\d[\d,.]*\d|\d", label) if number not in report]
    return found


def pages() -> list[Path]:
    """Return README and the pages of the documentation."""
    return [
        ROOT / "README.md",
        *(one for one in ROOT.glob("docs/**/*.md") if "generated" not in one.parts),
    ]


if __name__ == "__main__":
    for page in pages():
        page.write_text(filled(page.read_text("utf-8")), encoding="utf-8")
