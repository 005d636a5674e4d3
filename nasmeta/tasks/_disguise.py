"""Disguises of a task, which show whether a searcher recognises a published table."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from nasmeta.checks import check_choice
from nasmeta.errors import SettingError
from nasmeta.spaces import disguised
from nasmeta.tasks._table import Table
from nasmeta.tasks._task import Task

Arm: TypeAlias = Literal["renamed", "permuted", "shuffled"]


def disguise(task: Task, seed: int, arm: Arm = "renamed") -> Task:
    """Return a task that hides names or values of a published table.

    A language model may have read the table of a task. A searcher that finds better architectures
    on the task than on its renamed form uses the names of positions or choices.

    Parameters
    ----------
    task : Task
        On an enumerated space.
    seed : int
        Seed of the names, the order and the values.
    arm : {"renamed", "permuted", "shuffled"}, default "renamed"
        ``renamed``: positions and choices have random names, and a range has the places of its
        choices, from 0 to 1. ``permuted``: in addition, unordered choices have a random order,
        ordered ones may be reversed, and positions move; cells keep their graph. ``shuffled``: the
        names stay, and the values belong to other architectures.

    Returns
    -------
    Task
        Without a cost. Architecture *i* is architecture *i* of the given task.

    Raises
    ------
    SettingError
        If the space is large.

    Examples
    --------
    >>> from nasmeta.tasks import disguise, get_task
    >>> task = disguise(get_task("nb201/cifar10"), seed=0)
    >>> task.name, task.optimal_architectures.tolist(), task.space.operations
    ('nb201/cifar10/renamed-0', [6111], ('c566', 'c132', 'c212', 'c966', 'c581'))
    """
    import pandas as pd

    check_choice("arm", arm, ("renamed", "permuted", "shuffled"))
    if task.space.is_large:
        raise SettingError(f"space of {task.name}", task.space.name, "an enumerated space")
    rng, values = np.random.default_rng([seed, 53]), task.values[task.measured]
    if arm == "shuffled":
        space, values = task.space, rng.permutation(values)
    else:
        space = disguised(task.space, rng, permuted=arm == "permuted")
    frame = pd.DataFrame({"architecture": task.measured, "value": values})
    table = Table.from_frame(frame, space, name="disguised", direction=task.direction)
    return table.task("value", cost=None, name=f"{task.name}/{arm}-{seed}")
