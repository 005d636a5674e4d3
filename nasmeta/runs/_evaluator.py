"""The evaluator of a run, from the arguments `task` and `evaluator`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from nasmeta.errors import NasmetaError, NasmetaWarning, SettingError, calls_inside
from nasmeta.evaluators import (
    EVALUATORS,
    TRAINED,
    UNKNOWN_FEASIBILITY,
    Evaluator,
    FunctionEvaluator,
    Measure,
    MultiObjectiveEvaluator,
    SurrogateEvaluator,
    TableEvaluator,
)
from nasmeta.registry import is_place
from nasmeta.spaces import SPACES, SearchSpace, get_space
from nasmeta.tables import only_test_values
from nasmeta.tasks import MultiObjectiveTask, Task, TaskDistribution, as_task, get_task, is_own_table

_One: TypeAlias = "str | os.PathLike[str] | Evaluator | Measure"
EvaluatorLike: TypeAlias = "_One | Sequence[_One]"  # one for all objectives, or one per objective
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
    if space is not None:
        if not callable(evaluator) or isinstance(evaluator, Evaluator):
            raise SettingError("evaluator of a space", evaluator, "a function (--evaluator package.module:Name)")
        return FunctionEvaluator(evaluator, space)
    found = _evaluator_of(as_task(task), evaluator)  # type: ignore[arg-type]
    for part in getattr(found, "parts", (found,)):
        if isinstance(part, TableEvaluator | SurrogateEvaluator):
            _warn_of_test_values(part.task)
    return found


def _evaluator_of(task: Task, evaluator: EvaluatorLike) -> Evaluator:
    if isinstance(evaluator, list | tuple):
        parts = task.parts if isinstance(task, MultiObjectiveTask) else (task,)
        if len(parts) != len(evaluator):
            raise SettingError(f"evaluators of {task.name}", len(evaluator), f"one for each of {len(parts)} objectives")
        each = [evaluator_for(part, one) for part, one in zip(parts, evaluator, strict=True)]
        return MultiObjectiveEvaluator(task, each)  # type: ignore[arg-type]  # which checks the task
    if callable(evaluator) and not isinstance(evaluator, Evaluator):
        if isinstance(task, MultiObjectiveTask):
            raise _one_objective(task, evaluator)
        return FunctionEvaluator(evaluator, task)
    return on_evaluator(task, evaluator, check=False)  # type: ignore[arg-type]


def on_evaluator(task: Task, evaluator: str | os.PathLike[str] | Evaluator, check: bool = True) -> Evaluator:
    """Return the evaluator of this name, or the surrogate in this file, for a task.

    With `check`, raise an error if the table is missing.
    """
    if isinstance(evaluator, Evaluator):
        if (evaluator.task.name, evaluator.task.table_name) != (task.name, task.table_name):
            raise SettingError("task of the evaluator", evaluator.task.name, task.name)
        return evaluator
    if not isinstance(evaluator, str | os.PathLike):
        raise SettingError("evaluator", evaluator, _EXPECTED)
    if evaluator in ("table", UNKNOWN_FEASIBILITY):
        found = _on_table(task, unknown_feasibility=evaluator != "table")
        if check:
            _ = found.measured
        return found
    if isinstance(task, MultiObjectiveTask):
        raise _one_objective(task, evaluator)
    if evaluator in TRAINED:
        name = TRAINED[str(evaluator)].__name__
        raise SettingError(
            "evaluator", evaluator, f"an object: nasmeta.evaluators.{name}({task.name!r}, 'digits')",
            "On the command line, name the images with --data.",
        )  # fmt: skip
    if evaluator != "surrogate" and Path(evaluator).suffix != ".npz" and not os.path.isfile(evaluator):
        raise SettingError("evaluator", evaluator, _EXPECTED)
    from nasmeta.surrogates import Surrogate

    surrogate = Surrogate.load(task if evaluator == "surrogate" else evaluator)
    if (surrogate.card["task"], surrogate.card["table"]) != (task.name, task.table_name):
        raise SettingError(f"task of the surrogate {os.fspath(evaluator)}", surrogate.card["task"], task.name)
    return SurrogateEvaluator(surrogate, asked=task)


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


def _on_table(task: Task, *, unknown_feasibility: bool = False) -> Evaluator:
    if isinstance(task, MultiObjectiveTask):
        parts = [TableEvaluator(part, unknown_feasibility=unknown_feasibility) for part in task.parts]
        return MultiObjectiveEvaluator(task, parts)
    return TableEvaluator(task, unknown_feasibility=unknown_feasibility)


def _one_objective(task: Task, evaluator: object) -> SettingError:
    return SettingError(f"evaluator of {task.name}", evaluator, "table, or a list with one evaluator per objective")
