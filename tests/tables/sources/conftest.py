"""Columns of a registered source, read from a package's files or from the mirror's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nasmeta.spaces import get_space
from nasmeta.tables import ColumnInfo
from nasmeta.tables.sources import registered_sources

Read = dict[str, tuple[ColumnInfo, NDArray[np.float32]]]


@pytest.fixture(scope="session")
def read_source(request: pytest.FixtureRequest) -> Callable[[str], Read]:
    """Return a function from a source's name to its columns by address; raw files are hashed as the store does.

    Where they are downloads and there is no mirror, a test that calls it is skipped.
    """
    known: dict[str, Read] = {}

    def read(name: str) -> Read:
        if name not in known:
            source = registered_sources()[name]
            files = source.raw_files()
            if not source.package:
                mirror: Path = request.getfixturevalue("mirror")
                files = {file.key: mirror / file.path for file in source.files}
            sha256 = {key: hashlib.sha256(path.read_bytes()).hexdigest() for key, path in files.items()}
            columns = source.read(get_space(source.space), files, sha256)
            known[name] = {info.address: (info, values) for info, values in columns}
            assert len(known[name]) == len(columns)
        return known[name]

    return read
