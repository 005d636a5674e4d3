"""The report of a comparison, from its folder or its frame."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from nasmeta.analysis import title_of
from nasmeta.analysis.report import Findings, XAxis, find, write_findings
from nasmeta.checks import check_choice, check_instance, check_int, check_list, check_number
from nasmeta.code import versions_of
from nasmeta.errors import DamagedFileError, NasmetaError, NasmetaWarning, SettingError, shown
from nasmeta.evaluators import TRAINED
from nasmeta.experiments.specification._read import reported_columns
from nasmeta.files import facts_in, require_writable
from nasmeta.places import answering, checked_path, in_store, located
from nasmeta.registry import names_from_file
from nasmeta.runs import on_evaluator
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Task, get_task

_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "plotly", "scikit-posthocs")


@dataclass(frozen=True, eq=False)
class Report:
    """The report of a comparison."""

    findings: Findings  # tables, ranks and tests: all that the files say
    files: tuple[Path, ...]  # what was written, the page first


def report(
    results: pd.DataFrame | str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    at: int | None = None,
    x: XAxis | None = None,
    reference: str | None = None,
    formats: Sequence[str] = ("png", "svg", "pdf"),
    title: str | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Report:
    """Compute what a comparison found, and write its report: a page, Markdown, figures and LaTeX tables.

    Parameters
    ----------
    results : DataFrame, path or address of a store
        What `nasmeta.compare` returns, or the folder of a finished comparison, whose specification and versions are
        then told, too.
    output : path, optional
        Folder of the report; by default the folder ``report`` in that of the comparison. Of a frame nothing is written
        without it.
    at : int, optional
        Budget at which ranks and tests compare, in evaluations or simulated seconds, whichever the budget counts; by
        default the largest that all runs reach.
    x : {"evaluation", "simulated_seconds"}, optional
        The axis of that budget. By default simulated seconds if runs without the optimum ended after different numbers
        of evaluations; else evaluations.
    reference : str, optional
        Label of the searcher whose mean regret is a score of 0; by default that of random search. Without any there are
        no scores.
    formats : sequence of {"png", "svg", "pdf"}
        Of the figures.
    title : str, optional
        By default that of the comparison's specification.
    level, seed : float, int
        Level of all intervals, seed of the bootstrap.

    Returns
    -------
    Report

    Raises
    ------
    SettingError
        Where there is no finished comparison, the budget is not reached, or the report cannot be written.
    DamagedFileError
        Where the results cannot be read.
    NasmetaError
        Where the extra ``report`` is not installed, which a written report needs.

    Examples
    --------
    >>> import nasmeta as nm
    >>> frame = nm.compare(["random", "local-search"], "nb201/cifar10", repeats=3, evaluations=20)
    >>> found = nm.report(frame).findings
    >>> found.budget, found.results["nb201/cifar10"]["searcher"].tolist()
    ('after 20 evaluations', ['random', 'local-search'])
    """
    if x is not None:
        check_choice("x", x, ("evaluation", "simulated_seconds"))
    if at is not None:
        check_number("at", at)
    check_number("level", level, 0, 1)
    seed = check_int("seed", seed, least=0)
    if title is not None:
        check_instance("title", title, str)
    formats = (formats,) if isinstance(formats, str) else check_list("formats", formats, "png, svg and pdf")
    for one in formats:
        check_choice("a format", one, ("png", "svg", "pdf"))
    given: Any = results
    if not isinstance(given, pd.DataFrame | str | os.PathLike) and not hasattr(given, "storage_options"):
        raise SettingError(f"results are the frame of nasmeta.compare or the folder of one, not {shown(given)}.")
    columns: tuple[ColumnInfo, ...] = ()
    specification, provenance = {}, {}
    destination = None if output is None else checked_path("output", output)
    if isinstance(results, pd.DataFrame):
        frame, own_title = results, "Comparison of searchers"
    else:
        home = located("folder", results)
        if destination is None and in_store(home):
            raise SettingError("A report is written to a folder of this machine: name one with --output.")
        with answering(home):
            frame, columns = _results(home), _reported(home)
            specification = facts_in(home / "specification.json")
            provenance = _provenance(home, specification)
        own_title = title_of(home)
        destination = destination or home / "report"
    if destination is not None:
        require_writable(destination, folder=True)
    findings = find(frame, _tasks(frame, specification), at, x, level, seed, columns, reference)
    if destination is None:
        return Report(findings, ())
    return Report(findings, tuple(write_findings(findings, destination, provenance, title or own_title, formats)))


def _results(folder: Path) -> pd.DataFrame:
    path = folder / "results.parquet"
    if not path.is_file():
        what = "has no results.parquet" if folder.is_dir() else "is no folder"
        raise SettingError(
            f"{folder} {what}. A comparison writes it at its end: nasmeta compare --folder {folder}, with its "
            "searchers and tasks, begins or continues it."
        )
    try:
        return pd.read_parquet(BytesIO(path.read_bytes()))
    except Exception as reason:  # what pyarrow raises for damaged files has no common base
        raise DamagedFileError(f"{path} is damaged, or was not written by nasmeta: {reason!s:.200}.") from reason


def _reported(folder: Path) -> tuple[ColumnInfo, ...]:
    """Return the columns that the specification of the comparison reports; none where there is no such file."""
    try:
        with names_from_file():
            return reported_columns(folder / "specification.toml")
    except NasmetaError as reason:
        warnings.warn(f"The columns that the specification reports are not used: {reason}", NasmetaWarning, 3)
    except (OSError, UnicodeDecodeError):
        pass
    return ()


@names_from_file()
def _tasks(frame: pd.DataFrame, specification: dict[str, Any]) -> dict[str, Task]:
    """Return the tasks as they were answered, those that are known here."""
    if "task" not in frame.columns:
        raise SettingError("This is no frame of nasmeta.compare: it has no column task.")
    asked = specification.get("tasks")
    entries = (
        {entry.get("name"): entry for entry in asked if isinstance(entry, dict)} if isinstance(asked, list) else {}
    )
    tasks = {}
    for name in map(str, frame["task"].unique()):
        evaluator = entries.get(name, {}).get("evaluator")
        trained = isinstance(evaluator, dict) and evaluator.get("kind") in TRAINED  # its report is the table's
        try:
            task = get_task(name)
            shipped = None if evaluator is None or trained else on_evaluator(task, "surrogate").identity
            if shipped is not None and json.loads(json.dumps(shipped)) != evaluator:
                continue  # a surrogate of somebody's own: its unit and values are not those of the shipped one
            _ = task.column  # raises where the table is not here
        except NasmetaError:  # a table that is not here
            continue
        tasks[name] = task
    return tasks


def _call(label: str, entry: Any) -> str:
    """Write a searcher and what was set of it.

    >>> _call("small", {"searcher": "evolution", "settings": {"population": 10}})
    'small = evolution(population=10)'
    >>> _call("gp", {"searcher": "gp", "settings": {}, "space": None})
    'gp'
    """
    if not isinstance(entry, dict):
        return f"{label}: {entry}"
    name, settings = entry.get("searcher", label), dict(entry.get("settings") or {})
    settings |= {key: value for key, value in entry.items() if key not in ("searcher", "settings") and value}
    inner = ", ".join(f"{key}={value}" for key, value in settings.items())
    call = f"{name}({inner})" if inner else str(name)
    return call if name == label else f"{label} = {call}"


def _provenance(folder: Path, specification: dict[str, Any]) -> dict[str, Any]:
    digest = hashlib.sha256((folder / "results.parquet").read_bytes()).hexdigest()
    comparison = {
        key: value for key, value in specification.items() if key not in ("tasks", "format") and value is not None
    }
    if isinstance(comparison.get("searchers"), dict):
        comparison["searchers"] = [_call(label, entry) for label, entry in comparison["searchers"].items()]
    told = {
        "comparison": comparison,
        **facts_in(folder / "provenance.json"),
        "versions_of_the_report": versions_of(_PACKAGES),
        "sha256_of_results.parquet": digest,
    }
    return {key: value for key, value in told.items() if value}
