"""``nasmeta meta-train``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Optional

import typer

from nasmeta.cli._cli_utils import cli_command, duration, names_in, settings_in
from nasmeta.progress import spinner

__all__ = ["meta_train"]


@cli_command
def meta_train(
    learner: Annotated[str, typer.Argument(help="A meta-searcher or meta-predictor: meta-gp, meta-np, meta-dkl, ….")],
    out: Annotated[Path, typer.Option(help="Write what is learnt to this file (.npz).")],
    sources: Annotated[str, typer.Option(help="Families or names of tasks, separated by commas.")] = "nb201",
    leave_out: Annotated[
        Optional[str],  # noqa: UP045  (older typers cannot read the other form)
        typer.Option(help="Dataset or device of which nothing is used: the model can honestly be tested on it."),
    ] = None,
    labels: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Random labels of each source; by default all."),
    ] = None,
    settings: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--settings", "--set", metavar="KEY=VALUE", help="A setting; may be given several times."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the meta-training and of the labels.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint of a killed training.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the model that is there; without --resume, a checkpoint too.")
    ] = False,
) -> None:
    """Learn on source tasks once, and keep it for searches and predictions on other tasks."""
    from nasmeta.meta import TrainingFiles, meta_train as train

    start, files = time.perf_counter(), TrainingFiles.of(out)
    before = files.stamp
    if resume and not files.checkpoint.exists() and not files.model.exists():
        typer.echo(f"There is no {files.checkpoint} to resume from: the training begins.", err=True)
    with spinner(f"{learner}: learning") as tell:
        saved = train(
            learner,
            names_in(sources),
            out=out,
            leave_out=leave_out,
            n_labels=labels,
            settings=settings_in(settings or ()),
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            progress=lambda done, steps, loss: tell(
                f"{learner}: step {done} of {steps}, loss {loss:.4f}", last=done == steps
            ),
        )
    count = sum(source["labels"] for source in saved.card["sources"])
    lines = {
        "learner": learner,
        "learnt from": f"{', '.join(saved.sources)} ({count:,} labels)",
        "no honest test on": ", ".join(saved.held_out),
        "seconds": duration(time.perf_counter() - start),
        "done already" if files.stamp == before else "written": f"{out} ({out.stat().st_size:,} bytes)",
        "sha256 of content": saved.sha256,
    }
    if files.losses.exists():
        lines["losses"] = str(files.losses)
    for name, text in lines.items():
        typer.echo(f"{name:<19}{text}")
