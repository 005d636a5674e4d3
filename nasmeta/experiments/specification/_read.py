"""Specification files: read and checked, with errors that name the line and the choices."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.errors import NasmetaError, SettingError, near_name, shown
from nasmeta.evaluators import EVALUATORS, TRAINED
from nasmeta.experiments._arguments import budgets_of, seeds_of
from nasmeta.experiments._folder import require_labels
from nasmeta.experiments.specification._specification import (
    OF_SOURCES,
    OF_TABLE,
    TRAINING_KEYS,
    Specification,
    Training,
    ready_specifications,
)
from nasmeta.files import TomlLines, parse_toml
from nasmeta.places import checked_path
from nasmeta.registry import is_place, names_from_file
from nasmeta.runs import Clock, RunConfig, check_lengths_used
from nasmeta.runs._clock import checked_budget
from nasmeta.runs._spec import SearcherSpec
from nasmeta.tables import ColumnInfo
from nasmeta.tables._address import Address
from nasmeta.tasks import Task, TaskDistribution, as_tasks, fidelities

_KEYS = (
    "title", "about", "tasks", "searchers", "repeats", "seed", "seeds", "evaluator", "training", "epochs", "budget",
    "clock", "report",
)  # fmt: skip
_EVALUATORS = (
    '"table", "unknown-feasibility", "surrogate" or the file (.npz) of one, "training", "supernet" or one of your own, '
    "package.module:Name"
)
_BUDGET_KEYS = ("evaluations", "seconds", "stop_at_optimum")


def read_specification(path: str | os.PathLike[str], *, check: bool = True) -> Specification:
    """Read and check a specification file, or a ready one by its name.

    A file says, with ``?`` behind what may be left out::

        title? about?                    texts for people
        tasks = ["nb201/cifar10"]        names of tasks, or of families
        repeats? = 10, seed? = 0         or seeds? = [3, 1, 4]
        evaluator? = "table"             or "unknown-feasibility", "surrogate", the file of one (.npz) as seen from
                                         this file's folder, "training", "supernet", or a function or Evaluator of
                                         your own, "package.module:Name"
        epochs? = [12, 200]              lengths of training for multi-fidelity searchers
        report? = ["cifar10/accuracy/test/200/mean of NB201 v1.1"]

        [budget]
        evaluations? seconds?            one of them at least; seconds may be a table of task to number
        stop_at_optimum? = false

        [clock]?                         as `nasmeta.runs.Clock`

        [training]?                      for the evaluators "training" and "supernet", on one task
        data = "digits"                  as `nasmeta.training.ImageDataset.load` takes it; a path is one as seen from
        recipe? = "tiny"                 this file's folder, as is that of a recipe's own file
        split? valid_fraction? size?     as on the command line

        [searchers.LABEL]                one for each; or searchers = ["random", "gp"]
        searcher? = "evolution"          LABEL where left out
        population? = 10                 its settings
        prune_space? = 0.1               and what sources tell it, as in `search`; sources are names of tasks or of
        warm_start? = 5                  families, a meta_model is a file as seen from this one's folder, the name of
        sources? = "nb201"               a shipped one or "shipped"
        meta_model? = "shipped"

    With `check` everything that it names must be there; without, what it says is read without any table. The message
    of an error begins with the file and the line. Reading imports no code: ``package.module:Name`` is an
    UnknownNameError, unless this process has imported it by that name before. `run_specification` imports it.

    >>> from nasmeta.experiments import read_specification
    >>> specification = read_specification("queries-to-optimum", check=False)
    >>> specification.tasks, len(specification.seeds), specification.stop_at_optimum
    (('nb201/cifar10', 'nb201/cifar100', 'nb201/imagenet16-120'), 50, True)
    """
    with names_from_file():
        return specification_to_run(path, check=check)


def specification_to_run(path: str | os.PathLike[str], *, check: bool = True) -> Specification:
    """Do the same for a specification that the caller runs: code of the user's own that it names is imported."""
    ready = ready_specifications()
    file = checked_path("specification", path)
    if str(path) in ready and not file.is_file():
        file = ready[str(path)]
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as reason:
        raise SettingError(
            f"There is no specification {path}: no such file, and none of the ready ones ({', '.join(ready)})."
            f"{near_name(str(path), list(ready))} `nasmeta compare --list` shows these."
            if isinstance(reason, FileNotFoundError)
            else f"Cannot read the specification {file}: {reason}."
        ) from reason
    return _Reader(file, text).read(check)


