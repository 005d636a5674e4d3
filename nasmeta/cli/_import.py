"""``nasmeta data import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from nasmeta.cli._cli_utils import cli_command
from nasmeta.progress import progress_bar


@cli_command
def import_data(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="An official file, or a folder with the files of an archive.")
    ],
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Number of processes that convert a folder. Default: one per CPU, at most 4."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an earlier import of the release even if it has more cells.")
    ] = False,
) -> None:
    """Import an official file of NAS-Bench-201, NATS-Bench or NASLib and add its columns to the table.

    The file is recognised by its content: NAS-Bench-201-v1_0-e61699.pth, NAS-Bench-201-v1_1-096897.pth,
    NATS-tss-v1_0-3ffb9.pickle.pbz2, the folders NATS-tss-v1_0-3ffb9-simple and -full, nb201_*_full_training.pickle.
    """
    from nasmeta.spaces import get_space
    from nasmeta.tables import import_official

    with progress_bar("cells") as bar:
        found = import_official(path, workers=workers, progress=bar.update, replace=replace)
    n_cells = get_space("nb201").size
    typer.echo(
        f"{found.source} ({found.release}): {found.n_columns:,} columns and {found.n_curves:,} kinds of learning "
        f"curves of {found.n_cells:,} of {n_cells:,} cells; in nb201"
    )
