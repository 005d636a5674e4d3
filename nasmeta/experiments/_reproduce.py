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
from nasmeta.tasks import Signal, get_task

_COLUMNS = [
    "method",
    "here",
    "on",
    "published",
    "published_std",
    "measured",
    "measured_std",
    "runs",
]


def _contents(tables: str | Iterable[str] = "all") -> dict[str, dict[str, Any]]:
    """Return the specifications of published tables by name."""
    files = sorted(READY.rglob("*.toml"))
    parsed = {
        file.stem: tomllib.loads(file.read_text(encoding="utf-8")) | {"file": file}
        for file in files
    }
    known = {name: content for name, content in parsed.items() if "published" in content}
    names = [tables] if isinstance(tables, str) else [*tables]
    check_names("reproduce", "published table", names, [*known, "all"])
    return known if "all" in names else {name: known[name] for name in names}


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
    return {source for content in _contents(tables).values() for source in content.get("data", ())}


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
    tasks = {task.dataset: task for task in map(get_task, map(str, frame["task"].unique()))}

    def measure(searcher: str, on: Any, at: int | None) -> Any:
        column = next(
            (column for column in columns if f"{column.address}/".startswith(f"{on}/")), None
        )
        task = tasks.get(column.dataset if column else on, next(iter(tasks.values())))
        own = frame[(frame["searcher"] == searcher) & (frame["task"] == task.name)]
        last = own[own["evaluation"] <= (at or np.inf)].groupby("seed").tail(1)
        if column is None or "measure" in published:
            return last[published.get("measure", "incumbent_value")].astype(float)
        return pd.Series(
            task.table.column(*Signal.of(column).address)[last["incumbent"].to_numpy()].astype(
                float
            )
        )

    return _compared(
        published,
        measure,
        map(str, frame["searcher"].unique()),
        [c.address for c in columns] or tasks,
    )


def _predicted(
    content: dict[str, Any], folder: Path | None, repeats: int | None, progress: bool
) -> pd.DataFrame:
    published, options = (
        content["published"],
        content["predict"] | ({} if repeats is None else {"draws": repeats}),
    )
    frames = []
    for task in options.pop("tasks"):
        dataset = get_task(task).dataset
        prediction = nasmeta.predict(
            task=task, folder=folder and folder / dataset, progress=progress, **options
        )
        frames.append(prediction.frame.assign(dataset=dataset))
    frame = pd.concat(frames)

    def measure(predictor: str, on: Any, at: int | None) -> Any:
        rows = (frame["n_train"] == on) | (frame["dataset"] == on)
        rows &= (frame["scope"] == published["scope"]) & (frame["predictor"] == predictor)
        return frame.loc[rows, published["measure"]]

    return _compared(published, measure, options["predictors"], ())


def _compared(
    published: Mapping[str, Any],
    measure: Callable[[str, Any, int | None], Any],
    methods: Iterable[str],
    columns: Iterable[str],
) -> pd.DataFrame:
    """Return the published and the measured values; methods of this package without published values come last."""
    means, deviations = published.get("means", {}), published.get("deviations", {})
    here = {method: published.get("here", {}).get(method, method) for method in means}
    here |= {method: method for method in methods if method not in here.values()}
    rows = []
    for method, own in here.items():
        for i, on in enumerate(published.get("on", columns)):
            runs = measure(own, on, published.get("at", {}).get(method))
            known = [
                table[method][i] if method in table else np.nan for table in (means, deviations)
            ]
            rows.append((method, own, on, *known, runs.mean(), runs.std(), len(runs)))
    return with_differences(pd.DataFrame(rows, columns=_COLUMNS), published.get("runs", np.nan))


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
    return as_markdown(
        content["title"], sections, [*published["comparability"], f"`{command}` writes this page."]
    )
