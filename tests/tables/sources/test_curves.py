"""Learning curves of 200 cells: they end where the table of the same release is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nasmeta.tables import load_table


def test_curves_end_at_the_table(read_source: Callable) -> None:
    columns = {
        (info.split, info.epoch): (info, values)
        for info, values in read_source("nb201-curves").values()
    }
    assert len(columns) == 400
    assert {epoch for _, epoch in columns} == set(range(1, 201))
    info, end = columns["valid", 200]
    architectures = np.flatnonzero(~np.isnan(end))
    assert architectures.tolist() == list(range(200))
    table = load_table("nb201").column(
        "cifar10", "accuracy", "valid", 200, "mean", release=info.release
    )
    np.testing.assert_allclose(end[:200], table[:200], atol=1e-5)


def test_values_of_the_first_row(read_source: Callable) -> None:
    columns = {
        (info.split, info.epoch): values for info, values in read_source("nb201-curves").values()
    }
    start = [columns["train", epoch][0] for epoch in (1, 2, 3)]
    assert start == pytest.approx(
        [27.206666664632163, 35.66933333943685, 40.16399998819987], rel=1e-6
    )
    assert columns["train", 200][0] > columns["train", 1][0]
