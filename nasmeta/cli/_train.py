"""``nasmeta train`` and ``verify``, and the options that other commands share with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import nasmeta as nm
from nasmeta.cli._cli_utils import (
    Shared,
    cell_in,
    cli_command,
    console,
    duration,
    echo_written,
    end_without_success,
    is_said,
    names_of,
    print_table,
    takes,
)
from nasmeta.errors import SettingError, TrainingFailed
from nasmeta.progress import progress_bar

if TYPE_CHECKING:
    from nasmeta.training import TrainingResult
    from nasmeta.verification import Verification

IMAGE_OPTIONS = {
    "data": Shared(
        "Training images: digits, cifar10:PATH, cifar100:PATH, imagenet16-120:PATH, fashion-mnist, folder:PATH.",
        more={"metavar": "KIND:PATH"},
    ),
    "recipe": Shared(
        "Training recipe: a name of nasmeta list recipes, or a file (.toml). Default: tiny for digits, fast for other "
        "images.",
        more={"metavar": "NAME|FILE", "autocompletion": lambda: names_of("recipe")},
    ),
    "split": Shared(
        "Which images are used for validation. Default: the split of the tables, if they have the data set.",
        more={"metavar": "fraction|nb201|FILE"},
    ),
    "valid_fraction": Shared(
        "Fraction of the training images used for validation (0.1 if not given); implies --split fraction.",
        float | None,
    ),
    "size": Shared("Scale images to this height and width in pixels, a multiple of 4.", int | None),
    "device": Shared("Device: auto, cpu, cuda or cuda:N.", str, "auto"),
}
_DEMO: dict[str, Any] = {"recipe": "tiny", "top": 2, "controls": 2, "worst": 1, "seeds": 2}
_DEMO_EVALUATIONS = 60
_BESIDE_DEMO = ("demo", "folder", "device", "workers")


@cli_command
@takes(IMAGE_OPTIONS)
def train(
    cell: Annotated[str, typer.Argument(help="Index, or string in the space's notation.")],
    seed: Annotated[int, typer.Option(help="Seed of the weights, the order of the images and the augmentation.")] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(help="Keep checkpoint, log, network and result here; run the same command again to resume."),
    ] = None,
    space: Annotated[str, typer.Option(help="Search space of the cell: nb201 or tnb101.")] = "nb201",
    deterministic: Annotated[bool, typer.Option(help="Use deterministic algorithms only; slower on a GPU.")] = False,
    *,
    options: dict[str, Any],
) -> None:
    """Train the network of one cell."""
    found = nm.train(
        cell_in(cell),
        seed=seed,
        space=space,
        folder=folder,
        deterministic=deterministic,
        progress=True,
        **options | {"data": options["data"] or "digits"},
    )
    accuracies = {"train": found.train_accuracy, "valid": found.valid_accuracy, "test": found.test_accuracy}
    said = ", ".join(f"{name} {value:.2f} %" for name, value in accuracies.items() if value is not None)
    typer.echo(f"cell {found.cell} on {found.dataset}: {said}; after {len(found.epochs)} epochs, seed {found.seed}")
    typer.echo(f"{found.parameters:,} parameters; {duration(found.train_seconds)} of training on {found.device}")
    if folder is not None:
        typer.echo(f"written: {folder}")


@cli_command
@takes(IMAGE_OPTIONS)
def verify(
    context: typer.Context,
    runs: Annotated[list[Path] | None, typer.Argument(metavar="RUN…", help="Journals of searches on one task.")] = None,
    top: Annotated[int, typer.Option(help="Number of the best evaluated cells to train.")] = 3,
    controls: Annotated[int, typer.Option(help="Number of random cells to train for comparison.")] = 3,
    worst: Annotated[int, typer.Option(help="Number of the worst evaluated cells to train.")] = 0,
    seeds: Annotated[int, typer.Option(help="Number of trainings of each cell.")] = 2,
    seed: Annotated[
        int, typer.Option(help="Seed of the first training of each cell, and of the choice of random cells.")
    ] = 0,
    folder: Annotated[
        Path, typer.Option(help="Keep trainings and the page here; run the same command again to resume.")
    ] = Path("nasmeta-verification"),
    compare_with: Annotated[
        str | None,
        typer.Option(
            metavar="DATASET",
            help="The table's name for the data set of --data, if it cannot be told from that: cifar10, …",
        ),
    ] = None,
    workers: Annotated[
        str,
        typer.Option(metavar="N|ray", help="Number of parallel trainings, which share the device; or ray."),
    ] = "1",
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Do only part I, from 0, of N parts of the trainings; all parts may run at once in one folder. The "
            "same command without it writes the page.",
        ),
    ] = None,
    demo: Annotated[
        bool,
        typer.Option("--demo", help="Search the table and verify on scikit-learn's digits; takes about two minutes."),
    ] = False,
    *,
    options: dict[str, Any],
) -> None:
    """Train the best cells of searches, beside random cells, and write a page that compares them with the table."""
    from nasmeta.training import dataset_options

    data, recipe, *of_images, device = options.values()
    asked: dict[str, Any] = {"recipe": recipe, "top": top, "controls": controls, "worst": worst, "seeds": seeds}
    command = None
    if demo:
        params = {str(one.name): one.opts[0] for one in context.command.params} | {"runs": "RUN"}
        beside = [said for name, said in params.items() if name not in _BESIDE_DEMO and is_said(context, name)]
        if beside:
            raise SettingError(f"The demonstration has its own run, data and recipe: leave out {', '.join(beside)}.")
        from nasmeta.evaluators import require_torch

        require_torch()
        asked, data, command = _DEMO, "digits", f"nasmeta verify --demo --folder {folder}"
        runs = [_demo_run(folder)]
    if data is None:
        raise SettingError(
            "Training needs images: --data digits, cifar10:PATH, cifar100:PATH, imagenet16-120:PATH, fashion-mnist or "
            "folder:PATH."
        )
    with progress_bar("verify") as bar:
        found = nm.verify(
            runs or [],
            data,
            folder=folder,
            seed=seed,
            compare_with=compare_with,
            device=device,
            workers=int(workers) if workers.isdecimal() else workers,
            shard=shard,
            announce=bar.note,
            on_end=lambda cell, seed, outcome: bar.note(_ended(cell, seed, outcome)),
            command=command,
            **asked,
            **dataset_options(data, *of_images),
        )
    if shard is not None:
        failed = found.facts["failed"]
        n = found.facts["trainings"] + failed
        done = f"{n} training{'s are' if n != 1 else ' is'}" + (f" done, {failed} failed" if failed else " done")
        typer.echo(f"Shard {shard}: its {done}. After all shards, leave out --shard for the page.")
    else:
        _show(found)
        echo_written(found.files)
    if found.facts["failed"] and not found.facts["trainings"]:
        why = ", ".join(sorted(set(filter(None, found.cells["failures"]))))
        end_without_success(f"no training succeeded: {why}.")


def _ended(cell: int, seed: int, outcome: TrainingResult | TrainingFailed) -> str:
    """Say how a training ended."""
    if isinstance(outcome, TrainingFailed):
        return f"cell {cell}, seed {seed}: failed: {outcome.told}"
    accuracy = outcome.test_accuracy if outcome.valid_accuracy is None else outcome.valid_accuracy
    return f"cell {cell}, seed {seed}: {accuracy:.2f} % in {duration(outcome.train_seconds)}"


def _demo_run(folder: Path) -> Path:
    journal = folder / "run.jsonl"
    nm.search("gp", "nb201/cifar10", evaluations=_DEMO_EVALUATIONS, journal=journal, progress=True)
    return journal


def _show(found: Verification) -> None:
    from nasmeta.analysis._tables import number_or_dash, spread

    facts, terminal = found.facts, console()
    rows = [
        [
            str(row["cell"]),
            str(row["role"]),
            number_or_dash(row["lookup"]),
            spread(row["measured"], row["measured_std"]) if row["trainings"] else f"failed: {row['failures']}",
            number_or_dash(row["difference"], "+.2f"),
            "–" if row["in_band"] is None else "yes" if row["in_band"] else "no",
        ]
        for row in found.cells.to_dict("records")
    ]
    headings = ("cell", "role", "look-up", "trained", "difference", "in band")
    title = f"{facts['task']}, trained on {facts['data']} by {facts['recipe']['name']}"
    print_table(headings, rows, title, right={*headings} - {"role"})
    lines = [f"look-up: {facts['lookup']['address']}, {facts['lookup']['release']}; accuracies in percent"]
    if facts["lookup"]["not_comparable"]:
        lines.append(f"only the order can be compared: {facts['lookup']['not_comparable']}")
    if facts["spearman"] is not None:
        lines.append(f"rank correlation over {facts['cells']} cells: Spearman {facts['spearman']:.3f}")
    if (apart := facts["separation"]) is not None:
        lines.append(
            f"chance that training places a pick above a random cell: {apart['chance']:.3f}, 95 % interval "
            f"{apart['low']:.2f} to {apart['high']:.2f}"
        )
    lines += [f"left out of the picks: {said}" for said in facts["left_out"]]
    for line in lines:
        terminal.print(line, soft_wrap=True)
