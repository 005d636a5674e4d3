"""Compare `xgboost` with FLAN's log on NAS-Bench-201: Kendall's τ by the number of labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from pages import against, measured, within_two, write_page

import nasmeta as nm
from nasmeta.analysis import to_markdown

NAME = "flan-log"
SIZES = (16, 32, 64, 128, 256, 512)
# github.com/abdelfattah-lab/flan_nas at c55e7fa, correlation_trainer/backup_results/correlation_results_old/
# correlation_results/exp3/nb201_samp_eff.csv: mean τ and the variance of the trials (column kdt_std). Of several rows
# of one size, the row with the highest mean.
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


def measure(kept: Any) -> pd.DataFrame:
    """Return published and measured τ by the number of labels."""
    draws = max(2, round(10 * kept.scale))

    def correlations() -> pd.DataFrame:
        folder = kept.folder / f"{NAME}-journals"
        frames = [
            nm.predict(name, "nb201/cifar10", sizes=SIZES, target="valid", draws=draws, folder=folder).frame
            for name in PAIRS.values()
        ]
        return pd.concat(frames, ignore_index=True)[["predictor", "n_train", "draw", "scope", "kendall_tau"]]

    found = measured(kept.folder, f"{NAME}-{draws}", correlations)
    unseen = found[found["scope"] == "unseen"].set_index(["predictor", "n_train"])["kendall_tau"]
    return pd.DataFrame(
        {"labels": n, "FLAN on": inputs, "predictor here": predictor}
        | against(unseen.loc[(predictor, n)], mean, (variance * TRIALS / (TRIALS - 1)) ** 0.5, TRIALS, 3)
        for inputs, predictor in PAIRS.items()
        for n, (mean, variance) in zip(SIZES, LOG[inputs], strict=True)
    )


def page(table: pd.DataFrame, output: Path) -> None:
    """Write the page."""
    differences = table["difference"].astype(float)
    body = f"""
The differences in Kendall's τ run from {differences.min():+.3f} to {differences.max():+.3f};
{within_two(table)}.

{to_markdown(table)}
The predictors learn the CIFAR-10 validation accuracies of random architectures and rank all others. Values are means ±
standard deviations of 10 draws. *Published*: Akhauri and Abdelfattah, "Encodings for Prediction-based Neural
Architecture Search", ICML 2024, from the authors' log (`exp3/nb201_samp_eff.csv`, commit c55e7fa).
"""
    setup = "The measurements are from 2026-11-27 (source `zero-cost-nb201`)."
    limits = [
        "The authors average the score over the last four of 150 epochs; ours is the score after fitting.",
        "Their labels are from NB201 v1.1, ours from NATS-tss v1.0, which differ for 16 % of the architectures.",
        "Public proxies exist for 9,444 architectures; others have the mean of their isomorphs.",
        "The log's standard deviation is read as a variance of 3 trials, and repeated sizes have the better row.",
        "Our defaults were chosen on CIFAR-100, which agrees with CIFAR-10.",
    ]
    write_page(output, NAME, "Does `xgboost` rank as well as FLAN from 16 to 512 labels?", body, setup, limits)
