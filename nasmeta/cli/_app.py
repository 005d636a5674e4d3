"""The command line, with all commands."""

from __future__ import annotations

from typing import Annotated

import typer

import nasmeta
from nasmeta.cli import _plan as _plan
from nasmeta.cli._command import app as app
from nasmeta.cli._data import data_app
from nasmeta.cli._predict import proxies_app, surrogate_app

_ORDER = (
    "demo",
    "search",
    "compare",
    "plan",
    "reproduce",
    "report",
    "train",
    "verify",
    "predict",
    "meta-train",
    "list",
    "query",
    "explore",
    "doctor",
)

app.registered_commands.sort(key=lambda one: _ORDER.index(str(one.name)))
app.add_typer(data_app, name="data")
app.add_typer(surrogate_app, name="surrogate")
app.add_typer(proxies_app, name="proxies")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(nasmeta.__version__)
        raise typer.Exit


@app.callback(epilog="Start with: nasmeta demo")
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Meta-learned neural architecture search on tabular benchmarks."""
