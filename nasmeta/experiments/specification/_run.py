"""A specification, run or gone on with; and what is kept beside its results."""

from __future__ import annotations

import json
import os
import platform
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import nasmeta
from nasmeta.errors import JournalError, SettingError
from nasmeta.experiments._compare import compare
from nasmeta.experiments._folder import ComparisonFolder
from nasmeta.experiments._places import located
from nasmeta.experiments._spec import SearcherSpec, saved_model_of, sources_of
from nasmeta.experiments.specification._read import read_specification
from nasmeta.experiments.specification._specification import Specification
from nasmeta.tasks import Task, fidelities, get_task

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.tables import ColumnInfo

__all__ = ["picks_of", "provenance_of", "run_specification"]

_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "xgboost", "torch")


def run_specification(
    specification: str | os.PathLike[str] | Specification,
    folder: str | os.PathLike[str] | None = None,
    *,
    workers: int | None = None,
    backend: str = "loky",
    address: str | None = None,
    progress: bool = False,
    journals: bool = True,
) -> pd.DataFrame:
    """Run a specification; the same call again goes on after any end.

    Parameters
    ----------
    specification : str, path or Specification
        A file, or the name of a ready one.
    folder : path, optional
        Where results are kept: journals, ``results.parquet``, ``picks.csv`` (what each run picked, with the columns
        that the specification reports), ``specification.toml`` and ``provenance.json`` (versions, releases of the data
        and their checksums).
    workers, backend, address : optional
        Where it is run, as in `nasmeta.compare`; no result depends on it, so no specification says it.
    progress : bool, default False
    journals : bool, default True
        Whether each run keeps its journal; without, nothing can be gone on with, and a thousand short runs are quicker.

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
        specification = read_specification(specification)
    home = None if folder is None else located("folder", folder)
    if home is not None and not journals:
        _refuse_another(home, specification)
    frame = compare(
        {label: (name, settings) for label, (name, settings) in specification.searchers.items()},
        list(specification.tasks),
        **_seeds(specification.seeds),
        evaluations=specification.evaluations,
        seconds=specification.seconds,
        folder=home if journals else None,
        workers=workers,
        backend=backend,
        address=address,
        progress=progress,
        stop_at_optimum=specification.stop_at_optimum,
        evaluator=specification.evaluator,
        clock=specification.clock,
        epochs=specification.epochs,
        space=specification.by_label("space"),
        warm_start=specification.by_label("warm_start"),
        sources=specification.by_label("sources"),
        meta_model=specification.by_label("meta_model"),
    )
    if home is not None:
        kept = ComparisonFolder(home)
        with kept.writing():
            home.mkdir(parents=True, exist_ok=True)
            if not journals:
                kept.write_results(frame)
            kept.write("specification.toml", specification.text.encode())
            said = json.dumps(provenance_of(specification), indent=2, ensure_ascii=False)
            kept.write("provenance.json", said.encode() + b"\n")
            if specification.report:
                kept.write("picks.csv", picks_of(frame, specification).to_csv(index=False).encode())
    return frame


def _refuse_another(home: Path, specification: Specification) -> None:
    """Refuse a folder with other results; one with journals is checked where it is claimed."""
    try:
        there = (home / "specification.toml").read_text(encoding="utf-8")
    except FileNotFoundError:
        there = None
    except (OSError, UnicodeDecodeError) as reason:
        raise JournalError(f"Cannot read what {home} holds: {reason}.") from reason
    if (there is None and (home / "results.parquet").exists()) or there not in (None, specification.text):
        raise SettingError(f"{home} holds the results of another comparison. Use another folder.")


def _seeds(seeds: tuple[int, ...]) -> dict[str, Any]:
    """Return seeds as `compare` takes them: a row of them by its first, so that more repeats go on with a folder."""
    if seeds == tuple(range(seeds[0], seeds[0] + len(seeds))):
        return {"seed": seeds[0], "repeats": len(seeds)}
    return {"seeds": seeds}


def picks_of(frame: pd.DataFrame, specification: Specification) -> pd.DataFrame:
    """Return what each run picked, and what the specification's columns say about it.

    Returns
    -------
    DataFrame
        One row a run: task, searcher, seed, evaluations, simulated_seconds, cell, value, and a column for each address
        of the report, NaN where it was not measured for the cell.

    Raises
    ------
    SettingError
        Where the specification reports nothing.
    """
    from nasmeta.tables import load_table

    if not specification.report:
        raise SettingError(
            f'{specification.name} reports no column: give report = ["DATASET/METRIC/SPLIT/EPOCHS/SEED"].'
        )
    last = frame.groupby(["task", "searcher", "seed"], sort=False, observed=True).tail(1)
    picks = last[["task", "searcher", "seed", "evaluation", "simulated_seconds", "incumbent", "incumbent_value"]]
    picks = picks.rename(columns={"evaluation": "evaluations", "incumbent": "cell", "incumbent_value": "value"})
    picks = picks.reset_index(drop=True)
    table = load_table(get_task(specification.tasks[0]).table)
    for c in specification.report:
        values = table.column(c.dataset, c.metric, c.split, c.epochs, c.seed, c.release)
        picks[c.address] = values[picks["cell"].to_numpy()].astype(np.float64)
    return picks


def provenance_of(specification: Specification) -> dict[str, Any]:
    """Return where results come from: the specification, versions, and the data with releases and checksums."""
    data: dict[str, Any] = {}
    for name in specification.tasks:
        task = get_task(name)
        several = any(SearcherSpec.of(kind).is_multi_fidelity for kind, _ in specification.searchers.values())
        tasks = fidelities(task, specification.epochs).values() if several else [task]
        data[name] = [_facts(other.column) for other in tasks]
    return {
        "specification": {"name": specification.name, "sha256": specification.sha256, "text": specification.text},
        "versions": {
            "nasmeta": nasmeta.__version__,
            "python": platform.python_version(),
            **{name: found for name in _PACKAGES if (found := _version(name)) is not None},
        },
        "machine": platform.machine(),
        "tasks": data,
        "report": [_facts(column) for column in specification.report],
        "clock": None if specification.clock is None else specification.clock.settings,
        "learnt_from": _learnt_from(specification),
    }


def _learnt_from(specification: Specification) -> dict[str, Any]:
    """Return for each searcher that learns, task by task, the data of its sources and the identity of its model."""
    found: dict[str, Any] = {}
    for label, (kind, settings) in specification.searchers.items():
        said = specification.of_sources.get(label, {})
        spec = SearcherSpec.of(kind, settings).guided(said.get("space"), said.get("warm_start", 0))
        if not spec.learns:
            continue
        for name in specification.tasks:
            task, of_task = get_task(name), found.setdefault(label, {}).setdefault(name, {})
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it warned when it ran
                saved = saved_model_of(spec, task, said.get("meta_model"), said.get("sources"))
                sources = [] if saved and not spec.guidance else sources_of(spec, task, said.get("sources"))
            if saved is not None:
                of_task["meta_model"] = {"sha256": saved.sha256, "learnt_from": list(saved.sources)}
            of_task |= {source.name: _facts(source.column) for source in sources if isinstance(source, Task)}
    return found


def _facts(column: ColumnInfo) -> dict[str, str]:
    return {
        "column": column.address,
        "release": column.release,
        "source": column.source,
        "source_sha256": column.source_sha256,
        "licence": column.licence,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
