"""Latency and energy: hand-checked cells, missing ones, and two sources that measured the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest


def test_hw_nas_bench_holds_the_values_of_its_file(read_source: Callable) -> None:
    columns = read_source("hw-nas-bench")
    assert len(columns) == 27
    for address, first_two in {  # cells 0 and 1, copied from the csv files by hand
        "cifar10/latency_pixel3_milliseconds/-/-/-": (3.60585, 17.2381),
        "cifar100/latency_pixel3_milliseconds/-/-/-": (5.04007, 23.4768),
        "imagenet16-120/energy_fpga_millijoules/-/-/-": (4.54384, 13.1488),
        "imagenet16-120/latency_edgetpu_milliseconds/-/-/-": (0.79296249, 1.07512355),
    }.items():
        info, values = columns[address]
        assert values[:2] == pytest.approx(first_two, rel=1e-6)
        assert (info.unit, info.direction) == ("mJ" if "energy" in address else "ms", "min")


def test_what_a_device_cannot_run_is_nan(read_source: Callable) -> None:
    missing = {
        address: int(np.isnan(values).sum())
        for address, (_, values) in read_source("hw-nas-bench").items()
    }
    assert {address for address, n in missing.items() if n} == {
        f"{dataset}/latency_edgetpu_milliseconds/-/-/-"
        for dataset in ("cifar10", "cifar100", "imagenet16-120")
    }
    assert set(missing.values()) == {0, 4699}


def test_help_agrees_with_hw_nas_bench_on_four_devices(read_source: Callable) -> None:
    helps, hw = read_source("help-latency"), read_source("hw-nas-bench")
    assert len(helps) == 27
    assert not any(np.isnan(values).any() for _, values in helps.values())
    both = helps.keys() & hw.keys()
    assert both == {
        f"cifar10/latency_{device}_milliseconds/-/-/-"
        for device in ("pixel3", "raspi4", "eyeriss", "fpga")
    }
    for address in both:
        np.testing.assert_array_equal(helps[address][1], hw[address][1])
        assert helps[address][0].release != hw[address][0].release
        assert "the same numbers" in helps[address][0].note
