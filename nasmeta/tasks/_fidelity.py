"""The same question after trainings of several lengths."""

from __future__ import annotations

from collections.abc import Iterable

from nasmeta.checks import checked_whole
from nasmeta.errors import SettingError
from nasmeta.tasks._names import read_name
from nasmeta.tasks._task import Task

__all__ = ["fidelities"]


def fidelities(task: Task, epochs: Iterable[int] | None = None) -> dict[int, Task]:
    """Return a task after trainings of each possible length.

    Parameters
    ----------
    task : Task
        The longest training: what is searched for.
    epochs : iterable of int, optional
        Only these lengths; the task's own must be one of them. All that are known where left out.

    Returns
    -------
    dict of int to Task
        By epochs, ascending; the last is the task itself. Validation accuracy on NAS-Bench-201 has trainings of 12 and
        200 epochs, two separate trainings; everything else has one length (0 for what no training measures).

    Raises
    ------
    SettingError
        For lengths that are not possible.

    Examples
    --------
    >>> from nasmeta.tasks import fidelities, get_task
    >>> {epochs: task.name for epochs, task in fidelities(get_task("nb201/cifar100")).items()}
    {12: 'nb201/cifar100@12ep', 200: 'nb201/cifar100'}
    >>> list(fidelities(get_task("tnb101/jigsaw")))
    [10]
    """
    known = _known(task)
    if epochs is None:
        return known
    if not isinstance(epochs, Iterable):
        raise SettingError(f"Lengths of trainings are whole numbers of epochs, not {epochs!r:.80}.")
    asked = {checked_whole("epochs", length, least=0) for length in epochs}
    full = task.signal.epochs or 0
    wrong = sorted(asked - set(known))
    if wrong or full not in asked:
        which = f"{wrong[0]} epochs" if wrong else f"no training of {full} epochs, its own"
        raise SettingError(
            f"{task.name} was asked for with {which}. Possible: {', '.join(map(str, known))}; {full} must be there."
        )
    return {length: other for length, other in known.items() if length in asked}


def _known(task: Task) -> dict[int, Task]:
    full = task.signal.epochs or 0
    # Only a task of the catalogue's own has a shorter relative: not one on a surrogate or a training.
    if type(task) is Task and full == 200 and "/" not in task.name.partition("/")[2]:
        short = read_name(f"{task.name.partition('#')[0]}@12ep")
        if short is not None and task.signal.metric == short.signal.metric:
            return {12: short, 200: task}
    return {full: task}
