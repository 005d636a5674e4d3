"""Accuracy under attack: hand-checked cells, names of sizes, order of attacks, and what is copied."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nasmeta.spaces import get_space


def test_values_of_the_first_row(read_source: Callable) -> None:
    columns = read_source("nb201-robustness")
    assert len(columns) == 32
    # the first row's net, whose string another file of the repository gives
    architecture = get_space("nb201").index_of(
        "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|"
    )
    for metric, value in {
        "accuracy_under_pgd@1": 40.4,
        "accuracy_under_pgd@0.5": 66.2,
        "accuracy_under_fgsm@255": 9.9,
        "accuracy_under_apgd-ce@2": 2.2,
        "accuracy_under_square@8": 0.3,
    }.items():
        assert columns[f"cifar10/{metric}/test/200/-"][1][architecture] == pytest.approx(
            value, abs=1e-5
        )


def test_every_cell_is_there_and_isomorphs_agree(read_source: Callable) -> None:
    space = get_space("nb201")
    canonical = space.canonical(np.arange(space.n_architectures))
    for info, values in read_source("nb201-robustness").values():
        assert not np.isnan(values).any()
        np.testing.assert_array_equal(values, values[canonical])
        assert "copied" in info.note


def test_a_larger_attack_hurts_more_on_average(read_source: Callable) -> None:
    columns = read_source("nb201-robustness")
    for attack in ("pgd", "apgd-ce", "square"):
        means = [
            columns[f"cifar10/accuracy_under_{attack}@{eps}/test/200/-"][1].mean()
            for eps in (0.1, 0.5, 1, 2, 4, 8)
        ]
        assert (np.diff(means) < 0).all()
