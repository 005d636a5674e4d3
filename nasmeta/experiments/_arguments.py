"""The arguments of a comparison: searchers, tasks, seeds, budgets, and values by label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from nasmeta.checks import check_int
from nasmeta.errors import SettingError, shown
from nasmeta.evaluators import TRAINED, Evaluator, SupernetEvaluator, TrainingEvaluator
from nasmeta.runs._answers import EvaluatorLike, answers_for
from nasmeta.runs._clock import Budget, checked_budget
from nasmeta.runs._spec import SearcherSpec
from nasmeta.searchers import Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task, TaskDistribution, as_tasks
from nasmeta.training import ImageDataset, Recipe

SearcherLike: TypeAlias = "str | type[Searcher]"
SearchersLike: TypeAlias = (
    "Sequence[SearcherLike] | Mapping[str, SearcherLike | tuple[SearcherLike, Mapping[str, Any]]]"
)
TasksLike: TypeAlias = "str | Task | TaskDistribution | SearchSpace | Evaluator | Iterable[str | Task]"


def seeds_of(repeats: int | None, seed: int | None, seeds: Sequence[int] | None) -> Sequence[int]:
    """Return the seeds of the repeats."""
    if seeds is None:
        n = check_int("repeats", 10 if repeats is None else repeats, most=1_000_000)
        first = check_int("seed", 0 if seed is None else seed, least=0, most=2**63 - n)
        return range(first, first + n)
    if repeats is not None or seed is not None:
        raise SettingError("Give either seeds, or seed and repeats.")
    listed = tuple(check_int("a seed", one, least=0) for one in seeds)
    if not listed or len(set(listed)) < len(listed):
        raise SettingError("seeds must be at least one whole number, none of them twice.")
    return listed


def budgets_of(tasks: TaskDistribution, evaluations: object, seconds: object, stop_at_optimum: bool) -> list[Budget]:
    """Return the budget of each task."""
    names = tasks.names
    if not isinstance(seconds, Mapping):
        return [checked_budget(evaluations, seconds, stop_at_optimum, default=200)] * len(names)
    if strange := [name for name in seconds if name not in names]:
        raise SettingError(f"There are seconds for {strange[0]!r}. Compared on: {', '.join(names)}.")
    if missing := [name for name in names if name not in seconds]:
        raise SettingError(f"There are no seconds for {missing[0]}: give all tasks some, or one number for all.")
    return [
        checked_budget(evaluations, seconds[name], stop_at_optimum, default=200, what=f"seconds of {name}")
        for name in names
    ]


def specs_of(searchers: SearchersLike, settings: Mapping[str, Mapping[str, Any]]) -> dict[str, SearcherSpec]:
    """Look all searchers up; return them by label."""
    if isinstance(searchers, str | type):
        searchers = [searchers]
    specs: dict[str, SearcherSpec] = {}
    if isinstance(searchers, Mapping):
        for label, entry in searchers.items():
            searcher, own = entry if isinstance(entry, tuple) else (entry, {})
            specs[label] = SearcherSpec.of(searcher, {**own, **settings.get(label, {})})
    else:
        for searcher in searchers:
            label = SearcherSpec.of(searcher).name
            if label in specs:
                raise SettingError(
                    f"{label} appears twice. To compare several settings of one searcher, pass a mapping of labels to "
                    "(searcher, settings)."
                )
            specs[label] = SearcherSpec.of(searcher, settings.get(label))
    if not specs:
        raise SettingError("There is no searcher to compare: name at least one.")
    _require_compared("are settings", settings, specs)
    return specs


def evaluators_of(
    tasks: TaskDistribution,
    evaluator: EvaluatorLike,
    data: str | ImageDataset | None,
    recipe: str | Path | Recipe | None,
    folder: Path | None,
    alone: bool,
) -> list[Evaluator]:
    """Return the evaluator of each task; trainings keep their results in the folder of the comparison.

    With `alone`, all runs are in this process, one after another.
    """
    by_training = isinstance(evaluator, str) and evaluator in TRAINED
    if len(tasks) > 1 and (isinstance(evaluator, Evaluator) or by_training):
        what = "Training is on one data set" if by_training else f"{shown(evaluator)} has its task"
        raise SettingError(f"{what}, so compare on one task, not on {', '.join(tasks.names)}.")
    found = [answers_for(task, evaluator, data, recipe) for task in tasks]
    for one in found:
        if isinstance(one, TrainingEvaluator):
            if not alone and isinstance(one, SupernetEvaluator):
                raise SettingError("A supernet is trained in this process: leave out workers and backend.")
            if not alone and folder is None and one.folder is None:
                raise SettingError("Workers that train share the folder of the comparison: name one.")
            if folder is not None and one.folder is None:
                one.folder = folder.absolute() / "trainings"  # also for the workers of a cluster
        elif isinstance(evaluator, str) and evaluator == "table":
            _ = one.measured  # a missing table is reported before any run
    return found


def per_learner(name: str, value: Any, learners: Iterable[str], specs: Mapping[str, SearcherSpec]) -> dict[str, Any]:
    """Return the value of each learner: one for all of them, or those of a mapping."""
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return {label: own for label, own in per_label(name, value, None, specs).items() if own is not None}
    found = dict.fromkeys(learners, value)
    if not found:
        raise SettingError(f"There is a {name}, but none of {', '.join(specs)} learns from source tasks.")
    return found


def names_of_learnt(models: Mapping[str, Any], sources: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return readable names of models and sources by label; the identity is in the journals."""
    paths = {label: str(getattr(model, "path", model)) for label, model in models.items()}
    names = {
        label: [getattr(one, "name", one) for one in ([own] if isinstance(own, str | Task | SourceTask) else own)]
        for label, own in sources.items()
    }
    return {key: said for key, said in (("meta_models", paths), ("sources", names)) if said}


def per_label(name: str, value: Any, default: Any, specs: Mapping[str, SearcherSpec]) -> dict[str, Any]:
    """Return the value of each label: one for all, or those of a mapping."""
    if not isinstance(value, Mapping):
        return dict.fromkeys(specs, value)
    _require_compared(f"is a {name}", value, specs)
    return {label: value.get(label, default) for label in specs}


def redone(redo: str | Sequence[str], specs: Mapping[str, SearcherSpec]) -> list[str]:
    """Return the labels of the searchers to repeat."""
    labels = [redo] if isinstance(redo, str) else list(redo)
    _require_compared("is a redo", labels, specs)
    return labels


def _require_compared(what: str, labels: Iterable[str], specs: Mapping[str, SearcherSpec]) -> None:
    """Raise an error if a label is not compared."""
    if strange := sorted(set(labels) - set(specs)):
        raise SettingError(f"There {what} for {strange[0]!r}, which is not compared. Compared: {', '.join(specs)}.")


def tasks_of(tasks: TasksLike) -> TaskDistribution:
    """Return the tasks of names, families, tasks, or several of these."""
    found = as_tasks(tasks.task if isinstance(tasks, Evaluator) else tasks)
    if not found:
        raise SettingError("There is no task to compare on: name at least one.")
    return TaskDistribution(found)
