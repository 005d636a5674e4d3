"""``nasmeta search``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from math import isnan
from pathlib import Path
from typing import Any

from nasmeta.checks import check_choice, with_unit, written
from nasmeta.errors import ColumnError, EvaluationFailed, MissingValueError, SettingError, short
from nasmeta.evaluators import TrainingEvaluator
from nasmeta.files import require_writable
from nasmeta.progress import duration
from nasmeta.runs._front_history import FrontHistory
from nasmeta.runs._history import History
from nasmeta.runs._search import search
from nasmeta.searchers import SEARCHERS
from nasmeta.tables import ColumnInfo, describe_column
from nasmeta.terminal import options_from, print_facts, print_frame, print_written, taken
from nasmeta.training.commands import read_images

# columns of the results frame
_OF_RUN = (
    "task",
    "searcher",
    "seed",
    "clock",
    "space",
    "warm_start",
    "stopped",
)
_REASONS = 3  # number of different reasons of failures to show


@options_from(search)
@options_from(read_images, TrainingEvaluator, panel="Real training", without="task seed folder")
def search_command(
    searcher: str = "",
    task: str = "",
    *,
    searcher_command: str | None = None,
    space: str | None = None,
    journal: Path | None = None,
    plot: Path | None = None,
    **options: Any,
) -> Callable[[], dict[str, Any]]:
    """Run one searcher on one task and show the best architecture, or the Pareto front of several objectives.

    Parameters
    ----------
    searcher : str
        Name of a searcher, such as random, evolution, gp or meta-gp.
    task : str
        Name of a task, such as nb201/cifar10 or nb201/cifar10+latency/pixel3.
    searcher_command : str
        Instead of a searcher: a program that reads and writes JSON lines, such as "julia my.jl".
    space : str
        Instead of a task: MODULE:NAME of a space to search with a Python function; see --evaluator.
    plot : path
        Draw the search curve in this file, such as run.png.
    settings : dict
        A setting of the searcher; also prune_space=0.1, warm_start=5, epochs=12,200.
    sources : list of str
        Sources of a meta-searcher: tasks or families, separated by commas, or a file of nasmeta
        meta-train; by default the family of the task, without its dataset.
    evaluator : str
        Source of the values: table; unknown-feasibility, the table with failures for missing
        values; surrogate, or a surrogate file; training, on --data; or a Python function,
        MODULE:NAME.
    clock : dict
        A setting of the simulated clock: workers=4, repeats=charged, overshoot=discard,
        promotion=continued.

    Examples
    --------
    nasmeta search evolution nb201/cifar10 --evaluations 300 --set population=10
    nasmeta search meta-gp nb201/cifar100 --sources nb201/cifar10
    nasmeta search gp --space my_package.module:space --evaluator my_package.module:score
    nasmeta search gp nb201/cifar10 --evaluator training --data cifar10:PATH --evaluations 20 --journal run.jsonl
    """
    if plot is not None:
        check_choice("suffix", plot.suffix, (".png", ".pdf", ".svg"))
        plot.parent.mkdir(parents=True, exist_ok=True)
        require_writable(plot)
    if searcher_command is not None:
        searcher, task = "command", searcher
        options["settings"] = {"command": searcher_command, **options.get("settings", {})}
    if task in SEARCHERS and searcher not in SEARCHERS:
        expected = f"a name of nasmeta list searchers: nasmeta search {task} {searcher}"
        raise SettingError("searcher", searcher, expected)
    if bool(task) == (space is not None):
        raise SettingError("task", task or None, "the name of a task, or --space with --evaluator")
    task = space or task
    use_training_evaluator(options, task)
    run = search(searcher, task, journal=journal, progress=True, **options)
    failed = len(run) > 0 and bool(run.failures) and int(run.incumbent_positions[-1]) < 0
    _print_run(run, journal, failed)
    if failed:
        raise EvaluationFailed("No evaluation succeeded, so the run has no best architecture.")
    if plot is not None:
        run.plot(plot)
        print_written([plot])
    return partial(_record, run, journal)


def use_training_evaluator(options: dict[str, Any], task: str) -> None:
    """Replace the options of real training by an evaluator for this task."""
    images = taken(options, read_images)
    training = {name: options.pop(name) for name in ("recipe", "device") if name in options}
    if options.get("evaluator") == TrainingEvaluator.name:
        options["evaluator"] = TrainingEvaluator(task, read_images(**images), **training)
    elif images or training:
        flags = ", ".join(f"--{name}" for name in [*images, *training]).replace("_", "-")
        evaluator = options.get("evaluator", "table")
        raise SettingError("--evaluator", evaluator, f"training with {flags}")


def _print_run(run: History, journal: Path | None, failed: bool) -> None:
    """Print the facts of a run and its best architecture, or the front of several objectives."""
    evaluator = run.evaluator
    facts = dict(run._facts())
    facts["learned from"] = ", ".join(run.sources)
    if run.space != "all":
        facts["searched space"] = run.space
    if run.warm_start != "0":
        facts["warm start"] = f"{run.warm_start} architectures chosen by the sources"
    if failed:
        facts["best"] = "none: no evaluation succeeded"
    if isinstance(run, FrontHistory):
        for column in run.evaluator.columns:
            facts[column.metric_name] = with_unit(describe_column(column), column.unit)
    else:
        values = describe_column(evaluator.column)
        if not evaluator.prediction:
            values += f", {evaluator.column.source}"
        facts["values"] = values
        if not isnan(evaluator.optimum):
            facts[evaluator.optimum_name] = f"{written(evaluator.optimum)}, of the {evaluator.name}"
    if run.failures:
        counts = Counter(run.failures.values()).most_common(_REASONS)
        reasons = ", ".join(f"{reason} ({count})" for reason, count in counts)
        facts["failed"] = f"{len(run.failures)} evaluations: {reasons}"
    spent = "unknown"
    if run.cost_seconds.any():
        spent = duration(float(run.cost_seconds.sum()))
    if run.clock.workers > 1:
        spent += f" on {run.clock}"
    facts["training time"] = spent
    facts["journal"] = journal
    if "architecture" in facts:
        facts["architecture"] = short(str(facts["architecture"]))
    print_facts({name: fact for name, fact in facts.items() if fact})
    if isinstance(run, FrontHistory):
        print_frame(run.front)
    elif not failed:
        for column, value in _report(run).items():
            also = f"{column.metric} {written(value, column.unit)}: {describe_column(column)}"
            print_facts({f"also {column.kind_of_values}": also})


def _report(run: History) -> dict[ColumnInfo, float]:
    """Return the values in the report columns that are on this machine."""
    with suppress(MissingValueError, ColumnError):
        return run.report()
    return {}


def _record(run: History, journal: Path | None) -> dict[str, Any]:
    """Return the result of ``nasmeta search --json``."""
    record: dict[str, Any] = {"task": run.task.name}
    for name in ("searcher", "seed", "settings", "sources", "stopped"):
        record[name] = getattr(run, name)
    record["evaluator"] = run.evaluator.name
    record["journal"] = journal
    if isinstance(run, FrontHistory):
        record |= {"columns": run.evaluator.columns, "front": run.front}
    else:
        best = run.best
        record["column"] = run.evaluator.column
        record["optimum"] = run.evaluator.optimum
        record["best"] = {
            "cell": best.architecture,
            "architecture": run.task.space.to_string(best.architecture),
            "value": best.value,
        }
        reported = _report(run).items()
        record["also_reported"] = [{"column": column, "value": value} for column, value in reported]
    if run.evaluator.prediction:
        record["predicted"] = run.evaluator.prediction
    return record | {"evaluations": run.frame().drop(columns=[*_OF_RUN])}
