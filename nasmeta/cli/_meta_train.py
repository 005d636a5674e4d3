"""``nasmeta meta-train``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from nasmeta.cli._cli_utils import cli_command, duration, names_in, settings_in
from nasmeta.progress import progress_bar


@cli_command
def meta_train(
    learner: Annotated[str, typer.Argument(help="A meta-searcher or meta-predictor: meta-gp, meta-np, meta-dkl, ….")],
    out: Annotated[Path, typer.Option(help="Write the meta-model to this file (.npz).")],
    sources: Annotated[str, typer.Option(help="Tasks or families to learn from, separated by commas.")] = "nb201",
    leave_out: Annotated[
        str | None, typer.Option(help="Dataset or device to leave out, so that the model can honestly be tested on it.")
    ] = None,
    labels: Annotated[int | None, typer.Option(help="Number of random labels of each source. Default: all.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--settings", "--set", metavar="KEY=VALUE", help="A setting of the learner. Repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the meta-training and of the choice of labels.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume from the checkpoint of an interrupted training.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing model and, without --resume, its checkpoint.")
    ] = False,
) -> None:
    """Meta-train a searcher or predictor on source tasks and write it to a file, for use on other tasks."""
    from nasmeta.meta import TrainingFiles, meta_train as train

    start, files = time.perf_counter(), TrainingFiles.of(out)
    before = files.stamp
    if resume and not files.checkpoint.exists() and not files.model.exists():
        typer.echo(f"There is no {files.checkpoint} to resume from: the training begins.", err=True)
    with progress_bar(learner) as bar:
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
            progress=lambda done, steps, loss: bar.update(done, steps, f"loss {loss:.4f}"),
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