def list_specifications() -> pd.DataFrame:
    """Return the comparisons that the package brings as files.

    Returns
    -------
    DataFrame
        One row a specification: ``specification`` (its name), ``title``, ``tasks`` and ``searchers`` (how many),
        ``runs`` (of each searcher on each task), ``evaluations`` and ``seconds`` (the budget of a run, of seconds the
        largest; NaN where it has none).

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_specifications().set_index("specification").loc[["first-steps", "nb201-paper"], "runs"].to_list()
    [5, 500]
    """
    rows = []
    for name in ready_specifications():
        said = read_specification(name, check=False)
        seconds = None if said.seconds is None else max(said.seconds.values())
        counts = len(said.tasks), len(said.searchers), len(said.seeds)
        rows.append((name, said.title, *counts, said.evaluations, seconds))
    columns = ["specification", "title", "tasks", "searchers", "runs", "evaluations", "seconds"]
    return pd.DataFrame(rows, columns=columns)


def reported_columns(file: Path) -> tuple[ColumnInfo, ...]:
    """Return the columns that a specification reports, whatever else it says."""
    reader = _Reader(file, file.read_text(encoding="utf-8"))
    return reader.report(reader.tasks()[0])


class _Reader:
    def __init__(self, file: Path, text: str) -> None:
        self.file, self.text = file, text
        try:
            self.content = parse_toml(text)
        except ValueError as reason:
            raise SettingError(f"{file} is not valid TOML: {reason}.") from None
        self.lines = TomlLines(text)

    def error(self, message: str, *path: str) -> SettingError:
        return SettingError(f"{self.file.name}, line {self.lines.of(*path)}: {message}")

    @contextmanager
    def on(self, line: int) -> Iterator[None]:
        """Put file and line before the message of what goes wrong inside."""
        try:
            yield
        except NasmetaError as reason:
            message = f"{self.file.name}, line {line}: {reason}"
            try:
                told = type(reason)(message)
            except TypeError:  # an error with arguments of its own
                told = SettingError(message)
            raise told from reason

    @contextmanager
    def within(self, *path: str) -> Iterator[None]:
        """Do the same with the line of that key of a table which the message mentions first, else with the table's."""
        try:
            yield
        except NasmetaError as reason:
            table, said = self.entry(object, "", {}, *path), str(reason)
            keys = [key for key in table if key in said] if isinstance(table, Mapping) else []
            first = min(keys, key=lambda key: (said.index(key), -len(key)), default=None)
            with self.on(self.lines.of(*path, *([] if first is None else [first]))):
                raise

    @contextmanager
    def on_sources(self, label: str) -> Iterator[None]:
        """Do the same with the line of the source which the message mentions, or of the warm start, else of sources."""
        try:
            yield
        except NasmetaError as reason:
            listed, said = self.entry(object, "", [], "searchers", label, "sources"), str(reason)
            where = ("searchers", label, "warm_start" if "warm_start must" in said else "sources")
            told = [name for name in listed if str(name) in said] if isinstance(listed, list) else []
            first = min(map(str, told), key=lambda name: (said.index(name), -len(name)), default="")
            with self.on(self.lines.of_entry(first, *where) if first else self.lines.of(*where)):
                raise

    def entry(self, kind: type | tuple[type, ...], what: str, default: Any, *path: str) -> Any:
        """Return an entry of the right type, or the default."""
        inner: Any = self.content
        for key in path:
            if not isinstance(inner, Mapping) or key not in inner:
                return default
            inner = inner[key]
        if not isinstance(inner, kind) or (isinstance(inner, bool) and kind is not bool):
            raise self.error(f"{path[-1]} must be {what}, not {shown(inner)}.", *path)
        return inner

    def known(self, keys: Sequence[str], where: str, *path: str) -> None:
        """Refuse keys that mean nothing."""
        for key in self.entry(dict, "a table", {}, *path):
            if key not in keys:
                told = f"{where} has no {key!r}.{near_name(key, keys)} Possible: {', '.join(keys)}."
                raise self.error(told, *path, key)

    def read(self, check: bool) -> Specification:
        self.known(_KEYS, "A specification")
        self.known(_BUDGET_KEYS, "The budget", "budget")
        tasks = self.tasks()
        searchers, of_sources = self.searchers()
        evaluations = self.entry(int, "a whole number", None, "budget", "evaluations")
        stop = self.entry(bool, "true or false", False, "budget", "stop_at_optimum")
        seconds = self.entry((int, float, dict), "a number, or a table of task to number", None, "budget", "seconds")
        if evaluations is None and seconds is None:
            raise self.error("There is no budget: give [budget] evaluations, or seconds, or both.", "budget")
        with self.within("budget"):
            checked_budget(evaluations, None, stop, default=1)
        with self.within("budget", "seconds"):
            budgets = budgets_of(TaskDistribution(tasks), evaluations, seconds, stop)
        said = self.entry(dict, "a table", None, "clock")
        with self.within("clock"):
            clock = None if said is None else Clock.of(said)
        epochs = self.entry(list, "a list of whole numbers", None, "epochs")
        evaluator = self.entry(str, _EVALUATORS, "table", "evaluator")
        if evaluator.endswith(".npz"):
            evaluator = str(self.file.parent / Path(evaluator).expanduser())
        elif not (is_place(evaluator) or evaluator in (*OF_TABLE, *TRAINED) or evaluator in EVALUATORS):
            raise self.error(f"evaluator must be {_EVALUATORS}, not {shown(evaluator)}.", "evaluator")
        specification = Specification(
            name=self.file.stem,
            home=self.file.parent,
            text=self.text,
            title=self.entry(str, "a text", self.file.stem, "title"),
            about=self.entry(str, "a text", "", "about").strip(),
            tasks=tuple(task.name for task in tasks),
            searchers=searchers,
            of_sources=of_sources,
            seeds=self.seeds(),
            evaluations=evaluations,
            seconds={t.name: b.seconds for t, b in zip(tasks, budgets, strict=True) if b.seconds is not None} or None,
            stop_at_optimum=stop,
            evaluator=evaluator,
            training=self.training(evaluator, tasks),
            clock=clock,
            epochs=None if epochs is None else tuple(epochs),
            report=self.report(tasks[0]) if check else (),
        )
        if check:
            self.check(specification, tasks)
        return specification

    def tasks(self) -> list[Task]:
        names = self.entry((str, list), "a name or a list of names", None, "tasks")
        if not names:
            raise self.error('There is no task: give tasks = ["nb201/cifar10"], or a family.', "tasks")
        found: list[Task] = []
        for name in [names] if isinstance(names, str) else names:
            with self.on(self.lines.of_entry(str(name), "tasks")):
                found += as_tasks(name)
                if len({task.name for task in found}) < len(found):
                    raise SettingError(f"The task {name} appears twice.")
        return found

    def searchers(self) -> tuple[dict[str, tuple[str, dict[str, Any]]], dict[str, dict[str, Any]]]:
        given = self.entry((dict, list), "a list of names, or tables [searchers.LABEL]", None, "searchers")
        if not given:
            raise self.error('There is no searcher: give searchers = ["random"], or [searchers.LABEL].', "searchers")
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        of_sources: dict[str, dict[str, Any]] = {}
        for label in given:
            own = given[label] if isinstance(given, dict) else {}
            line = self.lines.of("searchers", label) if own else self.lines.of_entry(str(label), "searchers")
            with self.on(line):
                if not isinstance(label, str) or not isinstance(own, dict):
                    raise SettingError(f"{shown(label)} must be the name of a searcher, or a table of its settings.")
                if label in found:
                    raise SettingError(f"The searcher {label} appears twice.")
                require_labels([*found, label])
                settings = dict(own)
                name = settings.pop("searcher", label)
                if not isinstance(name, str):
                    raise SettingError(f"searcher must be a name, not {shown(name)}.")
                said = of_sources[label] = {key: settings.pop(key) for key in OF_SOURCES if key in settings}
                try:
                    spec = SearcherSpec.of(name, settings)
                except SettingError as reason:
                    raise SettingError(f"{reason} Beside settings there are: {', '.join(OF_SOURCES)}.") from None
            for key, value in said.items():
                of_key = self.on(self.lines.of("searchers", label, key))
                with self.on_sources(label) if key == "sources" else of_key:
                    said[key] = _said_of_sources(spec, key, value, self.file.parent)
            found[label] = (name, spec.settings)
        return found, {label: said for label, said in of_sources.items() if said}

    def seeds(self) -> tuple[int, ...]:
        with self.within():
            return tuple(seeds_of(*(self.content.get(key) for key in ("repeats", "seed", "seeds"))))

    def training(self, evaluator: str, tasks: Sequence[Task]) -> Training | None:
        said = self.entry(dict, "a table", None, "training")
        if evaluator not in TRAINED:
            if said is not None:
                told = f'Images are for training, but the evaluator is "{evaluator}": give evaluator = "training".'
                raise self.error(told, "training")
            return None
        self.known(TRAINING_KEYS, "The training", "training")
        if len(tasks) > 1:
            names = ", ".join(task.name for task in tasks)
            raise self.error(f"Training is on one data set, so compare on one task, not on {names}.", "tasks")
        with self.on(self.lines.of("evaluator")) if said is None else self.within("training"):
            return Training.of(evaluator, said or {}, self.file.parent)

    def report(self, task: Task) -> tuple[ColumnInfo, ...]:
        found = []
        for address in self.entry(list, "a list of columns", [], "report"):
            with self.on(self.lines.of_entry(str(address), "report")):
                found.append(task.table.info(*Address.parse(address)))
        return tuple(found)

    def check(self, specification: Specification, tasks: Sequence[Task]) -> None:
        """Check what needs the tables: that tasks can be searched, and searchers take their settings there."""
        tables = {task.table_name for task in tasks}
        if specification.report and len(tables) > 1:
            told = f"Columns are of one table, but the tasks are of {' and '.join(sorted(tables))}."
            raise self.error(told, "report")
        answered = []
        for task in tasks:
            own = specification.has_own_evaluator
            line = self.lines.of("evaluator") if own else self.lines.of_entry(task.name, "tasks")
            with self.on(line) if specification.training is None else self.within("training"):
                answered.append(specification.answers(task))
        if specification.epochs is not None:
            with self.on(self.lines.of("epochs")):
                check_lengths_used(map(specification.spec, specification.searchers), specification.epochs)
                for one in answered:
                    if one.values is None:
                        one.after(specification.epochs)
                    else:
                        fidelities(one.task, specification.epochs)
        for label in specification.searchers:
            said, spec = specification.of_sources.get(label, {}), specification.spec(label)
            for one in answered:
                with self.on(self.lines.of("searchers", label)):
                    spec.build(one.space, np.random.default_rng(0))
                seconds = specification.seconds[one.task.name] if specification.seconds else None
                budget = checked_budget(specification.evaluations, seconds, specification.stop_at_optimum, default=1)
                config = self.taught(label, RunConfig(spec, one, budget), said)
                with self.on(self.lines.of("budget")):
                    config.with_clock(specification.clock, specification.epochs)

    def taught(self, label: str, config: RunConfig, said: Mapping[str, Any]) -> RunConfig:
        """Check that there is something to learn from, and that it is none of the task's own data."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns when it runs
            with self.on(self.lines.of("searchers", label, "meta_model")):
                config = config.with_model(said.get("meta_model"), said.get("sources"))
            with self.on_sources(label):
                config = config.with_sources(said.get("sources"))
                for source in config.sources:
                    _ = source.column if isinstance(source, Task) else None  # says how to fetch what is not here
        return config


def _said_of_sources(spec: SearcherSpec, key: str, value: Any, folder: Path) -> Any:
    """Return what is said of sources under a key, as `compare` takes it."""
    if key in ("prune_space", "warm_start"):
        spec.guided(**{key: value})
    elif key == "sources":
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise SettingError(f"sources are a name or a list of names, of tasks or of families, not {shown(value)}.")
        as_tasks(names, sources=True)
        return names
    elif not isinstance(value, str):
        raise SettingError(f'meta_model is a file, the name of a shipped one or "shipped", not {shown(value)}.')
    elif value.endswith(".npz"):
        return str(folder / value)
    return value
