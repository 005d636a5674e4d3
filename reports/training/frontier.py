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
from nasmeta.errors import NasmetaError
from nasmeta.files import write_atomically
from nasmeta.training import EpochRecord, ImageDataset, Recipe, train

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from frontier_page import page_of  # noqa: E402

COLUMNS = ("recipe", "cell", "group", "table", "epoch", "valid_accuracy", "cpu_seconds", "wall_seconds")
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
    "wider and longer": {"channels": 16, "train_images": 25_000, "epochs": 8, "evaluation_images": 10_000},
}
PASSES = (("base", "more images"), ("wider",), ("deeper",), ("wider and longer",))


def recipes(smoke: bool = False) -> dict[str, Recipe]:
    """Return the recipes by name."""
    small = {"channels": 4, "train_images": 300, "evaluation_images": 100, "image_size": 8} if smoke else {}
    return {name: Recipe.load("tiny", **{**_BASE, **changes, **small}) for name, changes in CHANGES.items()}


def cells(values: np.ndarray, spread: int = SPREAD, best: int = BEST) -> dict[int, str]:
    """Return non-isomorphic cells and their groups, in an order whose first part is spread, too.

    ``spread``: one out of each equal part of the table's ranks. ``best``: the best of the table.
    """
    space, order = nm.get_space("nb201"), np.argsort(values, kind="stable")
    top: list[int] = []
    for cell in order[::-1].tolist():
        if len(top) < best and space.canonical(cell) not in [space.canonical(other) for other in top]:
            top.append(cell)
    rng, seen, drawn = np.random.default_rng(0), {space.canonical(cell) for cell in top}, []
    for part in np.array_split(order, spread):
        drawn.append(next(int(cell) for cell in rng.permutation(part) if space.canonical(int(cell)) not in seen))
        seen.add(space.canonical(drawn[-1]))
    mixed = [drawn[at] for at in sorted(range(spread), key=lambda at: f"{at:010b}"[::-1])]
    every = -(-spread // best) + 1  # so that both groups grow together
    for at, cell in enumerate(top):
        mixed.insert(at * every, cell)
    return {cell: "best" if cell in top else "spread" for cell in mixed}


def finished(path: Path) -> pd.DataFrame:
    """Return the rows of finished trainings."""
    if not path.is_file():
        return pd.DataFrame(columns=COLUMNS)
    rows = pd.read_csv(path).dropna()
    last = rows.groupby(["recipe", "cell"])["epoch"].transform("max")
    return rows[last == rows["recipe"].map({name: recipe.epochs for name, recipe in recipes().items()})]


def trained(cell: int, recipe: Recipe, data: ImageDataset) -> list[tuple[int, float, float, float]]:
    """Train a cell; return epoch, accuracy, processor and wall seconds until its end, its evaluation included."""
    wall, cpu, found = time.perf_counter(), time.process_time(), []

    def see(record: EpochRecord) -> None:
        spent = time.process_time() - cpu, time.perf_counter() - wall
        found.append((record.epoch, *(round(value, 2) for value in (record.valid_accuracy, *spent))))

    train(cell, data, recipe, device="cpu", on_epoch=see)
    return found


def measure(options: argparse.Namespace, path: Path) -> None:
    """Run the missing trainings."""
    import torch

    torch.set_num_threads(1)
    values, wanted = nm.get_task("nb201/cifar10").values, recipes(options.smoke)
    data = ImageDataset.load(options.data, valid_fraction=0.5)  # half validates, as in the benchmark
    chosen = cells(values, 4, 2) if options.smoke else cells(values)
    rows = finished(path)
    done = set(zip(rows["recipe"], rows["cell"], strict=True))
    images: dict[str, ImageDataset] = {}
    for name, recipe in wanted.items():
        few = recipe.images_of(data)  # without test images
        images[name] = replace(few, splits={**few.splits, "test": few.splits["test"][:0]})
    for name, cell in ((name, cell) for part in PASSES for cell in chosen for name in part):
        if (name, cell) in done:
            continue
        about = (name, cell, chosen[cell], round(values[cell], 4))
        new = pd.DataFrame([(*about, *epoch) for epoch in trained(cell, wanted[name], images[name])], columns=COLUMNS)
        rows = new if rows.empty else pd.concat([rows, new])
        write_atomically(path, rows.to_csv(index=False).encode())
        print(f"{name}, cell {cell}: {new['valid_accuracy'].iloc[-1]} %", file=sys.stderr)


def main(arguments: Sequence[str]) -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="CIFAR-10: cifar10:PATH, or folder:PATH with train/ and test/")
    parser.add_argument("--page", action="store_true", help="only rewrite the page")
    parser.add_argument("--smoke", action="store_true", help="digits and six cells: does it run?")
    parser.add_argument("--output", type=Path, default=HERE / "frontier")
    options = parser.parse_args(arguments)
    options.data = "digits" if options.smoke else options.data
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / ("smoke.csv" if options.smoke else "results.csv")
    try:
        if not options.page:
            measure(options, path)
        values, page = (
            nm.get_task("nb201/cifar10").values,
            options.output / ("smoke.md" if options.smoke else "README.md"),
        )
        chosen = cells(values, 4, 2) if options.smoke else cells(values)
        text = page_of(pd.read_csv(path), recipes(options.smoke), values, chosen, options.smoke, options.output)
        page.write_text(text, encoding="utf-8")
    except NasmetaError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
