"""``nasmeta proxies``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasmeta.cli._cli_utils import cli_command, integers_in, names_in
from nasmeta.progress import progress_bar

proxies_app = typer.Typer(
    help="Measure zero-cost proxies: statistics of untrained networks.", no_args_is_help=True, rich_markup_mode="rich"
)


@cli_command
def compute(
    output: Annotated[Path, typer.Option(metavar="FILE", help="Write the proxies to this new file (.npz).")],
    space: Annotated[str, typer.Option(help="Space of the cells: nb201 or tnb101.")] = "nb201",
    data: Annotated[
        str,
        typer.Option(
            metavar="digits|FOLDER", help="Images: scikit-learn's digits, or a folder with one folder per class."
        ),
    ] = "digits",
    n_images: Annotated[int, typer.Option(help="Number of images in the batch, at least 2.")] = 32,
    image_size: Annotated[int, typer.Option(help="Height and width of the images: a multiple of 4, at least 8.")] = 16,
    channels: Annotated[int, typer.Option(help="Channels of the first stage.")] = 16,
    cells_per_stage: Annotated[int, typer.Option(help="Cells in each of the three stages.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the weights and the batch.")] = 0,
    repeats: Annotated[int, typer.Option(help="Number of seeds to average over.")] = 1,
    proxies: Annotated[
        str | None, typer.Option(help="Names (nasmeta list proxies), separated by commas. Default: nine of them.")
    ] = None,
    cells: Annotated[str | None, typer.Option(help="Indices of cells, separated by commas. Default: all.")] = None,
    workers: Annotated[int, typer.Option(help="Number of processes, with one thread each.")] = 1,
) -> None:
    """Measure proxies for one cell of each isomorphism class; run the same command again to resume."""
    from nasmeta.training import load_images
    from nasmeta.training.proxies import DEFAULT_PROXIES, ProxySettings, measure_proxies

    settings = ProxySettings(
        tuple(names_in(proxies)) if proxies is not None else DEFAULT_PROXIES, channels, cells_per_stage, seed, repeats
    )
    batch = load_images(data, n_images, image_size, seed)
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


proxies_app.command(epilog="Example: nasmeta proxies compute --data digits --output proxies.npz")(compute)
