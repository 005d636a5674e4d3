"""Does a supernet order cells as the table does? Beside untrained weights and zero-cost proxies, on the same cells.

Run with ``python reports/training/supernet.py --data folder:PATH``, CIFAR-10 as images in train/ and test/, or
``cifar10:PATH``; writes supernet/README.md and supernet/scatter.png. Trainings keep checkpoints in ``--folder``, and
what supernet/results.csv has is not measured again, so a killed run goes on. ``--smoke`` takes a minute.
"""

from __future__ import annotations

import argparse
import tempfile
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import kendalltau, rankdata

import nasmeta as nm
from nasmeta.analysis import save_figure, to_markdown
from nasmeta.training import ImageDataset, Recipe, Supernet, gdas, measured_proxies, train_supernet

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


def table_values(epochs: int = 200) -> np.ndarray:
    """Return the validation accuracies of all cells on CIFAR-10."""
    table = nm.load_table("nb201")
    return np.asarray(table.column("cifar10", "accuracy", split="valid", epochs=epochs, seed="mean"), dtype=float)


def cells(n: int) -> np.ndarray:
    """Return cells drawn at random, no two of them isomorphic."""
    space, found, seen = nm.get_space("nb201"), [], set()
    for cell in np.random.default_rng(0).permutation(space.size).tolist():
        if space.canonical(cell) not in seen and len(found) < n:
            seen.add(space.canonical(cell))
            found.append(cell)
    return np.array(found)


