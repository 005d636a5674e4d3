"""Compare rankings by a supernet, untrained weights and zero-cost proxies on the same cells.

Run ``python reports/training/supernet.py --data folder:PATH`` (CIFAR-10 as images in train/ and test/) or
``cifar10:PATH``. It writes supernet/README.md and supernet/scatter.png. Trainings keep checkpoints in ``--folder``, and
rows of supernet/results.csv are not measured again, so an interrupted run resumes. ``--page`` only rewrites the page.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, rankdata

sys.path.insert(0, str(Path(__file__).parent.parent))

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
PROXIES = ("nwot", "jacob_cov", "synflow")
BASE = {
    "channels": 8, "cells_per_stage": 1, "train_images": 10_000, "evaluation_images": 1_000, "image_size": 16,
    "channels_last": True, "evaluate_every": 1000,
}  # fmt: skip
SMOKE = {"channels": 4, "train_images": 300, "evaluation_images": 100, "image_size": 8}


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
    small = SMOKE if options.smoke else {}
    recipe = Recipe.load("tiny", **{**BASE, **small})
    data = recipe.images_of(ImageDataset.load(options.data, valid_fraction=0.5))
    data = replace(data, splits={**data.splits, "test": data.splits["test"][:0]})
    path, of_gdas = options.output / "results.csv", options.output / "gdas.csv"
    rows = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=["epochs", "seed", "seconds", "validating"])
    found = pd.read_csv(of_gdas) if of_gdas.is_file() else pd.DataFrame(columns=["seed", "epoch", "cell", "seconds"])
    for epochs in (0, *((1, 2) if options.smoke else EPOCHS)):
        for seed in SEEDS:
            if ((rows["epochs"] == epochs) & (rows["seed"] == seed)).any():
                continue
            start = time.process_time()
            if epochs:
                folder = options.folder / f"supernet-{epochs}-{seed}"
                network = train_supernet(
                    data, recipe.but(epochs=epochs), seed=seed, folder=folder, device="cpu"
                ).network
            else:
                skeleton = {"channels": recipe.channels, "cells_per_stage": recipe.cells_per_stage}
                network = Supernet(n_classes=data.n_classes, seed=seed, **skeleton)
            trained = time.process_time()
            values = network.accuracies(chosen.tolist(), data)
            row = {"epochs": epochs, "seed": seed, "seconds": trained - start,
                   "validating": (time.process_time() - trained) / len(chosen)}  # fmt: skip
            row |= {str(cell): value for cell, value in zip(chosen, values, strict=True)}
            rows = pd.concat([rows, pd.DataFrame([row])], ignore_index=True)
            rows.round(4).to_csv(path, index=False, lineterminator="\n")
            print(f"{epochs} epochs, seed {seed}: {row['seconds']:.0f} s", flush=True)
    epochs = 2 if options.smoke else GDAS_EPOCHS
    for seed in GDAS_SEEDS:
        if (found["seed"] == seed).any():
            continue
        start = time.process_time()
        searched = gdas(data, recipe.but(epochs=epochs), seed=seed)
        seconds = time.process_time() - start
        more = [
            {"seed": seed, "epoch": at + 1, "cell": cell, "seconds": seconds}
            for at, cell in enumerate(searched["cells"])
        ]
        found = pd.concat([found, pd.DataFrame(more)], ignore_index=True)
        found.round(1).to_csv(of_gdas, index=False, lineterminator="\n")
        print(f"GDAS, seed {seed}: cell {searched['cell']}, {seconds:.0f} s", flush=True)


def tau(order: np.ndarray, table: np.ndarray) -> str:
    """Return Kendall's τ-b and the jackknife's standard error over cells."""
    n = len(table)
    value = kendalltau(order, table).statistic
    each = np.array([kendalltau(np.delete(order, i), np.delete(table, i)).statistic for i in range(n)])
    return f"{value:.2f} ± {np.sqrt((n - 1) / n * ((each - each.mean()) ** 2).sum()):.2f}"


def page(rows: pd.DataFrame, found: pd.DataFrame, chosen: np.ndarray, output: Path, smoke: bool) -> None:
    """Write the page and the picture."""
    space, table = nm.get_space("nb201"), nm.get_task("nb201/cifar10").values
    own = [str(cell) for cell in chosen]
    values, good = table[chosen], table[chosen] >= np.median(table[chosen])
    lines = []
    for row in rows.sort_values(["epochs", "seed"]).itertuples(index=False):
        order = rows[(rows["epochs"] == row.epochs) & (rows["seed"] == row.seed)][own].to_numpy(dtype=float)[0]
        name = "untrained weights" if not row.epochs else f"supernet, {row.epochs} epochs"
        lines.append(
            [
                f"{name}, seed {row.seed}",
                row.seconds,
                row.validating,
                tau(order, values),
                tau(order[good], values[good]),
            ]
        )
    for name in PROXIES:
        order = measured_proxies()[name][chosen]
        lines.append([f"proxy {name}", np.nan, np.nan, tau(order, values), tau(order[good], values[good])])
    parameters = np.array([space.params(int(cell), dataset="cifar10") for cell in chosen])
    short = nm.get_task("nb201/cifar10@12ep").values[chosen]
    known = {"number of parameters": parameters, "the table after 12 epochs": short}
    for name, order in known.items():
        lines.append([name, np.nan, np.nan, tau(order, values), tau(order[good], values[good])])
    frame = pd.DataFrame(lines, columns=["order by", "training, s", "a cell, s", "τ, all cells", "τ, better half"])
    for column, digits in (("training, s", 0), ("a cell, s", 2)):
        frame[column] = ["–" if np.isnan(value) else f"{value:.{digits}f}" for value in frame[column]]
    last = found.groupby("seed").last()
    ranks = ", ".join(f"{int((table > table[int(cell)]).sum()) + 1:,}" for cell in last["cell"])
    trained = rows[rows["epochs"] > 0]
    longest = trained[trained["epochs"] == trained["epochs"].max()]
    taus = [kendalltau(one, values).statistic for one in longest[own].to_numpy(dtype=float)]
    best = max(
        ((name, kendalltau(measured_proxies()[name][chosen], values).statistic) for name in PROXIES),
        key=lambda pair: pair[1],
    )
    smoked = "**A smoke test of small networks: no figure here means anything.**\n\n" if smoke else ""
    text = f"""# Does a supernet rank architectures as the table does?

