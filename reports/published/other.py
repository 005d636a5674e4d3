"""Two published tables that need more than a specification: ``help-latency`` and ``suite-zero``.

Run ``python reports/published/other.py help-latency`` after ``nasmeta data fetch help-latency
zero-cost-nb201``. It writes the CSV file and the page. All other tables here are written by
``nasmeta reproduce all --folder reports/published``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost
from scipy.stats import spearmanr
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

import nasmeta as nm
from nasmeta.analysis.report import with_differences
from nasmeta.arrays import Floats, Integers
from nasmeta.experiments import published_page
from nasmeta.prediction import published_proxies
from nasmeta.predictors import make_predictor
from nasmeta.spaces import get_cell_space
from nasmeta.threads import one_thread

SPACE = get_cell_space("nb201")
CELLS = np.arange(SPACE.size)

HELP = {
    "title": "Latency of architectures on a device with ten measurements: HELP's table 3",
    "about": """
Predictors rank architectures by latency on six devices. They know the latency of 900 architectures on nine other
devices, and of ten of these on the target. The values are Spearman's ρ on the next 1,000 architectures, without the
fastest and the slowest tenth on each device.""",
    "published": {
        "citation": "Lee et al., HELP, NeurIPS 2021, table 3; read in the README of "
        "github.com/HayeonLee/HELP at 11970ec.",
        "comparability": [
            "`ridge` reads the operation counts and, for the nine other devices, predictions of `gp`.",
            "HELP also reads ten fixed reference measurements of the new device; `ridge` does not.",
            "BRP-NAS is a graph network. `gp` has the 720 labels that the authors' loader keeps.",
            "The published values for FLOPs already differ from ours by up to 0.050.",
            "`gp` predicts logarithms of the latency, `ridge` square roots.",
        ],
    },
}
SOURCES = (
    "1080ti_batch1",
    "1080ti_batch32",
    "1080ti_batch256",
    "silver_4114",
    "silver_4210r",
    "samsung_a50",
)
SOURCES += ("pixel3", "essential_ph_1", "samsung_s7")
TARGETS = ("titan_rtx_batch256", "gold_6226", "pixel2", "raspi4", "eyeriss", "fpga")
HELP_MEANS = {
    ("FLOPs", "FLOPs"): (0.950, 0.826, 0.765, 0.846, 0.437, 0.900),
    ("BRP-NAS, 900 labels", "gp, 720 labels"): (0.814, 0.796, 0.666, 0.847, 0.811, 0.801),
    ("HELP, 10 labels", "ridge, 10 labels"): (0.987, 0.989, 0.802, 0.890, 0.940, 0.985),
}

ZERO = {
    "title": "XGBoost on an encoding and on zero-cost proxies: NAS-Bench-Suite-Zero",
    "about": """
