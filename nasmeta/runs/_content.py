"""Whether a source's labels are the target's values under another name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import ColumnError, LeakageError, MissingValueError, SettingError, UnknownNameError
from nasmeta.evaluators import Evaluator
from nasmeta.tasks import SourceTask, Task, get_task

_FEWEST_EQUAL, _FEWEST_ORDERED = 3, 20
_FEWEST_ORDERED_ON_DEVICES = 100  # sister GPUs order 30 random cells alike at times; in 7,260 draws of 50, none did
_FIRST = 500


def refuse_copies(evaluator: Evaluator, sources: Iterable[Task | SourceTask]) -> None:
    """Refuse sources whose labels are the target's values, or in their order, whatever they say they are of.

    A copy has at least 3 different values, all equal to the target's; or at least 20 of both (100 where the target is
    of a device), and no two cells that the target orders otherwise: a function of its values that never falls, or
    never rises, such as a rounding. Only cells that both have count. Where the target's table is not here, nothing is
    compared.
    """
    task = evaluator.task
    at_hand = list(_values_at_hand(evaluator))
    fewest = _FEWEST_ORDERED if task.device is None else _FEWEST_ORDERED_ON_DEVICES
    for source in sources:
        try:
            seen = (source.as_source() if isinstance(source, Task) else source).in_space(task.space)
        except (ColumnError, MissingValueError, SettingError):
            continue  # who learns from it says what is wrong
        for values in at_hand:
            if how := _how_alike(values[seen.cells], seen.utilities, fewest):
                raise LeakageError(
                    f"{source.name} cannot be a source for {task.name}: its labels {how} of the target, so they hold "
                    "the answers. Possible here: labels that were measured on other data."
                )


def _values_at_hand(evaluator: Evaluator) -> Iterator[NDArray[np.float64]]:
    """Yield the utilities of all: the answers, those in the table, and for images those of their data set."""
    if evaluator.values is not None:
        yield evaluator.sign * evaluator.values
    task = evaluator.task
    asked: list[Task | str] = [task] if evaluator.values is not None else [f"{task.table_name}/{task.dataset}"]
    for one in asked if evaluator.identity else ():  # else the table has answered
        try:
            known = get_task(one) if isinstance(one, str) else one
            yield known.sign * known.values
        except (ColumnError, MissingValueError, UnknownNameError):
            continue


def _how_alike(target: NDArray[np.float64], labels: NDArray[np.float64], fewest: int) -> str:
    """Return in words how labels agree with the target's on the same cells; empty where they do not."""
    known = ~np.isnan(target)
    target, labels = target[known], labels[known]
    different = min(len(np.unique(target)), len(np.unique(labels)))
    if different >= _FEWEST_EQUAL and (np.array_equal(target, labels) or np.array_equal(target, -labels)):
        return "are the values"
    if different >= fewest:
        for signed in (labels, -labels):
            # What is ordered as a whole is ordered on its first cells: almost always these few say no.
            if all(_is_ordered(target[:some], signed[:some]) for some in (_FIRST, len(target))):
                return f"on {len(target):,} cells have the order"
    return ""


def _is_ordered(target: NDArray[np.float64], labels: NDArray[np.float64]) -> bool:
    return bool((np.diff(target[np.lexsort((target, labels))]) >= 0).all())
