"""``nasmeta train`` and ``verify``, and the options of trainings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import nasmeta as nm
from nasmeta.cli._command import (
    REQUIRED,
    Option,
    app,
    architecture_in,
    command,
    echo_written,
    given_options,
    group,
    print_frame,
)
from nasmeta.errors import EvaluationFailed, SettingError
from nasmeta.progress import duration

if TYPE_CHECKING:
    from nasmeta.training import ImageDataset
    from nasmeta.verification import Verification

IMAGES = group(
    "Real training",
    data=Option(
        "Training images: digits, cifar10:PATH, cifar100:PATH, imagenet16-120:PATH, fashion-mnist, folder:PATH.",
        metavar="KIND:PATH",
    ),
    recipe=Option(
        "Training recipe: a name of nasmeta list recipes, or a file (.toml).",
        metavar="NAME|FILE",
        default_text="tiny for digits, else fast",
        noun="recipe",
    ),
    split=Option(
        "Validation images: fraction, a stratified part of the training images; or nb201, the benchmark's split.",
        metavar="NAME",
        default_text="nb201, if it has the dataset",
    ),
    valid_fraction=Option("Fraction of the training images used for validation.", float, default_text="0.1"),
    size=Option("Scale images to this height and width in pixels, a multiple of 4.", int),
    device=Option("Device: auto, cpu, cuda or cuda:N.", default="auto"),
)
_DEMO = {"recipe": "tiny", "top": 2, "controls": 2, "worst": 1, "seeds": 2}
_DEMO_EVALUATIONS = 60


def images_of(options: dict[str, Any]) -> ImageDataset:
    """Load the images that options describe, and remove these options."""
    from nasmeta.training import ImageDataset

    data, split, valid_fraction, size = (options.pop(name) for name in ("data", "split", "valid_fraction", "size"))
    return ImageDataset.load(data, split=split, valid_fraction=valid_fraction, size=size, progress=True)


@command(
    app,
    IMAGES,
    cell=Option("Index, or string in the space's notation.", default=REQUIRED, read=architecture_in, argument=True),
    seed=Option("Seed of the weights, the order of the images and the augmentation.", int, 0),
    folder=Option("Folder for checkpoint, network and result; run the same command again to resume.", Path),
    space=Option("Search space of the cell: nb201 or tnb101.", default="nb201"),
    examples=[
        "nasmeta train 6111 --folder 6111",
        "nasmeta train 6111 --data cifar10:PATH --recipe nb201-12 --folder 6111",
    ],
)
def train(cell: int | str, folder: Path | None, **options: Any) -> None:
    """Train the network of one cell."""
    options["data"] = options["data"] or "digits"
    found = nm.train(cell, images_of(options), folder=folder, progress=True, **options)
    accuracies = {"train": found.train_accuracy, "valid": found.valid_accuracy, "test": found.test_accuracy}
    texts = [f"{name} {value:.2f} %" for name, value in accuracies.items() if value is not None]
    typer.echo(
        f"cell {found.cell} on {found.dataset}: {', '.join(texts)}; {len(found.epochs)} epochs, seed {found.seed}"
    )
    typer.echo(f"{found.parameters:,} parameters; {duration(found.train_seconds)} of training on {found.device}")
    if folder is not None:
        echo_written([folder])


@command(
    app,
    IMAGES,
    journals=Option("Journals of searches on one task.", list[Path], argument=True, metavar="JOURNAL"),
    top=Option("Number of the best evaluated cells to train.", int, 3),
    controls=Option("Number of random cells to train for comparison.", int, 3),
    worst=Option("Number of the worst evaluated cells to train.", int, 0),
    seeds=Option("Number of trainings of each cell.", int, 2),
    seed=Option("Seed of the first training of each cell, and of the choice of random cells.", int, 0),
    folder=Option(
        "Folder for trainings and the page; run the same command again to resume.", Path, Path("nasmeta-verification")
    ),
    compare_with=Option("Name of this dataset in the table, for example if --data is a folder.", metavar="DATASET"),
    workers=Option("Number of parallel trainings, which share the device.", int, 1),
    shard=Option(
        "Do only part I of N of the trainings, with I from 0; all parts may run at once in one folder. The same "
        "command without it writes the page.",
        metavar="I/N",
    ),
    demo=Option("Search the table and verify on scikit-learn's digits; takes about two minutes.", bool, False),
    examples=[
        "nasmeta verify run.jsonl --data cifar10:PATH --recipe nb201-12 --top 3 --seeds 2",
        "nasmeta verify --demo",
    ],
)
def verify(context: typer.Context, journals: list[Path] | None, folder: Path, demo: bool, **options: Any) -> None:
    """Train the best cells of searches and random cells, and write a page that compares them with the table."""
    from nasmeta.evaluators import require_torch

    if demo:
        if given := given_options(context, {*options, "journals"} - {"device", "workers"}):
            raise SettingError(f"The demonstration has its own run, data and recipe: omit {', '.join(given)}.")
        require_torch()
        options |= _DEMO | {"command": f"nasmeta verify --demo --folder {folder}"}
        options["data"], journals = "digits", [folder / "run.jsonl"]
        nm.search("gp", "nb201/cifar10", evaluations=_DEMO_EVALUATIONS, journal=journals[0], progress=True)
    if options["data"] is None:
        raise SettingError("Missing option --data: training images such as digits or cifar10:PATH.")
    found = nm.verify(journals or [], images_of(options), folder=folder, progress=True, **options)
    done, failed = found.facts["trainings"], found.facts["failed"]
    if options["shard"] is None:
        _show(found)
        echo_written(found.files)
    else:
        shard = f"Shard {options['shard']}: {done} trainings are done, {failed} failed."
        typer.echo(f"{shard} After all shards, omit --shard to write the page.")
    if failed and not done:
        reasons = ", ".join(sorted(set(filter(None, found.architectures["failures"]))))
        raise EvaluationFailed(f"No training succeeded: {reasons}.")


def _show(found: Verification) -> None:
    facts, columns = found.facts, ["cell", "role", "lookup", "measured", "measured_std", "difference", "failures"]
    title = f"{facts['task']}, trained on {facts['data']} by {facts['recipe']['name']}"
    print_frame(found.architectures[columns], title)
    lookup = facts["lookup"]
    typer.echo(f"look-up: {lookup['address']}, {lookup['release']}; accuracies in percent")
