"""Files that describe sources, read from a folder that a contributor has changed."""

from __future__ import annotations

import re
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
    ("content", "why"),
    [
        (b"name = " + b"[" * 50_000, "nested"),
        (b"name = " + b"1" * 5_000, "Exceeds the limit"),
        (b'name = "\xff"', "utf-8"),
        (b"name", "Expected"),
        (b'table = "nb201"', "'name'"),
        (b'name = "lost"', "'lost'"),
        (b'name = "lost"\nfiles = [{key = 1}]\ncolumns = []', "path"),
        (b'name = "lost"\nfiles = 1\ncolumns = []', "not iterable"),
    ],
    ids=["deep", "digits", "bytes", "no TOML", "no name", "no files", "a file without a path", "files that are none"],
)
def test_a_file_that_describes_no_source_is_named_with_the_reason(folder: Path, content: bytes, why: str) -> None:
    (folder / "lost.toml").write_bytes(content)
    with pytest.raises(DamagedFileError, match=f"{re.escape(str(folder))}.lost.toml describes no source: .*{why}"):
        registered_sources()
