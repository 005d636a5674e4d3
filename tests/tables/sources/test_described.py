"""Files that describe sources, read from a folder that a contributor has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nasmeta.files import shipped
from nasmeta.tables.sources import _registry, registered_sources


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder with one source, in which sources are looked for."""
    (tmp_path / "meco.toml").write_bytes((shipped("sources") / "meco.toml").read_bytes())
    monkeypatch.setattr(_registry, "shipped", lambda name: tmp_path)
    registered_sources.cache_clear()
    yield tmp_path
    registered_sources.cache_clear()


def test_a_source_is_found_by_its_name(folder: Path) -> None:
    assert list(registered_sources()) == ["meco"]
