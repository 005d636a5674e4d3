"""Where the results of a specification come from, and what its runs picked."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import nasmeta
from nasmeta.errors import SettingError
from nasmeta.experiments.specification._specification import Specification
from nasmeta.runs import RunConfig
from nasmeta.runs._clock import Budget
from nasmeta.tasks import Task, fidelities, get_task

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo

_PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "xgboost", "torch")


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of this package, Python and those of the others that are installed."""
    found = {"nasmeta": nasmeta.__version__, "python": platform.python_version()}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


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
    return {
        "column": column.address,
        "release": column.release,
        "source": column.source,
        "source_sha256": column.source_sha256,
        "licence": column.licence,
    }


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
    """Sum up what the runs of each (task, searcher) picked.

    Returns
    -------
    DataFrame, one row a (task, searcher)
        ``task, searcher``, and for each address of the report its mean over the runs under the address, and its
        standard deviation with ``_std`` behind it, NaN for one run.

    Raises
    ------
    SettingError
        Where the specification reports nothing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from nasmeta.experiments import read_specification, run_specification, summarise_picks
    >>> text = '''
    ... tasks = ["nb201/cifar10"]
    ... searchers = ["random", "evolution"]
    ... repeats = 2
    ... report = ["cifar10/accuracy/valid/200/777"]
    ... budget.evaluations = 9
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "mine.toml").write_text(text)
    ...     specification = read_specification(f"{folder}/mine.toml")
    >>> summarise_picks(run_specification(specification), specification)["searcher"].tolist()
    ['random', 'evolution']
    """
    picks = picks_of(frame, specification)
    by = picks.groupby(["task", "searcher"], sort=False, observed=True)[[c.address for c in specification.report]]
    return pd.concat([by.mean(), by.std().add_suffix("_std")], axis=1).reset_index()
