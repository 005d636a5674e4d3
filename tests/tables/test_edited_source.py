"""A source of another package is read again after its code or its raw file changes."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from nasmeta.spaces import get_space
from nasmeta.tables import _store

MODULE = """
import numpy as np
from pathlib import Path
from nasmeta.tables import ColumnInfo
from nasmeta.tables.sources import Source

FACTOR = 1.0

class Own(Source):
    name, table, space, release, licence, citation, holds, how_to_get = "own", "own", "tnb101", "-", "-", "-", "-", "-"

    def raw_files(self):
        return {"raw": Path(__file__).with_name("raw.txt")}

    def read(self, space, files, sha256):
        info = ColumnInfo("pets", "accuracy", "valid", None, None, "percent", "max", "-", "own", "-")
        return [(info, np.full(space.size, FACTOR, dtype=np.float32))]
"""


def test_an_edited_reader_reads_again(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "raw.txt").write_text("1")
    file = tmp_path / "own_source_of_a_test.py"
    file.write_text(MODULE)
    module = importlib.import_module(file.stem)
    try:
        first = _store.open_or_build(module.Own())
        built = first.path.stat().st_mtime_ns
        assert _store.open_or_build(module.Own()).path.stat().st_mtime_ns == built
        file.write_text(MODULE.replace("FACTOR = 1.0", "FACTOR = 25.5"))  # a helper beside the class, too
        module = importlib.reload(module)
        assert _store.open_or_build(module.Own()).column(0)[0] == 25.5
        before = first.path.stat().st_mtime_ns
        (tmp_path / "raw.txt").write_text("other")
        assert _store.open_or_build(module.Own()).path.stat().st_mtime_ns > before
    finally:
        del sys.modules[file.stem]
    assert get_space("tnb101").size == first.n_cells
