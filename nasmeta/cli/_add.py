"""``nasmeta data add`` and ``remove``: a user's own table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Optional

import typer

from nasmeta.cli._cli_utils import cli_command, names_in
from nasmeta.errors import ColumnError, SettingError

__all__ = ["add_data", "remove_data"]

_Text = Optional[str]  # noqa: UP045


@cli_command
def add_data(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, .tsv or .parquet with one row a measurement.")],
    space: Annotated[_Text, typer.Option(help="Name of the space, such as nb201, or package.module:Name.")] = None,
    columns: Annotated[
        _Text, typer.Option(help="Instead: the columns that make up an architecture; the rows are then the space.")
    ] = None,
    name: Annotated[_Text, typer.Option(help="Name of the table; that of the file where left out.")] = None,
    dataset: Annotated[_Text, typer.Option(help="What the networks were trained on; the name where left out.")] = None,
    architecture: Annotated[_Text, typer.Option(help="The column of the architectures.")] = None,
    metrics: Annotated[_Text, typer.Option(help="The columns of values, where there are others, too.")] = None,
    split: Annotated[_Text, typer.Option(help="What was measured on: train, valid or test.")] = None,
    epochs: Annotated[Optional[int], typer.Option(help="Length of the trainings.")] = None,  # noqa: UP045
    release: Annotated[_Text, typer.Option(help="Which release of the data it is.")] = None,
    direction: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="METRIC=max|min", help="Which values are good; may be given several times."),
    ] = None,
    unit: Annotated[Optional[list[str]], typer.Option(metavar="METRIC=UNIT", help="Unit of a metric.")] = None,  # noqa: UP045
    kind: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(metavar="METRIC=KIND", help="performance, size, seconds, latency, energy or proxy."),
    ] = None,
    device: Annotated[_Text, typer.Option(help="On which device latency or energy was measured.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the data.")] = "not stated",
    citation: Annotated[str, typer.Option(help="The paper to cite.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace other content under this name.")] = False,
) -> None:
    """Keep a table of your own in the store, so that every command and process knows it from then on.

    Columns called dataset, split, epochs, seed or release say so of each row; architectures are in a column of strings
    or indices, or in a column for each position of the space. A later `nasmeta search gp NAME/DATASET` searches it.
    """
    import nasmeta as nm
    from nasmeta.tables import read_frame

    if (space is None) == (columns is None):
        raise SettingError(
            "Say over which space the table is: --space nb201 (or another registered one), or --columns a,b,c, the "
            "columns of the file that make up an architecture."
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
    typer.echo(
        f"{own}: {len(table.columns)} columns over {chosen.size:,} architectures, of which {share:.3g} were measured"
        if share < 1
        else f"{own}: {len(table.columns)} columns over {chosen.size:,} architectures"
    )
    for info in table.columns:
        typer.echo(f"  {info.address} ({info.unit}, {info.direction} is best)")
    if not tasks:
        typer.echo(f"No task has a name of its own. {unclear}".rstrip())
        return
    typer.echo(
        f"Tasks: {', '.join(task.name for task in tasks)}. Try: nasmeta search gp {tasks[0].name} --evaluations 50"
    )


@cli_command
def remove_data(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of a table that was added.")],
) -> None:
    """Remove a table that `nasmeta data add` has added."""
    from nasmeta.tables import remove_added

    remove_added(name)
    typer.echo(f"{name} is removed.")


def _by_metric(given: list[str] | None) -> dict[str, str] | None:
    found = {}
    for text in given or ():
        metric, equals, value = text.partition("=")
        if not equals:
            raise SettingError(f"Write METRIC=VALUE, such as loss=min, not {text!r}.")
        found[metric.strip()] = value.strip()
    return found or None
