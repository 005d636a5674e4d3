"""Compare with NAS without training: the best of N random cells by the Jacobian score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pages import against, measured, within_two, write_page
from suite_zero import filled, proxies

import nasmeta as nm
from nasmeta.analysis import to_markdown

NAME = "without-training"
COLUMNS = {  # dataset, split
    "CIFAR-10, validation": ("cifar10", "valid"),
    "CIFAR-10, test": ("cifar10", "test"),
    "ImageNet16-120, validation": ("imagenet16-120", "valid"),
    "ImageNet16-120, test": ("imagenet16-120", "test"),
}
# README of github.com/BayesWatch/nas-without-training at 07a991b, the table of `./reproduce.sh 500`.
PUBLISHED = {
    10: ((88.47, 1.33), (91.53, 1.62), (38.33, 4.98), (38.33, 5.22)),
    100: ((88.45, 1.46), (91.61, 1.71), (36.56, 6.70), (36.37, 6.97)),
}
RUNS = 500


def picks(runs: int) -> pd.DataFrame:
    """Return the accuracy of the best of N cells by the score, run by run."""
    table, rows = nm.load_table("nb201"), []
    for place, (label, (dataset, split)) in enumerate(COLUMNS.items()):
        accuracies = table.column(dataset, "accuracy", split=split, epochs=200, seed="mean", release="NB201 v1.1")
        columns, names = proxies(dataset)
        scores = filled(columns)[:, names.index("jacov")]
        for n in PUBLISHED:
            for run in range(runs):
                cells = np.random.default_rng([run, n, place]).integers(len(accuracies), size=n)
                best = cells[np.nanargmax(scores[cells])]
                rows.append({"column": label, "n": n, "accuracy": float(accuracies[best])})
    return pd.DataFrame(rows)


def measure(kept: Any) -> pd.DataFrame:
    """Return published and measured accuracies."""
    runs = max(2, round(RUNS * kept.scale))
    found = measured(kept.folder, f"{NAME}-{runs}", lambda: picks(runs)).set_index(["n", "column"])["accuracy"]
    return pd.DataFrame(
        {"N": n, "accuracy": label} | against(found.loc[(n, label)], mean, deviation, RUNS, 2)
        for n, figures in PUBLISHED.items()
        for label, (mean, deviation) in zip(COLUMNS, figures, strict=True)
    )


def page(table: pd.DataFrame, output: Path) -> None:
    """Write the page."""
    differences = table["difference"].astype(float)
    body = f"""
Not exactly: {within_two(table)}, and
the measured means are {differences.min():.2f} to {differences.max():.2f} percentage points higher.

{to_markdown(table)}
A run draws N architectures and takes the one with the highest Jacobian score of the untrained network. As in the paper,
a hundred architectures give hardly more than ten. Values are means ± standard deviations of {RUNS} runs. *Published*:
Mellor, Turner, Storkey and Crowley, "Neural Architecture Search without Training" (arXiv 2006.04647v1), from the
authors' README (commit 07a991b).
"""
    setup = "The measurements are from 2026-11-27 (sources `zero-cost-nb201`, `nasgraph-nb201` and `meco`)."
    limits = [
        "The score is `jacov` of NAS-Bench-Suite-Zero: one value per architecture, measured by others on other images.",
        "It exists for 9,444 architectures; others have the mean of their isomorphs or cannot be picked.",
        "CIFAR-100 is missing, because no public file has this score on it.",
    ]
    write_page(output, NAME, "Are the results of NAS without training reproduced?", body, setup, limits)
