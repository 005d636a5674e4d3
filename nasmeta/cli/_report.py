"""``nasmeta report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import nasmeta as nm
from nasmeta.cli._cli_utils import cli_command, names_in


@cli_command
def report(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Folder of a finished comparison; may be in an object store.")
    ],
    output: Annotated[
        Path | None, typer.Option(help="Folder for the report. Default: report, inside that folder.")
    ] = None,
    at: Annotated[
        int | None,
        typer.Option(
            help="Budget at which ranks and tests compare, in evaluations or seconds, whichever the budget counts; "
            "by default the largest that all runs reach."
        ),
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Searcher whose mean regret is a score of 0. Default: random search.")
    ] = None,
    formats: Annotated[
        str, typer.Option(help="Formats of the figures, separated by commas: png, svg, pdf.")
    ] = "png,svg,pdf",
    title: Annotated[
        str | None, typer.Option(help="Title of the report. Default: that of the comparison's specification, if any.")
    ] = None,
) -> None:
    """Write the report of a comparison: an interactive page in one file, Markdown, figures and LaTeX tables."""
    files = nm.report(folder, output, at=at, reference=reference, formats=names_in(formats), title=title).files
    typer.echo("Written:")
    for path in files[:2]:
        typer.echo(f"  {path}")
    for inner in ("figures", "tables"):
        count = sum(path.parent.name == inner for path in files)
        if count:
            typer.echo(f"  {files[0].parent / inner} ({count} files)")
