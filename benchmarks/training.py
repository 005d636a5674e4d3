"""Images per second of real training: images that live on the device, beside a DataLoader with torchvision transforms.

python benchmarks/training.py                                   # digits scaled to 32×32, to reports/training/speed
python benchmarks/training.py --data cifar10:PATH --device cuda --steps 98
python benchmarks/training.py --data folder:PATH --recipe verify-cpu-quick --steps 40 --workers 1  # for a CPU
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from _measure import Row, in_turns, machine, versions

PACKAGES = ("nasmeta", "torch", "torchvision", "numpy", "pillow")
WORKERS = {0: "in the process that trains", 1: "1 worker process beside the one that trains"}
TARGETS = (5.0, 1.3)  # on a GPU, on a CPU
CELLS = (1462, 13714, 0, 3000, 9930)
INTRODUCTION = """\
# How many images per second does training process?

{verdict}

| cell | task | ours | peer | ratio |
|---|---|---|---|---|
"""
SETUP = """
Values are images per second: medians of {rounds} rounds, with the smallest and the largest. The peer is PyTorch's
`DataLoader` with {workers} and torchvision's transforms of PIL images. Ours keeps all images on the device as bytes and
transforms them there in batches. Both train the same network with the same optimizer in float32.{fast}

## How it was run

`python benchmarks/training.py{options}`: one epoch of {images:,} images of {data} with {size} pixels, batch {batch},
C={channels}, N={depth} (recipe `{recipe}`), forward, backward and a step of SGD, without evaluation. Ours and the peer
take turns.

{machine}

## Limits

