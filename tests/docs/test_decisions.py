"""The decisions stay short enough to be read, and keep the numbers by which other files refer to them."""

from __future__ import annotations

import re
from pathlib import Path

DECISIONS = Path(__file__).resolve().parents[2] / "docs" / "decisions.md"


def _words(text: str) -> int:
    """Count the words: what stands between spaces and has a letter or a digit."""
    return sum(bool(re.search(r"\w", word)) for word in text.split())


def _sections(text: str) -> list[tuple[str, str]]:
    """Return (title, body) of each decision."""
    titles, bodies = re.findall(r"^## (.+)$", text, re.MULTILINE), re.split(r"^## .+$", text, flags=re.MULTILINE)[1:]
    return list(zip(titles, bodies, strict=True))


def test_words_are_counted() -> None:
    assert _words("## 1. A source, read `once` = 5 – 3") == 7
    assert _sections("# D\n\n## 1. A\n\none two\n\n## 2. B\n\nthree\n") == [
        ("1. A", "\n\none two\n\n"),
        ("2. B", "\n\nthree\n"),
    ]


def test_no_decision_has_more_than_150_words() -> None:
    sections = _sections(DECISIONS.read_text("utf-8"))
    assert sections
    assert not {title: _words(body) for title, body in sections if _words(body) > 150}


def test_all_decisions_have_at_most_5000_words() -> None:
    assert _words(DECISIONS.read_text("utf-8")) <= 5000


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(title.split(".")[0]) for title, _ in _sections(DECISIONS.read_text("utf-8"))]
    assert numbers == list(range(1, len(numbers) + 1))
