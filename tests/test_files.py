"""Files that come with the package."""

from __future__ import annotations

from pathlib import Path

import pytest

from nasmeta import files


@pytest.mark.parametrize(
    "where", ["nasmeta/_benchmarks_data", "benchmarks_data"], ids=["wheel", "checkout"]
)
def test_what_is_shipped_lies_in_the_package_or_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (tmp_path / where / "sources").mkdir(parents=True)
    (tmp_path / where / "known.toml").touch()
    monkeypatch.setattr(files, "__file__", str(tmp_path / "nasmeta" / "files.py"))
    assert files.shipped("sources") == tmp_path / where / "sources"
    assert files.shipped("known.toml") == tmp_path / where / "known.toml"