def measure(asked: argparse.Namespace, chosen: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the accuracies of the cells, a column a supernet, with its seconds, and what GDAS found."""
    import torch

    torch.set_num_threads(1)
    small = SMOKE if asked.smoke else {}
    recipe = Recipe.load("tiny", **{**BASE, **small})
    data = recipe.images_of(ImageDataset.load(asked.data, valid_fraction=0.5))
    data = replace(data, splits={**data.splits, "test": data.splits["test"][:0]})
    path, of_gdas = asked.output / "results.csv", asked.output / "gdas.csv"
    rows = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=["epochs", "seed", "seconds", "validating"])
    found = pd.read_csv(of_gdas) if of_gdas.is_file() else pd.DataFrame(columns=["seed", "epoch", "cell", "seconds"])
    for epochs in (0, *((1, 2) if asked.smoke else EPOCHS)):
        for seed in SEEDS:
            if ((rows["epochs"] == epochs) & (rows["seed"] == seed)).any():
                continue
            start = time.process_time()
            if epochs:
                folder = asked.folder / f"supernet-{epochs}-{seed}"
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
    epochs = 2 if asked.smoke else GDAS_EPOCHS
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
    return rows, found


def tau(order: np.ndarray, table: np.ndarray) -> str:
    """Return Kendall's τ-b and the jackknife's standard error over cells."""
    n = len(table)
    value = kendalltau(order, table).statistic
    each = np.array([kendalltau(np.delete(order, i), np.delete(table, i)).statistic for i in range(n)])
    return f"{value:.2f} ± {np.sqrt((n - 1) / n * ((each - each.mean()) ** 2).sum()):.2f}"


def page(rows: pd.DataFrame, found: pd.DataFrame, chosen: np.ndarray, output: Path, smoke: bool) -> None:
    """Write the page and the picture."""
    space, table = nm.get_space("nb201"), table_values()
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
    known = {"number of parameters": parameters, "the table after 12 epochs": table_values(12)[chosen]}
    for name, order in known.items():
        lines.append([name, np.nan, np.nan, tau(order, values), tau(order[good], values[good])])
    frame = pd.DataFrame(lines, columns=["order by", "training, s", "a cell, s", "τ, all cells", "τ, better half"])
    for column, digits in (("training, s", 0), ("a cell, s", 2)):
        frame[column] = ["–" if np.isnan(value) else f"{value:.{digits}f}" for value in frame[column]]
    last = found.groupby("seed").last()
    ranks = [int((table > table[int(cell)]).sum()) + 1 for cell in last["cell"]]
    searched = pd.DataFrame({
        "seed": last.index, "cell": [f"`{space.to_string(int(cell))}`" for cell in last["cell"]],
        "table, %": [f"{table[int(cell)]:.2f}" for cell in last["cell"]], "rank": [f"{rank:,}" for rank in ranks],
        "skip connections": [(space.ops_of(int(cell)) == "skip_connect").sum() for cell in last["cell"]],
        "seconds": last["seconds"].round().astype(int).to_numpy(),
    })  # fmt: skip
    trained = rows[rows["epochs"] > 0]
    longest = trained[trained["epochs"] == trained["epochs"].max()]
    taus = [kendalltau(one, values).statistic for one in longest[own].to_numpy(dtype=float)]
    best = max(
        ((name, kendalltau(measured_proxies()[name][chosen], values).statistic) for name in PROXIES),
        key=lambda pair: pair[1],
    )
    listed = ", ".join(f"{rank:,}" for rank in ranks)
    text = TEXT.format(
        epochs=int(longest["epochs"].iloc[0]), cells=len(chosen), tau=np.mean(taus), trainings=len(taus),
        seconds=longest["seconds"].mean(), proxy=best[0], of_proxy=best[1], ranks=listed,
    )  # fmt: skip
    how = HOW.format(**BASE, gdas=found["epoch"].max())
    smoked = "\n\n**A smoke test of small networks: no figure here means anything.**" if smoke else ""
    parts = [
        "# Shared weights against the table", textwrap.fill(text.strip(), 119) + smoked,
        "![Ranks by shared weights against those in the table](scatter.png)", to_markdown(frame).strip(),
        "## GDAS", to_markdown(searched).strip(), "## How it was measured", textwrap.fill(how.strip(), 119),
        "Regenerate: `python reports/training/supernet.py --data folder:PATH`.",
    ]  # fmt: skip
    (output / "README.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained", sharey=True)
    shown = [
        rows[(rows["epochs"] == epochs) & (rows["seed"] == 0)].iloc[0]
        for epochs in (0, *sorted(set(trained["epochs"]))[-1:])
    ]
    orders = [
        (
            f"supernet, {int(row.epochs)} epochs" if row.epochs else "untrained weights",
            row[own].to_numpy(dtype=float),
        )
        for row in shown
    ]
    for axis, (name, order) in zip(
        axes, [*orders, (f"proxy {best[0]}", measured_proxies()[best[0]][chosen])], strict=True
    ):
        axis.scatter(rankdata(order), rankdata(values), s=8, alpha=0.6)
        axis.set_xlabel(f"rank by {name}")
    axes[0].set_ylabel("rank in the table")
    save_figure(figure, output / "scatter", formats=("png",))


TEXT = """
A supernet of {epochs} epochs orders {cells} cells of NAS-Bench-201 with Kendall's τ {tau:.2f} (mean of {trainings}
trainings) after {seconds:.0f} seconds of one core. `{proxy}`, the best of three zero-cost proxies on these cells, has
{of_proxy:.2f} without any training. GDAS ends in cells of rank {ranks} of 15,625; a random cell has rank 7,813 on
average."""

HOW = """
Reference: the table's validation accuracy on CIFAR-10 after 200 epochs, mean of its seeds. Cells: drawn at random, no
two isomorphic. *Better half*: those above the median of these cells. ±: the jackknife's standard error over cells. The
supernets have {channels} channels and one cell a stage and see {train_images:,} images of {image_size} pixels (JPEG,
which is lossy); {evaluation_images:,} others validate. Each step draws one cell uniformly (single path one-shot).
Seconds are processor time of one thread on a machine that was shared. GDAS: {gdas} epochs on the same images, scores
learnt on the validation images; the cell of the highest scores is looked up in the table. The published search takes
250 epochs of 25,000 images in the full skeleton: this says what a search of minutes finds, not what GDAS can find. The
skeleton is that of the recipes in `reports/training/frontier`; how long to train was not chosen on these cells."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits", help="images, as `nasmeta search --data` takes them")
    parser.add_argument("--output", type=Path, default=HERE)
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "nasmeta-supernet", help="checkpoints"
    )
    parser.add_argument("--smoke", action="store_true", help="small networks of digits, to see that it runs")
    asked = parser.parse_args()
    asked.output.mkdir(parents=True, exist_ok=True)
    chosen = cells(20 if asked.smoke else N_CELLS)
    rows, found = measure(asked, chosen)
    page(rows, found, chosen, asked.output, asked.smoke)


if __name__ == "__main__":
    main()
