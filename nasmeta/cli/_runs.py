"""``nasmeta search`` and ``nasmeta compare``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import nasmeta as nm
from nasmeta.cli._cli_utils import (
    Shared,
    cli_command,
    echo_written,
    end_without_success,
    is_said,
    names_in,
    names_of,
    searcher_names,
    settings_by_label,
    settings_in,
    takes,
    task_names,
)
from nasmeta.cli._specified import compare_specified, print_ready, print_specification, ready_names
from nasmeta.cli._train import IMAGE_OPTIONS
from nasmeta.errors import SettingError

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.evaluators import Evaluator


def _sources_in(text: str) -> Any:
    from nasmeta.runs._sources import named_sources

    return named_sources(names_in(text))


_OF_TRAINING = ("recipe", "device", "split", "valid_fraction", "size")
RUN_OPTIONS = {  # keyword arguments of `nasmeta.search` and `nasmeta.compare`
    "evaluations": Shared(
        "Budget of a run, in distinct cells evaluated.", int | None, more={"show_default": "100, compare 200"}
    ),
    "seconds": Shared(
        "Budget of a run in seconds: each evaluation takes its recorded training time, a real one its own.",
        float | None,
    ),
    "clock": Shared(
        "A setting of the simulated clock: workers=4, repeats=charged, overshoot=discard, promotion=continued, "
        "charge_searcher=true, batch=4. Repeatable.",
        list[str] | None, read=lambda given: settings_in(given) or None, more={"metavar": "KEY=VALUE"},
    ),
    "sources": Shared(
        "What a meta-searcher learns from: tasks or families, separated by commas; or a meta-model: a file written by "
        "nasmeta meta-train, the name of a shipped model, or shipped for one that has not seen the task. The target's "
        "dataset is left out of a family. Default: the family of the task.",
        read=_sources_in, more={"metavar": "TASK,…|FILE|NAME|shipped"},
    ),
    "stop_at_optimum": Shared(
        "End a run once the best cell has been evaluated.", bool, False, names=("--stop-at-optimum",)
    ),
    "evaluator": Shared(
        "Source of the values: the table; the table where evaluations of what it lacks fail; the shipped surrogate, a "
        "surrogate file, real training on --data, a supernet trained on --data, or a Python function.",
        str, "table",
        more={
            "metavar": "table|unknown-feasibility|surrogate|FILE|training|supernet|MODULE:NAME",
            "autocompletion": lambda: names_of("evaluator"),
        },
    ),
    "data": IMAGE_OPTIONS["data"],
    **{name: IMAGE_OPTIONS[name] for name in _OF_TRAINING},
}  # fmt: skip

# What a specification leaves open: how much of it is done, and where.
_BESIDE_SPECIFICATION = (
    "specification", "repeats", "folder", "workers", "backend", "address", "gpus_per_worker", "shard", "redo", "device",
)  # fmt: skip


@cli_command
@takes(RUN_OPTIONS)
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
    seed: Annotated[int, typer.Option(help="Random seed of the run.")] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the searcher. Repeatable.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="Record the run in this file; if the file exists, resume from it.")
    ] = None,
    *,
    options: dict[str, Any],
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

    run = nm.search(
        searcher,
        task,
        seed=seed,
        settings=settings_in(settings or ()),
        journal=journal,
        progress=True,
        **_of_runs(context, options, task),
    )
    print_run(run, journal)
    if all_failed(run):
        end_without_success(f"{nothing_succeeded(run)}, so the run has no best cell.")


def _of_runs(context: typer.Context, options: Mapping[str, Any], task: str) -> dict[str, Any]:
    """Return the keyword arguments of a run; options of training become an evaluator that trains."""
    from nasmeta.evaluators import TRAINED
    from nasmeta.training import dataset_options

    evaluator, data = options["evaluator"], options["data"]
    found = {name: value for name, value in options.items() if name not in ("data", *_OF_TRAINING)}
    said = [f"--{name.replace('_', '-')}" for name in ("data", *_OF_TRAINING) if is_said(context, name)]
    if said and evaluator not in TRAINED:
        raise SettingError("evaluator", evaluator, f"training or supernet with {', '.join(said)}")
    if data is not None:
        recipe, device, *of_images = (options[name] for name in _OF_TRAINING)
        found["evaluator"] = TRAINED[evaluator](task, data, recipe, device=device, **dataset_options(data, *of_images))
    return found


def _compared(
    context: typer.Context, searchers: list[str], tasks: str | None, options: dict[str, Any], **more: Any
) -> tuple[pd.DataFrame, str | Evaluator]:
    """Run a comparison that the options describe; return its results and the evaluator."""
    from nasmeta.runs._evaluator import evaluator_for, space_in

    if not searchers:
        raise SettingError(
            "There is no searcher to compare: name some with --searchers, or a specification (nasmeta compare --list "
            "shows the ready ones)."
        )
    if tasks is not None and not names_in(tasks):
        raise SettingError("There is no task to compare on: name at least one with --tasks.")
    on: list[Any] = names_in(tasks) or ["nb201"]
    given = _of_runs(context, options, on[0])
    if (space := space_in(on)) is not None:
        given["evaluator"] = evaluator_for(space, given["evaluator"])
        on = [given["evaluator"].task]
    return nm.compare(searchers, on, progress=True, **given, **more), given["evaluator"]


@cli_command
@takes(RUN_OPTIONS)
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
        int | None,
        typer.Option(help="Number of runs of each searcher on each task, with the seeds 0, 1, ….", show_default="10"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SEARCHER:KEY=VALUE", help="A setting of one searcher. Repeatable."),
    ] = None,
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
    listed: Annotated[bool, typer.Option("--list", help="List the ready specifications and exit.")] = False,
    show: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Print a ready specification, for you to save and change, and exit."),
    ] = None,
    *,
    options: dict[str, Any],
) -> None:
    """Run several searchers repeatedly on the same tasks and show a table of the results."""
    from nasmeta.analysis import summarise_comparison, write_summary
    from nasmeta.cli._print_run import print_summary

    if listed and show is not None:
        raise SettingError("--list shows all ready specifications and --show prints one: leave out one of the two.")
    if listed:
        print_ready()
        return
    if show is not None:
        print_specification(show)
        return
    evaluations, seconds = options["evaluations"], options["seconds"]
    asked: str | Evaluator
    limits: float | Mapping[str, float] | None = seconds
    where: dict[str, Any] = {
        "workers": nm.experiments.Workers(workers, backend, address, gpus_per_worker, shard),
        "redo": names_in(redo),
    }
    if specification is not None:
        params = [one for one in context.command.params if one.name not in _BESIDE_SPECIFICATION]
        also = [one.opts[0] for one in params if is_said(context, str(one.name))]
        if also:
            raise SettingError(f"A specification sets everything: leave out {', '.join(also)}, or change the file.")
        frame, evaluations, asked, limits = compare_specified(
            specification, folder, repeats=repeats, device=options["device"], **where
        )
    else:
        frame, asked = _compared(
            context, names_in(searchers), tasks, options, repeats=10 if repeats is None else repeats,
            settings=settings_by_label(settings or ()), folder=folder, **where,
        )  # fmt: skip
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
