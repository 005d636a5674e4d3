"""Measure how well short trainings on a CPU rank cells, and their cost.

python reports/training/frontier.py --data folder:PATH     # CIFAR-10 as images in train/ and test/; or cifar10:PATH
python reports/training/frontier.py --page                 # the page and the picture from results.csv alone
python reports/training/frontier.py --smoke --output FOLDER

results.csv is the journal, so the same command resumes an interrupted run. One thread trains.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import nasmeta as nm
from nasmeta.training import EpochRecord, ImageDataset, Recipe, train
from reports.common import Rows, page_parser
from reports.training.frontier_page import page_of

HERE = Path(__file__).parent
COLUMNS = ("recipe", "cell", "group", "table", "epoch", "valid_accuracy", "cpu_seconds")
SPREAD, BEST = 24, 10

_BASE = {
    "channels": 8, "cells_per_stage": 1, "train_images": 10_000, "evaluation_images": 2_000, "image_size": 16,
    "epochs": 5, "channels_last": True,
}  # fmt: skip
# Each recipe changes one setting of the first, with about equal cost; the last is more expensive.
CHANGES: dict[str, dict[str, int]] = {
    "base": {},
    "more images": {"train_images": 25_000, "epochs": 2},
    "wider": {"channels": 16, "epochs": 3},
    "deeper": {"cells_per_stage": 3, "epochs": 3, "evaluation_images": 5_000},
    "wider and longer": {
        "channels": 16,
        "train_images": 25_000,
        "epochs": 8,
        "evaluation_images": 10_000,
    },
}
PASSES = (("base", "more images"), ("wider",), ("deeper",), ("wider and longer",))


def recipes(smoke: bool = False) -> dict[str, Recipe]:
    """Return the recipes by name."""
    small = (
        {"channels": 4, "train_images": 60, "evaluation_images": 40, "image_size": 8}
        if smoke
        else {}
    )
    return {
        name: Recipe.load("tiny", **{**_BASE, **changes, **small})
        for name, changes in CHANGES.items()
    }


def in_spread_order(cells: list[int]) -> list[int]:
    """Return cells in an order whose first part is spread, too: by the reversed bits of their positions."""
    return [cells[at] for at in sorted(range(len(cells)), key=lambda at: f"{at:010b}"[::-1])]


def cells(values: np.ndarray, spread: int = SPREAD, best: int = BEST) -> dict[int, str]:
    """Return non-isomorphic cells and their groups, in an order whose first part is spread, too.

    ``spread``: one out of each equal part of the table's ranks. ``best``: the best of the table.
    """
    space, order = nm.get_space("nb201"), np.argsort(values, kind="stable")
    top: list[int] = []
    for cell in order[::-1].tolist():
        if len(top) < best and space.canonical(cell) not in [
            space.canonical(other) for other in top
        ]:
            top.append(cell)
    rng, seen, drawn = np.random.default_rng(0), {space.canonical(cell) for cell in top}, []
    for part in np.array_split(order, spread):
        drawn.append(
            next(
                int(cell)
                for cell in rng.permutation(part)
                if space.canonical(int(cell)) not in seen
            )
        )
        seen.add(space.canonical(drawn[-1]))
    mixed = in_spread_order(drawn)
    every = -(-spread // best) + 1  # so that both groups grow together
    for at, cell in enumerate(top):
        mixed.insert(at * every, cell)
    return {cell: "best" if cell in top else "spread" for cell in mixed}


def trained(cell: int, recipe: Recipe, data: ImageDataset) -> list[dict[str, float]]:
    """Train a cell; return accuracy and processor seconds until the end of each epoch, its evaluation included."""
    start, records = time.process_time(), []

    def see(record: EpochRecord) -> None:
        accuracy, seconds = round(record.valid_accuracy, 2), round(time.process_time() - start, 2)
        records.append({"epoch": record.epoch, "valid_accuracy": accuracy, "cpu_seconds": seconds})

    train(cell, data, recipe, device="cpu", on_epoch=see)
    return records


def measure(
    options: argparse.Namespace, path: Path, values: np.ndarray, chosen: dict[int, str]
) -> None:
    """Run the missing trainings."""
    import torch

    torch.set_num_threads(1)
    # half validates, as in the benchmark
    data = ImageDataset.load(options.data, valid_fraction=0.5)
    rows, wanted = Rows(path, COLUMNS, 2), recipes(options.smoke)
    images: dict[str, ImageDataset] = {}
    for name, recipe in wanted.items():
        few = recipe.images_of(data)  # without test images
        images[name] = replace(few, splits={**few.splits, "test": few.splits["test"][:0]})
    for name, cell in ((name, cell) for part in PASSES for cell in chosen for name in part):
        if not rows.has(name, cell):
            for epoch in trained(cell, wanted[name], images[name]):
                rows.add(name, cell, group=chosen[cell], table=values[cell], **epoch)


def main(arguments: Sequence[str]) -> None:
    """Measure, and write the page."""
    parser = page_parser(__doc__)
    parser.add_argument(
        "--data", help="CIFAR-10: cifar10:PATH, or folder:PATH with train/ and test/"
    )
    parser.add_argument("--smoke", action="store_true", help="digits and six cells: does it run?")
    parser.add_argument("--output", type=Path, default=HERE / "frontier")
    options = parser.parse_args(arguments)
    options.data = "digits" if options.smoke else options.data
    path = options.output / ("smoke.csv" if options.smoke else "results.csv")
    values = nm.get_task("nb201/cifar10").values
    chosen = cells(values, 4, 2) if options.smoke else cells(values)
    if not options.page:
        measure(options, path, values, chosen)
    text = page_of(
        pd.read_csv(path), recipes(options.smoke), values, chosen, options.smoke, options.output
    )
    (options.output / ("smoke.md" if options.smoke else "README.md")).write_text(
        text, encoding="utf-8"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
