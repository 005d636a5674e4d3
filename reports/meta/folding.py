"""Long sections of a page are folded, so that its headings and its summary fit a screen."""

from __future__ import annotations

import re

LONG = 80  # words, from which on the body of a section is folded


def folded(page: str) -> str:
    """Return the page with the body of each long section folded; its title, and what is folded already, stay."""
    title, *sections = re.split(r"(?<=\n)(?=#{2,} )", page)
    return title + "".join(_folded(section) for section in sections)


def _folded(section: str) -> str:
    heading, _, body = section.partition("\n")
    if "<details>" in body or len(body.split()) <= LONG:
        return section
    return f"{heading}\n\n<details><summary>Show</summary>\n\n{body.strip()}\n\n</details>\n\n"
