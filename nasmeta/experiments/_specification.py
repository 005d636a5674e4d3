"""Specifications: comparisons that are described by TOML files."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.checks import check_choice, check_instance, check_list, check_names
from nasmeta.code import versions_of
from nasmeta.errors import NasmetaError, SettingError, UnknownNameError
from nasmeta.evaluators import EVALUATORS, TRAINED, UNKNOWN_FEASIBILITY
from nasmeta.experiments._arguments import budgets_of, seeds_of
from nasmeta.experiments._backends import Workers
from nasmeta.experiments._compare import compare
from nasmeta.experiments._folder import ComparisonFolder
from nasmeta.files import parse_toml
from nasmeta.registry import is_place, names_from_file
from nasmeta.runs._clock import Clock
from nasmeta.runs._evaluator import evaluator_for
from nasmeta.runs._sources import named_sources
from nasmeta.runs._spec import SearcherSpec
from nasmeta.tables import ColumnInfo
from nasmeta.tables._address import Address
from nasmeta.tasks import TaskDistribution, as_tasks, get_task
from nasmeta.training import ImageDataset, Recipe, dataset_options, recipe_for

_READY = Path(__file__).with_name("ready")
_KEYS = (
    "title", "about", "tasks", "searchers", "repeats", "evaluator", "training", "budget", "clock", "report",
)  # fmt: skip
_EVALUATORS = ("table", UNKNOWN_FEASIBILITY, "surrogate", *TRAINED)
_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "xgboost", "torch")


@dataclass(frozen=True, eq=False)
class Specification:
    """A comparison as a file describes it.

    >>> from nasmeta.experiments import read_specification
    >>> specification = read_specification("first-steps")
    >>> specification.name, "random" in specification.searchers
    ('first-steps', True)
    """

    name: str  # of the file, without its ending
    home: Path  # the file's folder, to which paths in the file are relative
    text: str  # the file's content
    title: str
    about: str
    tasks: tuple[str, ...]  # with families resolved
    searchers: dict[str, tuple[str, dict[str, Any]]]  # by label: name, settings
    sources: dict[str, list[str]]  # by label: names of tasks or of a meta-model
    seeds: tuple[int, ...]  # one per repeat
    evaluations: int | None
    seconds: dict[str, float] | None  # by task
    stop_at_optimum: bool
    evaluator: str
    clock: Clock | None
    report: tuple[str, ...]  # addresses of columns; values of each run's pick, which no searcher observes
    training: Mapping[str, Any]  # data, recipe, and options of `ImageDataset.load`

    @property
    def sha256(self) -> str:
        """Checksum of the text."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """The reported columns; needs the table."""
        return _columns(self.tasks[0], self.report)

    @property
    def is_table(self) -> bool:
        """Whether the values are those of a table or of its shipped surrogate."""
        return self.evaluator in ("table", UNKNOWN_FEASIBILITY, "surrogate")

    @cached_property
    def images(self) -> ImageDataset:
        """The training images."""
        data, _, options = self._training
        return ImageDataset.load(data, **options)

    @cached_property
    def _training(self) -> tuple[str, Recipe, dict[str, Any]]:
        options = dict(self.training)
        source, colon, path = str(options.pop("data", "")).partition(":")
        if not source:
            raise SettingError("data of [training]", source, 'images such as "digits" or "cifar10:PATH"')
        data = f"{source}:{self.home / Path(path).expanduser()}" if colon else source
        recipe = options.pop("recipe", None)
        if isinstance(recipe, str) and recipe.endswith(".toml"):
            recipe = self.home / Path(recipe).expanduser()
        return data, recipe_for(recipe, data), dataset_options(data, **options)

    def chosen_evaluator(self, device: str = "auto") -> Any:
        """Return the argument `evaluator` of `compare`; the device changes only the seconds of trainings."""
        if self.evaluator in TRAINED:
            return TRAINED[self.evaluator](get_task(self.tasks[0]), self.images, self._training[1], device=device)
        is_file = self.evaluator.endswith(".npz")
        return self.home / Path(self.evaluator).expanduser() if is_file else self.evaluator


def ready_specifications() -> dict[str, Path]:
    """Return the shipped specifications by name."""
    return {path.stem: path for path in sorted(_READY.glob("*.toml"))}


def list_specifications() -> pd.DataFrame:
    """Return the shipped comparisons.

    Returns
    -------
    DataFrame
        One row per specification: ``specification`` (the name), ``title``, ``tasks`` and ``searchers`` (their numbers),
        ``runs`` (of each searcher on each task), ``evaluations`` and ``seconds`` (the budget of a run, at most; NaN
        without a limit).

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_specifications().set_index("specification").loc[["first-steps", "nb201-paper"], "runs"].to_list()
    [5, 500]
    """
    rows = []
    for name in ready_specifications():
        one = read_specification(name)
        seconds = None if one.seconds is None else max(one.seconds.values())
        rows.append((name, one.title, len(one.tasks), len(one.searchers), len(one.seeds), one.evaluations, seconds))
    columns = ["specification", "title", "tasks", "searchers", "runs", "evaluations", "seconds"]
    return pd.DataFrame(rows, columns=columns)


@names_from_file()
def read_specification(path: str | os.PathLike[str]) -> Specification:
    """Read a specification file, or a shipped one by its name.

    A file has these keys; those with ``?`` are optional::

        title? about?                    texts
        tasks = ["nb201/cifar10"]        names of tasks or families
        repeats? = 10                    or a list of seeds
        evaluator? = "table"             "unknown-feasibility", "surrogate", the file of one (.npz), "training",
                                         "supernet", or a custom "package.module:Name"
        report? = ["cifar10/accuracy/test/200/mean of NB201 v1.1"]

        [budget]                         at least one of the first two
        evaluations? seconds?            seconds may be a table of task to number
        stop_at_optimum? = false

        [clock]?                         as `nasmeta.runs.Clock`

        [training]?                      for the evaluators "training" and "supernet", on one task
        data = "digits"                  as `nasmeta.training.ImageDataset.load` takes it
        recipe? = "tiny"                 a name or a file (.toml)
        split? valid_fraction? size?     as on the command line

        [searchers.LABEL]                one for each; or searchers = ["random", "gp"]
        searcher? = "evolution"          by default the label
        population? = 10                 settings, as in `nasmeta.search`
        sources? = "nb201"               names of tasks or families, or the file of a meta-model (.npz)

    Paths are relative to the file. An error begins with the file and the key. Reading imports no code and opens no
    table: ``package.module:Name`` raises an UnknownNameError, unless this process has imported it by that name before.
    `run_specification` imports it.

    >>> from nasmeta.experiments import read_specification
    >>> specification = read_specification("queries-to-optimum")
    >>> specification.tasks, len(specification.seeds), specification.stop_at_optimum
    (('nb201/cifar10', 'nb201/cifar100', 'nb201/imagenet16-120'), 50, True)
    """
    return specification_to_run(path)


def specification_to_run(path: str | os.PathLike[str]) -> Specification:
    """Read a specification that the caller runs; it may import the code that the file names."""
    ready = ready_specifications()
    file = Path(path)
    if str(path) in ready and not file.is_file():
        file = ready[str(path)]
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UnknownNameError.of("specification", str(path), ready) from None
    except (OSError, UnicodeDecodeError) as reason:
        raise SettingError(f"Cannot read the specification {file}: {reason}.") from reason
    try:
        content = parse_toml(text)
    except ValueError as reason:
        raise SettingError(f"{file} is not valid TOML: {reason}.") from None
    return _Reader(file, text, content).read()


class _Reader:
    def __init__(self, file: Path, text: str, content: dict[str, Any]) -> None:
        self.file, self.text, self.content = file, text, content

    @contextmanager
    def at(self, *path: str) -> Iterator[None]:
        """Put the file and the key before the message of errors."""
        try:
            yield
        except NasmetaError as reason:
            error = type(reason)(f"{self.file.name}, {'.'.join(path)}: {reason}")
            error.what, error.value = reason.what, reason.value
            raise error from reason

    def table(self, key: str, possible: Sequence[str] | None = None) -> dict[str, Any]:
        """Return a table, empty if it is missing; raise an error for other keys than the possible ones."""
        found: dict[str, Any] = check_instance(key, self.content.get(key, {}), dict)
        if possible is not None:
            check_names(f"[{key}]", "key", found, possible)
        return found

    def names(self, key: str) -> list[Any]:
        """Return a list, or one name as a list."""
        value = self.content.get(key, [])
        return [value] if isinstance(value, str) else check_list(key, value, "names")

    def read(self) -> Specification:
        for key in self.content:
            with self.at(key):
                check_names("a specification", "key", [key], _KEYS)
        with self.at("tasks"):
            tasks = TaskDistribution([task for name in self.names("tasks") for task in as_tasks(name)])
            if not tasks or len({*tasks.names}) < len(tasks):
                raise SettingError("tasks", tasks.names, "at least one task, and none twice")
        with self.at("budget"):
            budget = self.table("budget", ("evaluations", "seconds", "stop_at_optimum"))
            evaluations, seconds = budget.get("evaluations"), budget.get("seconds")
            if evaluations is None and seconds is None:
                raise SettingError("[budget]", budget, "evaluations, seconds, or both")
            budgets = budgets_of(tasks, evaluations, seconds, budget.get("stop_at_optimum", False))
        with self.at("clock"):
            clock = Clock.of(self.table("clock")) if "clock" in self.content else None
        with self.at("evaluator"):
            evaluator = str(self.content.get("evaluator", "table"))
            if not (is_place(evaluator) or evaluator.endswith(".npz") or evaluator in EVALUATORS):
                check_choice("evaluator", evaluator, _EVALUATORS)
        with self.at("training"):
            training = self.table("training", ("data", "recipe", "split", "valid_fraction", "size"))
            if bool(training) != (evaluator in TRAINED) or (training and len(tasks) > 1):
                raise SettingError("[training]", training, 'one task and the evaluator "training" or "supernet"')
        with self.at("repeats"):
            seeds = tuple(seeds_of(self.content.get("repeats", 10)))
        searchers, sources = self.searchers()
        return Specification(
            name=self.file.stem,
            home=self.file.parent,
            text=self.text,
            title=str(self.content.get("title", self.file.stem)),
            about=str(self.content.get("about", "")).strip(),
            tasks=tuple(tasks.names),
            searchers=searchers,
            sources=sources,
            seeds=seeds,
            evaluations=evaluations,
            seconds={t.name: b.seconds for t, b in zip(tasks, budgets, strict=True) if b.seconds is not None} or None,
            stop_at_optimum=budgets[0].stop_at_optimum,
            evaluator=evaluator,
            clock=clock,
            report=tuple(self.names("report")),
            training=training,
        )

    def searchers(self) -> tuple[dict[str, tuple[str, dict[str, Any]]], dict[str, list[str]]]:
        given = self.content.get("searchers")
        tables = given if isinstance(given, dict) else {str(name): {} for name in self.names("searchers")}
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        sources: dict[str, list[str]] = {}
        for label, table in tables.items():
            with self.at("searchers", label):
                settings = dict(check_instance(f"searcher {label}", table, dict))
                name = settings.pop("searcher", label)
                if "sources" in settings:
                    names = settings.pop("sources")
                    sources[label] = [names] if isinstance(names, str) else check_list("sources", names, "names")
                found[label] = (name, SearcherSpec.of(name, settings).all_settings)
        if not found:
            raise SettingError(f"searchers of {self.file.name}", given, "names, or tables [searchers.LABEL]")
        return found, sources


def reported_columns(file: Path) -> tuple[ColumnInfo, ...]:
    """Return the columns that a specification reports, without reading its other keys."""
    reader = _Reader(file, "", parse_toml(file.read_text(encoding="utf-8")))
    return _columns(as_tasks(reader.names("tasks"))[0].name, reader.names("report"))


def _columns(task: str, report: Sequence[str]) -> tuple[ColumnInfo, ...]:
    return tuple(get_task(task).table.info(*Address.parse(address)) for address in report)


def run_specification(
    specification: str | os.PathLike[str] | Specification,
    folder: str | os.PathLike[str] | None = None,
    *,
    repeats: int | None = None,
    workers: int | Workers = 1,
    redo: str | Sequence[str] = (),
    progress: bool = False,
    device: str = "auto",
) -> pd.DataFrame:
    """Run a specification; the same call resumes after any end.

    Parameters
    ----------
    specification : str, path or Specification
        A file, or the name of a shipped one.
    folder : path, optional
        Folder of the results: journals, ``results.parquet``, ``picks.csv`` (the pick of each run, with the reported
        columns), and from the start a copy of the file as ``specification.toml`` and ``provenance.json`` (versions,
        releases of the data and their checksums).
    repeats : int, optional
        Number of runs of each searcher on each task, instead of the number in the file.
    workers, redo, progress : optional
        As in `nasmeta.compare`.
    device : str, default "auto"
        Device of trainings.

    Returns
    -------
    DataFrame
        As `nasmeta.compare` returns it.

    Raises
    ------
    SettingError, UnknownNameError, ColumnError, MissingValueError, JournalError

    Examples
    --------
    >>> from nasmeta.experiments import run_specification
    >>> frame = run_specification("first-steps")
    >>> frame["searcher"].cat.categories.tolist()
    ['random', 'evolution', 'small-evolution']
    """
    if not isinstance(specification, Specification):
        specification = specification_to_run(specification)
    provenance = provenance_of(specification)  # raises an error for unknown columns before any run
    home = None
    if folder is not None:
        text = json.dumps(provenance, indent=2, ensure_ascii=False) + "\n"
        home = ComparisonFolder(
            Path(folder), {"specification.toml": specification.text.encode(), "provenance.json": text.encode()}
        )
    frame = compare(
        specification.searchers,
        list(specification.tasks),
        repeats=specification.seeds if repeats is None else repeats,
        evaluations=specification.evaluations,
        seconds=specification.seconds,
        sources={label: named_sources(names, specification.home) for label, names in specification.sources.items()},
        folder=home,
        workers=workers,
        redo=redo,
        progress=progress,
        stop_at_optimum=specification.stop_at_optimum,
        evaluator=specification.chosen_evaluator(device),
        clock=specification.clock,
    )
    is_shard = isinstance(workers, Workers) and workers.shard is not None
    if home is not None and specification.report and not is_shard:
        home.write("picks.csv", picks_of(frame, specification).to_csv(index=False).encode())
    return frame


def provenance_of(specification: Specification) -> dict[str, Any]:
    """Return the origin of results: the specification, versions, and the data with releases and checksums."""
    specs = [SearcherSpec.of(*entry) for entry in specification.searchers.values()]
    chosen = specification.chosen_evaluator()
    evaluators = [evaluator_for(get_task(name), chosen) for name in specification.tasks]
    data = {}
    for one in evaluators:
        lengths = one.after(None).values() if any(spec.is_multi_fidelity for spec in specs) else [one]
        data[one.task.name] = [_facts(length.column) for length in lengths]
    custom = None if specification.is_table else evaluators[0].identity
    return {
        "specification": {
            "name": specification.name, "sha256": specification.sha256, "text": specification.text
        },
        "versions": versions_of(_PACKAGES),
        "machine": platform.machine(),
        "tasks": data,
        "report": [_facts(column) for column in specification.columns],
        "clock": None if specification.clock is None else specification.clock.settings,
        **({} if custom is None else {"evaluator": custom}),
    }  # fmt: skip


def _facts(column: ColumnInfo) -> dict[str, str]:
    names = ("release", "source", "source_sha256", "licence")
    return {"column": column.address} | {name: getattr(column, name) for name in names}


def picks_of(frame: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Return the pick of each run, and its values in the reported columns.

    There is one row per run: task, searcher, seed, evaluations, simulated_seconds, cell, value, and one column per
    address of the report, NaN for missing values.
    """
    last = frame.groupby(["task", "searcher", "seed"], sort=False, observed=True).tail(1)
    picks = last[["task", "searcher", "seed", "evaluation", "simulated_seconds", "incumbent", "incumbent_value"]]
    picks = picks.rename(columns={"evaluation": "evaluations", "incumbent": "cell", "incumbent_value": "value"})
    picks = picks.reset_index(drop=True)
    table = get_task(specification.tasks[0]).table
    for c in specification.columns:
        values = table.column(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release, c.epoch)
        picks[c.address] = values[picks["cell"].to_numpy()].astype(np.float64)
    return picks


def summarise_picks(frame: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Return mean and standard deviation (``_std``) of the reported columns of the picks by task and searcher."""
    picks = picks_of(frame, specification)
    by = picks.groupby(["task", "searcher"], sort=False, observed=True)[[c.address for c in specification.columns]]
    return pd.concat([by.mean(), by.std().add_suffix("_std")], axis=1).reset_index()
