"""Tasks of several objectives by name, and from what a user lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from nasmeta.checks import check_instance, is_listed
from nasmeta.errors import ColumnError, SettingError, UnknownNameError, shown
from nasmeta.spaces import canonical_dataset
from nasmeta.tasks._members import task_of_own_table
from nasmeta.tasks._multi_objective import MultiObjectiveTask
from nasmeta.tasks._names import read_name
from nasmeta.tasks._task import Task

if TYPE_CHECKING:
    from nasmeta.tables import Table


def multi_objective_task(
    objectives: Iterable[str | Task],
    dataset: str | None = None,
    *,
    table: str | Table = "nb201",
    name: str | None = None,
) -> MultiObjectiveTask:
    """Return the task of several objectives at once: its answer is a vector, its goal the Pareto front.

    Parameters
    ----------
    objectives : iterable of str or Task
        At least two: metrics of the table, such as ``accuracy``; of NAS-Bench-201 also what names of tasks have,
        such as ``latency/pixel3``; or tasks of one objective. Each has the direction of its column.
    dataset : str, optional
        The only one of the table, or that of the first task, where left out.
    table : str or Table, default "nb201"
        Any table with several columns.
    name : str, optional
        ``TABLE/DATASET+OBJECTIVE`` where left out, which `get_task` reads, too.

    Returns
    -------
    MultiObjectiveTask

    Raises
    ------
    SettingError
        For fewer than two objectives, one that is there twice, or several datasets or spaces.
    ColumnError, UnknownNameError
        Where an objective is not in the table, or a device not known.

    Examples
    --------
    >>> import pandas as pd
    >>> import nasmeta as nm
    >>> measured = pd.DataFrame({"cell": [1, 2, 3], "accuracy": [90.0, 94.0, 89.0], "watts": [5.0, 9.0, 6.0]})
    >>> mine = nm.Table.from_frame(measured, space="nb201", dataset="pets", direction={"watts": "min"})
    >>> task = nm.multi_objective_task(["accuracy", "watts"], table=mine)
    >>> task.name, task.front.cells
    ('own/pets+watts', array([2, 1], dtype=int32))
    """
    from nasmeta.tables import Table, load_table

    if isinstance(objectives, str | Task) or not is_listed(objectives):
        raise SettingError(
            f'Objectives are a list of at least two, such as ["accuracy", "latency/pixel3"], not {shown(objectives)}.'
        )
    opened = load_table(table) if isinstance(table, str) else check_instance("table", table, Table)
    own = table if isinstance(table, str) else table.name
    dataset = None if dataset is None else check_instance("dataset", dataset, str)
    parts: list[Task] = []
    for one in objectives:
        if not isinstance(one, str | Task) or isinstance(one, MultiObjectiveTask):
            raise SettingError(f"An objective is the name of a metric, or a Task of one objective, not {shown(one)}.")
        if dataset is None and parts:
            dataset = parts[0].signal.dataset
        parts.append(_objective(one, own, opened, dataset) if isinstance(one, str) else one)
    return MultiObjectiveTask(_name_of(parts) if name is None else name, parts)


def task_of_objectives(name: str, get_task: Callable[[str], Task]) -> MultiObjectiveTask | None:
    """Return the task that ``TABLE/DATASET+OBJECTIVE+…`` means; None where the first part is no task."""
    from nasmeta.tables import load_table

    first, *others = name.split("+")
    with suppress(ColumnError):
        if task_of_own_table(name) is not None:
            return None  # of a metric with a plus sign in its name
    table, _, rest = first.partition("/")
    try:
        head = get_task(first)
    except UnknownNameError:
        dataset, _, metric = rest.partition("/")
        try:  # as in nb201/cifar10/accuracy+latency/pixel3
            head = load_table(table).task(metric or None, dataset)
        except (ColumnError, UnknownNameError):
            return None
    opened = load_table(table)
    parts = [head, *(_objective(other, table, opened, head.signal.dataset) for other in others)]
    return MultiObjectiveTask(_name_of(parts), parts)


def _objective(text: str, name: str, table: Table, dataset: str | None) -> Task:
    """Return the task of one objective of a table."""
    text = text.removeprefix(f"{name}/")
    if not text.strip():
        raise SettingError(f"An objective of {name} has no name: it is that of a metric, such as accuracy.")
    on = canonical_dataset(dataset) if dataset else ""
    for form in (f"{name}/{text}/{on}", f"{name}/{text}"):
        if (found := read_name(form)) is not None:
            return found
    return table.task(text.removeprefix(f"{on}/"), dataset)


def _name_of(parts: list[Task]) -> str:
    """Return the name: that of the first, and what tells the others from it."""
    if not parts:
        return "a task"
    table, dataset = f"{parts[0].table_name}/", parts[0].signal.dataset
    short = [one.name.removeprefix(table).removeprefix(f"{dataset}/").removesuffix(f"/{dataset}") for one in parts[1:]]
    return "+".join([parts[0].name, *short])
