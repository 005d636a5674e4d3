"""Figures in README and the documentation are those of the reports."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[2] / "docs" / "_site" / "figures.py"


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("site_figures", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_have_the_values_of_the_reports(figures: ModuleType) -> None:
    texts = {page: page.read_text("utf-8") for page in figures.pages()}
    assert sum("<!-- rows of" in text for text in texts.values()) >= 2
    why = "python docs/_site/figures.py writes them."
    assert [page.name for page, text in texts.items() if figures.filled(text) != text] == [], why


def test_numbers_in_links_are_in_the_reports(figures: ModuleType) -> None:
    assert [one for page in figures.pages() for one in figures.outdated(page.read_text("utf-8"))] == []
