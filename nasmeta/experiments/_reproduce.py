"""Published tables: their specifications and the comparison with measured values."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import nasmeta
from nasmeta.analysis.report import published_section, with_differences
from nasmeta.checks import check_names
from nasmeta.experiments._specification import (
    READY,
    require_data,
    run_specification,
    specification_to_run,
)
from nasmeta.experiments._workers import Workers
from nasmeta.files import write_atomically
from nasmeta.pages import Section, as_markdown
from nasmeta.tables import ColumnInfo
from nasmeta.tasks import Signal, Task, get_task


def _contents(tables: str | Iterable[str] = "all") -> dict[str, dict[str, Any]]:
    """Return the specifications of published tables by name."""
    known: dict[str, dict[str, Any]] = {}
    for file in sorted(READY.rglob("*.toml")):
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        if "published" in content:
            known[file.stem] = {**content, "file": file}
    names = [tables] if isinstance(tables, str) else list(tables)
    check_names("reproduce", "published table", names, [*known, "all"])
    if "all" in names:
        return known
    return {name: known[name] for name in names}


def list_published() -> pd.DataFrame:
    """Return the published tables that `reproduce` accepts.

    Returns
    -------
    DataFrame
        One row per table: ``table`` (its name), ``title``, and ``citation`` (the paper, and where
        its values were read; empty without published values).

    Examples
    --------
    >>> from nasmeta.experiments import list_published
    >>> "nb201-paper" in set(list_published()["table"])
    True
    """
    return pd.DataFrame(
        {
            "table": name,
            "title": content["title"],
            "citation": content["published"].get("citation", "–"),
        }
        for name, content in _contents().items()
    )


def data_of(tables: str | Iterable[str]) -> set[str]:
    """Return the names of the sources that published tables need."""
    sources: set[str] = set()
    for content in _contents(tables).values():
        sources.update(content.get("data", ()))
    return sources


def reproduce(
    tables: str | Iterable[str] = "all",
    folder: str | os.PathLike[str] | None = None,
    *,
    repeats: int | None = None,
    workers: int | Executor | Workers = 1,
    progress: bool = False,
) -> pd.DataFrame:
    """Repeat published tables and compare the means.

    Parameters
    ----------
    tables : str or iterable of str, default "all"
        Names in `nasmeta.experiments.list_published`; ``all`` for every table.
    folder : path, optional
        Folder of the results: ``NAME.csv`` and the page ``NAME.md`` of each table, and a folder
        with its runs. The same call resumes after an interruption.
    repeats : int, optional
        Number of runs or draws, instead of the number in the specification.
    workers : int, Executor or Workers, default 1
        Processes for searches, as in `nasmeta.compare`.
    progress : bool, default False
        Show progress bars on stderr.

    Returns
    -------
    DataFrame
        One row per value: ``table``; ``method``, its published name; ``here``, the searcher or
        predictor of this package; ``on``, the column of the published table; ``published``,
        ``published_std``, ``measured`` and ``measured_std``, means and standard deviations over
        runs; ``runs``, their number here; ``difference``; ``standard_errors``, the difference over
        its standard error; ``verdict``: ``agrees`` within two standard errors, ``higher``,
        ``lower``, or ``–`` if unknown. Unpublished values are NaN.

    Raises
    ------
    UnknownNameError
    MissingValueError
        The message lists all missing data and the command that fetches them.

    Notes
    -----
    A [published] table of a specification has ``means`` and ``deviations`` by method, lists over the columns ``on``
    (datasets, addresses of reported columns, or numbers of labels), and ``runs``, their published number. ``here`` maps
    published names to labels of the specification, ``at`` methods to numbers of evaluations; ``citation`` and
    ``comparability`` are texts. The report of a comparison with such a table shows the same values.

    Examples
    --------
    >>> import nasmeta as nm
    >>> table = nm.reproduce("nats-bench", repeats=2)  # doctest: +SKIP
    """
    require_data(data_of(tables))
    results = []
    for name, content in _contents(tables).items():
        home = None if folder is None else Path(folder) / name
        if "predict" in content:
            table = _predicted(content, home, repeats, progress)
        else:
            specification = specification_to_run(content["file"])
            frame = run_specification(
                specification, home, repeats=repeats, workers=workers, progress=progress
            )
            table = compare_searches(specification.published, frame, specification.columns)
        table.insert(0, "table", name)
        results.append(table)
        if home is not None:
            columns = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
            write_atomically(home.with_suffix(".csv"), columns)
            page = published_page(content, table, f"nasmeta reproduce {name} --folder FOLDER")
            write_atomically(home.with_suffix(".md"), page)
    return pd.concat(results, ignore_index=True)


def compare_searches(
    published: Mapping[str, Any], frame: pd.DataFrame, columns: Sequence[ColumnInfo]
) -> pd.DataFrame:
    """Compare the results of a specification with its published table."""
    tasks: dict[str, Task] = {}  # by dataset
    for name in frame["task"].unique():
        task = get_task(str(name))
        tasks[task.dataset] = task
    first_task = next(iter(tasks.values()))

    def measure(searcher: str, on: Any, at: int | None) -> pd.Series[float]:
        """Return one value per run: of the incumbent after `at` evaluations, or at the end."""
        column = _column_at(on, columns)
        if column is None:
            task = tasks.get(on, first_task)
        else:
            task = tasks.get(column.dataset, first_task)
        runs = frame[(frame["searcher"] == searcher) & (frame["task"] == task.name)]
        if at is not None:
            runs = runs[runs["evaluation"] <= at]
        last = runs.groupby("seed").tail(1)
        if column is None or "measure" in published:
            measured: pd.Series[float] = last[published.get("measure", "incumbent_value")]
            return measured.astype(float)
        values = task.table.column(*Signal.of(column).address)  # (n_architectures,)
        return pd.Series(values[last["incumbent"].to_numpy()].astype(float))

    methods = [str(searcher) for searcher in frame["searcher"].unique()]
    addresses = [column.address for column in columns]
    return _compared(published, measure, methods, addresses or tasks)


def _column_at(address: Any, columns: Sequence[ColumnInfo]) -> ColumnInfo | None:
    """Return the first reported column whose address begins with these parts, if there is one."""
    for column in columns:
        if f"{column.address}/".startswith(f"{address}/"):
            return column
    return None


def _predicted(
    content: dict[str, Any], folder: Path | None, repeats: int | None, progress: bool
) -> pd.DataFrame:
    """Run the predictions of a published table, and compare them with it."""
    published = content["published"]
    options = dict(content["predict"])
    names = options.pop("tasks")
    if repeats is not None:
        options["draws"] = repeats
    frames = []
    for name in names:
        dataset = get_task(name).dataset
        home = None if folder is None else folder / dataset
        prediction = nasmeta.predict(task=name, folder=home, progress=progress, **options)
        frames.append(prediction.frame.assign(dataset=dataset))
    frame = pd.concat(frames)

    def measure(predictor: str, on: Any, at: int | None) -> pd.Series[float]:
        """Return one value per draw; `on` is a number of labels or a dataset."""
        rows = (frame["n_train"] == on) | (frame["dataset"] == on)
        rows &= frame["scope"] == published["scope"]
        rows &= frame["predictor"] == predictor
        values: pd.Series[float] = frame.loc[rows, published["measure"]]
        return values

    return _compared(published, measure, options["predictors"], ())


def _compared(
    published: Mapping[str, Any],
    measure: Callable[[str, Any, int | None], pd.Series[float]],
    methods: Sequence[str],
    columns: Iterable[str],
) -> pd.DataFrame:
    """Return the published and the measured values.

    Methods of this package without published values come last.
    """
    columns = list(published.get("on", columns))
    unknown = [np.nan] * len(columns)
    means = published.get("means", {})
    deviations = published.get("deviations", {})
    names_here = published.get("here", {})
    at = published.get("at", {})

    labels = {method: names_here.get(method, method) for method in means}
    for method in methods:
        if method not in labels.values():
            labels[method] = method
    rows = []
    for method, label in labels.items():
        published_means = means.get(method, unknown)
        published_stds = deviations.get(method, unknown)
        for i, on in enumerate(columns):
            runs = measure(label, on, at.get(method))
            rows.append(
                {
                    "method": method,
                    "here": label,
                    "on": on,
                    "published": published_means[i],
                    "published_std": published_stds[i],
                    "measured": runs.mean(),
                    "measured_std": runs.std(),
                    "runs": len(runs),
                }
            )
    return with_differences(pd.DataFrame(rows), published.get("runs", np.nan))


def published_page(content: Mapping[str, Any], table: pd.DataFrame, command: str) -> str:
    """Return the page of a published table: values, citation and comparability.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.experiments import published_page
    >>> content = {"title": "A table", "about": "About it.", "published": {"comparability": ["Not comparable."]}}
    >>> published_page(content, nm.reproduce("zero-cost-proxies", repeats=1), "command").startswith("# A table")
    True
    """
    published = content["published"]
    citation = Section(text=published.get("citation", "").strip())
    sections = [
        Section(text=content["about"].strip()),
        published_section(table),
        citation,
        Section("Comparability"),
    ]
    remarks = [*published["comparability"], f"`{command}` writes this page."]
    return as_markdown(content["title"], sections, remarks)
