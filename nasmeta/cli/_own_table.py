"""The options with which ``data add`` and ``doctor`` read a user's file."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nasmeta.cli._cli_utils import by_metric, names_in

Space = Annotated[str | None, typer.Option(help="Name of the space, such as nb201, or package.module:Name.")]
Columns = Annotated[
    str | None,
    typer.Option(help="Instead of --space: the columns that describe an architecture. The rows then form the space."),
]
Dataset = Annotated[
    str | None, typer.Option(help="Dataset on which the networks were trained. Default: the name of the table.")
]
Architecture = Annotated[str | None, typer.Option(help="Name of the column that holds the architectures.")]
Metrics = Annotated[
    str | None, typer.Option(help="Columns of values, separated by commas, if the file has other columns too.")
]
Split = Annotated[str | None, typer.Option(help="Split on which the values were measured: train, valid or test.")]
Epochs = Annotated[int | None, typer.Option(help="Length of the trainings, in epochs.")]
Release = Annotated[str | None, typer.Option(help="Release of the data.")]
Direction = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METRIC=max|min",
        help="Whether higher (max) or lower (min) is better, unless the name is well known (val_acc). Repeatable.",
    ),
]
Unit = Annotated[list[str] | None, typer.Option(metavar="METRIC=UNIT", help="Unit of a metric.")]
Kind = Annotated[
    list[str] | None,
    typer.Option(metavar="METRIC=KIND", help="Kind of a metric: performance, size, seconds, latency, energy or proxy."),
]
Device = Annotated[str | None, typer.Option(help="Device on which latency or energy was measured.")]


def reading(
    columns: str | None,
    metrics: str | None,
    direction: list[str] | None,
    unit: list[str] | None,
    kind: list[str] | None,
    **same: Any,
) -> dict[str, Any]:
    """Return the options as keyword arguments of `nasmeta.tables.add_file`."""
    return {
        "columns": names_in(columns) if columns else None,
        "metrics": names_in(metrics) if metrics else None,
        "direction": by_metric(direction),
        "unit": by_metric(unit),
        "kind": by_metric(kind),
        **same,
    }
