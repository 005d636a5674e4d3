"""Two made-up tables: 400 cells with two seeds and two datasets, and a grid of choices with one task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import nasmeta as nm


@pytest.fixture(scope="session")
def measured() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    architectures = np.sort(rng.choice(15625, 400, replace=False))
    size = nm.get_space("nb201").params(architectures, "cifar10") / 1e6
    rows = [
        pd.DataFrame(
            {
                "cell": architectures,
                "dataset": dataset,
                "seed": seed,
                "accuracy": 80 + sign * 8 * size + rng.normal(size=400),
                "latency": np.where(architectures % 7, 2 + size, np.nan),
            }
        )
        for dataset, sign in (("pets", 1), ("birds", -1))
        for seed in (0, 1)
    ]
    return pd.concat(rows, ignore_index=True)


@pytest.fixture(scope="session")
def clinic(measured: pd.DataFrame) -> nm.Table:
    return nm.Table.from_frame(measured, space="nb201", name="clinic", unit={"latency": "ms"})


@pytest.fixture(scope="session")
def grid() -> nm.Table:
    widths, depths = np.meshgrid([16, 32, 64, 128], [1, 2, 3, 4, 5])
    frame = pd.DataFrame({"width": widths.ravel(), "depth": depths.ravel(), "act": "<relu>"})
    frame["loss"] = 10.0 ** (-np.arange(20) / 4)
    space = nm.SearchSpace.from_frame(frame, columns=["width", "depth", "act"], name="mlp")
    return nm.Table.from_frame(frame, space=space, name="grid", dataset="sensors")


@pytest.fixture(scope="session")
def written(clinic: nm.Table, grid: nm.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nm.explore(
        [clinic, grid],
        tmp_path_factory.mktemp("page") / "explore.html",
        searcher="random",
        evaluations=30,
    )
