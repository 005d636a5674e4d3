"""``nasmeta search``, ``compare``, ``reproduce``, ``report`` and ``demo``."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import nasmeta as nm
from nasmeta.cli._command import (
    REQUIRED,
    Option,
    app,
    command,
    echo_written,
    given_options,
    group,
    names_in,
    print_frame,
    settings_by_label,
    settings_in,
)
from nasmeta.cli._train import IMAGES, images_of
from nasmeta.errors import EvaluationFailed, SettingError
from nasmeta.files import require_writable

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

DEMO_SEARCHERS = ("random", "local-search", "evolution", "gp", "source-order", "meta-gp")


RUN = group(  # keyword arguments of `nasmeta.search` and `nasmeta.compare`
    "Run",
    seconds=Option("Budget of a run in seconds of training, recorded or real.", float),
    stop_at_optimum=Option("End a run when the best architecture has been evaluated.", bool, False),
    clock=Option(
        "A setting of the simulated clock: workers=4, repeats=charged, overshoot=discard, promotion=continued. "
        "Repeatable.",
        list[str],
        read=lambda given: settings_in(given) or None,
        metavar="KEY=VALUE",
    ),
    sources=Option(
        "Sources of a meta-searcher: tasks or families, separated by commas, or a file of nasmeta meta-train. "
        "A family is used without the target's dataset.",
        read=names_in,
        metavar="NAMES|FILE",
        default_text="the family of the task",
    ),
    evaluator=Option(
        "Source of the values: table; unknown-feasibility, the table with failures for missing values; surrogate, or "
        "a surrogate file; training, on --data; or a Python function, MODULE:NAME.",
        default="table",
        metavar="NAME|FILE",
        noun="evaluator",
    ),
)
EVALUATIONS = Option("Budget of a run: number of distinct architectures to evaluate.", int, panel="Run")
WHERE = group(
    "Parallel runs",
    workers=Option("Number of processes.", int, default_text="1, or all CPUs of a cluster"),
    backend=Option(
        "Processes on this machine (loky), or a Dask cluster: at ADDRESS, such as tcp://host:8786, at "
        "DASK_SCHEDULER_ADDRESS, or started on this machine.",
        default="loky",
        metavar="loky|dask[=ADDRESS]",
    ),
    gpus_per_worker=Option("GPUs per worker; with 0.5, two workers share one.", float, metavar="N"),
    shard=Option(
        "Do only part I of N of the runs, with I from 0; all parts may run at once in one folder. The same command "
        "without it writes the results.",
        metavar="I/N",
    ),
)


@command(
    app,
    {"evaluations": replace(EVALUATIONS, default_text="100")},
    RUN,
    IMAGES,
    searcher=Option(
        "Name of a searcher, such as random, evolution, gp or meta-gp.", default=REQUIRED, argument=True,
        noun="searcher",
    ),
    task=Option(
        "Name of a task, such as nb201/cifar10 or nb201/cifar10+latency/pixel3.", default=REQUIRED, argument=True,
        noun="task",
    ),
    seed=Option("Random seed of the run.", int, 0),
    settings=Option(
        "A setting of the searcher; also prune_space=0.1, warm_start=5, epochs=12,200. Repeatable.", list[str],
        read=settings_in, flags=("--set",), metavar="KEY=VALUE",
    ),
    journal=Option("Record the run in this file; if the file exists, resume from it.", Path),
    plot=Option("Draw the search curve in this file, such as run.png.", Path, metavar="FILE"),
    examples=[
        "nasmeta search evolution nb201/cifar10 --evaluations 300 --set population=10",
        "nasmeta search meta-gp nb201/cifar100 --sources nb201/cifar10",
        "nasmeta search gp nb201/cifar10 --evaluator training --data cifar10:PATH --recipe fast --evaluations 20 "
        "--journal run.jsonl",
    ],
)  # fmt: skip
def search(
    context: typer.Context, searcher: str, task: str, journal: Path | None, plot: Path | None, **options: Any
) -> Any:
    """Run one searcher on one task and show the best architecture, or the Pareto front of several objectives."""
    from nasmeta.cli._json import run_record
    from nasmeta.cli._print import all_failed, print_run

    if plot is not None:
        from nasmeta.checks import check_choice

        check_choice("suffix", plot.suffix, (".png", ".pdf", ".svg"))
        plot.parent.mkdir(parents=True, exist_ok=True)
        require_writable(plot)
    run = nm.search(searcher, task, journal=journal, progress=True, **_with_evaluator(context, options, task))
    print_run(run, journal)
    if all_failed(run):
        raise EvaluationFailed("No evaluation succeeded, so the run has no best architecture.")
    if plot is not None:
        run.plot(plot)
        echo_written([plot])
    return partial(run_record, run, journal)


def _with_evaluator(context: typer.Context, options: dict[str, Any], task: str) -> dict[str, Any]:
    """Return the options with an evaluator object instead of the options of training."""
    from nasmeta.evaluators import TrainingEvaluator

    evaluator, given = options["evaluator"], given_options(context, IMAGES)
    if evaluator != TrainingEvaluator.name and given:
        raise SettingError("--evaluator", evaluator, f"training with {', '.join(given)}")
    training = {name: options.pop(name) for name in IMAGES}
    if evaluator == TrainingEvaluator.name and training["data"] is not None:
        options["evaluator"] = TrainingEvaluator(task, images_of(training), **training)
    return options


@command(
    app,
    {"evaluations": replace(EVALUATIONS, default_text="200")},
    RUN,
    IMAGES,
    WHERE,
    specification=Option(
        "A specification file (TOML), or a name of nasmeta list specifications.", argument=True, noun="specification"
    ),
    searchers=Option("Names of searchers, separated by commas.", metavar="NAMES"),
    tasks=Option("A family of tasks, or names of tasks separated by commas.", metavar="NAMES", default_text="nb201"),
    repeats=Option(
        "Number of runs of each searcher on each task, with the seeds 0, 1, ….", int, default_text="10"
    ),
    settings=Option(
        "A setting of one searcher, as in search. Repeatable.", list[str], read=settings_by_label, flags=("--set",),
        metavar="NAME:KEY=VALUE",
    ),
    folder=Option("Folder for journals and results; run the same command again to resume.", Path),
    redo=Option(
        "Delete and repeat the runs of these searchers in the folder. Leave it out to resume.", read=names_in,
        metavar="NAMES",
    ),
    examples=[
        "nasmeta compare --searchers random,evolution --repeats 100 --folder results",
        "nasmeta list specifications",
        "nasmeta compare nb201-paper --folder results",
    ],
)  # fmt: skip
def compare(
    context: typer.Context,
    specification: str | None,
    folder: Path | None,
    repeats: int | None,
    redo: list[str] | None,
    **options: Any,
) -> Any:
    """Run several searchers repeatedly on the same tasks and show a table of the results."""
    from nasmeta.experiments import Workers

    workers = Workers(*(options.pop(name) for name in WHERE))
    where: dict[str, Any] = {"folder": folder, "workers": workers, "redo": redo or (), "progress": True}
    if specification is None:
        evaluations = options["evaluations"] or 200 if options["seconds"] is None else None
        frame, evaluator = compared(context, options, repeats=10 if repeats is None else repeats, **where)
    else:
        frame, evaluator, evaluations = _specified(context, specification, options, repeats=repeats, **where)
    if workers.shard is not None:
        return _print_shard(frame, workers.shard)
    return _print_results(frame, folder, evaluations, evaluator)


def compared(context: typer.Context, options: dict[str, Any], **where: Any) -> tuple[pd.DataFrame, Any]:
    """Run a comparison that the options describe; return its results and the evaluator."""
    from nasmeta.runs import evaluator_for, space_in

    searchers, tasks = names_in(options.pop("searchers")), names_in(options.pop("tasks")) or ["nb201"]
    if not searchers:
        raise SettingError("Missing option --searchers, such as random,gp. `nasmeta list specifications` shows others.")
    on: list[Any] = tasks
    options = _with_evaluator(context, options, tasks[0])
    if (space := space_in(on)) is not None:
        options["evaluator"] = evaluator_for(space, options["evaluator"])
        on = [options["evaluator"].task]
    return nm.compare(searchers, on, **options, **where), options["evaluator"]


def _specified(
    context: typer.Context, name: str, options: dict[str, Any], **where: Any
) -> tuple[pd.DataFrame, Any, int | None]:
    """Run a specification; return its results, evaluator and budget in evaluations."""
    from nasmeta.experiments import run_specification, specification_to_run

    if given := given_options(context, options):
        raise SettingError(f"A specification has its own settings: omit {', '.join(given)}, or change the file.")
    specification = specification_to_run(name)
    typer.echo(specification.title)
    frame = run_specification(specification, **where)
    return frame, specification.evaluator, specification.evaluations


def _print_shard(frame: pd.DataFrame, shard: str) -> dict[str, Any]:
    runs = sum(n for of_task in frame.attrs["runs"].values() for n in of_task.values())
    typer.echo(f"Shard {shard}: its {runs} runs are done. After all shards, omit --shard to write the results.")
    if len(frame) and (frame["failure"].astype(str) != "").all():
        raise EvaluationFailed("None of its evaluations succeeded.")
    return {"shard": shard, "runs": runs}


def _print_results(
    frame: pd.DataFrame, folder: Path | None, evaluations: int | None, evaluator: Any = "table"
) -> Callable[[], dict[str, Any]]:
    from nasmeta.analysis import summarise_comparison, write_summary
    from nasmeta.cli._json import comparison_record
    from nasmeta.cli._print import print_summary

    summary = summarise_comparison(frame, evaluations, evaluator)
    print_summary(summary)
    files = [] if folder is None else write_summary(summary, folder)
    if files:
        echo_written(files)
    if summary.failed:
        raise EvaluationFailed(summary.failed)
    return partial(comparison_record, summary, files)


@command(
    app,
    tables=Option("Names of published tables (--list), or all.", list[str], (), argument=True, metavar="NAME..."),
    listed=Option("List the published tables and exit.", bool, False, flags=("--list",)),
    fetch=Option("Download missing data without asking.", bool, False),
    repeats=Option("Number of runs or draws.", int, default_text="as in the specification"),
    workers=Option("Number of processes for searches.", int, 1),
    folder=Option("Folder for runs, values and pages; run the same command again to resume.", Path),
    examples=["nasmeta reproduce --list", "nasmeta reproduce nb201-paper --fetch --folder results"],
)
def reproduce(tables: list[str], listed: bool, fetch: bool, folder: Path | None, **options: Any) -> pd.DataFrame:
    """Repeat published tables and print published values, measured values and their differences."""
    from nasmeta.analysis.report import published_section, published_texts
    from nasmeta.experiments import data_of, list_published, missing_data

    if listed or not tables:
        print_frame(list_published()[["table", "title"]])
        return list_published()
    missing = missing_data(data_of(tables))
    for state in missing:
        typer.echo(f"Missing: {state.name} ({state.holds}), {state.download_bytes / 1e6:.1f} MB")
    if missing and (fetch or (sys.stdin.isatty() and typer.confirm("Download them?", default=True, err=True))):
        nm.tables.fetch([state.name for state in missing], progress=True)
    found = nm.reproduce(tables, folder, progress=True, **options)
    for name, table in found.groupby("table", sort=False):
        for on, texts in published_texts(table).groupby("on", sort=False):
            print_frame(texts.drop(columns=["on", "difference"], errors="ignore"), f"{name}, {on}")
        typer.echo(published_section(table).note)
    return found


@command(
    app,
    results=Option(
        "Folder of a finished comparison, or the journal of one run.", default=REQUIRED, argument=True, metavar="FOLDER"
    ),
    output=Option("Folder for the report.", Path, default_text="FOLDER/report"),
    at=Option("Budget of ranks and tests, in evaluations or seconds.", int, default_text="the end of the runs"),
    reference=Option("Searcher that defines a score of 0.", metavar="NAME", default_text="random"),
    formats=Option("Formats of the figures: png, svg, pdf.", default="png,svg,pdf", read=names_in),
    title=Option("Title of the report.", default_text="the title of the specification"),
    examples=["nasmeta compare --searchers random,gp --folder results && nasmeta report results"],
)
def report(results: str, **options: Any) -> None:
    """Write the report of a comparison or run: an interactive page in one file, Markdown, figures and LaTeX tables."""
    files = nm.report(results, **options).files
    echo_written([*files[:2], files[0].parent / "figures", files[0].parent / "tables"])


@command(
    app,
    folder=Option("Folder for the results.", Path, Path("nasmeta-demo")),
    workers=Option("Number of processes.", int, 2),
    repeats=Option("Number of runs of each searcher on each task.", int, 10),
    evaluations=Option("Budget of a run: number of distinct architectures to evaluate.", int, 200),
    examples=["nasmeta demo --folder my-demo"],
)
def demo(folder: Path, repeats: int, evaluations: int, workers: int) -> Callable[[], dict[str, Any]]:
    """Compare six searchers on the real NAS-Bench-201 tables of three datasets."""
    typer.echo(
        f"Comparing {', '.join(DEMO_SEARCHERS)} on NAS-Bench-201 (CIFAR-10, CIFAR-100, ImageNet16-120): "
        f"{repeats} runs each, {evaluations} evaluations per run.\n"
        "source-order and meta-gp learn from two datasets and search on the third, which they have never seen.\n"
    )
    options: dict[str, Any] = {"repeats": repeats, "evaluations": evaluations, "workers": workers}
    frame = nm.compare(DEMO_SEARCHERS, "nb201", folder=folder, progress=True, **options)
    return _print_results(frame, folder, evaluations)
