"""The report of a comparison, from its folder or its frame."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
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
    content = _content(results)
    frame = content.frame
    destination = content.default_output if output is None else Path(output)
    if destination is not None:
        require_writable(destination, folder=True)
    tasks = _tasks(frame, content.specification)
    findings = find(frame, tasks, at, x, content.columns, reference)
    if title is None:
        title = content.title
    if frame.attrs.get(UNVERIFIED):
        title = f"{title}, from an unverified file"
        _check_unverified(frame, tasks, content.specification)
    if destination is None:
        return Report(findings, ())
    table = None
    if "means" in content.published:
        table = compare_searches(content.published, frame, content.columns)
    files = write_findings(findings, destination, content.provenance, title, formats, table)
    return Report(findings, tuple(files))


@dataclass(frozen=True, eq=False)
class _Content:
    """What a report describes: results, and what their folder states about them."""

    frame: pd.DataFrame
    title: str
    default_output: Path | None = None
    specification: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[ColumnInfo, ...] = ()  # reported columns of the table
    published: Mapping[str, Any] = field(default_factory=dict)  # values of a paper


def _content(results: pd.DataFrame | str | os.PathLike[str]) -> _Content:
    """Read a frame, the journal of a run, or the folder of a comparison."""
    if isinstance(results, pd.DataFrame):
        return _Content(frame=results, title="Comparison of searchers")
    home = Path(results)
    if home.is_file():
        run = read_run(home)
        return _Content(
            frame=run.frame(),
            title=f"{run.searcher} on {run.task.name}, seed {run.seed}",
            default_output=home.with_name(f"{home.stem}-report"),
        )
    frame = results_in(home)  # raises an error if the folder lacks results
    specification = _facts(home / "specification.json")
    recorded = _facts(home / "provenance.json")
    columns: tuple[ColumnInfo, ...] = ()
    published: Mapping[str, Any] = {}
    if "specification" in recorded:
        with suppress(NasmetaError):  # the table is missing
            columns, published = reported_in(recorded["specification"]["text"])
    return _Content(
        frame=frame,
        title=title_of(home),
        default_output=home / "report",
        specification=specification,
        provenance=_provenance(home, specification, recorded),
        columns=columns,
        published=published,
    )


def _facts(path: Path) -> dict[str, Any]:
    return facts_in(path) if path.is_file() else {}


def _tasks(frame: pd.DataFrame, specification: Mapping[str, Any]) -> dict[str, Task]:
    """Return the tasks whose values can be compared with their tables on this machine.

    Predicted tasks are marked in the attributes of the frame.
    """
    tasks: dict[str, Task] = {}
    for name in map(str, frame["task"].unique()):
        identity = specification.get("tasks", {}).get(name, {}).get("evaluator")
        predicted = recorded_prediction({"evaluator": identity or {}})
        if predicted:
            frame.attrs.setdefault("predicted", {}).setdefault(name, predicted)
        elif identity is not None and identity["kind"] != TrainingEvaluator.name:
            continue  # values of other evaluators have their own unit
        with suppress(NasmetaError):  # the table is missing
            task = get_task(name)
            _ = task.column  # raises an error if the table is missing
            tasks[name] = task
    return tasks


def _check_unverified(
    frame: pd.DataFrame, tasks: Mapping[str, Task], specification: Mapping[str, Any]
) -> None:
    """Raise an error if results of another program contradict the tables, or if budgets of a task differ."""
    limits_in_seconds = frame.attrs.get("seconds", {})
    for name, rows in frame.groupby("task", observed=True):
        if (rows["regret"] < 0).any():
            raise _contradiction(f"regrets on {name} are below 0")
        if "stopped" in rows and not limits_in_seconds.get(name):
            complete = rows[rows["stopped"] == "budget"]
            lengths = complete.groupby(["searcher", "seed"], observed=True).size()
            if lengths.nunique() > 1:
                raise _contradiction(
                    f"runs on {name} have {lengths.min()} to {lengths.max()} evaluations"
                )
        is_look_up = "evaluator" not in specification.get("tasks", {}).get(name, {})
        if name in tasks and is_look_up:
            _check_values(rows, on_evaluator(tasks[str(name)], "table"))


def _check_values(rows: pd.DataFrame, evaluator: Evaluator) -> None:
    """Raise an error if best values or regrets on a task are not those of its table."""
    values = rows["incumbent_value"].to_numpy(float)  # (n_rows,)
    of_table = evaluator.noise_free  # (n_architectures,)
    if of_table is not None and evaluator.n_objectives == 1:
        due = of_table[rows["incumbent"]]
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
    folder: Path, specification: Mapping[str, Any], recorded: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the comparison, its versions, and the checksum of its results."""
    comparison = {key: value for key, value in specification.items() if value is not None}
    comparison.pop("tasks", None)
    facts = {
        "comparison": comparison,
        **recorded,
        "versions_of_the_report": versions_of(_PACKAGES),
        "sha256_of_results.parquet": sha256_of(folder / "results.parquet"),
    }
    return {key: value for key, value in facts.items() if value}
