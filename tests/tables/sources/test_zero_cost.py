"""Zero-cost proxies: the parameters among them prove that digits are joined to the right cells."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nasmeta.spaces import get_space


@pytest.mark.parametrize(
    ("source", "dataset", "n"),
    [
        ("zero-cost-nb201", "cifar10", 9_445),
        ("zero-cost-nb201", "imagenet16-120", 9_445),
    ],
)
def test_recorded_parameters_are_those_of_the_cell(
    read_source: Callable, source: str, dataset: str, n: int
) -> None:
    info, values = read_source(source)[f"{dataset}/proxy_params/-/-/-"]
    assert info.unit == "M"
    architectures = np.flatnonzero(~np.isnan(values))
    assert len(architectures) == n
    space = get_space(source.rpartition("-")[2])
    np.testing.assert_allclose(
        values[architectures] * 1e6, space.params(architectures, dataset), rtol=1e-6
    )


def test_values_of_the_first_row_and_failures(read_source: Callable) -> None:
    columns = read_source("zero-cost-nb201")
    assert len(columns) == 26
    architecture = get_space("nb201").index_of(
        "|avg_pool_3x3~0|+|skip_connect~0|none~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_1x1~2|"
    )
    assert columns["cifar10/proxy_synflow/-/-/-"][1][architecture] == pytest.approx(
        44.48481149742763
    )
    assert columns["imagenet16-120/proxy_jacov/-/-/-"][1][architecture] == pytest.approx(
        -78.99136879395692
    )
    for info, values in columns.values():
        assert not (values == -1e8).any()
        assert np.isnan(values).sum() - 6_180 == (
            1 if "could not be computed for 1 " in info.note else 0
        )
