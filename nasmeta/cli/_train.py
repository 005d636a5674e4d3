"""``nasmeta train``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nasmeta.cli._cli_utils import cell_in, cli_command, duration
from nasmeta.cli._training_options import Data, Device, RecipeName, Size, Split, ValidFraction


@cli_command
def train(
    cell: Annotated[str, typer.Argument(help="Index, or string in the space's notation.")],
    data: Data = "digits",
    recipe: RecipeName = None,
    seed: Annotated[int, typer.Option(help="Seed of the weights, the order of the images and the augmentation.")] = 0,
    folder: Annotated[
        Path | None,
        typer.Option(help="Keep checkpoint, log, network and result here; run the same command again to resume."),
    ] = None,
    space: Annotated[str, typer.Option(help="Search space of the cell: nb201 or tnb101.")] = "nb201",
    split: Split = None,
    valid_fraction: ValidFraction = None,
    size: Size = None,
    device: Device = "auto",
    deterministic: Annotated[bool, typer.Option(help="Use deterministic algorithms only; slower on a GPU.")] = False,
    tensorboard: Annotated[bool, typer.Option(help="Also write TensorBoard logs to the folder.")] = False,
    distributed: Annotated[
        bool, typer.Option(help="Train in the processes that torchrun started, one on each GPU.")
    ] = False,
    export: Annotated[
        list[Path] | None,
        typer.Option(help="Write the trained network: .safetensors, .pt2 (torch.export) or .onnx. Repeatable."),
    ] = None,
) -> None:
    """Train the network of one cell."""
    import nasmeta as nm

    found = nm.train(
        cell_in(cell),
        data or "digits",
        recipe,
        seed,
        space=space,
        split=split,
        valid_fraction=valid_fraction,
        size=size,
        folder=folder,
        device=device,
        deterministic=deterministic,
        progress=True,
        tensorboard=tensorboard,
        export=export or (),
        distributed=distributed,
    )
    if distributed and os.environ["RANK"] != "0":
        return  # the first process tells
    accuracies = {"train": found.train_accuracy, "valid": found.valid_accuracy, "test": found.test_accuracy}
    said = ", ".join(f"{name} {value:.2f} %" for name, value in accuracies.items() if value is not None)
    typer.echo(f"cell {found.cell} on {found.dataset}: {said}; after {len(found.epochs)} epochs, seed {found.seed}")
    energy = "" if found.energy_joules is None else f", {found.energy_joules:,.0f} J"
    typer.echo(
        f"{found.parameters:,} parameters; {duration(found.train_seconds)} of training on {found.device}{energy}"
    )
    for path in [*([folder] if folder else []), *(export or [])]:
        typer.echo(f"written: {path}")
