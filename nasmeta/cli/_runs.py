"""``nasmeta search``, ``compare``, ``reproduce``, ``report`` and ``demo``."""

from __future__ import annotations

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
    end_without_success,
    given_options,
    names_in,
    print_frame,
    settings_by_label,
    settings_in,
)
from nasmeta.cli._train import IMAGES, images_of
from nasmeta.errors import SettingError

if TYPE_CHECKING:
    import pandas as pd

DEMO_SEARCHERS = ("random", "local-search", "evolution", "gp", "source-order", "meta-gp")


def _sources_in(text: str) -> Any:
    from nasmeta.runs._sources import named_sources

    return named_sources(names_in(text))


RUN = {  # keyword arguments of `nasmeta.search` and `nasmeta.compare`, and those of an evaluator that trains
    "evaluations": Option(
        "Budget of a run: number of distinct architectures to evaluate.", int, show_default="100, compare 200"
    ),
    "seconds": Option("Budget of a run in seconds of training, recorded or real.", float),
    "sources": Option(
        "What a meta-searcher learns from: tasks or families, separated by commas; or a file of nasmeta "
        "meta-train. A family is used without the target's dataset. Default: the family of the task.",
        read=_sources_in,
        metavar="TASK,…|FILE",
    ),
    "evaluator": Option(
        "Source of the values: the table, also with failing evaluations of missing values; the shipped surrogate or a "
        "surrogate file; training or a supernet on --data; a Python function.",
        default="table",
        metavar="table|unknown-feasibility|surrogate|FILE|training|supernet|MODULE:NAME",
        noun="evaluator",
    ),
    "clock": Option(
        "A setting of the simulated clock: workers=4, repeats=charged, overshoot=discard, promotion=continued. "
        "Repeatable.",
        list[str],
        read=lambda given: settings_in(given) or None,
        metavar="KEY=VALUE",
    ),
    "stop_at_optimum": Option("End a run when the best architecture has been evaluated.", bool, False),
    **IMAGES,
}
WHERE = {
    "workers": Option("Number of processes.", int, show_default="1, all CPUs of a cluster"),
    "backend": Option("Processes on this machine (loky) or on a cluster.", default="loky", metavar="loky|ray|dask"),
    "address": Option(
        "Address of a running cluster, such as tcp://host:8786.",
        show_default="RAY_ADDRESS, DASK_SCHEDULER_ADDRESS, or a cluster on this machine",
    ),
    "gpus_per_worker": Option("GPUs per worker; with 0.5, two workers share one.", float, metavar="N"),
    "shard": Option(
        "Do only part I, from 0, of N parts of the runs; all parts may run at once in one folder. The same command "
        "without it writes the results.",
        metavar="I/N",
    ),
}


@command(
    app,
    RUN,
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
    examples=[
        "nasmeta search evolution nb201/cifar10 --evaluations 300 --set population=10",
        "nasmeta search meta-gp nb201/cifar100 --sources nb201/cifar10",
        "nasmeta search gp nb201/cifar10 --evaluator training --data cifar10:PATH --recipe fast --evaluations 20 "
        "--journal run.jsonl",
    ],
)  # fmt: skip
def search(context: typer.Context, searcher: str, task: str, journal: Path | None, **options: Any) -> None:
    """Run one searcher on one task and show the best architecture, or the Pareto front of several objectives."""
    from nasmeta.cli._print import all_failed, print_run

    run = nm.search(searcher, task, journal=journal, progress=True, **_with_evaluator(context, options, task))
    print_run(run, journal)
    if all_failed(run):
        end_without_success("no evaluation succeeded, so the run has no best cell.")


def _with_evaluator(context: typer.Context, options: dict[str, Any], task: str) -> dict[str, Any]:
    """Return the options with an evaluator object instead of the options of training."""
    from nasmeta.evaluators import TRAINED

    evaluator, given = options["evaluator"], given_options(context, IMAGES)
    if evaluator not in TRAINED and given:
        raise SettingError("--evaluator", evaluator, f"training or supernet with {', '.join(given)}")
    training = {name: options.pop(name) for name in IMAGES}
    if evaluator in TRAINED and training["data"] is not None:
        options["evaluator"] = TRAINED[evaluator](task, images_of(training), **training)
    return options


