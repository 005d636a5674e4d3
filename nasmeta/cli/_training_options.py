"""Options of commands that train."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

__all__ = ["Data", "Device", "RecipeName", "Size", "Split", "ValidFraction"]

Data = Annotated[
    Optional[str],  # noqa: UP045  (older typers cannot read the other form)
    typer.Option(
        metavar="KIND:PATH",
        help="Images: digits, cifar10:PATH, cifar100:PATH, imagenet16-120:PATH, fashion-mnist, folder:PATH.",
    ),
]
RecipeName = Annotated[
    str, typer.Option(metavar="NAME|FILE", help="How to train: fast, nb201-12, nb201-200, tiny, or a file (.toml).")
]
Split = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        metavar="fraction|nb201|FILE",
        help="Which images validate; by default as the tables have it where they know the data set.",
    ),
]
ValidFraction = Annotated[
    Optional[float],  # noqa: UP045
    typer.Option(
        help="Let this share of the training images validate: 0.1 where nothing is said; implies --split fraction."
    ),
]
Size = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(help="Scale images to this height and width in pixels, a multiple of 4."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
