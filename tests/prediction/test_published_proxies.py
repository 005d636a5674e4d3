"""The proxies of NAS-Bench-Suite-Zero as inputs of a predictor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import ColumnError
from nasmeta.prediction import published_proxies

SPACE = nm.get_space("nb201")


@pytest.fixture
def with_proxies(mirror: Path, cache_with: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(cache_with("zero-cost-nb201")))


def test_where_there_are_none_the_command_is_named(
    cache_with: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(cache_with()))
    with pytest.raises(ColumnError):
        nm.predict(
            "xgboost:published-proxies", "nb201/cifar10", sizes=[20], draws=1, target="valid"
        )


def test_a_cell_without_has_the_mean_of_its_class(with_proxies: None) -> None:
    columns = published_proxies.__wrapped__(nm.get_task("nb201/cifar10"))
    assert len(columns) == 13
    recorded = nm.load_table("nb201").column("cifar10", "proxy_synflow").astype(float)
    known = np.isfinite(recorded)
    np.testing.assert_array_equal(columns["synflow"][known], recorded[known])
    classes = np.asarray(SPACE.canonical(np.arange(SPACE.size)))
    alone = ~np.isin(classes, classes[known])
    assert np.isnan(columns["synflow"][alone]).all()
    one = int(np.flatnonzero(~known & ~alone)[0])
    assert columns["synflow"][one] == pytest.approx(
        recorded[known & (classes == classes[one])].mean()
    )
