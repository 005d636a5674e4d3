"""What answers a task: the evaluator of what a user names or passes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from nasmeta.errors import NasmetaError, NasmetaWarning, SettingError, calls_inside, shown
from nasmeta.evaluators import (
    EVALUATORS,
    TRAINED,
    UNKNOWN_FEASIBILITY,
    Evaluator,
    FunctionEvaluator,
    Measure,
    SeveralEvaluator,
    SurrogateEvaluator,
    TableEvaluator,
)
from nasmeta.registry import is_place
from nasmeta.spaces import SPACES, SearchSpace, get_space
from nasmeta.tables import only_test_values
from nasmeta.tasks import MultiObjectiveTask, Task, TaskDistribution, as_task, get_task, is_own_table
from nasmeta.training import ImageDataset, Recipe

_One: TypeAlias = "str | os.PathLike[str] | Evaluator | Measure"
EvaluatorLike: TypeAlias = "_One | Sequence[_One]"  # one, or one an objective


def answers_for(
    task: str | Task | TaskDistribution | SearchSpace | Evaluator,
    evaluator: EvaluatorLike = "table",
    data: str | ImageDataset | None = None,
    recipe: str | Path | Recipe | None = None,
) -> Evaluator:
    """Return the evaluator of a task, from the arguments of `nasmeta.search`."""
    named = evaluator if isinstance(evaluator, list | tuple) else [evaluator]
    if not (data is recipe is None or any(isinstance(one, str) and one in TRAINED for one in named)):
        raise SettingError(
            f"data and recipe are only for evaluator='training' and 'supernet', not for {shown(evaluator)}: leave them "
            "out."
        )
    if not isinstance(evaluator, str | os.PathLike | Evaluator | list | tuple) and not callable(evaluator):
        raise _no_evaluator(evaluator)
    if isinstance(evaluator, str) and (is_place(evaluator) or evaluator in EVALUATORS):
        evaluator = EVALUATORS[evaluator]
        if isinstance(task, str) and task in SPACES:
            task = get_space(task)
    task = space_in(task) or task
    if isinstance(evaluator, list | tuple) and not isinstance(task, SearchSpace | Evaluator):
        return _several(as_task(task), evaluator, data, recipe)
    answers = _one_evaluator(task, evaluator, data, recipe)
    for part in getattr(answers, "parts", (answers,)):
        if isinstance(part, TableEvaluator | SurrogateEvaluator):
            _warn_of_test_values(part.task)
    return answers


def _one_evaluator(task: Any, evaluator: Any, data: Any, recipe: Any) -> Evaluator:
    if isinstance(task, Evaluator):
        if evaluator != "table":
            raise SettingError(f"{shown(task)} answers already: leave out evaluator.")
        return task
    if isinstance(task, SearchSpace) and (isinstance(evaluator, str | os.PathLike) or not callable(evaluator)):
        raise SettingError(
            f"A space alone has no answers: pass a function as evaluator (--evaluator), not {shown(evaluator)}."
        )
    if evaluator not in ("table", UNKNOWN_FEASIBILITY) and not isinstance(evaluator, Evaluator) and _is_vector(task):
        raise _one_at_a_time(as_task(task), evaluator)
    if callable(evaluator) and not isinstance(evaluator, Evaluator):
        return FunctionEvaluator(evaluator, task if isinstance(task, SearchSpace) else as_task(task))
    if isinstance(evaluator, str) and evaluator in TRAINED:
        if data is None:
            raise SettingError("Training needs images: name them with data, such as digits, cifar10:PATH, folder:PATH.")
        return TRAINED[evaluator](as_task(task), data, recipe)
    return _on_table(as_task(task)) if evaluator == "table" else on_evaluator(as_task(task), evaluator)


def space_in(task: object) -> SearchSpace | None:
    """Return the space that is asked in place of a task, alone, as an object or as ``package.module:Name``."""
    one: Any = task[0] if isinstance(task, list | tuple) and len(task) == 1 else task
    if is_place(one):
        try:
            get_task(one)
        except SettingError:  # it is there, and no task
            with suppress(SettingError):
                return get_space(one)
    return one if isinstance(one, SearchSpace) else None


def _warn_of_test_values(task: Task) -> None:
    """Warn where a table of a user's own has nothing else to search on; a built-in task says so in its name."""
    why = ""
    with suppress(NasmetaError):  # who reads the table says what is wrong with it
        why = only_test_values(task.table.columns, task.signal) if is_own_table(task.table_name) else ""
    if why:
        why = f"{why} A column of validation values, or rows with the split valid, would be searched instead."
        warnings.warn(f"{task.name} is searched on test values: {why}", NasmetaWarning, stacklevel=calls_inside() + 1)


