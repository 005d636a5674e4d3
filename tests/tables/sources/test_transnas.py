"""TransNAS-Bench-101: which number is which cell, and that the best over the epochs is taken, not the worst."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nasmeta.spaces import get_space
from nasmeta.tables.sources import registered_sources


def test_its_order_is_that_of_cells_which_another_source_names(
    read_source: Callable, mirror: Path
) -> None:
    file = registered_sources()["zero-cost-tnb101"].files[0]
    named = pd.read_csv(mirror / file.path)
    architectures = get_space("tnb101").from_codes(
        [json.loads(net.replace("(", "[").replace(")", "]")) for net in named["net"]]
    )
    best = read_source("transnas")["class_scene/accuracy/valid/25/-"][1][architectures]
    last = named["val_accs"].to_numpy()  # after the last epoch, so never above the best
    assert np.corrcoef(best, last)[0, 1] > 0.9997
    assert (best - last > -1e-4).all()
    assert (np.abs(best - last) < 1e-4).sum() == 1586


def test_a_loss_is_the_lowest_over_the_epochs(read_source: Callable, mirror: Path) -> None:
    """The file's own column of that loss is its largest, which is no result."""
    columns = read_source("transnas")
    file = next(
        file for file in registered_sources()["transnas"].files if file.key == "room_layout"
    )
    largest = pd.read_csv(mirror / file.path)["valid_loss"].to_numpy()[3256:]
    info, lowest = columns["room_layout/loss/valid/25/-"]
    assert info.direction == "min"
    assert (lowest <= largest + 1e-6).all()
    scene = columns["class_scene/accuracy/valid/25/-"][1]
    assert pd.Series(lowest).corr(pd.Series(scene), method="spearman") == pytest.approx(
        -0.63, abs=0.01
    )
    assert pd.Series(largest).corr(pd.Series(scene), method="spearman") == pytest.approx(
        -0.32, abs=0.01
    )


def test_tasks_differ_as_the_facts_say(read_source: Callable) -> None:
    columns = read_source("transnas")
    scene, normal, autoencoder = (
        pd.Series(columns[address][1])
        for address in (
            "class_scene/accuracy/valid/25/-",
            "normal/ssim/valid/30/-",
            "autoencoder/ssim/valid/30/-",
        )
    )
    assert scene.corr(normal, method="spearman") == pytest.approx(0.87, abs=0.005)
    assert scene.corr(autoencoder, method="spearman") < 0.3
