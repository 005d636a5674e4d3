"""All tasks that have a name of their own, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmeta.errors import NasmetaError
from nasmeta.tasks._catalog import task_distribution, task_families
from nasmeta.tasks._multi_objective import MultiObjectiveTask

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["list_tasks"]


def list_tasks(family: str | None = None) -> pd.DataFrame:
    """Return the tasks of all families, or of one; `get_task` knows more forms of names.

    Parameters
    ----------
    family : str, optional
        A name in `nasmeta.tasks.task_families`.

    Returns
    -------
    DataFrame
        One row a task: ``task``, ``family`` (the first that has it), ``table``, ``dataset``, ``metric``, and ``here``
        (whether its values are on this machine; where they are not, the error of the first use names the command that
        brings them). Families that are drawn from a table are left out where it is not here.

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> import nasmeta as nm
    >>> nm.list_tasks("nb201")[["task", "dataset", "metric", "here"]]
                       task         dataset    metric  here
    0         nb201/cifar10         cifar10  accuracy  True
    1        nb201/cifar100        cifar100  accuracy  True
    2  nb201/imagenet16-120  imagenet16-120  accuracy  True
    """
    import pandas as pd

    from nasmeta.tables import is_here

    rows: dict[str, tuple[str | bool, ...]] = {}
    for name in [family] if family is not None else [name for name in task_families() if name != "all"]:
        try:
            tasks = task_distribution(name)
        except NasmetaError:
            if family is not None:
                raise
            continue
        for task in tasks:
            side_by_side = isinstance(task, MultiObjectiveTask)
            parts = task.parts if side_by_side or task.objective is not None else (task,)
            s = parts[0].signal
            metric = "+".join(part.signal.metric for part in parts) if side_by_side else s.metric
            here = all(is_here(task.table_name, **vars(part.signal)) for part in parts)
            rows.setdefault(task.name, (task.name, name, task.table_name, s.dataset, metric, here))
    return pd.DataFrame(rows.values(), columns=["task", "family", "table", "dataset", "metric", "here"])
