"""``nasmeta proxies``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from nasmeta.cli._cli_utils import cli_command, integers_in, names_in
from nasmeta.progress import progress_bar

__all__ = ["proxies_app"]

proxies_app = typer.Typer(
    help="Zero-cost proxies: what an untrained network says about a cell.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@cli_command
def compute(
    output: Annotated[Path, typer.Option(metavar="FILE", help="A new .npz file.")],
    space: Annotated[str, typer.Option(help="Space of the cells: nb201 or tnb101.")] = "nb201",
    images: Annotated[
        str, typer.Option(metavar="digits|FOLDER", help="Images: scikit-learn's digits, or a folder of class folders.")
    ] = "digits",
    n_images: Annotated[int, typer.Option(help="Images in the batch, from 2.")] = 32,
    image_size: Annotated[int, typer.Option(help="Their height and width: a multiple of 4, from 8.")] = 16,
    channels: Annotated[int, typer.Option(help="Channels of the first stage.")] = 16,
    cells_per_stage: Annotated[int, typer.Option(help="Cells in each of the three stages.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the weights and the batch.")] = 0,
    repeats: Annotated[int, typer.Option(help="Seeds to take the mean over.")] = 1,
    proxies: Annotated[Optional[str], typer.Option(help="Names, with commas between; nine by default.")] = None,  # noqa: UP045
    cells: Annotated[Optional[str], typer.Option(help="Indices, with commas between; all by default.")] = None,  # noqa: UP045
    workers: Annotated[int, typer.Option(help="Processes, of one thread each.")] = 1,
) -> None:
    """Measure proxies, one cell of each isomorphism class; after a kill the same command goes on."""
    from nasmeta.training import load_images
    from nasmeta.training.proxies import DEFAULT_PROXIES, ProxySettings, measure_proxies

    settings = ProxySettings(
        tuple(names_in(proxies)) if proxies is not None else DEFAULT_PROXIES, channels, cells_per_stage, seed, repeats
    )
    batch = load_images(images, n_images, image_size, seed)
    existed = output.exists()
    with progress_bar("networks") as bar:
        path = measure_proxies(
            output,
            batch,
            settings,
            space=space,
            cells=integers_in(cells, "Cells are indices with commas between, as in --cells 0,6111"),
            workers=workers,
            progress=bar.update,
        )
    typer.echo(f"{path} was complete already, by the same measurement" if existed else f"wrote {path}")


proxies_app.command(epilog="Example: nasmeta proxies compute --images digits --output proxies.npz")(compute)