def _several(
    task: Task, evaluators: Sequence[_One], data: str | ImageDataset | None, recipe: str | Path | Recipe | None
) -> Evaluator:
    """Return what answers a task of several objectives, of one evaluator for each; those that train get the images."""
    parts = task.parts if isinstance(task, MultiObjectiveTask) else (task,)
    if len(parts) != len(evaluators):
        raise SettingError(f"{task.name} has {len(parts)} objectives, but {len(evaluators)} evaluators are named.")
    found = [
        answers_for(part, one, *((data, recipe) if isinstance(one, str) and one in TRAINED else ()))
        for part, one in zip(parts, evaluators, strict=True)
    ]
    return SeveralEvaluator(task, found)  # type: ignore[arg-type]  # which says what else it cannot answer


def on_evaluator(task: Task, evaluator: str | os.PathLike[str] | Evaluator) -> Evaluator:
    """Return the evaluator of this name, or the surrogate in this file, for a task."""
    if isinstance(evaluator, Evaluator):
        if (evaluator.task.name, evaluator.task.table_name) != (task.name, task.table_name):
            raise SettingError(f"The evaluator answers for {evaluator.task.name}, but the task is {task.name}.")
        return evaluator
    if evaluator in ("table", UNKNOWN_FEASIBILITY):
        found = _on_table(task, unknown_feasibility=evaluator != "table")
        _ = found.measured  # a table that is not here is told before any run
        return found
    if isinstance(task, MultiObjectiveTask):
        raise _one_at_a_time(task, evaluator)
    if not isinstance(evaluator, str | os.PathLike) or (
        evaluator != "surrogate" and Path(evaluator).suffix != ".npz" and not os.path.isfile(evaluator)
    ):
        raise _no_evaluator(evaluator)
    from nasmeta.surrogates import Surrogate

    surrogate = Surrogate.load(task if evaluator == "surrogate" else evaluator)
    if (surrogate.card["task"], surrogate.card["table"]) != (task.name, task.table_name):
        raise SettingError(
            f"{os.fspath(evaluator)} is a surrogate of {surrogate.card['task']}, but the task is {task.name}."
        )
    return SurrogateEvaluator(surrogate, asked=task)


def _on_table(task: Task, *, unknown_feasibility: bool = False) -> Evaluator:
    look_up = partial(TableEvaluator, unknown_feasibility=unknown_feasibility)
    if isinstance(task, MultiObjectiveTask):
        return SeveralEvaluator(task, [look_up(part) for part in task.parts])
    return look_up(task)


def _is_vector(task: object) -> bool:
    named = isinstance(task, str | Task | TaskDistribution)
    return named and isinstance(as_task(task), MultiObjectiveTask)  # type: ignore[arg-type]


def _no_evaluator(evaluator: object) -> SettingError:
    return SettingError(
        'An evaluator is "table", "unknown-feasibility", "surrogate", the file (.npz) of a surrogate, "training", '
        f'"supernet" or a function, not {shown(evaluator)}.'
    )


def _one_at_a_time(task: Task, evaluator: object) -> SettingError:
    return SettingError(
        f"{task.name} has several objectives, and {shown(evaluator)} answers one. Possible: the table, or a "
        "list of evaluators, one an objective."
    )