@command(
    app,
    RUN,
    WHERE,
    specification=Option(
        "A specification file (TOML), or the name of a shipped one (--list).", argument=True, noun="specification"
    ),
    searchers=Option("Names of searchers, separated by commas."),
    tasks=Option("A family of tasks, or names of tasks separated by commas.", show_default="nb201"),
    repeats=Option(
        "Number of runs of each searcher on each task, with the seeds 0, 1, ….", int, show_default="10"
    ),
    settings=Option(
        "A setting of one searcher, as in search. Repeatable.", list[str], read=settings_by_label, flags=("--set",),
        metavar="SEARCHER:KEY=VALUE",
    ),
    folder=Option(
        "Folder for journals and results; run the same command again to resume.", Path, flags=("--folder", "--out")
    ),
    redo=Option(
        "Delete and repeat the runs of these searchers in the folder. Leave it out to resume.", read=names_in,
        metavar="NAMES",
    ),
    listed=Option("List the shipped specifications and exit.", bool, False, flags=("--list",)),
    show=Option("Print a shipped specification, for you to save and change, and exit.", metavar="NAME"),
    examples=[
        "nasmeta compare --searchers random,evolution --repeats 100 --folder results",
        "nasmeta compare --list",
        "nasmeta compare nb201-paper --out results",
    ],
)  # fmt: skip
def compare(
    context: typer.Context,
    specification: str | None,
    folder: Path | None,
    repeats: int | None,
    redo: list[str] | None,
    listed: bool,
    show: str | None,
    **options: Any,
) -> None:
    """Run several searchers repeatedly on the same tasks and show a table of the results."""
    from nasmeta.experiments import Workers, read_specification

    if listed:
        print_frame(nm.list_specifications())
        return
    if show is not None:
        typer.echo(read_specification(show).text, nl=False)
        return
    workers = Workers(*(options.pop(name) for name in WHERE))
    where: dict[str, Any] = {"folder": folder, "workers": workers, "redo": redo or (), "progress": True}
    if specification is None:
        evaluations = options["evaluations"] or 200 if options["seconds"] is None else None
        frame, evaluator = _compared(context, options, repeats=10 if repeats is None else repeats, **where)
    else:
        frame, evaluator, evaluations = _specified(context, specification, options, repeats=repeats, **where)
    if workers.shard is not None:
        _print_shard(frame, workers.shard)
    else:
        _print_results(frame, folder, evaluations, evaluator)


def _compared(context: typer.Context, options: dict[str, Any], **where: Any) -> tuple[pd.DataFrame, Any]:
    """Run a comparison that the options describe; return its results and the evaluator."""
    from nasmeta.runs._evaluator import evaluator_for, space_in

    searchers, tasks = names_in(options.pop("searchers")), names_in(options.pop("tasks")) or ["nb201"]
    if not searchers:
        raise SettingError("--searchers", "", "names of searchers, or a specification (nasmeta compare --list)")
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
    from nasmeta.analysis.report import published_texts
    from nasmeta.experiments import compare_searches, run_specification
    from nasmeta.experiments._specification import specification_to_run

    if given := given_options(context, options):
        raise SettingError(f"A specification has its own settings: omit {', '.join(given)}, or change the file.")
    specification = specification_to_run(name)
    typer.echo(specification.title)
    frame = run_specification(specification, **where)
    if specification.report and where["workers"].shard is None:
        table = compare_searches(specification.published, frame, specification.columns)
        print_frame(published_texts(table), "Picks of the runs: means ± standard deviations")
    return frame, specification.evaluator, specification.evaluations


def _print_shard(frame: pd.DataFrame, shard: str) -> None:
    runs = sum(n for of_task in frame.attrs["runs"].values() for n in of_task.values())
    typer.echo(f"Shard {shard}: its {runs} runs are done. After all shards, omit --shard to write the results.")
    if len(frame) and (frame["failure"].astype(str) != "").all():
        end_without_success("none of its evaluations succeeded.")


