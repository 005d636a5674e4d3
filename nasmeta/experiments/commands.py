"""``nasmeta compare``, ``demo``, ``plan``, ``reproduce`` and ``report``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from nasmeta.analysis import RUNS, fewest_runs, plot_power, save_figure
from nasmeta.analysis.report import (
    Findings,
    column_notes,
    published_section,
    published_texts,
    runs_text,
    size_sentence,
    summarise_comparison,
    summary_sections,
    write_summary,
)
from nasmeta.checks import check_choice
from nasmeta.errors import EvaluationFailed, SettingError
from nasmeta.evaluators import TrainingEvaluator
from nasmeta.experiments._compare import compare
from nasmeta.experiments._plan import plan
from nasmeta.experiments._report import report
from nasmeta.experiments._reproduce import data_of, list_published, reproduce
from nasmeta.experiments._specification import missing_data, run_specification, specification_to_run
from nasmeta.experiments._workers import Workers
from nasmeta.pages import texts_of
from nasmeta.runs import evaluator_for, space_in
from nasmeta.runs.commands import search_command, use_training_evaluator
from nasmeta.searchers import SEARCHERS
from nasmeta.tables import fetch as fetch_sources
from nasmeta.terminal import (
    console,
    options_from,
    print_frame,
    print_table,
    print_text,
    print_written,
    taken,
)
from nasmeta.training.commands import read_images

DEMO_SEARCHERS = ("random", "local-search", "evolution", "gp", "source-order", "meta-gp")
_NOT_PRINTED = ("final_regret", "simulated_days", "seconds")  # first part of columns' names
_LAST_OF_RUN = [  # the columns of a run's last evaluation in --json
    "task",
    "searcher",
    "seed",
    "evaluation",
    "incumbent",
    "incumbent_value",
    "regret",
    "simulated_seconds",
    "stopped",
]
_Record = Callable[[], dict[str, Any]]


@options_from(search_command, compare, without="searcher task space journal plot")
@options_from(Workers, panel="Parallel runs", without="n")
@options_from(read_images, TrainingEvaluator, panel="Real training", without="task seed folder")
def compare_command(
    specification: str | None = None,
    *,
    searchers: Sequence[str] = (),
    folder: Path | None = None,
    **options: Any,
) -> dict[str, Any] | _Record:
    """Run several searchers repeatedly on the same tasks and show a table of the results.

    Parameters
    ----------
    specification : str, optional
        A specification file (TOML), or a name of nasmeta list specifications.
    searchers : sequence of str
        Names of searchers, separated by commas.
    searcher_command : str
        Another searcher: a program that reads and writes JSON lines, such as "julia my.jl".
    tasks : sequence of str
        A family of tasks, or names of tasks separated by commas.
    folder : path
        Folder for journals and results; run the same command again to resume.
    repeats : int
        Number of runs of each searcher on each task, with the seeds 0, 1, …
    settings : dict
        A setting of one searcher, as in search.
    workers : int
        Number of processes; on a cluster, by default all its CPUs.
    backend : str
        Processes on this machine (loky), or a Dask cluster: at ADDRESS, such as tcp://host:8786, at
        DASK_SCHEDULER_ADDRESS, or started on this machine.
    shard : str
        Do only part I of N of the runs, with I from 0; all parts may run at once in one folder. The
        same command without it writes the results.
    redo : sequence of str
        Delete and repeat the runs of these searchers in the folder. Leave it out to resume.

    Examples
    --------
    nasmeta compare --searchers random,evolution --repeats 100 --folder results
    nasmeta list specifications
    nasmeta compare nb201-paper --folder results
    """
    workers = Workers(options.pop("workers", None), **taken(options, Workers))
    where = {
        "folder": folder,
        "workers": workers,
        "redo": options.pop("redo", ()),
        "progress": True,
    }
    evaluations: int | None
    if specification is None:
        evaluations = None if "seconds" in options else options.get("evaluations", 200)
        frame, evaluator = _compared(searchers, options | where)
    else:
        _refuse_with_specification(specification, searchers, options)
        specified = specification_to_run(specification)
        evaluator, evaluations = specified.evaluator, specified.evaluations
        print(specified.title)
        frame = run_specification(specified, repeats=options.get("repeats"), **where)
    if workers.shard is None:
        return _print_results(frame, folder, evaluations, evaluator)
    runs = 0
    for runs_of_searchers in frame.attrs["runs"].values():
        runs += sum(runs_of_searchers.values())
    print(
        f"Shard {workers.shard}: its {runs} runs are done. After all shards, omit --shard to write the results."
    )
    if len(frame) and (frame["failure"].astype(str) != "").all():
        raise EvaluationFailed("None of its evaluations succeeded.")
    return {"shard": workers.shard, "runs": runs}


def _refuse_with_specification(
    specification: str, searchers: Sequence[str], options: Collection[str]
) -> None:
    """Raise an error for options besides a specification, other than the number of runs."""
    if searchers and specification in SEARCHERS:
        listed = ",".join([*searchers, specification])
        raise SettingError(
            f"The names of searchers are separated by commas, without spaces: --searchers {listed}."
        )
    given = set(options) - {"repeats"}
    if searchers:
        given.add("searchers")
    _refuse("A specification", given)


def _refuse(what: str, given: Collection[str]) -> None:
    """Raise an error for options besides something that has its own settings."""
    if not given:
        return
    flags = [f"--{name.replace('_', '-')}" for name in sorted(given)]
    listed = ", ".join(flags).replace("--settings", "--set")
    raise SettingError(f"{what} has its own settings: omit {listed}.")


def _compared(searchers: Sequence[str], options: dict[str, Any]) -> tuple[pd.DataFrame, Any]:
    """Run a comparison; return its results and the evaluator."""
    listed: Any = searchers
    command = options.pop("searcher_command", None)
    if command is not None:
        listed = {name: name for name in searchers}
        listed[command] = ("command", {"command": command})
    if not listed:
        raise SettingError(
            "Missing option --searchers, such as random,gp. `nasmeta list specifications` shows others."
        )
    tasks: Any = options.pop("tasks", None) or ["nb201"]
    use_training_evaluator(options, tasks[0])
    evaluator = options.get("evaluator", "table")
    space = space_in(tasks)
    if space is not None:
        evaluator = evaluator_for(space, evaluator)
        options["evaluator"] = evaluator
        tasks = [evaluator.task]
    return compare(listed, tasks, **options), evaluator


def _print_results(
    frame: pd.DataFrame, folder: Path | None, evaluations: int | None, evaluator: Any
) -> _Record:
    """Print the summary, write it to the folder, and return what --json prints."""
    findings = summarise_comparison(frame, evaluations, evaluator)
    _print_summary(findings)
    files: Sequence[object] = []
    if folder is not None:
        files = write_summary(findings, folder)
    if files:
        print_written(files)
    if findings.failed:
        raise EvaluationFailed(findings.failed)
    return partial(_record, findings, files)


def _print_summary(findings: Findings) -> None:
    """Print one table per task, without intervals, and the remarks on the runs."""
    terminal = console()
    if findings.frame.empty:
        terminal.print(summary_sections(findings)[0].text)
        return
    terminal.print(size_sentence(findings))
    for fact in findings.facts:
        table = findings.summary[fact.name]
        is_bound = table.columns.str.endswith(("_low", "_high"))
        is_unwanted = table.columns.str.startswith(_NOT_PRINTED)
        table = table.loc[:, ~(is_bound | is_unwanted)]
        decimals = findings.decimals | {"share_solved": 2, "evaluations_to_optimum": 1}
        text = texts_of(table, findings.headers, decimals=decimals)
        print_table(text.headings, text.rows, f"{fact.name}. {fact}", right=text.headings[1:])
    for note in column_notes(findings, {"": table}, intervals=False):
        terminal.print(note)
    for remark in findings.run_remarks:
        terminal.print(remark)
    terminal.print()


def _record(findings: Findings, files: Sequence[object]) -> dict[str, Any]:
    """Return the result of ``nasmeta compare --json``.

    It has flat lists with the name of the task in each record.
    """
    predictions = findings.frame.attrs.get("predicted", {})
    tasks = []
    for fact in findings.facts:
        task: dict[str, Any] = {
            "task": fact.name,
            "optimum": fact.optimum,
            "column": fact.column,
        }
        if fact.name in predictions:
            task["predicted"] = predictions[fact.name]
        tasks.append(task)
    results: Any = []
    tests: Any = []
    remarks: Any = []
    if not findings.frame.empty and findings.results:
        results = pd.concat(findings.results, names=["task"]).reset_index("task")
        remarks = findings.remarks
    if not findings.frame.empty and findings.tests:
        tests = pd.concat(findings.tests.values())
    runs = findings.frame.groupby(["task", "searcher", "seed"], sort=False, observed=True).tail(1)
    return {
        "tasks": tasks,
        "results": results,
        "tests": tests,
        "runs": runs[_LAST_OF_RUN],
        "remarks": remarks,
        "files": files,
    }


def demo_command(
    *,
    folder: Path = Path("nasmeta-demo"),
    workers: int = 2,
    repeats: int = 10,
    evaluations: int = 200,
) -> _Record:
    """Compare six searchers on the real NAS-Bench-201 tables of three datasets.

    Parameters
    ----------
    folder : path
        Folder for the results.
    workers : int
        Number of processes.
    repeats : int
        Number of runs of each searcher on each task.
    evaluations : int
        Budget of a run: number of distinct architectures to evaluate.

    Examples
    --------
    nasmeta demo --folder my-demo
    """
    print_text(
        f"Comparing {', '.join(DEMO_SEARCHERS)} on NAS-Bench-201 (CIFAR-10, CIFAR-100, ImageNet16-120): "
        f"{repeats} runs each, {evaluations} evaluations per run.\n"
        "source-order and meta-gp learn from two datasets and search on the third, which they have never seen.\n"
    )
    options: dict[str, Any] = {"repeats": repeats, "evaluations": evaluations, "workers": workers}
    frame = compare(DEMO_SEARCHERS, "nb201", folder=folder, progress=True, **options)
    return _print_results(frame, folder, evaluations, "table")


@options_from(
    search_command,
    plan,
    compare,
    without="searcher searcher_command task space journal plot at searchers folder redo with_baselines",
)
@options_from(read_images, TrainingEvaluator, panel="Real training", without="task seed folder")
def plan_command(
    pilot: Sequence[str],
    *,
    repeats: int = 100,
    most: int = 1000,
    plot: Path | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Compute how many runs distinguish searchers, how often fewer name the wrong winner, and the cost.

    Parameters
    ----------
    pilot : str
        The folder of a finished comparison; or names of searchers, separated by commas, which are
        run as a pilot.
    tasks : sequence of str
        A family of tasks, or names of tasks separated by commas.
    evaluations : int
        Budget of a run: number of distinct architectures to evaluate; by default 100.
    repeats : int
        Number of runs of each searcher in the pilot.
    workers : int
        Number of processes.
    plot : path
        Draw power against runs in this file, such as power.png.
    settings : dict
        A setting of one searcher, as in search.

    Examples
    --------
    nasmeta plan evolution,local-search --tasks nb201 --evaluations 100
    nasmeta plan results
    """
    if plot is not None:
        check_choice("suffix", plot.suffix, (".png", ".pdf", ".svg"))
    frame: Any = pilot[0]
    if len(pilot) > 1:
        defaults = {"evaluations": 100, "repeats": repeats, "progress": True}
        frame, _ = _compared(pilot, defaults | options)
    elif not Path(frame).exists():
        raise SettingError(
            "pilot",
            frame,
            "the folder of a comparison, or at least two searchers: random,evolution",
        )
    else:
        _refuse("A finished comparison", options)
    pairs = plan(frame, most=most)
    _print_plan(pairs, most)
    if plot is not None:
        figure_format = plot.suffix.removeprefix(".")
        print_written(save_figure(plot_power(pairs), plot.with_suffix(""), [figure_format]))
    return {"pairs": pairs}


