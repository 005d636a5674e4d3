"""``nasmeta predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

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

__all__ = ["predict"]


@cli_command
def predict(
    predictors: Annotated[
        Optional[str],  # noqa: UP045  (older typers cannot read the other form)
        typer.Option(
            help="NAME or NAME:ENCODER, with commas between; joined by / as an ensemble: gp/xgboost:default+proxies; "
            "a meta-predictor, such as maml, which is meta-trained first, or the file of nasmeta meta-train."
        ),
    ] = None,
    encoder: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="Encoder of the predictors that name none; several joined by +."),
    ] = None,
    dataset: Annotated[str, typer.Option(help="Dataset of nb201, or name of a task, such as clinic/pets.")] = "cifar10",
    protocol: Annotated[str, typer.Option(help="few: so many labels; half: of half of the cells.")] = "few",
    sizes: Annotated[Optional[str], typer.Option(help="Numbers of labels, with commas between.")] = None,  # noqa: UP045
    draws: Annotated[int, typer.Option(help="How often the labelled cells are drawn.")] = 5,
    target: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="What the order is compared with: test, or valid, the signal. Default: test, where there is one."
        ),
    ] = None,
    rule: Annotated[
        str, typer.Option(help="What counts as isomorphic: upstream, or function (strictest).")
    ] = "upstream",
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    settings: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--set", metavar="PREDICTOR:KEY=VALUE", help="A setting of one predictor; may be given several times."
        ),
    ] = None,
    sources: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Tasks that a meta-predictor learns from, or families, with commas between; by default the family of "
            "the task without its dataset."
        ),
    ] = None,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder for journal, tables and figures; the same command again goes on after any end."),
    ] = None,
) -> None:
    """Compare predictors: how well they order all cells from few labels."""
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
    from nasmeta.analysis._prediction_summary import SCOPES

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