{smoked}A supernet of {longest["epochs"].iloc[0]:.0f} epochs ranks {len(chosen)} architectures with Kendall's τ-b
{np.mean(taus):.2f} (mean of {len(taus)} trainings; the table has standard errors), less well than the proxy
`{best[0]}` without training ({best[1]:.2f}).

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
    (output / "README.md").write_text(text, encoding="utf-8")
    shown = [
        rows[(rows["epochs"] == epochs) & (rows["seed"] == 0)].iloc[0]
        for epochs in (0, *sorted(set(trained["epochs"]))[-1:])
    ]
    orders = {
        f"supernet, {int(row.epochs)} epochs" if row.epochs else "untrained weights": row[own].to_numpy(dtype=float)
        for row in shown
    }
    orders[f"proxy {best[0]}"] = measured_proxies()[best[0]][chosen]
    save_png(scatter(orders, values), output / "scatter")


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits", help="images, as `nasmeta search --data` takes them")
    parser.add_argument("--output", type=Path, default=HERE)
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "nasmeta-supernet", help="checkpoints"
    )
    parser.add_argument("--page", action="store_true", help="only rewrite the page")
    parser.add_argument("--smoke", action="store_true", help="small networks of digits, to see that it runs")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    chosen = cells(20 if options.smoke else N_CELLS)
    if not options.page:
        measure(options, chosen)
    rows, found = pd.read_csv(options.output / "results.csv"), pd.read_csv(options.output / "gdas.csv")
    page(rows, found, chosen, options.output, options.smoke)


if __name__ == "__main__":
    main()
