"""``nasmeta predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasmeta.cli._cli_utils import (
    cli_command,
    console,
    echo_written,
    integers_in,
    names_in,
    print_table,
    settings_by_label,
)

if TYPE_CHECKING:
    import pandas as pd


@cli_command
def predict(
    predictors: Annotated[
        str | None,
        typer.Option(
            help="Predictors (nasmeta list predictors), separated by commas: NAME or NAME:ENCODER; an ensemble is "
            "joined by /, such as gp/xgboost:default+proxies. Also meta-predictors such as maml, which are "
            "meta-trained first, and files written by nasmeta meta-train."
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(help="Encoder (nasmeta list encoders) of the predictors that name none; join several with +."),
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="Dataset of nb201, or the name of a task such as clinic/pets.")
    ] = "cifar10",
    protocol: Annotated[
        str, typer.Option(help="few: train on the numbers of labels in --sizes; half: train on half of the cells.")
    ] = "few",
    sizes: Annotated[str | None, typer.Option(help="Numbers of labels, separated by commas.")] = None,
    draws: Annotated[int, typer.Option(help="Number of random draws of the labelled cells.")] = 5,
    target: Annotated[
        str | None,
        typer.Option(
            help="Compare predictions with test accuracy (test) or with the signal itself (valid). Default: test, if "
            "the table has it."
        ),
    ] = None,
    rule: Annotated[
        str, typer.Option(help="Rule of isomorphism: upstream, zero, skip, or function (the strictest).")
    ] = "upstream",
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PREDICTOR:KEY=VALUE", help="A setting of one predictor. Repeatable."),
    ] = None,
    sources: Annotated[
        str | None,
        typer.Option(
            help="Tasks or families, separated by commas, that a meta-predictor learns from. Default: the family of "
            "the task without its dataset."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for journal, tables and figures; run the same command again to resume.")
    ] = None,
) -> None:
    """Measure how well predictors order all cells after training on a few labels."""
    import nasmeta as nm

    found = nm.predict(
        None if predictors is None else names_in(predictors),
        dataset,
        protocol=protocol,
        sizes=integers_in(sizes, "Sizes are whole numbers with commas between, as in --sizes 78,781"),
        target=target,
        encoder=encoder,
        settings=settings_by_label(settings or ()),
        sources=None if sources is None else names_in(sources),
        draws=draws,
        rule=rule,
        seed=seed,
        folder=output,
        progress=True,
    )
    _print(found.summary)
    for remark in found.remarks:
        typer.echo(remark)
    if found.files:
        echo_written(found.files)


def _print(table: pd.DataFrame) -> None:
    from nasmeta.analysis._prediction_plots import SCOPES

    terminal = console()
    first = table.iloc[0]
    terminal.print(f"{first['task']}: Kendall's τ-b with {first['target']}, mean of the draws")
    sizes = list(dict.fromkeys(table["n_train"]))
    for scope, title in SCOPES.items():
        rows = table[table["scope"] == scope]
        terminal.print(f"Scored on {title}")  # as a title it would be broken to the table's width
        shown = []
        for name, of_name in rows.groupby("predictor", sort=False, observed=True):
            by_size = of_name.set_index("n_train")["kendall_tau"]
            shown.append([str(name), *(f"{by_size[n]:.3f}" if n in by_size else "–" for n in sizes)])
        numbers = [f"{n:,}" for n in sizes]
        print_table(["predictor", *numbers], shown, right=numbers)
