"""``nasmeta report``."""

from __future__ import annotations

import hashlib
import json
import platform
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from nasmeta.cli._manners import mannered, names_in
from nasmeta.errors import DamagedFileError, NasmetaError, SettingError

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.tables import ColumnInfo
    from nasmeta.tasks import Task

__all__ = ["report"]

_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "plotly", "scikit-posthocs")


@mannered
def report(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Of a finished comparison; may be in a store.")],
    output: Annotated[
        Optional[Path],  # noqa: UP045  (older typers cannot read the other form)
        typer.Option(help="Where the report is written; by default a folder report in that folder."),
    ] = None,
    at: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            help="Budget at which ranks and tests compare, in evaluations or simulated seconds, whichever the budget "
            "counts; by default the largest that all runs reach."
        ),
    ] = None,
    formats: Annotated[str, typer.Option(help="Of the figures: png, svg, pdf, separated by commas.")] = "png,svg,pdf",
    title: Annotated[str, typer.Option(help="Title of the report.")] = "Comparison of searchers",
) -> None:
    """Write the report of a comparison: an interactive page in one file, Markdown, figures, LaTeX tables."""
    from nasmeta.analysis.report import write_report
    from nasmeta.places import in_store, located

    home = located("folder", folder)
    if output is None and in_store(home):
        raise SettingError("A report is written to a folder of this machine: name one with --output.")
    frame = _results(home)
    specification = _told(home / "specification.json")
    destination = home / "report" if output is None else output
    files = write_report(
        frame,
        destination,
        tasks=_tasks(frame, specification),
        provenance=_provenance(home, specification),
        title=title,
        at=at,
        formats=names_in(formats),
        columns=_reported(home),
    )
    typer.echo("Written:")
    for path in files[:2]:
        typer.echo(f"  {path}")
    for inner in ("figures", "tables"):
        count = sum(path.parent.name == inner for path in files)
        if count:
            typer.echo(f"  {destination / inner} ({count} files)")


def _results(folder: Path) -> pd.DataFrame:
    import pandas as pd

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
    from nasmeta.experiments import read_specification

    try:
        text = (folder / "specification.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    with TemporaryDirectory() as here:  # for the folder may be in a store
        copy = Path(here) / "specification.toml"
        copy.write_text(text, encoding="utf-8")
        try:
            return read_specification(copy).report
        except NasmetaError as reason:
            said = str(reason).replace(str(copy), copy.name)
            typer.echo(f"The columns that the specification reports are not used: {said}", err=True)
            return ()


def _told(path: Path) -> dict[str, Any]:
    """Return what a file of the folder says; nothing where it is not there, for the frame alone is enough."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _tasks(frame: pd.DataFrame, specification: dict[str, Any]) -> dict[str, Task]:
    """Return the tasks as they were answered, those that are known here."""
    from nasmeta.runs import on_evaluator
    from nasmeta.tasks import get_task

    asked = specification.get("tasks")
    entries = (
        {entry.get("name"): entry for entry in asked if isinstance(entry, dict)} if isinstance(asked, list) else {}
    )
    tasks = {}
    for name in map(str, frame["task"].unique()):
        evaluator = entries.get(name, {}).get("evaluator")
        try:
            task = get_task(name)
            if evaluator is not None and json.loads(json.dumps(on_evaluator(task, "surrogate").identity)) != evaluator:
                continue  # a surrogate of somebody's own: its unit and values are not those of the shipped one
            _ = task.column  # raises where the table is not here
        except NasmetaError:  # a table that is not here
            continue
        tasks[name] = task
    return tasks


def _call(label: str, entry: Any) -> str:
    """Write a searcher and what was set of it.

    Examples
    --------
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
    import nasmeta

    versions = {"nasmeta": nasmeta.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except ModuleNotFoundError:
            continue
    digest = hashlib.sha256((folder / "results.parquet").read_bytes()).hexdigest()
    comparison = {
        key: value for key, value in specification.items() if key not in ("tasks", "format") and value is not None
    }
    if isinstance(comparison.get("searchers"), dict):
        comparison["searchers"] = [_call(label, entry) for label, entry in comparison["searchers"].items()]
    told = {
        "comparison": comparison,
        **_told(folder / "provenance.json"),
        "versions_of_the_report": versions,
        "sha256_of_results.parquet": digest,
    }
    return {key: value for key, value in told.items() if value}
