"""The evaluator of a run, from the arguments `task` and `evaluator`."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from nasmeta.errors import NasmetaError, NasmetaWarning, SettingError, calls_inside
from nasmeta.evaluators import (
    EVALUATORS,
    UNKNOWN_FEASIBILITY,
    Evaluator,
    FunctionEvaluator,
    Measure,
    MultiObjectiveEvaluator,
    SurrogateEvaluator,
    TableEvaluator,
    TrainingEvaluator,
)
from nasmeta.registry import is_place
from nasmeta.spaces import SPACES, SearchSpace, get_space
from nasmeta.tables import only_test_values
from nasmeta.tasks import MultiObjectiveTask, Task, TaskDistribution, as_task, get_task, is_own_table

EvaluatorLike: TypeAlias = "str | os.PathLike[str] | Evaluator | Measure"
_EXPECTED = "table, unknown-feasibility, surrogate, the file (.npz) of a surrogate, a function or an Evaluator"


def evaluator_for(
    task: str | Task | TaskDistribution | SearchSpace | Evaluator, evaluator: EvaluatorLike = "table"
) -> Evaluator:
    """Return the evaluator of a task, from the arguments of `nasmeta.search`."""
    if isinstance(evaluator, str) and (is_place(evaluator) or evaluator in EVALUATORS):
        evaluator = EVALUATORS[evaluator]
        if isinstance(task, str) and task in SPACES:
            task = get_space(task)
    if isinstance(task, Evaluator):
        if not isinstance(evaluator, str) or evaluator != "table":
            raise SettingError("evaluator", evaluator, "the default, because the task is an evaluator already")
        return task
    space = space_in(task)
    target = as_task(task) if space is None else space  # type: ignore[arg-type]
    is_table = evaluator in ("table", UNKNOWN_FEASIBILITY)
    if isinstance(target, MultiObjectiveTask) and not (is_table or isinstance(evaluator, Evaluator)):
        expected = "table, or a MultiObjectiveEvaluator with one evaluator per objective"
        raise SettingError(f"evaluator of {target.name}", evaluator, expected)
    if callable(evaluator) and not isinstance(evaluator, Evaluator):
        return FunctionEvaluator(evaluator, target)
    if isinstance(target, SearchSpace):
        raise SettingError("evaluator of a space", evaluator, "a function (--evaluator package.module:Name)")
    found = on_evaluator(target, evaluator)
    for part in getattr(found, "parts", (found,)):
        if isinstance(part, TableEvaluator | SurrogateEvaluator):
            _warn_of_test_values(part.task)
    return found


def on_evaluator(task: Task, evaluator: str | os.PathLike[str] | Evaluator) -> Evaluator:
    """Return the evaluator of this name, or the surrogate in this file, for a task."""
    if isinstance(evaluator, Evaluator):
        if (evaluator.task.name, evaluator.task.table_name) != (task.name, task.table_name):
            raise SettingError("task of the evaluator", evaluator.task.name, task.name)
        return evaluator
    if evaluator in ("table", UNKNOWN_FEASIBILITY):
        parts = [
            TableEvaluator(part, unknown_feasibility=evaluator == UNKNOWN_FEASIBILITY)
            for part in (task.parts if isinstance(task, MultiObjectiveTask) else [task])
        ]
        return MultiObjectiveEvaluator(task, parts) if isinstance(task, MultiObjectiveTask) else parts[0]
    if evaluator == TrainingEvaluator.name:
        raise SettingError(
            "evaluator", evaluator, f"an object: nasmeta.evaluators.TrainingEvaluator({task.name!r}, 'digits')",
            "On the command line, name the images with --data.",
        )  # fmt: skip
    is_file = isinstance(evaluator, str | os.PathLike) and (
        Path(evaluator).suffix == ".npz" or Path(evaluator).is_file()
    )
    if not (evaluator == "surrogate" or is_file):
        raise SettingError(f"evaluator of {task.name}", evaluator, _EXPECTED)
    from nasmeta.surrogates import Surrogate

    surrogate = Surrogate.load(task if evaluator == "surrogate" else evaluator)
    if (surrogate.card["task"], surrogate.card["table"]) != (task.name, task.table_name):
        raise SettingError(f"task of the surrogate {os.fspath(evaluator)}", surrogate.card["task"], task.name)
    return SurrogateEvaluator(surrogate, task=task)


def space_in(task: object) -> SearchSpace | None:
    """Return the space that takes the place of a task: an object, or ``package.module:Name``; None for tasks."""
    one: Any = task[0] if isinstance(task, list | tuple) and len(task) == 1 else task
    if is_place(one):
        try:
            get_task(one)
        except SettingError:  # it exists, but is not a task
            with suppress(SettingError):
                return get_space(one)
    return one if isinstance(one, SearchSpace) else None


def _warn_of_test_values(task: Task) -> None:
    """Warn if a custom table has only test values to search on; built-in tasks have the split in their names."""
    why = ""
    with suppress(NasmetaError):  # a damaged table is reported when it is read
        why = only_test_values(task.table.columns, task.signal) if is_own_table(task.table_name) else ""
    if why:
        why = f"{why} A column of validation values, or rows with the split valid, would be searched instead."
        warnings.warn(f"{task.name} is searched on test values: {why}", NasmetaWarning, stacklevel=calls_inside() + 1)
