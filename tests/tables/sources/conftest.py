"""Columns of a registered source, as the store has them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from nasmeta.tables import ColumnInfo
from nasmeta.tables.sources import registered_sources

Read = dict[str, tuple[ColumnInfo, NDArray[np.float32]]]


@pytest.fixture(scope="session")
def read_source(request: pytest.FixtureRequest, cache_with: Callable) -> Callable[[str], Read]:
    """Return a function from a source's name to its columns by address.

    If they are downloads and there is no mirror, a test that calls it is skipped.
    """
    known = {}

    def read(name: str) -> Read:
        if name not in known:
            source = registered_sources()[name]
            if not source.package:
                request.getfixturevalue("mirror")
            file = source.open(cache_with(name) / "tables" / "v1" / source.table / f"{name}.arrow")
            known[name] = {
                info.address: (info, file.column(i)) for i, info in enumerate(file.infos)
            }
            assert len(known[name]) == len(file.infos)
        return known[name]

    return read
