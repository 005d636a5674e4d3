"""Specifications: comparisons that are described by TOML files."""

from __future__ import annotations

import os
import platform
import tomllib
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.checks import check_names
from nasmeta.code_identity import versions_of
from nasmeta.errors import MissingValueError, NasmetaError, SettingError, UnknownNameError
from nasmeta.experiments._arguments import budgets_of, seeds_of, tasks_of
from nasmeta.experiments._compare import compare
from nasmeta.experiments._workers import Workers
from nasmeta.files import write_atomically, write_facts
from nasmeta.registry import names_from_file
from nasmeta.runs import Clock, SearcherSpec, evaluator_for, named_sources
from nasmeta.tables import (
    Address,
    ColumnInfo,
    SourceState,
    is_available,
    list_sources,
    registered_sources,
)
from nasmeta.tasks import Signal, as_tasks, get_task

READY = Path(__file__).with_name("ready")
_KEYS = [
    "title",
    "about",
    "data",
    "tasks",
    "searchers",
    "repeats",
    "evaluator",
    "budget",
    "clock",
    "report",
    "published",
]
_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "xgboost", "torch")


@dataclass(frozen=True, eq=False)
class Specification:
    """A comparison as a file describes it.

    Examples
    --------
    >>> from nasmeta.experiments import read_specification
    >>> specification = read_specification("first-steps")
    >>> specification.name, "random" in specification.searchers
    ('first-steps', True)
    """

    name: str  # of the file, without its ending
    home: Path  # the file's folder, to which paths in the file are relative
    text: str  # the file's content
    title: str
    tasks: tuple[str, ...]  # with families resolved
    searchers: dict[str, tuple[str, dict[str, Any]]]  # by label: name, settings
    sources: dict[str, list[str]]  # by label: names of tasks or of a meta-model
    seeds: tuple[int, ...]  # one per repeat
    evaluations: int | None
    seconds: dict[str, float] | None  # by task
    stop_at_optimum: bool
    evaluator: str  # a name, package.module:Name, or the path of a surrogate
    clock: Clock | None
    # addresses of columns; values of each run's pick, which no searcher observes
    report: tuple[str, ...]
    data: tuple[str, ...]  # sources that must be on this machine
    published: dict[str, Any]  # a published table, see `nasmeta.reproduce`; empty without one

    @property
    def sha256(self) -> str:
        """Checksum of the text."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """The reported columns; needs the table."""
        return _columns(self.tasks[0], self.report)


def _ready() -> dict[str, Path]:
    """Return the shipped specifications by name."""
    return {path.stem: path for path in sorted(READY.glob("*.toml"))}


def list_specifications() -> pd.DataFrame:
    """Return the shipped comparisons.

    Returns
    -------
    DataFrame
        One row per specification: ``specification`` (the name), ``title``, ``tasks`` and
        ``searchers`` (their numbers), ``runs`` (of each searcher on each task), ``evaluations`` and
        ``seconds`` (the budget of a run, at most; NaN without a limit).

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_specifications().set_index("specification").loc[["first-steps", "nb201-paper"], "runs"].to_list()
    [5, 500]
    """
    rows = []
    for ready in map(read_specification, _ready()):
        row = {
            "specification": ready.name,
            "title": ready.title,
            "tasks": len(ready.tasks),
            "searchers": len(ready.searchers),
            "runs": len(ready.seeds),
            "evaluations": ready.evaluations,
            "seconds": None,
        }
        if ready.seconds:
            row["seconds"] = max(ready.seconds.values())
        rows.append(row)
    return pd.DataFrame(rows)


def missing_data(names: Collection[str]) -> tuple[SourceState, ...]:
    """Return the sources that are not on this machine."""
    sources = registered_sources()
    missing = []
    for state in list_sources():
        if state.name in names and not is_available(sources[state.name]):
            missing.append(state)
    return tuple(missing)


def require_data(names: Collection[str]) -> None:
    """Raise an error that lists all of these sources that are missing."""
    missing = [state.name for state in missing_data(names)]
    if missing:
        raise MissingValueError(
            f"Missing data: {', '.join(missing)}. Run `nasmeta data fetch {' '.join(missing)}`."
        )


@names_from_file()
def read_specification(path: str | os.PathLike[str]) -> Specification:
    """Read a specification file, or a shipped one by its name.

    A file has these keys; those with ``?`` are optional::

        title? about?                    texts
        tasks = ["nb201/cifar10"]        names of tasks or families
        repeats? = 10                    or a list of seeds
        evaluator? = "table"             "unknown-feasibility", "surrogate", the file of one (.npz), or a custom
                                         "package.module:Name"
        report? = ["cifar10/accuracy/test/200/mean of NB201 v1.1"]
        data? = ["nasgraph-nb201"]       sources in `nasmeta data list` that must be on this machine

        [budget]?                        200 evaluations by default
        evaluations? seconds?            seconds may be a table of task to number
        stop_at_optimum? = false

        [clock]?                         as `nasmeta.runs.Clock`

        [searchers.LABEL]                one for each; or searchers = ["random", "gp"]
        searcher? = "evolution"          by default the label
        population? = 10                 settings, as in `nasmeta.search`
        sources? = "nb201"               names of tasks or families, or the file of a meta-model (.npz)

        [published]?                     values to compare with, see `nasmeta.reproduce`

    Paths are relative to the file. An error begins with the file and the key. Reading imports no
    code and opens no table: ``package.module:Name`` raises an UnknownNameError, unless this process
    has imported it by that name before. `run_specification` imports it.

    Examples
    --------
    >>> from nasmeta.experiments import read_specification
    >>> specification = read_specification("queries-to-optimum")
    >>> specification.tasks, len(specification.seeds), specification.stop_at_optimum
    (('nb201/cifar10', 'nb201/cifar100', 'nb201/imagenet16-120'), 50, True)
    """
    return specification_to_run(path)


def specification_to_run(path: str | os.PathLike[str]) -> Specification:
    """Read a specification that the caller runs; it may import the code that the file names."""
    ready, file = _ready(), Path(path)
    if not file.is_file():
        if str(path) not in ready:
            raise UnknownNameError.of("specification", str(path), ready)
        file = ready[str(path)]
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except ValueError as reason:
        raise SettingError(f"{file} is not valid TOML: {reason}.") from None
    return _specification(file, text, content)


@contextmanager
def _at(file: Path, *keys: str) -> Iterator[None]:
    """Put the file and the key before the message of errors."""
    try:
        yield
    except NasmetaError as reason:
        error = type(reason)(f"{file.name}, {'.'.join(keys)}: {reason}")
        error.what, error.value = reason.what, reason.value
        raise error from reason


def _names(value: Any) -> list[Any]:
    """Return a list, or one name as a list."""
    return [value] if isinstance(value, str) else list(value)


def _specification(file: Path, text: str, content: dict[str, Any]) -> Specification:
    with _at(file, "keys"):
        check_names("a specification", "key", content, _KEYS)
    with _at(file, "tasks"):
        tasks = tasks_of(_names(content.get("tasks", [])))
    with _at(file, "budget"):
        limits = content.get("budget", {})
        check_names("[budget]", "key", limits, ("evaluations", "seconds", "stop_at_optimum"))
        stop = limits.get("stop_at_optimum", False)
        budgets = budgets_of(tasks, limits.get("evaluations"), limits.get("seconds"), stop)
    with _at(file, "clock"):
        clock = Clock.of(content["clock"]) if "clock" in content else None
    with _at(file, "repeats"):
        seeds = tuple(seeds_of(content.get("repeats", 10)))
    evaluator = str(content.get("evaluator", "table"))
    if evaluator.endswith(".npz"):
        evaluator = str(file.parent / Path(evaluator).expanduser())
    seconds = dict[str, float]()
    for name, budget in zip(tasks.names, budgets, strict=True):
        if budget.seconds is not None:
            seconds[name] = budget.seconds
    searchers, sources = _searchers(file, content.get("searchers", []))
    return Specification(
        name=file.stem,
        home=file.parent,
        text=text,
        title=str(content.get("title", file.stem)),
        tasks=tuple(tasks.names),
        searchers=searchers,
        sources=sources,
        seeds=seeds,
        evaluations=budgets[0].evaluations,
        seconds=seconds or None,
        stop_at_optimum=stop,
        evaluator=evaluator,
        clock=clock,
        report=tuple(_names(content.get("report", []))),
        data=tuple(content.get("data", ())),
        published=content.get("published", {}),
    )


def _searchers(
    file: Path, given: Any
) -> tuple[dict[str, tuple[str, dict[str, Any]]], dict[str, list[str]]]:
    """Return name and settings of each searcher, and the sources of some, by label."""
    if isinstance(given, dict):
        tables = given
    else:
        tables = {name: {} for name in _names(given)}
    searchers, sources = {}, {}
    for label, table in tables.items():
        with _at(file, "searchers", label):
            settings = dict(table)
            name = settings.pop("searcher", label)
            if "sources" in settings:
                sources[label] = _names(settings.pop("sources"))
            searchers[label] = (name, SearcherSpec.of(name, settings).all_settings)
    if not searchers:
        raise SettingError(f"searchers of {file.name}", given, "names, or tables [searchers.LABEL]")
    return searchers, sources


def reported_in(text: str) -> tuple[tuple[ColumnInfo, ...], dict[str, Any]]:
    """Return the reported columns and the published table of a specification, without reading its other keys."""
    content = tomllib.loads(text)
    columns = _columns(as_tasks(content.get("tasks"))[0].name, _names(content.get("report", [])))
    return columns, content.get("published", {})


def _columns(task: str, report: Sequence[str]) -> tuple[ColumnInfo, ...]:
    return tuple(get_task(task).table.info(*Address.parse(address)) for address in report)


def run_specification(
    specification: str | os.PathLike[str] | Specification,
    folder: str | os.PathLike[str] | None = None,
    *,
    repeats: int | None = None,
    workers: int | Executor | Workers = 1,
    **options: Any,
) -> pd.DataFrame:
    """Run a specification; the same call resumes after an interruption.

    Parameters
    ----------
    specification : str, path or Specification
        A file, or the name of a shipped one.
    folder : path, optional
        Folder of the results: journals, ``results.parquet``, ``picks.csv`` (the pick of each run,
        with the reported columns), a copy of the file as ``specification.toml``, and
        ``provenance.json`` (versions, releases of the data and their checksums).
    repeats : int, optional
        Number of runs of each searcher on each task, instead of the number in the file.
    workers : int, Executor or Workers, default 1
    options
        ``redo`` and ``progress``, as in `nasmeta.compare`.

    Returns
    -------
    DataFrame
        As `nasmeta.compare` returns it.

    Raises
    ------
    SettingError, UnknownNameError, ColumnError, JournalError
    MissingValueError
        The message lists all missing sources of the specification's ``data``.

    Examples
    --------
    >>> from nasmeta.experiments import run_specification
    >>> frame = run_specification("first-steps")
    >>> frame["searcher"].cat.categories.tolist()
    ['random', 'evolution', 'small-evolution']
    """
    if not isinstance(specification, Specification):
        specification = specification_to_run(specification)
    require_data(specification.data)
    provenance = _provenance_of(specification)  # raises an error for unknown columns before any run
    sources = {}
    for label, names in specification.sources.items():
        sources[label] = named_sources(names, specification.home)
    frame = compare(
        specification.searchers,
        list(specification.tasks),
        repeats=specification.seeds if repeats is None else repeats,
        evaluations=specification.evaluations,
        seconds=specification.seconds,
        sources=sources,
        folder=folder,
        workers=workers,
        stop_at_optimum=specification.stop_at_optimum,
        evaluator=specification.evaluator,
        clock=specification.clock,
        **options,
    )
    is_shard = Workers.of(workers).shard is not None
    if folder is not None and not is_shard:
        home = Path(folder)
        write_atomically(home / "specification.toml", specification.text)
        write_facts(home / "provenance.json", provenance)
        if specification.report:
            picks = _picks_of(frame, specification)
            write_atomically(home / "picks.csv", picks.to_csv(index=False))
    return frame


def _provenance_of(specification: Specification) -> dict[str, Any]:
    """Return the origin of results: the specification, versions, and the data with releases and checksums."""
    specs = [SearcherSpec.of(*entry) for entry in specification.searchers.values()]
    by_length = any(spec.is_multi_fidelity for spec in specs)
    tasks = map(get_task, specification.tasks)
    evaluators = [evaluator_for(task, specification.evaluator) for task in tasks]
    data = {}
    for evaluator in evaluators:
        lengths = [evaluator]
        if by_length:
            lengths = list(evaluator.after(None).values())
        data[evaluator.task.name] = [_facts(length.column) for length in lengths]
    provenance: dict[str, Any] = {
        "specification": {
            "name": specification.name,
            "sha256": specification.sha256,
            "text": specification.text,
        },
        "versions": versions_of(_PACKAGES),
        "machine": platform.machine(),
        "tasks": data,
        "report": [_facts(column) for column in specification.columns],
        "clock": None,
    }
    if specification.clock is not None:
        provenance["clock"] = specification.clock.settings
    if evaluators[0].identity:
        provenance["evaluator"] = evaluators[0].identity
    return provenance


def _facts(column: ColumnInfo) -> dict[str, str]:
    facts = {"column": column.address}
    if column.origin != "measured":
        facts["origin"] = column.origin
    for name in ("release", "source", "source_sha256", "licence"):
        if value := getattr(column, name):
            facts[name] = value
    return facts


def _picks_of(frame: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Return the pick of each run, and its values in the reported columns.

    There is one row per run: task, searcher, seed, evaluations, simulated_seconds, cell, value, and
    one column per address of the report, NaN for missing values and for tasks of another table than
    the first task's.
    """
    runs = frame.groupby(["task", "searcher", "seed"], sort=False, observed=True)
    last = runs.tail(1).reset_index(drop=True)
    names = {
        "task": "task",
        "searcher": "searcher",
        "seed": "seed",
        "evaluation": "evaluations",
        "simulated_seconds": "simulated_seconds",
        "incumbent": "cell",
        "incumbent_value": "value",
    }
    picks = last[[*names]].rename(columns=names)
    table = get_task(specification.tasks[0]).table
    tables = {task: get_task(task).table_name for task in picks["task"].unique()}
    of_table = (picks["task"].map(tables) == table.name).to_numpy(bool)
    cells = np.where(of_table, picks["cell"], 0)
    for column in specification.columns:
        values = table.column(*Signal.of(column).address)
        picks[column.address] = np.where(of_table, values[cells], np.nan)
    return picks
