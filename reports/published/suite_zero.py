"""Compare with NAS-Bench-Suite-Zero: XGBoost on an encoding, on 13 zero-cost proxies, and on both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pages import against, measured, within_two, write_page
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.spaces import get_cell_space
from nasmeta.threads import one_thread

NAME = "suite-zero"
# Section 5 of arXiv 2210.03230, read in a public copy of the paper's text: NAS-Bench-201 on CIFAR-100, Spearman's ρ.
PUBLISHED = {"encoding": (0.640, 0.042), "proxies": (0.907, 0.013), "encoding and proxies": (0.908, 0.012)}
PUBLISHED_TRIALS = 100
TRAIN, TEST = 100, 1000
NASLIB = {  # naslib/predictors/trees/xgb.py of github.com/automl/NASLib at 09dae34
    "objective": "reg:squarederror", "max_depth": 6, "min_child_weight": 1, "colsample_bytree": 1,
    "learning_rate": 0.3, "colsample_bylevel": 1, "nthread": 1,
}  # fmt: skip
ROUNDS = 500
MEASURED, ALL = "9,444 cells with measured proxies", "all 15,625 cells"

Fit = Callable[[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]], NDArray[np.float64]]


def proxies(dataset: str) -> tuple[NDArray[np.float64], list[str]]:
    """Return the published proxies, shape (15625, 13), NaN if not measured, and their names."""
    table = nm.load_table("nb201")
    found = [one for one in table.columns if one.dataset == dataset and one.metric.startswith("proxy_")]
    columns = [table.column(one.dataset, one.metric, one.split, one.epochs, one.seed, one.release) for one in found]
    return np.stack(columns, axis=1).astype(np.float64), [one.metric.removeprefix("proxy_") for one in found]


def filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace missing values by the mean of the cell's isomorphism class."""
    space = get_cell_space("nb201")
    classes = np.asarray(space.canonical(np.arange(space.size)))
    known = pd.DataFrame(values).groupby(classes).transform("mean").to_numpy()
    return np.where(np.isfinite(values), values, known)


def naslib(columns: NDArray[np.float64]) -> Fit:
    """Return NASLib's XGBoost on columns of cells: labels of mean 0 and deviation 1, 500 rounds."""
    import xgboost

    def fit(train: NDArray[np.int32], labels: NDArray[np.float64], test: NDArray[np.int32]) -> NDArray[np.float64]:
        scaled = (labels - labels.mean()) / labels.std()
        booster = xgboost.train(NASLIB, xgboost.DMatrix(columns[train], label=scaled), num_boost_round=ROUNDS)
        return np.asarray(booster.predict(xgboost.DMatrix(columns[test])), dtype=np.float64)

    return fit


def correlations(trials: int) -> pd.DataFrame:
    """Return Spearman's ρ on 1,000 cells of CIFAR-100 for each pool of cells, method and trial."""
    space = get_cell_space("nb201")
    one_hot = np.concatenate([np.eye(5)[column] for column in space.codes.T], axis=1)
    values, _ = proxies("cifar10")
    accuracies, complete = nm.get_task("nb201/cifar100").values, filled(values)
    methods = {
        "encoding": naslib(one_hot),
        "proxies": naslib(complete),
        "encoding and proxies": naslib(np.concatenate([one_hot, complete], axis=1)),
    }
    rows = []
    for pool, cells in {MEASURED: np.flatnonzero(np.isfinite(values).all(axis=1)), ALL: np.arange(space.size)}.items():
        for trial in range(trials):
            drawn = np.random.default_rng(trial).permutation(cells)[: TRAIN + TEST].astype(np.int32)
            train, test = drawn[:TRAIN], drawn[TRAIN:]
            for method, fit in methods.items():
                rho = spearmanr(fit(train, accuracies[train], test), accuracies[test]).statistic
                rows.append({"cells": pool, "method": method, "trial": trial, "spearman": float(rho)})
    return pd.DataFrame(rows)


def measure(kept: Any) -> pd.DataFrame:
    """Return published and measured correlations."""
    trials = max(2, round(100 * kept.scale))
    with one_thread():
        found = measured(kept.folder, f"{NAME}-{trials}", lambda: correlations(trials))
    values = found.set_index(["cells", "method"])["spearman"]
    return pd.DataFrame(
        {"XGBoost on": method, "cells": pool}
        | against(values.loc[(pool, method)], mean, deviation, PUBLISHED_TRIALS, 3)
        for method, (mean, deviation) in PUBLISHED.items()
        for pool in (ALL, MEASURED)
    )


def page(table: pd.DataFrame, output: Path) -> None:
    """Write the page."""
    every = table[table["cells"] == ALL].set_index("XGBoost on")["measured"]
    body = f"""
Yes: with 100 labels of CIFAR-100, Spearman's ρ of NASLib's XGBoost rises from {every["encoding"]} to
{every["encoding and proxies"]} (mean ± standard deviation of 100 trials).

{to_markdown(table)}
In the table, {within_two(table)}.
Each trial draws {TRAIN} architectures to learn from and {TEST:,} others. *Published*: Krishnakumar et al., NeurIPS
2022, arXiv 2210.03230, section 5, {PUBLISHED_TRIALS} trials. *Standard errors*: the difference over its standard error.
"""
    setup = "The measurements are from 2026-11-27, with seeds 0 to 99 (source `zero-cost-nb201`)."
    limits = [
        "CIFAR-100 has CIFAR-10's proxies here, because its own proxies are not public.",
        "Public proxies exist for 9,444 architectures. Others have the mean of their isomorphs, and 929 have none.",
        "XGBoost has the defaults of `naslib/predictors/trees/xgb.py` (commit 09dae34); the paper's commit is unknown.",
        "Some scored architectures are isomorphs of labelled ones, which helps every method.",
    ]
    question = "Do zero-cost proxies improve a predictor as NAS-Bench-Suite-Zero states?"
    write_page(output, NAME, question, body, setup, limits)