def _print_plan(pairs: pd.DataFrame, most: int) -> None:
    """Print a table per task, and its explanation."""
    headers = {"wrong": "wrong winner (%)", "needed": "runs needed"}
    shown = pairs.loc[:, "searcher":"difference_high"].drop(columns=["runs", "measure"])
    percentages = [(100 * pairs[f"wrong_{n}"]).map("{:.0f}".format) for n in RUNS]
    shown["wrong"] = pd.concat(percentages, axis="columns").agg(" / ".join, axis="columns")
    shown["needed"] = pairs["needed"].map(partial(runs_text, most=most))
    shown[["evaluations", "hours"]] = pairs[["evaluations", "hours"]]
    for (task, measure), rows in shown.groupby([pairs["task"], pairs["measure"]], sort=False):
        text = texts_of(rows, headers, decimals={"evaluations": 0, "hours": 0})
        print_table(text.headings, text.rows, f"{task}, {measure}", right=text.headings[1:])
    n_pairs = int(pairs.groupby("task", sort=False).size().max())
    pairs_per_task = f"{n_pairs} pair per task" if n_pairs == 1 else f"{n_pairs} pairs per task"
    numbers_of_runs = ", ".join(str(n) for n in RUNS)
    console().print(
        f"From {pairs['runs'].iloc[0]:,} runs of each searcher. Difference: searcher minus other; below 0, the "
        f"searcher is better. Wrong winner: how often the means of {numbers_of_runs} runs name it, if this "
        "difference is the true one. Runs needed: per searcher, for 80 % of comparisons to show the difference by the "
        f"test of a report (Wilcoxon, Holm). For {pairs_per_task}, these are at least "
        f"{fewest_runs(n_pairs)} runs. Evaluations and hours of training are totals of both searchers. "
        f"Pairs that need > {most:,} runs cannot be distinguished within {most:,} runs."
    )


