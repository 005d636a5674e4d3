"""The report of a comparison, from its folder or its frame."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nasmeta.analysis import XAxis
from nasmeta.analysis.report import Findings, find, title_of, write_findings
from nasmeta.code_identity import versions_of
from nasmeta.errors import DamagedFileError, NasmetaError
from nasmeta.evaluators import Evaluator, TrainingEvaluator
from nasmeta.experiments._folder import UNVERIFIED, results_in
from nasmeta.experiments._reproduce import compare_searches
from nasmeta.experiments._specification import reported_in
from nasmeta.files import facts_in, require_writable, sha256_of
from nasmeta.registry import names_from_file
from nasmeta.runs import on_evaluator, read_run, recorded_prediction
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task, get_task

_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "plotly", "scikit-posthocs")


@dataclass(frozen=True, eq=False)
class Report:
    """The report of a comparison.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.compare(["random", "evolution"], "nb201/cifar10", repeats=3, evaluations=20)
    >>> nm.report(frame).files
    ()
    """

    findings: Findings  # tables, ranks and tests
    files: tuple[Path, ...]  # written files, the page first


@names_from_file()
def report(
    results: pd.DataFrame | str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    at: int | None = None,
    x: XAxis | None = None,
    reference: str | None = None,
    formats: Sequence[str] = ("png", "svg", "pdf"),
    title: str | None = None,
) -> Report:
    """Analyse a comparison, and write its report: an HTML page, Markdown, figures and LaTeX tables.

    Parameters
    ----------
    results : DataFrame or path
        The result of `nasmeta.compare`, the folder of a finished comparison, or the journal of a
        run on a table. For a folder, the report also contains the specification and the versions.
        If another program wrote its results, its title states ``from an unverified file``.
    output : path, optional
        Folder of the report; by default ``report`` in the folder of the comparison, or
        ``RUN-report`` next to the journal. For a frame, no report is written by default.
    at : int, optional
        Budget of ranks and tests, in evaluations or simulated seconds; by default the end of the
        runs' budget. A run that stalled or exhausted the space keeps its last value.
    x : {"evaluation", "simulated_seconds"}, optional
        The axis of that budget. By default evaluations, or simulated seconds if they ended the
        runs.
    reference : str, optional
        Label of the searcher that defines a score of 0; by default random search. If the comparison
        lacks it, there are no scores.
    formats : sequence of {"png", "svg", "pdf"}
        File formats of the figures: png, svg and pdf.
    title : str, optional
        Title of the report; by default the title in the comparison's specification.

    Returns
    -------
    Report

    Raises
    ------
    SettingError
        If there is no finished comparison, the budget is not reached, or the report cannot be
        written.
    DamagedFileError
        If the results cannot be read, or another program wrote them and they contradict the tables.
    NasmetaError
        If the packages of the extra ``report`` are missing.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.compare(["random", "local-search"], "nb201/cifar10", repeats=3, evaluations=20)
    >>> findings = nm.report(frame).findings
    >>> findings.budget, findings.results["nb201/cifar10"]["searcher"].tolist()
    ('after 20 evaluations', ['random', 'local-search'])
    """
    columns: tuple[ColumnInfo, ...] = ()
    specification: dict[str, Any] = {}
    mark = ""
    provenance: dict[str, Any] = {}
    published: dict[str, Any] = {}
    destination = None if output is None else Path(output)
    if isinstance(results, pd.DataFrame):
        frame, own_title = results, "Comparison of searchers"
    elif (home := Path(results)).is_file():
        run = read_run(home)
        frame, own_title = run.frame(), f"{run.searcher} on {run.task.name}, seed {run.seed}"
        destination = destination or home.with_name(f"{home.stem}-report")
    else:
        frame, own_title, destination = (
            results_in(home),
            title_of(home),
            destination or home / "report",
        )
        specification, known = (
            _facts(home / name) for name in ("specification.json", "provenance.json")
        )
        provenance = _provenance(home, specification, known)
        if "specification" in known:
            with suppress(NasmetaError):  # the table is missing
                columns, published = reported_in(known["specification"]["text"])
    if destination is not None:
        require_writable(destination, folder=True)
    tasks = _tasks(frame, specification)
    findings = find(frame, tasks, at, x, columns, reference)
    if frame.attrs.get(UNVERIFIED):
        mark = ", from an unverified file"
        _check_unverified(frame, tasks, specification)
    if destination is None:
        return Report(findings, ())
    table = compare_searches(published, frame, columns) if "means" in published else None
    files = write_findings(
        findings, destination, provenance, (title or own_title) + mark, formats, table
    )
    return Report(findings, tuple(files))


def _facts(path: Path) -> dict[str, Any]:
    return facts_in(path) if path.is_file() else {}


def _tasks(frame: pd.DataFrame, specification: dict[str, Any]) -> dict[str, Task]:
    """Return the tasks that are known on this machine, with the evaluators of the comparison."""
    tasks: dict[str, Task] = {}
    for name in map(str, frame["task"].unique()):
        identity = specification.get("tasks", {}).get(name, {}).get("evaluator")
        if predicted := recorded_prediction({"evaluator": identity or {}}):
            frame.attrs.setdefault("predicted", {}).setdefault(name, predicted)
        with suppress(NasmetaError):  # the table is missing
            task = get_task(name)
            values_of_table = identity is None or identity["kind"] == TrainingEvaluator.name
            if values_of_table or predicted:  # others have their own unit
                _ = task.column  # raises an error if the table is missing
                tasks[name] = task
    return tasks


def _check_unverified(
    frame: pd.DataFrame, tasks: Mapping[str, Task], specification: Mapping[str, Any]
) -> None:
    """Raise an error if results of another program contradict the tables, or if budgets of a task differ."""
    for name, rows in frame.groupby("task", observed=True):
        if not (rows["regret"].isna() | (rows["regret"] >= 0)).all():
            raise _contradiction(f"regrets on {name} are below 0")
        ended = rows[rows["stopped"] == "budget"] if "stopped" in rows else rows.iloc[:0]
        lengths = ended.groupby(["searcher", "seed"], observed=True).size()
        if lengths.nunique() > 1 and not frame.attrs.get("seconds", {}).get(name):
            raise _contradiction(
                f"runs on {name} have {lengths.min()} to {lengths.max()} evaluations"
            )
        by_table = "evaluator" not in specification.get("tasks", {}).get(name, {})
        if name in tasks and by_table:
            _check_values(rows, on_evaluator(tasks[str(name)], "table"))


def _check_values(rows: pd.DataFrame, evaluator: Evaluator) -> None:
    """Raise an error if best values or regrets on a task are not those of its table."""
    values, of_table = rows["incumbent_value"].to_numpy(float), evaluator.noise_free
    due = values if of_table is None or evaluator.n_objectives > 1 else of_table[rows["incumbent"]]
    if not np.allclose(values, due, equal_nan=True):
        raise _contradiction(f"best values on {evaluator.task.name} are not those of its table")
    regrets = evaluator.sign * (evaluator.optimum - values)
    if evaluator.values is None:
        regrets = np.maximum(regrets, 0.0)  # a run may exceed the best known value
    if not np.allclose(rows["regret"], regrets, atol=1e-6, equal_nan=True):
        raise _contradiction(f"regrets on {evaluator.task.name} are not those of its table")


def _contradiction(what: str) -> DamagedFileError:
    return DamagedFileError(
        f"Another program wrote results.parquet: {what}. The command of the comparison writes it again from the runs."
    )


def _provenance(
    folder: Path, specification: dict[str, Any], known: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the comparison, its versions, and the checksum of its results."""
    facts = {
        "comparison": {
            key: value
            for key, value in specification.items()
            if key != "tasks" and value is not None
        },
        **known,
        "versions_of_the_report": versions_of(_PACKAGES),
        "sha256_of_results.parquet": sha256_of(folder / "results.parquet"),
    }
    return {key: value for key, value in facts.items() if value}