def _print_results(frame: pd.DataFrame, folder: Path | None, evaluations: int | None, evaluator: Any = "table") -> None:
    from nasmeta.analysis import summarise_comparison, write_summary
    from nasmeta.cli._print import print_summary

    summary = summarise_comparison(frame, evaluations, evaluator)
    print_summary(summary)
    if folder is not None:
        echo_written(write_summary(summary, folder))
    if summary.failed:
        end_without_success(summary.failed)


@command(
    app,
    tables=Option("Names of published tables (--list), or all.", list[str], (), argument=True, metavar="NAME..."),
    listed=Option("List the published tables and exit.", bool, False, flags=("--list",)),
    fetch=Option("Download missing data without asking.", bool, False),
    repeats=Option("Number of runs or draws, instead of the number in the specification.", int),
    workers=Option("Number of processes for searches.", int, 1),
    folder=Option("Folder for runs, values and pages; run the same command again to resume.", Path),
    examples=["nasmeta reproduce --list", "nasmeta reproduce nb201-paper --fetch --folder results"],
)
def reproduce(tables: list[str], listed: bool, fetch: bool, folder: Path | None, **options: Any) -> None:
    """Repeat published tables and print published values, measured values and their differences."""
    from nasmeta.analysis.report import published_section, published_texts
    from nasmeta.experiments import data_of, list_published, missing_data

    if listed or not tables:
        print_frame(list_published()[["table", "title"]])
        return
    missing = missing_data(data_of(tables))
    for state in missing:
        typer.echo(f"Missing: {state.name} ({state.holds}), {state.download_bytes / 1e6:.1f} MB")
    if missing and (fetch or typer.confirm("Download them?", default=True)):
        nm.tables.fetch([state.name for state in missing], progress=True)
    found = nm.reproduce(tables, folder, progress=True, **options)
    for name, table in found.groupby("table", sort=False):
        print_frame(published_texts(table), str(name))
        typer.echo(published_section(table).note)


@command(
    app,
    folder=Option("Folder of a finished comparison.", default=REQUIRED, argument=True, metavar="FOLDER"),
    output=Option("Folder for the report. Default: report, inside that folder.", Path),
    at=Option("Budget of ranks and tests, in evaluations or seconds; by default the largest that all runs reach.", int),
    reference=Option("Searcher whose mean regret is a score of 0. Default: random search."),
    formats=Option("Formats of the figures: png, svg, pdf.", default="png,svg,pdf", read=names_in),
    title=Option("Title of the report. Default: that of the comparison's specification, if any."),
    examples=["nasmeta compare --searchers random,gp --folder results && nasmeta report results"],
)
def report(folder: str, **options: Any) -> None:
    """Write the report of a comparison: an interactive page in one file, Markdown, figures and LaTeX tables."""
    files = nm.report(folder, **options).files
    echo_written([*files[:2], files[0].parent / "figures", files[0].parent / "tables"])


@command(
    app,
    folder=Option("Folder for the results.", Path, Path("nasmeta-demo")),
    workers=Option("Number of processes.", int, 2),
    repeats=Option("Number of runs of each searcher on each task.", int, 10),
    evaluations=Option("Budget of a run: number of distinct architectures to evaluate.", int, 200),
    examples=["nasmeta demo --folder my-demo"],
)
def demo(folder: Path, repeats: int, evaluations: int, workers: int) -> None:
    """Compare six searchers on the real NAS-Bench-201 tables of three datasets."""
    typer.echo(
        f"Comparing {', '.join(DEMO_SEARCHERS)} on NAS-Bench-201 (CIFAR-10, CIFAR-100, ImageNet16-120): "
        f"{repeats} runs each, {evaluations} evaluations per run.\n"
        "source-order and meta-gp learn from two datasets and search on the third, which they have never seen.\n"
    )
    options: dict[str, Any] = {"repeats": repeats, "evaluations": evaluations, "workers": workers}
    _print_results(nm.compare(DEMO_SEARCHERS, "nb201", folder=folder, progress=True, **options), folder, evaluations)
