"""Figures in README and the documentation are those of the reports."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from scripts import load_script

FILE = Path(__file__).resolve().parents[2] / "docs" / "_site" / "figures.py"


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    return load_script("docs/_site/figures.py")


def test_tables_have_the_values_of_the_reports(figures: ModuleType) -> None:
    texts = {page: page.read_text("utf-8") for page in figures.pages()}
    assert sum("<!-- rows of" in text for text in texts.values()) >= 2
    why = "python docs/_site/figures.py writes them."
    assert [page.name for page, text in texts.items() if figures.filled(text) != text] == [], why


def test_numbers_in_links_are_in_the_reports(figures: ModuleType) -> None:
    assert [
        one for page in figures.pages() for one in figures.outdated(page.read_text("utf-8"))
    ] == []
