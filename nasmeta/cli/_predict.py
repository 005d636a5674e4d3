"""``nasmeta predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from nasmeta.cli._manners import mannered, names_in
from nasmeta.errors import JournalError, NasmetaError, SettingError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["predict", "write_prediction_report"]

_SCOPES = {
    "isomorph-disjoint": "cells of which no isomorph gave a label",
    "unseen": "cells that gave no label",
    "all": "all cells, as published work scores",
}


@mannered
def predict(
    predictors: Annotated[
        Optional[str],  # noqa: UP045  (older typers cannot read the other form)
        typer.Option(
            help="NAME or NAME:ENCODER, with commas between; joined by / as an ensemble: gp/xgboost:default+proxies."
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
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder for journal, tables and figures; the same command again goes on after any end."),
    ] = None,
) -> None:
    """Compare predictors: how well they order all cells from few labels."""
    import nasmeta as nm
    from nasmeta.analysis import summarise_predictions

    options: dict[str, Any] = {} if predictors is None else {"predictors": names_in(predictors)}
    frame = nm.benchmark_predictors(
        task=dataset if "/" in dataset else f"nb201/{dataset}",
        protocol=protocol,
        sizes=None if sizes is None else _numbers(sizes),
        target=target,  # type: ignore[arg-type]  # checked there
        encoder=encoder,
        draws=draws,
        rule=rule,  # type: ignore[arg-type]
        seed=seed,
        folder=output,
        progress=True,
        **options,
    )
    _print(summarise_predictions(frame))
    if output is not None:
        typer.echo("Written:")
        for path in write_prediction_report(frame, output):
            typer.echo(f"  {path}")


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in names_in(text)]
    except ValueError:
        raise SettingError(
            f"Sizes are whole numbers with commas between, as in --sizes 78,781, not {text!r}."
        ) from None


def _print(table: pd.DataFrame) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    first = table.iloc[0]
    console.print(f"{first['task']}: Kendall's τ-b with {first['target']}, mean of the draws", highlight=False)
    sizes = list(dict.fromkeys(table["n_train"]))
    for scope, title in _SCOPES.items():
        rows = table[table["scope"] == scope]
        console.print(f"Scored on {title}", highlight=False)  # as a title it would be broken to the table's width
        shown = Table()
        shown.add_column("predictor", overflow="fold")
        for n in sizes:
            shown.add_column(f"{n:,}", justify="right", no_wrap=True)
        for name, of_name in rows.groupby("predictor", sort=False, observed=True):
            by_size = of_name.set_index("n_train")["kendall_tau"]
            shown.add_row(str(name), *(f"{by_size[n]:.3f}" if n in by_size else "–" for n in sizes))
        console.print(shown)


def write_prediction_report(frame: pd.DataFrame, folder: Path) -> list[Path]:
    """Write table, summary and pictures of a predictor benchmark into a folder; return the files."""
    from nasmeta.analysis import plot_calibration, plot_predictions, save_figure, summarise_predictions, to_markdown

    table = summarise_predictions(frame)
    parts = [
        "# Comparison of predictors\n",
        f"{frame['task'].iloc[0]}, compared with {frame['target'].iloc[0]}. Mean over the draws, in brackets the 95 % "
        "bootstrap interval. Seconds are medians.\n",
    ]
    for scope, title in _SCOPES.items():
        rows = table[table["scope"] == scope].drop(columns=["task", "target", "protocol", "scope"])
        if scope != "isomorph-disjoint":  # measured in that scope only
            rows = rows.drop(columns=["crps", *(name for name in rows if str(name).startswith("coverage_"))])
        parts += [f"## Scored on {title}\n", to_markdown(rows)]
    files = [folder / "results.csv", folder / "summary.md"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        frame.to_csv(files[0], index=False, float_format="%.6g")
        files[1].write_text("\n".join(parts), encoding="utf-8")
        if frame["n_train"].nunique() > 1:
            files += save_figure(plot_predictions(frame), folder / "kendall_tau")
        if frame["crps"].notna().any():
            files += save_figure(plot_calibration(frame), folder / "calibration")
    except OSError as reason:
        if isinstance(reason, NasmetaError):
            raise
        raise JournalError(f"Cannot write to {folder}: {reason.strerror or reason} ({reason.filename}).") from reason
    return files
