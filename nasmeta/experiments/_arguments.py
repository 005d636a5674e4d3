"""The arguments of a comparison: searchers, tasks, seeds, budgets, sources by label."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from nasmeta.checks import check_int, check_names
from nasmeta.errors import SettingError
from nasmeta.evaluators import Evaluator
from nasmeta.runs import (
    Budget,
    EvaluatorLike,
    SearcherSpec,
    SourcesLike,
    checked_budget,
    evaluator_for,
    is_model,
    named_sources,
)
from nasmeta.searchers import Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Task, TaskDistribution, as_tasks

SearcherLike: TypeAlias = "str | type[Searcher]"
SearchersLike: TypeAlias = (
    "Sequence[SearcherLike] | Mapping[str, SearcherLike | tuple[SearcherLike, Mapping[str, Any]]]"
)
TasksLike: TypeAlias = (
    "str | Task | TaskDistribution | SearchSpace | Evaluator | Iterable[str | Task]"
)


def seeds_of(repeats: int | Sequence[int]) -> list[int]:
    """Return the seeds of the repeats: 0 to n - 1 for a number n."""
    if isinstance(repeats, int):
        return list(range(check_int("repeats", repeats, most=1_000_000)))
    seeds = [check_int("a seed", seed, least=0) for seed in repeats]
    if not seeds or len(set(seeds)) < len(seeds):
        raise SettingError("repeats", seeds, "a number, or different seeds")
    return seeds


def budgets_of(
    tasks: TaskDistribution,
    evaluations: Any,
    seconds: Any,
    stop_at_optimum: bool,
    default: int = 200,
) -> list[Budget]:
    """Return the budget of each task; a mapping of seconds has an entry for each of them."""
    names = tasks.names
    seconds_by_task = seconds
    if not isinstance(seconds, Mapping):
        seconds_by_task = dict.fromkeys(names, seconds)
    if set(seconds_by_task) != set(names):
        raise SettingError("tasks of seconds", list(seconds_by_task), ", ".join(names))
    budgets = []
    for name in names:
        limit = seconds_by_task[name]
        budget = checked_budget(
            evaluations, limit, stop_at_optimum, default=default, what=f"seconds of {name}"
        )
        budgets.append(budget)
    return budgets


def specs_of(
    searchers: SearchersLike, settings: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, SearcherSpec]:
    """Look up all searchers; return them by label."""
    if not isinstance(searchers, Mapping):
        listed = [searchers] if isinstance(searchers, str | type) else searchers
        labels = [SearcherSpec.of(searcher).name for searcher in listed]
        if len(set(labels)) < len(labels):
            raise SettingError(
                "searchers",
                labels,
                "each once",
                "To compare settings, map labels to (name, settings).",
            )
        searchers = dict(zip(labels, listed, strict=True))
    if not searchers:
        raise SettingError("searchers", [], "at least one searcher")
    settings = settings or {}
    check_names("the comparison", "searcher", settings, searchers)
    specs = {}
    for label, entry in searchers.items():
        if isinstance(entry, tuple):
            searcher, own_settings = entry
        else:
            searcher, own_settings = entry, {}
        all_settings = {**own_settings, **settings.get(label, {})}
        specs[str(label)] = SearcherSpec.of(searcher, all_settings)
    return specs


def tasks_of(tasks: TasksLike) -> TaskDistribution:
    """Return the tasks of names, families, tasks, or several of these."""
    if isinstance(tasks, Evaluator):
        tasks = tasks.task
    targets = as_tasks(tasks)
    if not targets:
        raise SettingError("tasks", [], "at least one task")
    return TaskDistribution(targets)


def evaluators_of(
    tasks: TaskDistribution, evaluator: EvaluatorLike, folder: Path | None
) -> list[Evaluator]:
    """Return the evaluator of each task; trainings are kept in the folder of the comparison."""
    if len(tasks) > 1 and isinstance(evaluator, Evaluator):
        raise SettingError(
            "tasks", tasks.names, f"one task, because {evaluator.name} evaluates one"
        )
    evaluators = [evaluator_for(task, evaluator) for task in tasks]
    if evaluator == "table":
        for table in evaluators:
            _ = table.measured  # a missing table is reported before any run
    if folder is None:
        return evaluators
    # absolute for workers of a cluster
    return [each.in_folder(folder.absolute() / "trainings") for each in evaluators]


def sources_by_label(
    sources: SourcesLike | Mapping[str, SourcesLike] | None, specs: Mapping[str, SearcherSpec]
) -> dict[str, SourcesLike]:
    """Return the sources of each searcher that learns: the same for all of them, or those of a mapping."""
    sources = named_sources(sources)
    if sources is None:
        return {}
    if isinstance(sources, Mapping):
        check_names("the comparison", "searcher", sources, specs)
        return dict(sources)
    if is_model(sources):  # only searchers with a meta-model can use it
        learners = [label for label, spec in specs.items() if spec.is_meta]
    else:
        learners = [label for label, spec in specs.items() if spec.learns]
    if not learners:
        raise SettingError("searchers", list(specs), "at least one that learns from sources")
    return dict.fromkeys(learners, sources)
