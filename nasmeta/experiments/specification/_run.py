"""A specification, run or gone on with: where its results come from, and what its runs picked."""

from __future__ import annotations

import json
import os
import platform
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.code import versions_of
from nasmeta.errors import JournalError, SettingError
from nasmeta.experiments._compare import compare
from nasmeta.experiments._folder import ComparisonFolder
from nasmeta.experiments.specification._read import specification_to_run
from nasmeta.experiments.specification._specification import OF_SOURCES, Specification
from nasmeta.places import in_store, located, read_whole
from nasmeta.runs import RunConfig
from nasmeta.runs._clock import Budget
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task, fidelities, get_task

_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "xgboost", "torch")


def run_specification(
    specification: str | os.PathLike[str] | Specification,
    folder: str | os.PathLike[str] | None = None,
    *,
    repeats: int | None = None,
    workers: int | None = None,
    backend: str = "loky",
    address: str | None = None,
    gpus_per_worker: float | None = None,
    shard: str | None = None,
    progress: bool = False,
    journals: bool = True,
    device: str = "auto",
) -> pd.DataFrame:
    """Run a specification; the same call again goes on after any end.

    Parameters
    ----------
    specification : str, path or Specification
        A file, or the name of a ready one.
    folder : path, optional
        Where results are kept: journals, ``results.parquet``, ``picks.csv`` (what each run picked, with the columns
        that the specification reports), and from the start ``specification.toml``, whose relative paths are as seen
        from there, and ``provenance.json`` (versions, releases of the data and their checksums; under ``earlier`` those
        that worked there before and differ).
    repeats : int, optional
        Runs of each searcher on each task, instead of what the specification says.
    workers, backend, address, gpus_per_worker, shard : optional
        Where it is run, as in `nasmeta.compare`; no result depends on it, so no specification says it.
    progress : bool, default False
    journals : bool, default True
        Whether each run keeps its journal; without, nothing can be gone on with, and a thousand short runs are quicker.
    device : str, default "auto"
        That trains, where the specification asks for training.

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
    if repeats is not None:
        specification = specification.with_repeats(repeats)
    home = None
    if folder is not None:
        place = located("folder", folder)
        if not in_store(place):
            specification = specification.seen_from(place)
        home = _SpecifiedFolder(place, specification, journals=journals)
    answers: Any = specification.evaluator
    if specification.training is not None:
        answers = specification.answers(get_task(specification.tasks[0]), device)
    of_sources: dict[str, Any] = {key: specification.by_label(key) for key in OF_SOURCES}
    return compare(
        specification.searchers,
        list(specification.tasks),
        **_seeds(specification.seeds),
        evaluations=specification.evaluations,
        seconds=specification.seconds,
        folder=home,
        workers=workers,
        backend=backend,
        address=address,
        gpus_per_worker=gpus_per_worker,
        shard=shard,
        progress=progress,
        stop_at_optimum=specification.stop_at_optimum,
        evaluator=answers,
        clock=specification.clock,
        epochs=specification.epochs,
        **of_sources,
    )


def _seeds(seeds: tuple[int, ...]) -> dict[str, Any]:
    """Return seeds as `compare` takes them: a row of them by its first, so that more repeats go on with a folder."""
    if seeds == tuple(range(seeds[0], seeds[0] + len(seeds))):
        return {"seed": seeds[0], "repeats": len(seeds)}
    return {"seeds": seeds}


class _SpecifiedFolder(ComparisonFolder):
    """A comparison's folder with ``specification.toml``, ``provenance.json`` and ``picks.csv``.

    The first two are there from the start, so that a run that was killed keeps them.
    """

    def __init__(self, path: Path, specification: Specification, *, journals: bool = True) -> None:
        super().__init__(path, journals=journals)
        self._specification = specification

    def begin(self) -> None:
        """Write the specification and where its results come from; who worked here before stays listed."""
        provenance = self._with_earlier(provenance_of(self._specification))
        self.write("specification.toml", self._specification.text.encode())
        self.write("provenance.json", json.dumps(provenance, indent=2, ensure_ascii=False).encode() + b"\n")
        if not self._specification.report:
            with suppress(FileNotFoundError):
                (self.path / "picks.csv").unlink()

    def end(self, frame: pd.DataFrame) -> None:
        """Write what the runs picked."""
        if self._specification.report:
            self.write("picks.csv", picks_of(frame, self._specification).to_csv(index=False).encode())

    def _with_earlier(self, provenance: dict[str, Any]) -> dict[str, Any]:
        """Add what the file says of other versions, data and texts of the specification, oldest first."""
        path = self.path / "provenance.json"
        try:
            there = json.loads(read_whole(path))
            earlier = [*there.pop("earlier", []), there]
        except FileNotFoundError:
            return provenance
        except (ValueError, AttributeError, TypeError) as reason:
            raise JournalError(
                f"{path} is damaged: {reason}. It says which versions worked here: restore it, delete it, or use "
                "another folder."
            ) from None
        now = json.loads(json.dumps(provenance))
        others = [one for one in earlier if one != now]
        return provenance | {"earlier": others} if others else provenance


def provenance_of(specification: Specification) -> dict[str, Any]:
    """Return where results come from: the specification, versions, and the data with releases and checksums."""
    data: dict[str, Any] = {}
    for name in specification.tasks:
        task = get_task(name)
        several = any(specification.spec(label).is_multi_fidelity for label in specification.searchers)
        if specification.training is not None or specification.has_own_evaluator:
            answers = specification.answers(task)
            asked = answers.after(specification.epochs).values() if several else [answers]
            data[name] = [_facts(one.column) for one in asked]
            continue
        tasks = fidelities(task, specification.epochs).values() if several else [task]
        data[name] = [_facts(other.column) for other in tasks]
    return {
        "specification": {"name": specification.name, "sha256": specification.sha256, "text": specification.text},
        "versions": versions_of(_PACKAGES),
        "machine": platform.machine(),
        "tasks": data,
        **({} if specification.training is None else {"training": specification.answers(task).identity}),
        **({"evaluator": specification.answers(task).identity} if specification.has_own_evaluator else {}),
        "report": [_facts(column) for column in specification.report],
        "clock": None if specification.clock is None else specification.clock.settings,
        "learnt_from": _learnt_from(specification),
    }


def _learnt_from(specification: Specification) -> dict[str, Any]:
    """Return for each searcher that learns, task by task, the data of its sources and the identity of its model."""
    found: dict[str, Any] = {}
    for label in specification.searchers:
        said, spec = specification.of_sources.get(label, {}), specification.spec(label)
        if not spec.learns:
            continue
        for name in specification.tasks:
            task, of_task = get_task(name), found.setdefault(label, {}).setdefault(name, {})
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it warned when it ran
                answers, epochs = specification.answers(task), specification.epochs
                learnt = {key: said[key] for key in ("meta_model", "sources") if key in said}
                config = RunConfig.of(spec, answers, Budget(), epochs=epochs, **learnt)
            if config.saved is not None:
                of_task["meta_model"] = {"sha256": config.saved.sha256, "learnt_from": list(config.saved.sources)}
            of_task |= {source.name: _facts(source.column) for source in config.sources if isinstance(source, Task)}
    return found


def _facts(column: ColumnInfo) -> dict[str, str]:
    said = ("release", "source", "source_sha256", "licence")
    return {"column": column.address} | {name: getattr(column, name) for name in said}


def picks_of(frame: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Return what each run picked, and what the specification's columns say about it; it must report some.

    There is one row a run: task, searcher, seed, evaluations, simulated_seconds, cell, value, and a column for each
    address of the report, NaN where it was not measured for the cell.
    """
    if not specification.report:
        raise SettingError(
            f'{specification.name} reports no column: give report = ["DATASET/METRIC/SPLIT/EPOCHS/SEED"].'
        )
    last = frame.groupby(["task", "searcher", "seed"], sort=False, observed=True).tail(1)
    picks = last[["task", "searcher", "seed", "evaluation", "simulated_seconds", "incumbent", "incumbent_value"]]
    picks = picks.rename(columns={"evaluation": "evaluations", "incumbent": "cell", "incumbent_value": "value"})
    picks = picks.reset_index(drop=True)
    table = get_task(specification.tasks[0]).table
    for c in specification.report:
        values = table.column(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release, c.epoch)
        picks[c.address] = values[picks["cell"].to_numpy()].astype(np.float64)
    return picks


def summarise_picks(frame: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Return for each (task, searcher) mean and standard deviation (``_std``) of what the report says of its picks."""
    picks = picks_of(frame, specification)
    by = picks.groupby(["task", "searcher"], sort=False, observed=True)[[c.address for c in specification.report]]
    return pd.concat([by.mean(), by.std().add_suffix("_std")], axis=1).reset_index()