* One machine, which also had other work.
* Images alone would take {shares} of our time; the network takes the rest.
"""
FAST = """ *Training, fast* adds bfloat16, channels last and torch.compile to ours only."""


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="digits", help="a data set as nasmeta.training.ImageDataset.load takes it")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--cells", type=lambda text: [int(cell) for cell in text.split(",")], default=list(CELLS))
    parser.add_argument("--recipe", default="nb201-12", help="what is trained; the next three change it")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--channels", type=int)
    parser.add_argument("--cells-per-stage", type=int)
    parser.add_argument("--steps", type=int, default=2, help="batches of an epoch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1), help="of the DataLoader")
    parser.add_argument("--fast", action="store_true", help="measure bfloat16, channels last and compile, too")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent.parent / "reports" / "training" / "speed")
    return parser.parse_args(arguments)


def recipe_of(asked: argparse.Namespace) -> Any:
    """Return what is trained."""
    from nasmeta.training import Recipe

    changes = {name: getattr(asked, name) for name in ("batch_size", "channels", "cells_per_stage")}
    given = {name: value for name, value in changes.items() if value is not None}
    return Recipe.load(asked.recipe, **given, name=asked.recipe)


def ours(cell: int, data: Any, device: Any, recipe: Any) -> Callable[[], float]:
    """Return a sample: images per second of an epoch of this package."""
    from nasmeta.training import CellNetwork
    from nasmeta.training._device import fastest_algorithms
    from nasmeta.training._learner import Learner

    recipe = recipe.but(evaluate_every=recipe.epochs, name=recipe.name)  # the first epoch is only training
    learner = Learner(CellNetwork(cell, n_classes=data.n_classes, **recipe.skeleton), data, recipe, 0, device, cell)

    def sample() -> float:
        with fastest_algorithms():
            return len(data.splits["train"]) / learner.epoch(0).seconds

    return sample


def loader_of(data: Any, batch_size: int, workers: int, pin: bool) -> Any:
    """Return the usual DataLoader over the training images."""
    import torch
    from PIL import Image
    from torchvision import transforms

    height = data.image_size[0]
    steps = [transforms.RandomHorizontalFlip()] if data.flips else []
    steps += [transforms.RandomCrop(height, padding=round(height / 8)), transforms.ToTensor()]
    transform = transforms.Compose([*steps, transforms.Normalize(data.mean, data.std)])

    class Pictures(torch.utils.data.Dataset):  # as torchvision.datasets.CIFAR10: bytes to an image, each time
        def __init__(self) -> None:
            self.images = data.images[data.splits["train"]].transpose(0, 2, 3, 1).copy()
            self.labels = data.labels[data.splits["train"]].tolist()

        def __len__(self) -> int:
            return len(self.labels)

        def __getitem__(self, at: int) -> tuple[torch.Tensor, int]:
            return transform(Image.fromarray(self.images[at])), self.labels[at]

    return torch.utils.data.DataLoader(
        Pictures(),
        batch_size,
        shuffle=True,
        num_workers=workers,
        pin_memory=pin,
        persistent_workers=workers > 0,
        multiprocessing_context="fork" if workers else None,
        generator=torch.Generator().manual_seed(0),
    )


def peers(cell: int, data: Any, device: Any, loader: Any, recipe: Any) -> Callable[[], float]:
    """Return a sample: images per second of an epoch as it is usually written."""
    import torch

    from nasmeta.training import CellNetwork

    network = CellNetwork(cell, n_classes=data.n_classes, **recipe.skeleton).to(device).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    criterion = torch.nn.CrossEntropyLoss()

    def sample() -> float:
        torch.backends.cudnn.benchmark = True
        start, seen = perf_counter(), 0
        for images, labels in loader:
            images, labels = images.to(device, non_blocking=True), labels.to(device, non_blocking=True)
            optimizer.zero_grad(set_to_none=True)
            criterion(network(images), labels).backward()
            optimizer.step()
            seen += len(labels)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return seen / (perf_counter() - start)

    return sample


def only_data(data: Any, device: Any, batch_size: int) -> Callable[[], float]:
    """Return a sample: images per second of our augmentation alone, without a network."""
    import torch

    from nasmeta.training import DeviceData
    from nasmeta.training._device import Augmentation

    padding = round(data.image_size[0] / 8)
    on_device = DeviceData(data, device, padding)
    positions = on_device.positions["train"]

    def sample() -> float:
        start = perf_counter()
        draws = Augmentation(len(positions), padding, data.flips, torch.Generator().manual_seed(0)).to(device)
        for begin in range(0, len(positions), batch_size):
            part = slice(begin, begin + batch_size)
            on_device.augmented(positions[part], draws[part])
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return len(positions) / (perf_counter() - start)

    return sample


def only_loader(loader: Any, n: int) -> Callable[[], float]:
    """Return a sample: images per second of the DataLoader alone."""

    def sample() -> float:
        start = perf_counter()
        for _ in loader:
            pass
        return n / (perf_counter() - start)

    return sample


def measure(asked: argparse.Namespace) -> tuple[list[Row], dict[str, Any]]:
    """Measure every case."""
    from nasmeta.training import ImageDataset
    from nasmeta.training._device import chosen_device, device_name

    device = chosen_device(asked.device)
    recipe = recipe_of(asked)
    whole = ImageDataset.load(asked.data, size=32 if asked.data == "digits" else None, valid_fraction=0.0)
    data = recipe.images_of(whole.subset(recipe.batch_size * asked.steps))
    n = len(data.splits["train"])
    loader = loader_of(data, recipe.batch_size, asked.workers, device.type == "cuda")
    peer = f"DataLoader, {asked.workers} workers"
    rows = []

    def add(case: str, what: str, mine: Callable[[], float], theirs: Callable[[], float]) -> None:
        found = in_turns(asked.rounds, mine, theirs)
        rows.append(Row(case, what, "images/s", found[0], None, True, peer, found[1]))
        print(f"{case}, {what}: {statistics.median(rows[-1].ratios):.2f} times the peer's", file=sys.stderr)

    add("–", "data alone", only_data(data, device, recipe.batch_size), only_loader(loader, n))
    for cell in asked.cells:
        theirs = peers(cell, data, device, loader, recipe)
        add(str(cell), "training", ours(cell, data, device, recipe), theirs)
        if asked.fast:
            quick = recipe.but(precision="bfloat16", channels_last=True, compile=True)
            add(str(cell), "training, fast", ours(cell, data, device, quick), theirs)
    return rows, {"device": device_name(device), "images": n, "image_size": data.image_size[0]}


def verdict_of(rows: Sequence[Row], device: str) -> str:
    """Return the smallest ratio of all cells and its target."""
    least, target = (
        min(statistics.median(row.ratios) for row in rows if row.what == "training"),
        TARGETS[device == "cpu"],
    )
    where, met = "a CPU" if device == "cpu" else "a GPU", "reached" if least >= target else "missed"
    return f"The smallest median ratio of a cell is {least:.2f}. The target on {where} is {target}: {met}."


def main(arguments: Sequence[str] = ()) -> list[Row]:
    """Measure and write the report."""
    asked = options_of(arguments)
    try:
        import torchvision  # noqa: F401 - the peer's transforms
    except ImportError:
        sys.exit("The peer needs torchvision: pip install torchvision torch safetensors")
    import torch

    rows, facts = measure(asked)
    about = {**machine(), **facts, "threads": torch.get_num_threads(), "versions": versions(PACKAGES)}
    said = ", ".join(f"{key} {value}" for key, value in about["versions"].items())
    words = (
        f"Device {about['device']}; {about['cpu']}, {about['cores']} cores, {about['threads']} threads, load "
        f"{about['load']}, {about['date']}; {said}."
    )
    recipe = recipe_of(asked)
    kind, colon, _ = asked.data.partition(":")
    shown = [f"{kind}:PATH" if colon and argument == asked.data else argument for argument in arguments]
    if "--output" in shown:
        at = shown.index("--output")
        del shown[at : at + 2]
    page = INTRODUCTION.format(verdict=verdict_of(rows, facts["device"]))
    setup = {
        "options": "".join(f" {argument}" for argument in shown),
        "images": facts["images"],
        "data": asked.data.partition(":")[0],
        "size": f"{facts['image_size']}×{facts['image_size']}",
        "recipe": recipe.name,
        "batch": recipe.batch_size,
        "channels": recipe.channels,
        "depth": recipe.cells_per_stage,
        "rounds": asked.rounds,
        "workers": WORKERS.get(asked.workers, f"{asked.workers} worker processes"),
        "fast": FAST if asked.fast else "",
        "machine": words,
    }

    def spread(values: Sequence[float], digits: int = 0) -> str:
        median, least, most = (
            f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))
        )
        return f"{median} ({least} to {most})"

    for row in rows:
        page += f"| {row.case} | {row.what} | {spread(row.ours)} | {spread(row.peers)} | {spread(row.ratios, 2)} |\n"
    alone = statistics.median(rows[0].ours)
    shares = ", ".join(
        f"{statistics.median(row.ours) / alone:.1%} of cell {row.case}" for row in rows if row.what == "training"
    )
    page += SETUP.format(**setup, shares=shares)
    asked.output.mkdir(parents=True, exist_ok=True)
    (asked.output / "README.md").write_text(page, encoding="utf-8")
    record = {"about": about, "rows": [row.to_dict() for row in rows]}
    (asked.output / "speed.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return rows


if __name__ == "__main__":
    main(sys.argv[1:])