@options_from(reproduce)
def reproduce_command(
    tables: list[str] | None = None, *, listed: bool = False, fetch: bool = False, **options: Any
) -> pd.DataFrame:
    """Repeat published tables and print published values, measured values and their differences.

    Parameters
    ----------
    tables : list of str, optional
        Names of published tables (--list), or all.
    listed : bool
        List the published tables and exit.
    fetch : bool
        Download missing data without asking.
    folder : path
        Folder for runs, values and pages; run the same command again to resume.
    workers : int
        Number of processes.

    Examples
    --------
    nasmeta reproduce --list
    nasmeta reproduce nb201-paper --fetch --folder results
    """
    if listed or not tables:
        print_frame(list_published()[["table", "title"]])
        return list_published()
    missing = missing_data(data_of(tables))
    for state in missing:
        print(f"Missing: {state.name} ({state.holds}), {state.download_bytes / 1e6:.1f} MB")
    if missing and not fetch and sys.stdin.isatty():
        fetch = typer.confirm("Download them?", default=True, err=True)
    if missing and fetch:
        fetch_sources([state.name for state in missing], progress=True)
    values = reproduce(tables, progress=True, **options)
    for name, table in values.groupby("table", sort=False):
        for on, texts in published_texts(table).groupby("on", sort=False):
            print_frame(texts.drop(columns=["on", "difference"], errors="ignore"), f"{name}, {on}")
        print(published_section(table).note)
    return values


@options_from(report)
def report_command(results: str, **options: Any) -> dict[str, Any]:
    """Write the report of a comparison or run: an interactive page in one file, Markdown, figures and LaTeX tables.

    Parameters
    ----------
    results : path
        Folder of a finished comparison, or the journal of one run.

    Examples
    --------
    nasmeta compare --searchers random,gp --folder results && nasmeta report results
    """
    files = report(results, **options).files
    print_written([*files[:2], files[0].parent / "figures", files[0].parent / "tables"])
    return {"files": files}
