"""Neural architecture search without training: the best of N random cells by one zero-cost proxy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pages import against, measured, spread, write_page  # beside this file
from suite_zero import filled, proxies

import nasmeta as nm
from nasmeta.analysis import to_markdown

NAME = "without-training"
TITLE = "NAS without training: the best of N cells by the Jacobian score"
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
OTHERS = ("nwot", "synflow", "params")


def picks(runs: int) -> pd.DataFrame:
    """Return the accuracy of the best of N cells by each score, run by run."""
    table, rows = nm.load_table("nb201"), []
    for place, (label, (dataset, split)) in enumerate(COLUMNS.items()):
        accuracies = table.column(dataset, "accuracy", split=split, epochs=200, seed="mean", release="NB201 v1.1")
        columns, names = proxies(dataset)
        scores = {name: filled(columns)[:, names.index(name)] for name in ("jacov", *OTHERS)}
        for n in PUBLISHED:
            for run in range(runs):
                rng = np.random.default_rng([run, n, place])
                cells = rng.integers(len(accuracies), size=n)
                found = {name: cells[np.nanargmax(values[cells])] for name, values in scores.items()}
                found |= {"the best by accuracy": cells[np.argmax(accuracies[cells])], "any": cells[0]}
                rows += [
                    {"column": label, "n": n, "score": score, "accuracy": float(accuracies[cell])}
                    for score, cell in found.items()
                ]
    return pd.DataFrame(rows)


def without_training(kept: Any, output: Path) -> str:
    """The search that trains nothing."""
    runs = max(2, round(RUNS * kept.scale))
    found, seconds = measured(kept.folder, f"{NAME}-{runs}", lambda: picks(runs))
    groups = {key: own["accuracy"] for key, own in found.groupby(["score", "n", "column"], sort=False)}
    rows = [
        {"N": n, "accuracy": label} | against(groups["jacov", n, label], mean, deviation, RUNS, 2)
        for n, figures in PUBLISHED.items()
        for label, (mean, deviation) in zip(COLUMNS, figures, strict=True)
    ]
    table = pd.DataFrame(rows)
    table.to_csv(output / f"{NAME}.csv", index=False)
    every = pd.DataFrame(
        [
            {"score": score, "N": n} | {label: spread(groups[score, n, label], 2) for label in COLUMNS}
            for score in found["score"].unique()
            for n in PUBLISHED
        ]
    )
    errors = table["standard errors"].astype(float).abs()
    differences = table["difference"].astype(float)
    body = f"""\
A run draws N cells of NAS-Bench-201 and takes the one with the highest score of the untrained network. With the
public scores the published figures are not met: {(errors > 2).sum()} of {len(table)} means differ by more than two
standard errors, {(differences > 0).sum()} of them are higher here, and the differences run from
{differences.min():+.2f} to {differences.max():+.2f} points. That a hundred cells give hardly more than ten holds
here as well.

{to_markdown(table)}

{runs} runs, mean ± standard deviation. *Published*: Mellor, Turner, Storkey and Crowley, "Neural Architecture
Search without Training", first version (arXiv 2006.04647v1), {RUNS} runs, as the README of
github.com/BayesWatch/nas-without-training has it (commit 07a991b). *Standard errors*: the difference over its
standard error, from both deviations and numbers of runs.

What differs:

* The score is `jacov` of NAS-Bench-Suite-Zero, which is the same function of the Jacobian's correlations, computed
  by others on other images; one number a cell, where the authors draw a new network and batch each time.
* It is public of 9,444 cells. Another cell has the mean of its isomorphs, and cannot be picked where these have
  none.
* The table's CIFAR-100 is left out, as no public file at hand has this score on CIFAR-100.

Other scores, the best of the N cells by its accuracy itself, and any cell:

{to_markdown(every)}
"""
    data = "proxies of NAS-Bench-Suite-Zero (`zero-cost-nb201`), accuracies of NB201 v1.1 (`nasgraph-nb201`, `meco`)"
    write_page(output, NAME, TITLE, body, seconds, data)
    return f"{(errors > 2).sum()} of {len(table)} means differ by more than two standard errors; {seconds:.0f} s"
