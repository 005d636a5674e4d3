"""Options of commands that train."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from nasmeta.errors import SettingError

__all__ = ["Data", "Device", "RecipeName", "Size", "Split", "ValidFraction", "data_options"]

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


def data_options(data: str, split: str | None, valid_fraction: float | None, size: int | None) -> dict[str, Any]:
    """Return the keyword arguments of `nasmeta.training.load_dataset`.

    Raises
    ------
    SettingError
        Where a fraction is given with a split that has none.
    """
    from nasmeta.evaluators import default_split

    if valid_fraction is None:
        return {"split": default_split(data) if split is None else split, "size": size}
    if split not in (None, "fraction"):
        raise SettingError(f"--valid-fraction is for --split fraction, not for {split}: leave out one of them.")
    return {"split": "fraction", "valid_fraction": valid_fraction, "size": size}
