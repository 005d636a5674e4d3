"""The surrogates that come with the package."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from nasmeta.errors import SettingError, UnknownNameError, shown
from nasmeta.files import shipped
from nasmeta.surrogates._surrogate import Surrogate
from nasmeta.tasks import Task, get_task

SUFFIX = ".npz"


def file_name(task: str) -> str:
    """Return the name of the file of a task's surrogate."""
    return task.replace("/", "-") + SUFFIX


def shipped_surrogates() -> Mapping[str, Path]:
    """Return the files of the shipped surrogates by the names of their tasks.

    Examples
    --------
    >>> from nasmeta.surrogates import shipped_surrogates
    >>> sorted(shipped_surrogates())[:3]
    ['nb201/cifar10', 'nb201/cifar100', 'nb201/imagenet16-120']
    """
    return {path.stem.replace("-", "/", 1): path for path in sorted(shipped("surrogates").glob(f"*{SUFFIX}"))}


@cache
def _shipped(path: Path) -> Surrogate:
    return Surrogate.load(path)


def load_surrogate(which: str | os.PathLike[str] | Task) -> Surrogate:
    """Return a surrogate: a shipped one by its task, or that of a file.

    Parameters
    ----------
    which : str, path or Task
        Name of a task, such as ``nb201/cifar10``, or the path of a file.

    Raises
    ------
    SettingError
        Where no surrogate of the task is shipped.
    UnknownNameError
        Where there is neither a task nor a file of this name.
    DamagedFileError

    Examples
    --------
    >>> from nasmeta.surrogates import load_surrogate
    >>> load_surrogate("nb201/cifar100").card["column"]["release"]
    'NATS-tss v1.0'
    """
    known = shipped_surrogates()
    if isinstance(which, Task):
        which = which.name
    if not isinstance(which, str | os.PathLike):
        raise SettingError(f"A surrogate is named by its task or its file, not {shown(which)}.")
    if isinstance(which, str) and which in known:
        return _shipped(known[which])
    if Path(which).suffix == SUFFIX or Path(which).is_file():
        return Surrogate.load(which)
    try:
        task = get_task(str(which))
    except UnknownNameError as reason:
        raise UnknownNameError(
            f"{shown(str(which))} is neither a task nor the file of a surrogate. Shipped: {', '.join(known)}."
        ) from reason
    raise SettingError(
        f"No surrogate of {task.name} is shipped. Shipped: {', '.join(known)}. "
        f"`nasmeta surrogate fit {task.name} --output FILE` makes one, and --evaluator FILE (evaluator=FILE) uses it."
    )
