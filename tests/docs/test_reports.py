"""A report's page is short before one unfolds its details, and what is folded is closed again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPORTS = Path(__file__).resolve().parents[2] / "reports"
PAGES = sorted(REPORTS.glob("*/README.md"))


def _in_sight(page: str) -> str:
    return re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_page_has_at_most_1500_words_before_its_details(page: Path) -> None:
    shown = _in_sight(page.read_text("utf-8"))
    assert len(shown.split()) <= 1500
    assert "<details>" not in shown
    assert "</details>" not in shown
