"""Files that come with the package, and texts in TOML."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasmeta import files


@pytest.mark.parametrize("where", ["nasmeta/_benchmarks_data", "benchmarks_data"], ids=["wheel", "checkout"])
def test_what_is_shipped_lies_in_the_package_or_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (tmp_path / where / "sources").mkdir(parents=True)
    (tmp_path / where / "known.toml").touch()
    monkeypatch.setattr(files, "__file__", str(tmp_path / "nasmeta" / "files.py"))
    assert files.shipped("sources") == tmp_path / where / "sources"
    assert files.shipped("known.toml") == tmp_path / where / "known.toml"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = " + "[" * 50_000, "nested"),
        ("a = " + "[" * 40 + "]" * 40, "nested"),
        ("a." * 20_000 + "a = 1", "dots"),
        ("a = 1\n" * 50_000, "characters"),
        ("a = " + "1" * 5_000, "limit"),
        ("a =", "Invalid value"),
    ],
    ids=["deep", "nested", "dots", "large", "digits", "no value"],
)
def test_what_is_no_toml_is_a_value_error_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        files.parse_toml(text)
