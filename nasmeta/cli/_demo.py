"""``nasmeta demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasmeta.cli._cli_utils import cli_command, echo_written

DEMO_SEARCHERS = ("random", "local-search", "evolution", "gp", "source-order", "meta-gp")


@cli_command
def demo(
    folder: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("nasmeta-demo"),
    workers: Annotated[int, typer.Option(help="Number of processes.")] = 2,
    repeats: Annotated[int, typer.Option(help="Number of runs of each searcher on each task.")] = 10,
    evaluations: Annotated[int, typer.Option(help="Budget of a run, in distinct cells evaluated.")] = 200,
) -> None:
    """Compare six searchers on the real NAS-Bench-201 tables of three data sets."""
    import nasmeta as nm
    from nasmeta.analysis import summarise_comparison, write_summary
    from nasmeta.cli._print_run import print_summary

    typer.echo(
        f"Comparing {', '.join(DEMO_SEARCHERS)} on NAS-Bench-201 (CIFAR-10, CIFAR-100, ImageNet16-120): "
        f"{repeats} runs each, {evaluations} evaluations a run.\n"
        "source-order and meta-gp learn from two data sets and search on the third, which they have never seen.\n"
    )
    frame = nm.compare(
        DEMO_SEARCHERS, "nb201", repeats=repeats, evaluations=evaluations, folder=folder, workers=workers, progress=True
    )
    typer.echo()
    print_summary(summarise_comparison(frame, evaluations))
    echo_written(write_summary(frame, folder, evaluations))
