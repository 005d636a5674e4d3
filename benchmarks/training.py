"""Measure images per second of training: images kept on the device, compared with a DataLoader and torchvision.

python benchmarks/training.py                                   # digits scaled to 32×32
python benchmarks/training.py --data cifar10:PATH --device cuda --steps 98
python benchmarks/training.py --data folder:PATH --recipe verify-cpu-quick --steps 20 --rounds 5 --workers 1

The page and its values are written to reports/training/speed/RECIPE; ``--page`` rewrites the page
from the values.
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

from _measure import Row, in_turns, machine

from nasmeta.code_identity import versions_of

PACKAGES = ("torch", "torchvision", "numpy", "pillow")
CELLS = (1462, 13714, 0, 3000, 9930)
PAGE = """\
# How many images per second does training process?

On each cell, training processes at least {least:.2f} times as many images per second as the peer (median).

| cell | task | ours | peer | ratio |
|---|---|---|---|---|
{table}

Values are images per second: medians of {rounds} rounds, with the smallest and the largest. The peer is PyTorch's
`DataLoader` (worker processes: {workers}) and torchvision's transforms of PIL images. Ours keeps all images on the
device as bytes and transforms them there in batches. Both train the same network with the same optimizer in float32.
{fast}
## How it was run

`python benchmarks/training.py {options}`: one epoch of {images:,} images of {data} with {size}×{size} pixels, batch
{batch}, C={channels}, N={depth} (recipe `{recipe}`), forward, backward and a step of SGD, without evaluation. Ours and
the peer take turns.

Device {device}; {cpu}, {cores} cores, {threads} threads, load {load}, {date}; {packages}.

## Limits

* One machine, which also had other work.
"""


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", default="digits", help="a dataset as nasmeta.training.ImageDataset.load takes it"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--recipe", default="nb201-12")
    parser.add_argument("--steps", type=int, default=2, help="batches of an epoch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--workers", type=int, default=min(8, os.cpu_count() or 1), help="of the DataLoader"
    )
    parser.add_argument(
        "--fast", action="store_true", help="measure bfloat16, channels last and compile, too"
    )
    parser.add_argument("--page", action="store_true", help="only rewrite the page")
    return parser.parse_args(arguments)


def ours(architecture: int, data: Any, device: Any, recipe: Any) -> Callable[[], float]:
    """Return a sample: images per second of an epoch of this package."""
    from nasmeta.training import CellNetwork, Learner, fastest_algorithms

    # the first epoch is only training
    recipe = recipe.but(evaluate_every=recipe.epochs, name=recipe.name)
    learner = Learner(
        CellNetwork(architecture, n_classes=data.n_classes, **recipe.skeleton),
        data,
        recipe,
        0,
        device,
        architecture,
    )

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

    # as torchvision.datasets.CIFAR10: bytes to an image, each time
    class Pictures(torch.utils.data.Dataset):
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


def peers(
    architecture: int, data: Any, device: Any, loader: Any, recipe: Any
) -> Callable[[], float]:
    """Return a sample: images per second of an epoch as it is usually written."""
    import torch

    from nasmeta.training import CellNetwork

    network = (
        CellNetwork(architecture, n_classes=data.n_classes, **recipe.skeleton).to(device).train()
    )
    optimizer = torch.optim.SGD(
        network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    criterion = torch.nn.CrossEntropyLoss()

    def sample() -> float:
        torch.backends.cudnn.benchmark = True
        start, seen = perf_counter(), 0
        for images, labels in loader:
            images, labels = (
                images.to(device, non_blocking=True),
                labels.to(device, non_blocking=True),
            )
            optimizer.zero_grad(set_to_none=True)
            criterion(network(images), labels).backward()
            optimizer.step()
            seen += len(labels)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return seen / (perf_counter() - start)

    return sample


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Measure every case; return the values and the facts of the page."""
    import torch

    from nasmeta.training import ImageDataset, Recipe, chosen_device, device_name

    device, recipe = chosen_device(asked.device), Recipe.load(asked.recipe)
    whole = ImageDataset.load(
        asked.data, size=32 if asked.data == "digits" else None, valid_fraction=0.0
    )
    data = recipe.images_of(whole.subset(recipe.batch_size * asked.steps))
    loader = loader_of(data, recipe.batch_size, asked.workers, device.type == "cuda")
    rows = []

    def add(case: str, what: str, mine: Callable[[], float], theirs: Callable[[], float]) -> None:
        rates = in_turns(asked.rounds, mine, theirs)
        rows.append(
            Row(
                case,
                what,
                "images/s",
                rates[0],
                True,
                f"DataLoader, {asked.workers} workers",
                rates[1],
            )
        )
        print(
            f"{case}, {what}: {statistics.median(rows[-1].ratios):.2f} times the peer's",
            file=sys.stderr,
        )

    for architecture in CELLS:
        theirs = peers(architecture, data, device, loader, recipe)
        add(str(architecture), "training", ours(architecture, data, device, recipe), theirs)
        if asked.fast:
            quick = recipe.but(precision="bfloat16", channels_last=True, compile=True)
            add(
                str(architecture), "training, fast", ours(architecture, data, device, quick), theirs
            )
    kind = asked.data.partition(":")[0]
    options = (
        f"--data {asked.data if kind == asked.data else f'{kind}:PATH'} --recipe {asked.recipe}"
    )
    about = {
        **machine(),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "data": kind,
        "images": len(data.splits["train"]),
        "size": data.image_size[0],
        "recipe": asked.recipe,
        "batch": recipe.batch_size,
        "channels": recipe.channels,
        "depth": recipe.cells_per_stage,
        "rounds": asked.rounds,
        "workers": asked.workers,
        "options": f"{options} --steps {asked.steps} --rounds {asked.rounds} --workers {asked.workers}",
        "versions": versions_of(PACKAGES),
    }
    return {"about": about, "rows": [row.to_dict() for row in rows]}


def page(record: dict[str, Any]) -> str:
    """Return the page of a record."""
    about, rows = record["about"], record["rows"]

    def spread(values: Sequence[float], digits: int = 0) -> str:
        median, least, most = (
            f"{one:,.{digits}f}" for one in (statistics.median(values), min(values), max(values))
        )
        return f"{median} ({least} to {most})"

    lines = []
    for row in rows:
        values = [spread(row["ours"]), spread(row["peers"]), spread(row["ratios"], 2)]
        lines.append(f"| {row['case']} | {row['what']} | {' | '.join(values)} |")
    table = "\n".join(lines)
    trained = [row for row in rows if row["what"] == "training"]
    facts = {"least": min(statistics.median(row["ratios"]) for row in trained), "table": table}
    packages = ", ".join(f"{name} {release}" for name, release in about["versions"].items())
    fast = "*Training, fast* adds bfloat16, channels last and torch.compile to ours only.\n" * (
        "fast" in facts["table"]
    )
    return PAGE.format(**about, **facts, packages=packages, fast=fast)


def main() -> None:
    """Measure and write the report."""
    asked = options_of(sys.argv[1:])
    output = Path(__file__).parent.parent / "reports" / "training" / "speed" / asked.recipe
    output.mkdir(parents=True, exist_ok=True)
    kept = output / "speed.json"
    if not asked.page:
        kept.write_text(json.dumps(measure(asked), indent=1) + "\n", encoding="utf-8")
    (output / "README.md").write_text(
        page(json.loads(kept.read_text(encoding="utf-8"))), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
