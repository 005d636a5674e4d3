"""One page with all tables, which works offline."""

from __future__ import annotations

import gzip
import json
import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nasmeta.exploration._table_data import table_data
from nasmeta.files import require_writable, write_atomically
from nasmeta.pages import html_page, to_html
from nasmeta.progress import progress_bar
from nasmeta.runs import search
from nasmeta.tables import list_tables
from nasmeta.tasks import MultiObjectiveTask, Table, Task, get_task, list_tasks, load_table


def explore(
    tables: Sequence[str | Table] | None = None,
    output: str | os.PathLike[str] = "explore.html",
    *,
    searcher: str = "evolution",
    evaluations: int = 100,
    seed: int = 0,
    progress: bool = False,
) -> Path:
    """Write an HTML page that shows tables in a browser without a network.

    For each task with one objective, the page shows the distribution of values, the best
    architectures, the value against any other column with the Pareto front, the rank correlation
    with the other tasks of the table, the noise across seeds, and one run step by step. Counts,
    correlations and medians come from all architectures, points from a sample with the best
    architectures and all fronts. A list names the tables to fetch.

    Parameters
    ----------
    tables : sequence of str or Table, optional
        By default all tables on this machine, including those added with `nasmeta data add`.
    output : path-like, default "explore.html"
        File of the page.
    searcher : str, default "evolution"
        The searcher of the run on each task.
    evaluations : int, default 100
        Length of the run.
    seed : int, default 0
        Seed of the run.
    progress : bool, default False
        Show a progress bar on stderr.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    UnknownNameError
        If a table or the searcher does not exist.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> import nasmeta as nm
    >>> measured = pd.DataFrame({"cell": [1, 2, 3], "accuracy": [90.0, 94.0, 89.0], "latency": [5.0, 9.0, 6.0]})
    >>> mine = nm.Table.from_frame(measured, space="nb201", name="clinic", dataset="x-rays")
    >>> with TemporaryDirectory() as folder:
    ...     page = nm.explore([mine], f"{folder}/clinic.html")
    ...     page.name, "clinic/x-rays" in page.read_text()
    ('clinic.html', True)
    """
    path = Path(output)
    require_writable(path)
    groups = list(_tasks(tables))
    index: dict[str, Any] = {"searcher": searcher, "seed": seed, "tables": []}
    parts = []
    with progress_bar("tasks", sum(len(tasks) for _, tasks in groups), shown=progress) as bar:
        for position, (table, families) in enumerate(groups):
            runs = []
            for task in families:
                bar.note(task.name)
                # the last ones take long to find
                budget = min(evaluations, max(1, len(task.measured) // 2))
                runs.append(search(searcher, task, evaluations=budget, seed=seed))
                bar.advance()
            about = {
                "name": table.name,
                "tasks": [[task.name, family] for task, family in families.items()],
            }
            index["tables"].append(about)
            data = json.dumps(
                table_data(table, list(families), runs), allow_nan=False, separators=(",", ":")
            )
            packed = b64encode(gzip.compress(data.encode(), mtime=0)).decode()
            parts.append(f'<script type="text/plain" id="table-{position}">{packed}</script>')
    path.parent.mkdir(parents=True, exist_ok=True)
    absent = to_html(list_tables().query("here == 0")[["table", "topic", "holds"]])
    page = html_page(
        __package__,
        "explore",
        "Tables of trained networks",
        index,
        more="\n".join(parts),
        absent=absent,
    )
    write_atomically(path, page)
    return path


def _tasks(tables: Sequence[str | Table] | None) -> Iterator[tuple[Table, dict[Task, str]]]:
    """Yield each table with its tasks of one column, and the family of each task."""
    listed = list_tasks().query("here")
    for chosen in listed["table"].unique() if tables is None else tables:
        table = chosen if isinstance(chosen, Table) else load_table(chosen)
        if table.space.is_large:  # its values are predicted on demand
            continue
        rows = listed[listed["table"] == table.name]
        families = {
            get_task(task): family
            for task, family in zip(rows["task"], rows["family"], strict=True)
        }
        if isinstance(chosen, Table) or not families:
            families = dict.fromkeys(table.tasks(), table.name) | families
        plain = {
            task: family
            for task, family in families.items()
            if not isinstance(task, MultiObjectiveTask)
            and task.objective is None
            and len(task.measured)
        }
        if plain:
            yield table, plain
