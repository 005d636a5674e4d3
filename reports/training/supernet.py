"""Compare rankings by a supernet, untrained weights and zero-cost proxies on the same cells.

Run ``python reports/training/supernet.py --data folder:PATH`` (CIFAR-10 as images in train/ and test/) or
``cifar10:PATH``. It writes supernet/README.md and supernet/scatter.png. Trainings keep checkpoints in ``--folder``, and
rows of supernet/results.csv are not measured again, so an interrupted run resumes. ``--page`` only rewrites the page.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from frontier_page import PROXIES, jackknife
from scipy.stats import kendalltau, rankdata

sys.path.insert(0, str(Path(__file__).parent.parent))

from common import Rows, page_parser
from drawing import save_png

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.analysis._drawing import draw_grid, new_panels
from nasmeta.pictures import house_style
from nasmeta.training import ImageDataset, Recipe, Supernet, gdas, measured_proxies, train_supernet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HERE = Path(__file__).parent / "supernet"
N_CELLS = 200
EPOCHS = (10, 40)
SEEDS = (0, 1)
GDAS_EPOCHS, GDAS_SEEDS = 10, (0, 1, 2)
BASE = {
    "channels": 8, "cells_per_stage": 1, "train_images": 10_000, "evaluation_images": 1_000, "image_size": 16,
    "channels_last": True, "evaluate_every": 1000,
}  # fmt: skip


def cells(n: int) -> np.ndarray:
    """Draw non-isomorphic cells at random."""
    space, found, seen = nm.get_space("nb201"), [], set()
    for cell in np.random.default_rng(0).permutation(space.size).tolist():
        if space.canonical(cell) not in seen and len(found) < n:
            seen.add(space.canonical(cell))
            found.append(cell)
    return np.array(found)


def measure(options: argparse.Namespace, chosen: np.ndarray) -> None:
    """Add the missing supernets to results.csv and the missing runs of GDAS to gdas.csv."""
    import torch

    torch.set_num_threads(1)
    recipe = Recipe.load("tiny", **BASE)
    data = recipe.images_of(ImageDataset.load(options.data, valid_fraction=0.5))
    data = replace(data, splits={**data.splits, "test": data.splits["test"][:0]})
    rows = Rows(HERE / "results.csv", ("epochs", "seed", "seconds", "validating", *map(str, chosen)), 2)
    for epochs, seed in product((0, *EPOCHS), SEEDS):
        if rows.has(epochs, seed):
            continue
        start = time.process_time()
        if epochs:
            folder = options.folder / f"supernet-{epochs}-{seed}"
            network = train_supernet(data, recipe.but(epochs=epochs), seed=seed, folder=folder, device="cpu").network
        else:
            skeleton = {"channels": recipe.channels, "cells_per_stage": recipe.cells_per_stage}
            network = Supernet(n_classes=data.n_classes, seed=seed, **skeleton)
        trained = time.process_time()
        values = dict(zip(map(str, chosen), network.accuracies(chosen.tolist(), data), strict=True))
        validating = (time.process_time() - trained) / len(chosen)
        rows.add(epochs, seed, seconds=trained - start, validating=validating, **values)
    found = Rows(HERE / "gdas.csv", ("seed", "epoch", "cell", "seconds"), 1)
    for seed in GDAS_SEEDS:
        if not found.has(seed):
            start = time.process_time()
            searched = gdas(data, recipe.but(epochs=GDAS_EPOCHS), seed=seed)
            seconds = time.process_time() - start
            for epoch, cell in enumerate(searched["cells"], 1):
                found.add(seed, epoch, cell=cell, seconds=seconds)


def tau(order: np.ndarray, table: np.ndarray) -> str:
    """Return Kendall's τ-b and the jackknife's standard error over cells."""

    def of(cells: np.ndarray) -> float:
        return float(kendalltau(order[cells], table[cells]).statistic)

    return f"{of(np.arange(len(table))):.2f} ± {jackknife(of, len(table)):.2f}"


def write_page(rows: pd.DataFrame, found: pd.DataFrame, chosen: np.ndarray) -> None:
    """Write the page and the picture."""
    table, short = (nm.get_task(f"nb201/cifar10{end}").values for end in ("", "@12ep"))
    own = [str(cell) for cell in chosen]
    values, good = table[chosen], table[chosen] >= np.median(table[chosen])
    supernets = {}
    for row in rows.sort_values(["epochs", "seed"]).to_dict("records"):
        name = f"supernet, {row['epochs']} epochs" if row["epochs"] else "untrained weights"
        supernets[f"{name}, seed {row['seed']}"] = row, np.array([row[cell] for cell in own])
    proxies = {f"proxy {name}": measured_proxies()[name][chosen] for name in PROXIES}
    parameters = nm.get_space("nb201").params(chosen, dataset="cifar10")
    known = {"number of parameters": np.asarray(parameters), "the table after 12 epochs": short[chosen]}
    lines = [
        (name, f"{row['seconds']:.0f}", f"{row['validating']:.2f}", tau(order, values), tau(order[good], values[good]))
        for name, (row, order) in supernets.items()
    ]
    for name, order in (proxies | known).items():
        lines.append((name, "–", "–", tau(order, values), tau(order[good], values[good])))
    names = ["order by", "training seconds", "seconds per cell", "τ, all cells", "τ, better half"]
    frame = pd.DataFrame(lines, columns=names)
    last = found.groupby("seed").last()
    ranks = ", ".join(f"{int((table > table[int(cell)]).sum()) + 1:,}" for cell in last["cell"])
    longest = rows[rows["epochs"] == EPOCHS[-1]]
    taus = [kendalltau(one, values).statistic for one in longest[own].to_numpy()]
    best_tau, best = max((kendalltau(order, values).statistic, name) for name, order in proxies.items())
    text = f"""# Does a supernet rank architectures as the table does?

