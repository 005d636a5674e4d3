"""Compare zero-cost proxies measured here with published ones and with accuracies on three datasets.

Run ``python reports/proxies/run.py`` after ``nasmeta data fetch zero-cost-nb201``. It writes
README.md, proxies.csv and the figure in a minute or two. ``--page`` rewrites README.md and the
figure from proxies.csv.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.errors import NasmetaError
from nasmeta.files import shipped
from nasmeta.training import compute_proxies, measured_proxies, read_proxies
from reports.common import report
from reports.drawing import dot_plot, in_order, save_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent
DATASETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16-120": "ImageNet16-120"}
THEIR_NAME = {"jacob_cov": "jacov"}
COMPARED = "cifar10"
N_CHECKED = 70


def spearman(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> float:
    """Return the rank correlation over the cells of a mask."""
    return float(spearmanr(a[mask], b[mask]).statistic)


def at_full_depth(table: nm.tables.Table) -> dict[str, float]:
    """Return each proxy's correlation with the published one for networks with the benchmark's N = 5."""
    published = {
        name: np.asarray(table.column(COMPARED, f"proxy_{THEIR_NAME.get(name, name)}"))
        for name in measured_proxies()
    }
    known = np.flatnonzero(np.isfinite(np.stack(list(published.values()))).all(axis=0))
    architectures = np.random.default_rng(0).choice(known, N_CHECKED, replace=False)
    measured = compute_proxies(architectures, "digits", cells_per_stage=5)
    everywhere = np.ones(N_CHECKED, dtype=bool)
    return {
        name: spearman(values, published[name][architectures], everywhere)
        for name, values in measured.items()
    }


def measure() -> None:
    """Write one row per proxy to proxies.csv."""
    table = nm.load_table("nb201")
    ours = measured_proxies()
    accuracy = {
        name: np.asarray(table.column(name, "accuracy", "valid", 200, "mean"), dtype=np.float64)
        for name in DATASETS
    }
    ours |= {
        "(parameters)": np.asarray(
            table.space.params(np.arange(table.space.n_architectures), COMPARED), dtype=np.float64
        ),
    }
    everywhere = np.ones(table.space.n_architectures, dtype=bool)
    best = accuracy[COMPARED] >= np.quantile(accuracy[COMPARED], 0.9)
    rows = []
    for name, values in ours.items():
        row: dict[str, object] = {"proxy": name}
        row |= {
            title: spearman(values, accuracy[dataset], everywhere)
            for dataset, title in DATASETS.items()
        }
        row["best tenth of CIFAR-10"] = spearman(values, accuracy[COMPARED], best)
        try:
            metric = "params" if name == "(parameters)" else THEIR_NAME.get(name, name)
            theirs = np.asarray(table.column(COMPARED, f"proxy_{metric}"), dtype=np.float64)
        except NasmetaError:
            row |= {
                "here, their cells": np.nan,
                "published, their cells": np.nan,
                "here with published": np.nan,
            }
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
    frame = pd.DataFrame(rows).sort_values("CIFAR-10", ascending=False)
    frame.to_csv(HERE / "proxies.csv", index=False, float_format="%.6f", lineterminator="\n")


def plot(frame: pd.DataFrame) -> Figure:
    """Return the figure: each proxy's rank correlation with three accuracies."""
    long = (
        frame.replace({"proxy": {"(parameters)": "number of parameters"}})
        .rename(columns={"proxy": "row"})
        .melt("row", list(DATASETS.values()), "name", "mean")
    )
    x = "Spearman correlation with the validation accuracy"
    return dot_plot(long.assign(panel=""), x, looks=in_order(DATASETS.values()), line=0)


def page() -> str:
    """Draw the picture; return the text of README.md."""
    frame = pd.read_csv(HERE / "proxies.csv")
    save_png(plot(frame), HERE / "spearman")
    facts = read_proxies(shipped("proxies/nb201-digits.npz")).facts
    images, network = facts["images"], facts["network"]
    shown = frame.drop(columns=["here, their cells", "published, their cells"])
    for column in shown.columns[1:]:
        shown[column] = [f"{value:.3f}" if np.isfinite(value) else "–" for value in shown[column]]
    best, counted = shown.iloc[0], shown.set_index("proxy").loc["(parameters)"]
    return f"""# How well do zero-cost proxies rank architectures?

The best proxy on CIFAR-10, `{best["proxy"]}`, has a Spearman correlation of {best["CIFAR-10"]} with the validation
accuracy; the number of parameters alone has {counted["CIFAR-10"]} (all 15,625 cells, so without sampling error).

![Rank correlations](spearman.png)

{to_markdown(shown)}
The reference is the validation accuracy after 200 epochs, mean over seeds (NATS-tss v1.0). The last two columns are
correlations with the proxies of NAS-Bench-Suite-Zero on CIFAR-10: our proxies on about 9,445 cells, and proxies of
networks with N = 5 on {N_CHECKED} random ones of these cells. `proxies.csv` has all columns.

## How it was run

`python reports/proxies/run.py` on 2026-11-25 with nasmeta {nm.__version__}. The proxies in `benchmarks_data/proxies/`
are measured on {images["n"]} images of scikit-learn's digits with {images["size"]}×{images["size"]} pixels, in
networks with {network["channels"]} channels and N = {network["cells_per_stage"]}, with weight seed {facts["seed"]}
(PyTorch {facts["versions"]["torch"]}).

## Limits

* Within the best tenth of the cells, no proxy has a correlation above {frame["best tenth of CIFAR-10"].max():.3f}.
* Each proxy is one draw of images and weights.
* Isomorphic cells share one value, because edges that contribute nothing are removed.
* If no signal passes a network, `jacob_cov`, `nwot` and `zen` have their lowest finite value.
"""


if __name__ == "__main__":
    report(__doc__, HERE / "README.md", page, measure)
