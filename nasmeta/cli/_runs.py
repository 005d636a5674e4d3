"""``nasmeta search`` and ``nasmeta compare``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import nasmeta as nm
from nasmeta.cli._cli_utils import (
    cli_command,
    echo_written,
    end_without_success,
    epochs_in,
    is_said,
    names_in,
    names_of,
    searcher_names,
    settings_by_label,
    settings_in,
    task_names,
)
from nasmeta.cli._specified import compare_specified, print_ready, print_specification, ready_names
from nasmeta.cli._train import Data, Device, RecipeName, Size, Split, ValidFraction
from nasmeta.errors import SettingError

if TYPE_CHECKING:
    from nasmeta.evaluators import Evaluator, TrainingEvaluator

Evaluations = Annotated[
    int | None, typer.Option(help="Budget of a run, in distinct cells evaluated.", show_default="100, compare 200")
]
Seconds = Annotated[
    float | None,
    typer.Option(
        help="Budget of a run in seconds: each evaluation takes its recorded training time, a real one its own."
    ),
]
ClockSettings = Annotated[
    list[str] | None,
    typer.Option(
        "--clock",
        metavar="KEY=VALUE",
        help="A setting of the simulated clock: workers=4, repeats=charged, overshoot=discard, promotion=continued, "
        "charge_searcher=true. Repeatable.",
    ),
]
Epochs = Annotated[
    str | None,
    typer.Option(
        "--epochs",
        metavar="N,N",
        help="Training lengths that multi-fidelity searchers may use, such as 12,200 or 50of200,200. All by default.",
    ),
]
Seed = Annotated[int, typer.Option(help="Random seed of the run.")]
EvaluatorName = Annotated[
    str,
    typer.Option(
        metavar="table|unknown-feasibility|surrogate|FILE|training|supernet|MODULE:NAME",
        help="Source of the values: the table; the table where evaluations of what it lacks fail; the shipped "
        "surrogate, a surrogate file, real training on --data, a supernet trained on --data, or a Python function.",
        autocompletion=lambda: names_of("evaluator"),
    ),
]
Sources = Annotated[
    str | None,
    typer.Option(
        help="Tasks or families, separated by commas, that a meta-searcher learns from. The target's dataset is "
        "left out of a family. Default: the family of the task."
    ),
]
MetaModel = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|NAME|shipped",
        help="A trained meta-model: a file written by nasmeta meta-train, the name of a shipped model, or shipped for "
        "one that has not seen the task.",
    ),
]
PruneSpace = Annotated[
    float | None,
    typer.Option(
        metavar="FRACTION",
        help="Search only this fraction of the cells, such as 0.1: those that a model of the sources' best prefers.",
    ),
]
WarmStart = Annotated[
    str,
    typer.Option(
        metavar="N|N/second",
        help="Start with N cells chosen by the sources; N/second chooses them by expected gain per second.",
    ),
]
StopAtOptimum = Annotated[
    bool, typer.Option("--stop-at-optimum", help="End a run once the best cell has been evaluated.")
]

# What a specification leaves open: how much of it is done, and where.
_BESIDE_SPECIFICATION = (
    "specification", "repeats", "folder", "workers", "backend", "address", "gpus_per_worker", "shard", "redo", "device",
)  # fmt: skip


@cli_command
def search(
    context: typer.Context,
    searcher: Annotated[
        str,
        typer.Argument(
            help="Name of a searcher, such as random, evolution, gp or meta-gp.", autocompletion=searcher_names
        ),
    ],
    task: Annotated[
        str | None,
        typer.Argument(
            help="Name of a task, such as nb201/cifar10 or nb201/cifar10+latency/pixel3.", autocompletion=task_names
        ),
    ] = None,
    meta: Annotated[bool, typer.Option("--meta", help="Use the default meta-searcher; give only TASK.")] = False,
    evaluations: Evaluations = None,
    seconds: Seconds = None,
    clock: ClockSettings = None,
    epochs: Epochs = None,
    seed: Seed = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the searcher. Repeatable.")
    ] = None,
    sources: Sources = None,
    meta_model: MetaModel = None,
    prune_space: PruneSpace = None,
    warm_start: WarmStart = "0",
    journal: Annotated[
        Path | None, typer.Option(help="Record the run in this file; if the file exists, resume from it.")
    ] = None,
    stop_at_optimum: StopAtOptimum = False,
    evaluator: EvaluatorName = "table",
    data: Data = None,
    recipe: RecipeName = None,
    split: Split = None,
    valid_fraction: ValidFraction = None,
    size: Size = None,
    device: Device = "auto",
) -> None:
    """Run one searcher on one task and show the best cell it found; of several objectives, the Pareto front."""
    from nasmeta.cli._print_run import all_failed, nothing_succeeded, print_run

    if meta:
        if task is not None:
            raise SettingError(f"--meta chooses the searcher: leave out {searcher!r:.40}, or --meta.")
        searcher, task = "meta", searcher
    elif task is None:
        from nasmeta.searchers import SEARCHERS

        if searcher in SEARCHERS:
            raise SettingError(f"Name a task as well: `nasmeta search {searcher} nb201/cifar10`.")
        raise SettingError(
            f"Name a searcher and a task: `nasmeta search gp {searcher:.40}`, or `nasmeta search --meta "
            f"{searcher:.40}` for the default meta-searcher."
        )

    asked, data = _answering(context, evaluator, task, data)
    run = nm.search(
        searcher,
        task,
        evaluations=evaluations,
        seconds=seconds,
        clock=settings_in(clock) if clock else None,
        epochs=epochs_in(epochs),
        seed=seed,
        settings=settings_in(settings or ()),
        sources=names_in(sources) if sources is not None else None,
        meta_model=meta_model,
        prune_space=prune_space,
        warm_start=warm_start,
        journal=journal,
        stop_at_optimum=stop_at_optimum,
        progress=True,
        evaluator=asked,
        data=data,
    )
    print_run(run, journal)
    if all_failed(run):
        end_without_success(f"{nothing_succeeded(run)}, so the run has no best cell.")


def _answering(
    context: typer.Context, evaluator: str, task: str, data: str | None
) -> tuple[str | TrainingEvaluator, str | None]:
    """Return what answers, and the data that it does not have yet."""
    from nasmeta.evaluators import TRAINED
    from nasmeta.training import dataset_options

    of_training = ("recipe", "device", "split", "valid_fraction", "size")
    said = [f"--{name.replace('_', '-')}" for name in of_training if is_said(context, name)]
    if said and evaluator not in TRAINED:
        raise SettingError(
            f"Only trainings use {', '.join(said)}, but the evaluator is {evaluator}: add --evaluator training and "
            f"--data, or leave {'it' if len(said) == 1 else 'them'} out."
        )
    if evaluator not in TRAINED or data is None:
        return evaluator, data
    recipe, device, *of_images = (context.params[name] for name in of_training)
    return TRAINED[evaluator](task, data, recipe, device=device, **dataset_options(data, *of_images)), None


@cli_command
def compare(
    context: typer.Context,
    specification: Annotated[
        str | None,
        typer.Argument(
            help="A specification file (TOML), or the name of a ready one (--list).", autocompletion=ready_names
        ),
    ] = None,
    searchers: Annotated[str | None, typer.Option(help="Names of searchers, separated by commas.")] = None,
    tasks: Annotated[
        str | None, typer.Option(help="A family of tasks, or names of tasks separated by commas.", show_default="nb201")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(help="Number of runs of each searcher on each task.", show_default="10")
    ] = None,
    evaluations: Evaluations = None,
    seconds: Seconds = None,
    clock: ClockSettings = None,
    epochs: Epochs = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the first run.", show_default="0")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SEARCHER:KEY=VALUE", help="A setting of one searcher. Repeatable."),
    ] = None,
    sources: Sources = None,
    meta_model: MetaModel = None,
    prune_space: PruneSpace = None,
    warm_start: WarmStart = "0",
    folder: Annotated[
        str | None,
        typer.Option(
            "--folder",
            "--out",
            metavar="PATH",
            help="Keep journals and results in this folder; run the same command again to resume.",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Number of processes.", show_default="1, all CPUs of a cluster")
    ] = None,
    backend: Annotated[
        str, typer.Option(metavar="loky|ray|dask", help="Where processes run: on this machine (loky) or on a cluster.")
    ] = "loky",
    address: Annotated[
        str | None,
        typer.Option(
            help="Address of a running Ray or Dask cluster, such as tcp://host:8786.",
            show_default="RAY_ADDRESS, DASK_SCHEDULER_ADDRESS, or a cluster on this machine",
        ),
    ] = None,
    gpus_per_worker: Annotated[
        float | None,
        typer.Option(metavar="N", help="GPUs that each worker has for itself; 0.5 lets two share one."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Do only part I, from 0, of N parts of the runs; all parts may run at once in one folder. The same "
            "command without it writes the results.",
        ),
    ] = None,
    redo: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Delete and repeat the runs of these searchers in the folder, and keep all others. Leave it out to "
            "resume.",
        ),
    ] = None,
    stop_at_optimum: StopAtOptimum = False,
    evaluator: EvaluatorName = "table",
    data: Data = None,
    recipe: RecipeName = None,
    split: Split = None,
    valid_fraction: ValidFraction = None,
    size: Size = None,
    device: Device = "auto",
    listed: Annotated[bool, typer.Option("--list", help="List the ready specifications and exit.")] = False,
    show: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Print a ready specification, for you to save and change, and exit."),
    ] = None,
) -> None:
    """Run several searchers repeatedly on the same tasks and show a table of the results."""
    from nasmeta.analysis import summarise_comparison, write_summary
    from nasmeta.cli._print_run import print_summary
    from nasmeta.runs._answers import answers_for, space_in

    if listed and show is not None:
        raise SettingError("--list shows all ready specifications and --show prints one: leave out one of the two.")
    if listed:
        print_ready()
        return
    if show is not None:
        print_specification(show)
        return
    asked: str | Evaluator = evaluator
    limits: float | Mapping[str, float] | None
    where: dict[str, Any] = {"workers": workers, "backend": backend, "address": address, "shard": shard}
    where |= {"gpus_per_worker": gpus_per_worker, "redo": names_in(redo)}
    if specification is not None:
        of_runs = [one for one in context.command.params if one.name not in _BESIDE_SPECIFICATION]
        also = [one.opts[0] for one in of_runs if is_said(context, str(one.name))]
        if also:
            raise SettingError(f"A specification sets everything: leave out {', '.join(also)}, or change the file.")
        frame, evaluations, asked, limits = compare_specified(
            specification, folder, repeats=repeats, device=device, **where
        )
    else:
        limits = seconds
        if not names_in(searchers):
            raise SettingError(
                "There is no searcher to compare: name some with --searchers, or a specification (nasmeta compare "
                "--list shows the ready ones)."
            )
        if tasks is not None and not names_in(tasks):
            raise SettingError("There is no task to compare on: name at least one with --tasks.")
        if tasks is None and evaluator in ("training", "supernet"):
            raise SettingError(
                f"--evaluator {evaluator} needs the task whose architectures it trains: --tasks nb201/cifar10."
            )
        on: list[Any] = names_in(tasks) or ["nb201"]
        if len(on) == 1:
            asked, data = _answering(context, evaluator, on[0], data)
        if (space := space_in(on)) is not None:
            asked = answers_for(space, asked)
            on = [asked.task]
        frame = nm.compare(
            names_in(searchers),
            on,
            repeats=repeats,
            evaluations=evaluations,
            seconds=seconds,
            clock=settings_in(clock) if clock else None,
            epochs=epochs_in(epochs),
            seed=seed,
            settings=settings_by_label(settings or ()),
            sources=names_in(sources) if sources is not None else None,
            meta_model=meta_model,
            prune_space=prune_space,
            warm_start=warm_start,
            folder=folder,
            **where,
            stop_at_optimum=stop_at_optimum,
            progress=True,
            evaluator=asked,
            data=data,
        )
    if shard is not None:
        runs = sum(n for of_task in frame.attrs["runs"].values() for n in of_task.values())
        done = "1 run is" if runs == 1 else f"{runs} runs are"
        typer.echo(f"Shard {shard}: its {done} done. After all shards, leave out --shard for the results.")
        if len(frame) and (frame["failure"].astype(str) != "").all():
            end_without_success("none of its evaluations succeeded.")
        return
    if seconds is None and specification is None:
        evaluations = evaluations or 200
    summary = summarise_comparison(frame, evaluations, asked, limits)
    print_summary(summary)
    for task, of_task in frame.attrs.get("searcher_seconds", {}).items():
        own = ", ".join(f"{name} {one:.3g} s" for name, one in of_task.items())
        typer.echo(f"searchers' own time a run, {task}: {own}", err=True)  # not the same twice
    if folder is not None:
        echo_written(write_summary(frame, folder, evaluations, asked, limits))
    if summary.failed:
        end_without_success(summary.failed)
