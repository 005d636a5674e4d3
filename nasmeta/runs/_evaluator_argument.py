"""The evaluator of a run, from the arguments `task` and `evaluator`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nasmeta.errors import NasmetaError, NasmetaWarning, SettingError, calls_inside
from nasmeta.evaluators import (
    EVALUATORS,
    UNKNOWN_FEASIBILITY,
    Evaluator,
    FunctionEvaluator,
    Measure,
    MultiObjectiveEvaluator,
    PublishedSurrogateEvaluator,
    SurrogateEvaluator,
    TableEvaluator,
)
from nasmeta.registry import is_place
from nasmeta.spaces import SPACES, SearchSpace, get_space
from nasmeta.tables import only_test_values
from nasmeta.tasks import (
    MultiObjectiveTask,
    Task,
    TaskDistribution,
    as_task,
    get_task,
    is_own_table,
)

if TYPE_CHECKING:
    from nasmeta.surrogates import Surrogate

_OneEvaluator: TypeAlias = "str | os.PathLike[str] | Surrogate | Evaluator | Measure"
EvaluatorLike: TypeAlias = "_OneEvaluator | Sequence[EvaluatorLike] | Mapping[str, EvaluatorLike]"
_EXPECTED = (
    "table, unknown-feasibility, surrogate, the file (.npz) of a surrogate, a function or an Evaluator such as a "
    "TrainingEvaluator (--evaluator training --data NAME)"
)


def evaluator_for(
    task: str | Task | TaskDistribution | SearchSpace | Evaluator,
    evaluator: EvaluatorLike = "table",
) -> Evaluator:
    """Return the evaluator of a task, from the arguments of `nasmeta.search`.

    Examples
    --------
    >>> from nasmeta.runs import evaluator_for
    >>> [evaluator_for("nb201/cifar10", evaluator).name for evaluator in ("table", "surrogate")]
    ['table', 'surrogate']
    """
    if isinstance(evaluator, str) and (is_place(evaluator) or evaluator in EVALUATORS):
        evaluator = EVALUATORS[evaluator]
        if isinstance(task, str) and task in SPACES:
            task = get_space(task)
    if isinstance(task, Evaluator):
        if not isinstance(evaluator, str) or evaluator != "table":
            raise SettingError(
                "evaluator", evaluator, "the default, because the task is an evaluator already"
            )
        return task
    space = space_in(task)
    target = as_task(task) if space is None else space  # type: ignore[arg-type]
    if callable(evaluator) and not isinstance(evaluator, Evaluator):
        if isinstance(target, MultiObjectiveTask):
            raise SettingError(
                f"evaluator of {target.name}", evaluator, "a MultiObjectiveEvaluator"
            )
        return FunctionEvaluator(evaluator, target)
    if isinstance(target, SearchSpace):
        if isinstance(evaluator, Evaluator) and evaluator.space.sha256 == target.sha256:
            return evaluator
        expected = "a function (--evaluator package.module:Name), or an Evaluator on this space"
        raise SettingError("evaluator of a space", evaluator, expected)
    chosen = on_evaluator(target, evaluator)
    tasks = target.parts if isinstance(target, MultiObjectiveTask) else (target,)
    for part, searched in zip(getattr(chosen, "parts", (chosen,)), tasks, strict=True):
        if isinstance(part, TableEvaluator | SurrogateEvaluator):
            _warn_of_test_values(searched)
    return chosen


def on_evaluator(task: Task, evaluator: Any) -> Evaluator:
    """Return the evaluator of this name, or the surrogate in this file, for a task.

    A task with several objectives accepts one evaluator per objective: a list in order, or a
    mapping by task name.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.runs import on_evaluator
    >>> on_evaluator(nm.get_task("nb201/cifar10"), "table").name
    'table'
    """
    if isinstance(evaluator, Evaluator):
        if (evaluator.task.name, evaluator.task.table_name) != (task.name, task.table_name):
            raise SettingError("task of the evaluator", evaluator.task.name, task.name)
        return evaluator
    if isinstance(task, MultiObjectiveTask):
        names = [part.name for part in task.parts]
        if isinstance(evaluator, list | tuple):
            evaluator = dict(zip(names, evaluator, strict=True))
        of_parts = evaluator if isinstance(evaluator, Mapping) else dict.fromkeys(names, evaluator)
        parts = [on_evaluator(part, of_parts[part.name]) for part in task.parts]
        return MultiObjectiveEvaluator(task, parts)
    if evaluator == "table" and task.space.is_large:
        return PublishedSurrogateEvaluator(task)
    if evaluator in ("table", UNKNOWN_FEASIBILITY):
        return TableEvaluator(task, unknown_feasibility=evaluator == UNKNOWN_FEASIBILITY)
    from nasmeta.surrogates import Surrogate

    if isinstance(evaluator, Surrogate):
        surrogate = evaluator
    elif evaluator == "surrogate" or Path(evaluator).suffix == ".npz" or Path(evaluator).is_file():
        file = task if evaluator == "surrogate" else evaluator
        surrogate = Surrogate.load(file)
    else:
        raise SettingError(f"evaluator of {task.name}", evaluator, _EXPECTED)
    if (surrogate.card["task"], surrogate.card["table"]) != (task.name, task.table_name):
        raise SettingError(f"task of the surrogate {evaluator}", surrogate.card["task"], task.name)
    return SurrogateEvaluator(surrogate, task=task)


def space_in(task: object) -> SearchSpace | None:
    """Return the space that takes the place of a task: an object, or ``package.module:Name``; None for tasks.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.runs import space_in
    >>> space_in("nb201/cifar10"), space_in(nm.get_space("nb201")).name
    (None, 'nb201')
    """
    entry: Any = task[0] if isinstance(task, list | tuple) and len(task) == 1 else task
    if is_place(entry):
        try:
            get_task(entry)
        except SettingError:  # it exists, but is not a task
            with suppress(SettingError):
                return get_space(entry)
    if isinstance(entry, SearchSpace):
        return entry
    return None


def _warn_of_test_values(task: Task) -> None:
    """Warn if a custom table has only test values to search on; built-in tasks have the split in their names."""
    why = ""
    with suppress(NasmetaError):  # a damaged table is reported when it is read
        if is_own_table(task.table_name):
            why = only_test_values(task.table.columns, task.signal)
    if why:
        why = f"{why} A column of validation values, or rows with the split valid, would be searched instead."
        warnings.warn(
            f"{task.name} is searched on test values: {why}",
            NasmetaWarning,
            stacklevel=calls_inside() + 1,
        )