A supernet of {EPOCHS[-1]} epochs ranks {len(chosen)} architectures with Kendall's τ-b
{np.mean(taus):.2f} (mean of {len(taus)} trainings; the table has standard errors), less well than the proxy
`{best.removeprefix("proxy ")}` without training ({best_tau:.2f}).

![Ranks by shared weights against ranks in the table](scatter.png)

{to_markdown(frame)}
The reference is the table's CIFAR-10 validation accuracy after 200 epochs, mean over seeds. *Better half*: cells
above the median. ±: jackknife standard error over cells. A supernet of 40 epochs takes
{longest["seconds"].mean():.0f} seconds of one core. GDAS with {found["epoch"].max():.0f} epochs finds cells of rank
{ranks} of 15,625.

## How it was run

`python reports/training/supernet.py --data folder:PATH` on 2026-11-27 with nasmeta {nm.__version__}, seeds 0 and 1
(GDAS: 0 to 2). The cells are random and not isomorphic. Supernets have {BASE["channels"]} channels and one cell per
stage; they train on {BASE["train_images"]:,} images of {BASE["image_size"]} pixels, and each step draws one cell
uniformly. GDAS learns its scores on the validation images.

## Limits

* These are searches of minutes. Published GDAS trains for 250 epochs on 25,000 images in the full skeleton.
* The images are JPEG, which is lossy.
* The machine was shared with other work.
"""
    (HERE / "README.md").write_text(text, encoding="utf-8")
    names = ("untrained weights", f"supernet, {EPOCHS[-1]} epochs")
    orders = {name: supernets[f"{name}, seed 0"][1] for name in names} | {best: proxies[best]}
    save_png(scatter(orders, values), HERE / "scatter")


@house_style()
def scatter(orders: dict[str, np.ndarray], values: np.ndarray) -> Figure:
    """Draw the ranks of cells by each order against their ranks in the table."""
    figure, panels = new_panels(list(orders), 7.35, (2.45, 2.35), sharey=True)
    for panel, order in zip(panels, orders.values(), strict=True):
        panel.plot(
            rankdata(order), rankdata(values), "o", color="#0072B2", markersize=2.5, alpha=0.6, markeredgewidth=0
        )
        panel.set_xlabel("rank by this order")
        draw_grid(panel)
    panels[0].set_ylabel("rank in the table")
    return figure


def main() -> None:
    """Measure, and write the page."""
    parser = page_parser(__doc__)
    parser.add_argument("--data", help="CIFAR-10: cifar10:PATH, or folder:PATH with train/ and test/")
    parser.add_argument("--folder", type=Path, default=Path("report-runs") / "supernet", help="checkpoints")
    options, chosen = parser.parse_args(), cells(N_CELLS)
    if not options.page:
        measure(options, chosen)
    write_page(pd.read_csv(HERE / "results.csv"), pd.read_csv(HERE / "gdas.csv"), chosen)


if __name__ == "__main__":
    main()
