"""Zero-cost proxies: those measured here, those published, and the accuracies of three datasets.

Run with ``python reports/proxies/run.py``; writes README.md, proxies.csv and the figure beside this file. The
published proxies come with ``nasmeta data fetch zero-cost-nb201``; without them their columns stay empty.
"""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.analysis import save_figure, to_markdown
from nasmeta.errors import NasmetaError
from nasmeta.training import compute_proxies, measured_proxies, read_proxies
from nasmeta.training._proxy_file import shipped_file

HERE = Path(__file__).parent
DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16-120": "ImageNet16-120"}
THEIR_NAME = {"jacob_cov": "jacov"}
COMPARED = "cifar10"
N_CHECKED = 70


def spearman(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    """Return the rank correlation over the cells of a mask."""
    return float(spearmanr(a[where], b[where]).statistic)


def at_full_depth(table: nm.tables.Table) -> dict[str, float]:
    """Return each proxy's correlation with the published one where the network has the benchmark's N = 5."""
    published = {
        name: np.asarray(table.column(COMPARED, f"proxy_{THEIR_NAME.get(name, name)}")) for name in measured_proxies()
    }
    known = np.flatnonzero(np.isfinite(np.stack(list(published.values()))).all(axis=0))
    cells = np.random.default_rng(0).choice(known, N_CHECKED, replace=False)
    found = compute_proxies(cells, "digits", settings={"cells_per_stage": 5})
    everywhere = np.ones(N_CHECKED, dtype=bool)
    return {name: spearman(values, published[name][cells], everywhere) for name, values in found.items()}


def results() -> pd.DataFrame:
    """Return one row a proxy."""
    table = nm.load_table("nb201")
    ours = measured_proxies()
    accuracy = {
        name: np.asarray(table.column(name, "accuracy", "valid", 200, "mean"), dtype=np.float64) for name in DATASETS
    }
    ours |= {
        "(parameters)": np.asarray(table.space.params(np.arange(table.space.n_cells), COMPARED), dtype=np.float64),
    }
    everywhere = np.ones(table.space.n_cells, dtype=bool)
    best = accuracy[COMPARED] >= np.quantile(accuracy[COMPARED], 0.9)
    rows = []
    for name, values in ours.items():
        row: dict[str, object] = {"proxy": name}
        row |= {title: spearman(values, accuracy[dataset], everywhere) for dataset, title in DATASETS.items()}
        row["best tenth of CIFAR-10"] = spearman(values, accuracy[COMPARED], best)
        try:
            metric = "params" if name == "(parameters)" else THEIR_NAME.get(name, name)
            theirs = np.asarray(table.column(COMPARED, f"proxy_{metric}"), dtype=np.float64)
        except NasmetaError:
            row |= {"here, their cells": np.nan, "published, their cells": np.nan, "here with published": np.nan}
        else:
            known = np.isfinite(theirs)
            row["here, their cells"] = spearman(values, accuracy[COMPARED], known)
            row["published, their cells"] = spearman(theirs, accuracy[COMPARED], known)
            row["here with published"] = spearman(values, theirs, known)
        rows.append(row)
    try:
        deep = at_full_depth(table)
    except NasmetaError:
        deep = {}
    for row in rows:
        row["N = 5 with published"] = deep.get(str(row["proxy"]), np.nan)
    return pd.DataFrame(rows).sort_values("CIFAR-10", ascending=False, ignore_index=True)


def plot(frame: pd.DataFrame) -> plt.Figure:
    """Return bars: each proxy's rank correlation with three accuracies."""
    figure, axes = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
    at = np.arange(len(frame))
    for number, title in enumerate(DATASETS.values()):
        axes.bar(at + 0.27 * (number - 1), frame[title], 0.27, label=title)
    axes.set_xticks(at, frame["proxy"], rotation=20)
    axes.set_ylabel("Spearman with validation accuracy")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    """Write the report."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    frame = results()
    frame.to_csv(HERE / "proxies.csv", index=False, float_format="%.6f", lineterminator="\n")
    save_figure(plot(frame), HERE / "spearman")
    facts = read_proxies(shipped_file()).facts
    images, network, versions = facts["images"], facts["network"], facts["versions"]
    shown = frame.copy()
    for column in shown.columns[1:]:
        shown[column] = [f"{value:.3f}" if np.isfinite(value) else "–" for value in shown[column]]
    best = frame[frame["proxy"] != "(parameters)"].iloc[0]
    rows = (best, frame.set_index("proxy").loc["(parameters)"])
    size = f"{shipped_file().stat().st_size / 1e3:,.0f} kB"
    n_networks = f"{len(read_proxies(shipped_file()).cells):,}"
    best_three, counting_three = (" / ".join(f"{row[title]:.3f}" for title in DATASETS.values()) for row in rows)
    text = f"""# Zero-cost proxies measured here

{size} in `benchmarks_data/proxies/`: {len(facts["proxies"])} proxies of all {n_networks} cells that differ by the rule
`upstream`, given to all 15,625 by their class. Batch: {images["n"]} of scikit-learn's digits at
{images["size"]}×{images["size"]} pixels, one draw. Network: NAS-Bench-201's skeleton, {network["channels"]} channels
and N = {network["cells_per_stage"]} cell a stage (the benchmark has 5), live edges only. Seed of the weights:
{facts["seed"]}; draws of them: {facts["repeats"]}. Measured with PyTorch {versions["torch"]}, one thread;
`nasmeta proxies compute --data digits --output FILE` measures them again. No image and no label of CIFAR or ImageNet
has entered them.

Spearman's rank correlation, higher values of a proxy taken as better, with the validation accuracy after 200 epochs
(mean of the seeds, NATS-tss v1.0), over all 15,625 cells; in the fourth column among the best tenth only. The other
columns: the proxies of NAS-Bench-Suite-Zero for CIFAR-10 (source `zero-cost-nb201`), on the 9,445 cells that it
covers less those where a proxy failed; in the last one, {N_CHECKED} random ones of these cells are measured here with
the benchmark's five cells a stage, which tells how much of a difference is that of N.
"(parameters)" is no proxy: the number of parameters, which costs nothing, as what a proxy has to beat.

{to_markdown(shown)}
![Rank correlations](spearman.png)

**To quote:** on NAS-Bench-201, the proxy that is best on CIFAR-10, {best["proxy"]}, measured on {images["n"]} images of
digits with a network of one cell a stage, has a Spearman correlation of {best_three} with the validation accuracy on
CIFAR-10 / CIFAR-100 / ImageNet16-120; the number of parameters alone has {counting_three}.

Published elsewhere, on images of the datasets themselves (CIFAR-10 / CIFAR-100 / ImageNet16-120): synflow
.758 / .750 / .719, jacov (here jacob_cov) .800 / .820 / .779, nwot .762 / .799 / .794.

What differs from NAS-Bench-Suite-Zero: the images, their number and size, N, and that dead edges are left out, so that
isomorphic cells have one value. Where a network passes nothing on, jacob_cov, nwot and zen have their lowest, finite
value instead of a failure. The rule `upstream` does not tell one convolution that two edges use from two alike.

Written by `python reports/proxies/run.py` with nasmeta {nm.__version__}, NumPy {np.__version__}, Python
{platform.python_version()}; it takes a minute or two.
"""
    (HERE / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
