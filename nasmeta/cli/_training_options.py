"""Options of commands that train."""

from __future__ import annotations

from typing import Annotated

import typer

from nasmeta.cli._cli_utils import names_of

Data = Annotated[
    str | None,
    typer.Option(
        metavar="KIND:PATH",
        help="Training images: digits, cifar10:PATH, cifar100:PATH, imagenet16-120:PATH, fashion-mnist, folder:PATH.",
    ),
]
RecipeName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="Training recipe: a name of nasmeta list recipes, or a file (.toml). Default: tiny for digits, fast for "
        "other images.",
        autocompletion=lambda: names_of("recipe"),
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        metavar="fraction|nb201|FILE",
        help="Which images are used for validation. Default: the split of the tables, if they have the data set.",
    ),
]
ValidFraction = Annotated[
    float | None,
    typer.Option(
        help="Fraction of the training images used for validation (0.1 if not given); implies --split fraction."
    ),
]
Size = Annotated[int | None, typer.Option(help="Scale images to this height and width in pixels, a multiple of 4.")]
Device = Annotated[str, typer.Option(help="Device: auto, cpu, cuda or cuda:N.")]
