"""``nasmeta data add`` and ``remove``: a user's own table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from nasmeta.cli._cli_utils import cli_command, names_in
from nasmeta.errors import ColumnError, SettingError

_Text = str | None


@cli_command
def add_data(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .csv, .tsv or .parquet file with one row per measurement.")
    ],
    space: Annotated[_Text, typer.Option(help="Name of the space, such as nb201, or package.module:Name.")] = None,
    columns: Annotated[
        _Text,
        typer.Option(
            help="Instead of --space: the columns that describe an architecture. The rows then form the space."
        ),
    ] = None,
    name: Annotated[_Text, typer.Option(help="Name of the table. Default: the name of the file.")] = None,
    dataset: Annotated[
        _Text, typer.Option(help="Dataset on which the networks were trained. Default: the name of the table.")
    ] = None,
    architecture: Annotated[_Text, typer.Option(help="Name of the column that holds the architectures.")] = None,
    metrics: Annotated[
        _Text, typer.Option(help="Columns of values, separated by commas, if the file has other columns too.")
    ] = None,
    split: Annotated[_Text, typer.Option(help="Split on which the values were measured: train, valid or test.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Length of the trainings, in epochs.")] = None,
    release: Annotated[_Text, typer.Option(help="Release of the data.")] = None,
    direction: Annotated[
        list[str] | None,
        typer.Option(metavar="METRIC=max|min", help="Whether higher (max) or lower (min) is better. Repeatable."),
    ] = None,
    unit: Annotated[list[str] | None, typer.Option(metavar="METRIC=UNIT", help="Unit of a metric.")] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=KIND", help="Kind of a metric: performance, size, seconds, latency, energy or proxy."
        ),
    ] = None,
    device: Annotated[_Text, typer.Option(help="Device on which latency or energy was measured.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the data.")] = "not stated",
    citation: Annotated[str, typer.Option(help="The paper to cite.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a table of the same name.")] = False,
) -> None:
    """Add your own table to the store, where every command and process finds it by name.

    Columns named dataset, split, epochs, seed or release describe each row. Architectures stand in one column of
    strings or indices, or in one column for each position of the space. Search the table with `nasmeta search gp
    NAME/DATASET`.
    """
    import nasmeta as nm
    from nasmeta.tables import read_frame

    if (space is None) == (columns is None):
        raise SettingError(
            "Name the space of the table: --space nb201 (or another registered one), or --columns a,b,c for the "
            "columns of the file that describe an architecture."
        )
    frame = read_frame(file)
    own = name or re.sub(r"[^a-z0-9._-]+", "-", file.stem.lower()).strip("-._") or "own"
    chosen = nm.SearchSpace.from_frame(frame, names_in(columns), own) if columns else nm.get_space(space or "")
    table = nm.Table.from_frame(
        frame,
        chosen,
        name=own,
        architecture=architecture,
        dataset=dataset,
        metrics=names_in(metrics) if metrics else None,
        split=split,
        epochs=epochs,
        release=release,
        direction=_by_metric(direction),
        unit=_by_metric(unit),
        kind=_by_metric(kind),
        device=device,
        licence=licence,
    ).add(own, replace=replace, citation=citation)
    try:
        tasks, unclear = list(table.tasks()), ""
    except ColumnError as reason:  # two releases, say: it is kept, and a question has to say which
        tasks, unclear = [], str(reason)
    share = len(tasks[0].measured) / chosen.size if tasks else 1.0
    columns_here = "1 column" if len(table.columns) == 1 else f"{len(table.columns)} columns"
    measured = f", {100 * share:.3g} % of them measured" if share < 1 else ""
    typer.echo(f"{own}: {columns_here} over {chosen.size:,} architectures{measured}")
    for info in table.columns:
        typer.echo(f"  {info.address} ({info.unit}, {'higher' if info.direction == 'max' else 'lower'} is better)")
    if not tasks:
        typer.echo(f"No task has a name of its own. {unclear}".rstrip())
        return
    typer.echo(
        f"Tasks: {', '.join(task.name for task in tasks)}. Try: nasmeta search gp {tasks[0].name} --evaluations 50"
    )


@cli_command
def remove_data(name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a table that was added.")]) -> None:
    """Remove a table that `nasmeta data add` added."""
    from nasmeta.tables import remove_added

    remove_added(name)
    typer.echo(f"Removed {name}.")


def _by_metric(given: list[str] | None) -> dict[str, str] | None:
    found = {}
    for text in given or ():
        metric, equals, value = text.partition("=")
        if not equals:
            raise SettingError(f"Write METRIC=VALUE, such as loss=min, not {text!r}.")
        found[metric.strip()] = value.strip()
    return found or None
