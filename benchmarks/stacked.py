"""Images per second of cells that train side by side as one network, beside the same cells one after another.

python benchmarks/stacked.py               # eight cells, recipe verify-cpu-quick, to reports/training/speed/stacked
python benchmarks/stacked.py --recipe nb201-12 --device cuda --stack 1,4,16,64 --cuda-graphs
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _measure import Row, in_turns, machine, versions

PACKAGES = ("nasmeta", "torch", "numpy")
PAGE = """\
# Cells side by side

Written by `python benchmarks/stacked.py{options}`. Random images, {size}×{size}
pixels, batch {batch}, {steps} steps; recipe `{recipe}` (C={channels}, N={depth}); forward, backward and a step of SGD,
without evaluation. Cells are drawn at random. Both ways train the same cells in turns (A B A B …), {rounds} rounds
after one to warm up. A value counts images × networks per second and is the median, with the smallest and the largest;
the ratio is taken pair by pair.

Device {device}; {cpu}, {cores} cores, {threads} threads, load {load}, {date}; {versions}.

| networks | how | side by side | one after another | ratio |
|---:|---|---|---|---|
"""


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="verify-cpu-quick")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--stack", type=lambda text: [int(part) for part in text.split(",")], default=[8])
    parser.add_argument("--image-size", type=int, help="where the recipe says nothing: 32")
    parser.add_argument("--steps", type=int, default=8, help="batches of an epoch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cuda-graphs", action="store_true", help="measure stacks with CUDA graphs, too")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent.parent / "reports" / "training" / "speed" / "stacked"
    )
    return parser.parse_args(arguments)


def random_images(n: int, size: int) -> Any:
    """Return images of noise in ten classes, all of them to train."""
    from nasmeta.training import ImageDataset

    rng = np.random.default_rng(0)
    splits = {"train": np.arange(n), "valid": np.arange(0), "test": np.arange(0)}
    images = rng.integers(0, 256, (n, 3, size, size), np.uint8)
    labels, classes = rng.integers(0, 10, n), tuple("0123456789")
    return ImageDataset("noise", images, labels, classes, splits, (0.5,) * 3, (0.25,) * 3)


def measure(asked: argparse.Namespace) -> tuple[list[Row], dict[str, Any]]:
    """Measure each size of a stack."""
    from nasmeta.errors import TrainingFailed
    from nasmeta.spaces import get_space
    from nasmeta.training import CellNetwork, Recipe
    from nasmeta.training._learner import Learner
    from nasmeta.training._machine import chosen_device, computing, device_name
    from nasmeta.training._network import live_edges
    from nasmeta.training._stack import StackedLearner

    device, recipe, space = chosen_device(asked.device), Recipe.load(asked.recipe), get_space("nb201")
    size = asked.image_size or recipe.image_size or 32
    data = random_images(recipe.batch_size * asked.steps, size)
    drawn = np.random.default_rng(0).permutation(space.size).tolist()
    cells = [cell for cell in drawn[: 2 * max(asked.stack) + 9] if any(live_edges(space.ops_of(cell).tolist()))]
    rows, failures = [], []

    def learners(n: int) -> list[Learner]:
        networks = [CellNetwork(cell, n_classes=10, **recipe.skeleton) for cell in cells[:n]]
        return [Learner(network, data, recipe, 0, device, network.cell) for network in networks]

    def per_second(n: int, learn: Callable[[], list[Any]]) -> Callable[[], float]:
        def sample() -> float:
            with computing(deterministic=False):
                return n * len(data.images) / sum(record.seconds for record in learn())

        return sample

    def side_by_side(n: int, recipe: Any) -> Callable[[], float]:
        stack = StackedLearner(learners(n), data, recipe, 0, device)

        def learn() -> list[Any]:
            with stack._reporting_failures():
                return stack._epoch(0, learning_only=True)

        return per_second(n, learn)

    for n in asked.stack:
        apart = learners(n)
        alone = per_second(n, lambda apart=apart: [one.epoch(0, learning_only=True) for one in apart])
        ways = {"as it is": recipe}
        if asked.cuda_graphs:
            ways["CUDA graphs"] = recipe.but(cuda_graphs=True)
        for how, own in ways.items():
            try:
                ours, theirs = in_turns(asked.rounds, side_by_side(n, own), alone)
            except TrainingFailed as failure:  # often memory is short
                failures.append(f"{n} networks, {how}: {failure.reason}")
                continue
            rows.append(Row(str(n), how, "images × networks/s", ours, None, True, "one after another", theirs))
            print(f"{n} networks, {how}: {statistics.median(rows[-1].ratios):.2f} times", file=sys.stderr)
    about = {"device": device_name(device), "size": size, "batch": recipe.batch_size, "recipe": recipe.name}
    return rows, {**about, "channels": recipe.channels, "depth": recipe.cells_per_stage, "failures": failures}


def main(arguments: Sequence[str] = ()) -> list[Row]:
    """Measure and write the report."""
    import torch

    asked = options_of(arguments)
    rows, facts = measure(asked)
    about = {**machine(), **facts, "threads": torch.get_num_threads(), "versions": versions(PACKAGES)}
    shown = [*arguments]
    if "--output" in shown:
        at = shown.index("--output")
        del shown[at : at + 2]
    words = {**about, "versions": ", ".join(f"{name} {number}" for name, number in about["versions"].items())}
    options = "".join(f" {argument}" for argument in shown)
    page = PAGE.format(options=options, steps=asked.steps, rounds=asked.rounds, **words)

    def spread(values: Sequence[float], digits: int) -> str:
        return "{} ({} to {})".format(
            *(f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
        )

    for row in rows:
        page += (
            f"| {row.case} | {row.what} | {spread(row.ours, 0)} | {spread(row.peers, 0)} | {spread(row.ratios, 2)} |\n"
        )
    if facts["failures"]:
        page += f"\nNot measured: {'; '.join(facts['failures'])}.\n"
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "README.md").write_text(page, encoding="utf-8")
    record = {"about": about, "rows": [row.to_dict() for row in rows]}
    (asked.output / "stacked.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
