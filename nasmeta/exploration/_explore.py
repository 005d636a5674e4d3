"""One page with all tables, which works offline."""

from __future__ import annotations

import gzip
import json
import os
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path

from nasmeta.arrays import Facts
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
    listed: list[Facts] = []
    packed = ""
    n_tasks = sum(len(families) for _, families in groups)
    with progress_bar("tasks", n_tasks, shown=progress) as bar:
        for position, (table, families) in enumerate(groups):
            runs = []
            for task in families:
                bar.note(task.name)
                # Not all of a small table: the last architectures take long to find.
                budget = min(evaluations, max(1, len(task.measured) // 2))
                runs.append(search(searcher, task, evaluations=budget, seed=seed))
                bar.advance()
            tasks = [[task.name, family] for task, family in families.items()]
            listed.append({"name": table.name, "tasks": tasks})
            data = _compressed(table_data(table, list(families), runs))
            packed += f'<script type="text/plain" id="table-{position}">{data}</script>\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    absent = list_tables().query("here == 0")[["table", "topic", "holds"]]
    page = html_page(
        __package__,
        "explore",
        "Tables of trained networks",
        {"searcher": searcher, "seed": seed, "tables": listed},
        more=packed.rstrip(),
        absent=to_html(absent),
    )
    write_atomically(path, page)
    return path


def _compressed(data: Facts) -> str:
    """Return data as a text for the page, whose script inflates it."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    # Without the time, so that the same tables give the same page.
    return b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def _tasks(tables: Sequence[str | Table] | None) -> Iterator[tuple[Table, dict[Task, str]]]:
    """Yield each table with its tasks of one column, and the family of each task."""
    listed = list_tasks().query("here")
    if tables is None:
        tables = listed["table"].unique().tolist()
    for chosen in tables:
        table = chosen if isinstance(chosen, Table) else load_table(chosen)
        if table.space.is_large:  # its values are predicted on demand
            continue
        of_table = listed[listed["table"] == table.name]
        families = {
            get_task(name): family
            for name, family in zip(of_table["task"], of_table["family"], strict=True)
        }
        if isinstance(chosen, Table) or not families:
            families = dict.fromkeys(table.tasks(), table.name) | families
        shown = {task: family for task, family in families.items() if _is_shown(task)}
        if shown:
            yield table, shown


def _is_shown(task: Task) -> bool:
    """Return whether a task has one objective, a column of the table, with values."""
    if isinstance(task, MultiObjectiveTask) or task.objective is not None:
        return False
    return len(task.measured) > 0
