"""Files that describe sources, read from a folder that a contributor has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nasmeta.errors import DamagedFileError
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


@pytest.mark.parametrize(
    "content",
    [
        b"name = " + b"1" * 5_000,
        b'name = "\xff"',
        b"name",
        b'table = "nb201"',
        b'name = "lost"',
        b'name = "lost"\nfiles = [{key = 1}]\ncolumns = []',
        b'name = "lost"\nfiles = 1\ncolumns = []',
    ],
    ids=["digits", "bytes", "no TOML", "no name", "no files", "a file without a path", "files that are none"],
)
def test_an_invalid_file(folder: Path, content: bytes) -> None:
    (folder / "lost.toml").write_bytes(content)
    with pytest.raises(DamagedFileError):
        list(registered_sources().values())