Each run draws 100 architectures of CIFAR-100 to learn from and 1,000 others. The values are Spearman's ρ of NASLib's
XGBoost on these others.""",
    "published": {
        "citation": "Krishnakumar et al., NAS-Bench-Suite-Zero, NeurIPS 2022, arXiv 2210.03230, section 5, 100 trials; "
        "read in a public copy of the paper's text.",
        "comparability": [
            "CIFAR-100 has CIFAR-10's proxies here, because its own proxies are not public.",
            "Public proxies exist for 9,444 architectures. Others have the mean of their isomorphs, and 929 lack them.",
            "XGBoost has the defaults of `naslib/predictors/trees/xgb.py` (commit 09dae34); the paper's is unknown.",
            "Some scored architectures are isomorphs of labelled ones, which helps every method.",
        ],
    },
}
ZERO_MEANS = {
    "encoding": (0.640, 0.042),
    "proxies": (0.907, 0.013),
    "encoding and proxies": (0.908, 0.012),
}
NASLIB = {
    "objective": "reg:squarederror", "max_depth": 6, "min_child_weight": 1, "colsample_bytree": 1,
    "learning_rate": 0.3, "colsample_bylevel": 1, "nthread": 1,
}  # fmt: skip


def middle(architectures: Integers, values: Floats) -> Integers:
    """Return the cells without the fastest and the slowest tenth, as HELP's loader does."""
    ordered = architectures[np.argsort(values[architectures], kind="stable")]
    return ordered[len(architectures) // 10 : len(architectures) - len(architectures) // 10]


def latencies(draws: int = 50) -> Iterator[tuple]:
    """Yield method, device and correlation of each draw."""
    table, pool, rest = nm.load_table("nb201"), CELLS[:900], CELLS[900:1900]
    known, predicted = {}, []
    for device in (*SOURCES, *TARGETS):
        column = table.column("cifar10", f"latency_{device}_milliseconds", release="HELP")
        known[device] = np.asarray(column, dtype=np.float64)
    for device in SOURCES:
        architectures = middle(pool, known[device])
        gp = make_predictor("gp", space=SPACE, labels="value").fit(
            architectures, np.log(known[device][architectures])
        )
        predicted.append(np.exp(gp.predict(CELLS) / 2))
    inputs = StandardScaler().fit_transform(
        np.column_stack([*predicted, SPACE.feature("operations").counts])
    )
    for i, device in enumerate(TARGETS):
        own, queries = middle(pool, known[device]), middle(rest, known[device])
        by_method = {"FLOPs": [np.asarray(SPACE.flops(queries, "cifar10"), dtype=np.float64)]}
        gp = make_predictor("gp", space=SPACE).fit(own, np.log(known[device][own]))
        by_method["gp, 720 labels"] = [gp.predict(queries)]
        few = [np.random.default_rng([draw, i]).permutation(own)[:10] for draw in range(draws)]
        fitted = (
            RidgeCV(np.logspace(-4, 3, 15)).fit(inputs[c], np.sqrt(known[device][c])) for c in few
        )
        by_method["ridge, 10 labels"] = [one.predict(inputs[queries]) for one in fitted]
        for method, predictions in by_method.items():
            yield from (
                (method, device, spearmanr(one, known[device][queries]).statistic)
                for one in predictions
            )


def correlations(trials: int = 100) -> Iterator[tuple]:
    """Yield method, dataset and correlation of each trial: XGBoost on the encoding, on proxies, and on both."""
    one_hot = np.concatenate([np.eye(5)[column] for column in SPACE.codes.T], axis=1)
    proxies = np.stack(list(published_proxies(nm.get_task("nb201/cifar10")).values()), axis=1)
    inputs = {
        "encoding": one_hot,
        "proxies": proxies,
        "encoding and proxies": np.hstack([one_hot, proxies]),
    }
    accuracies = nm.get_task("nb201/cifar100").values
    for trial in range(trials):
        train, test = np.split(np.random.default_rng(trial).permutation(CELLS)[:1100], [100])
        labels = (accuracies[train] - accuracies[train].mean()) / accuracies[train].std()
        for method, columns in inputs.items():
            booster = xgboost.train(
                NASLIB, xgboost.DMatrix(columns[train], label=labels), num_boost_round=500
            )
            predicted = booster.predict(xgboost.DMatrix(columns[test]))
            yield method, "cifar100", spearmanr(predicted, accuracies[test]).statistic


def main(name: str) -> None:
    """Measure a table; write its values and its page."""
    if name == "help-latency":
        content, runs, values = HELP, np.nan, latencies()
        means = [
            (*pair, on, mean, np.nan)
            for pair, of in HELP_MEANS.items()
            for on, mean in zip(TARGETS, of, strict=True)
        ]
    else:
        content, runs, values = ZERO, 100, correlations()
        means = [(method, method, "cifar100", *both) for method, both in ZERO_MEANS.items()]
    with one_thread():
        by_method = pd.DataFrame(values, columns=["here", "on", "value"]).groupby(["here", "on"])[
            "value"
        ]
    measured = by_method.agg(measured="mean", measured_std="std", runs="size").reset_index()
    published = pd.DataFrame(means, columns=["method", "here", "on", "published", "published_std"])
    table, home = with_differences(published.merge(measured), runs), Path(__file__).with_name(name)
    table.to_csv(home.with_suffix(".csv"), index=False, float_format="%.6g")
    page = published_page(content, table, f"python reports/published/other.py {name}")
    home.with_suffix(".md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
