"""The sources of a run: source tasks that are not copies of the target, or a meta-model."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np

from nasmeta.arrays import Floats
from nasmeta.errors import (
    ColumnError,
    LeakageError,
    MissingValueError,
    NasmetaWarning,
    SettingError,
    UnknownNameError,
    calls_inside,
)
from nasmeta.evaluators import Evaluator
from nasmeta.runs._searcher_spec import SearcherSpec
from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.spaces import get_space, held_out_name
from nasmeta.tasks import (
    SourceTask,
    Task,
    TaskDistribution,
    as_tasks,
    default_sources,
    get_task,
    is_own_table,
    task_distribution,
)

if TYPE_CHECKING:
    from nasmeta.meta import SavedMetaModel

_FEWEST_EQUAL, _FEWEST_ORDERED = 3, 20
# Related GPUs sometimes order 30 random cells alike; none of 7,260 draws of 50 did.
_FEWEST_ORDERED_ON_DEVICES = 100
_FIRST = 500


def refuse_copies(evaluator: Evaluator, sources: Iterable[Task | SourceTask]) -> None:
    """Raise a LeakageError for sources whose labels are the target's values, or have the same order.

    A copy has at least 3 different values, all equal to the target's; or at least 20 (100 for tasks
    of a device) in the target's order or its reverse, such as rounded values. Only architectures
    that both have are compared. If the target's table is missing, nothing is compared.
    """
    task = evaluator.task
    at_hand = list(_values_at_hand(evaluator))
    fewest = _FEWEST_ORDERED if task.device is None else _FEWEST_ORDERED_ON_DEVICES
    for source in sources:
        try:
            labels = source.as_source() if isinstance(source, Task) else source
            labels = labels.in_space(task.space)
        except (ColumnError, MissingValueError, SettingError):
            continue  # the searcher reports the problem
        for values in at_hand:
            agreement = _agreement(values[labels.architectures], labels.utilities, fewest)
            if agreement:
                raise LeakageError(
                    f"{source.name} cannot be a source for {task.name}: its labels {agreement} of the "
                    "target. Use labels that were measured on other data."
                )


def _values_at_hand(evaluator: Evaluator) -> Iterator[Floats]:
    """Yield the utilities of all architectures: of the evaluator, of the table, or of the dataset of the images."""
    if evaluator.values is not None:
        yield evaluator.sign * evaluator.values
    task = evaluator.task
    if evaluator.identity:  # else the evaluator is the table
        with suppress(ColumnError, MissingValueError, UnknownNameError):
            if evaluator.values is None:
                task = get_task(f"{task.table_name}/{task.dataset}")
            yield task.sign * task.values


def _agreement(target: Floats, labels: Floats, fewest: int) -> str:
    """Return in words how labels agree with the target's on the same architectures; empty if they do not."""
    known = ~np.isnan(target)
    target, labels = target[known], labels[known]
    different = min(len(np.unique(target)), len(np.unique(labels)))
    are_equal = np.array_equal(target, labels) or np.array_equal(target, -labels)
    if different >= _FEWEST_EQUAL and are_equal:
        return "are the values"
    if different >= fewest:
        for signed in (labels, -labels):
            # A few architectures almost always show another order.
            first = slice(_FIRST)
            if _is_ordered(target[first], signed[first]) and _is_ordered(target, signed):
                return f"on {len(target):,} architectures have the order"
    return ""


def _is_ordered(target: Floats, labels: Floats) -> bool:
    order = np.lexsort((target, labels))
    return bool((np.diff(target[order]) >= 0).all())


_Tasks: TypeAlias = "str | Task | SourceTask | TaskDistribution | Iterable[str | Task | SourceTask]"
SourcesLike: TypeAlias = "_Tasks | SavedMetaModel | os.PathLike[str]"


def is_model(sources: object) -> TypeGuard[SavedMetaModel]:
    """Return whether sources are a meta-model instead of tasks.

    Examples
    --------
    >>> from nasmeta.runs import is_model
    >>> is_model(["nb201/cifar100"])
    False
    """
    if sources is None or isinstance(sources, str | Task | SourceTask | TaskDistribution):
        return False
    from nasmeta.meta import SavedMetaModel

    return isinstance(sources, SavedMetaModel)


def named_sources(sources: Any, folder: Path = Path()) -> Any:
    """Return sources with a meta-model instead of the name of its file.

    Examples
    --------
    >>> from nasmeta.runs import named_sources
    >>> named_sources("nb201")
    'nb201'
    """
    names = [sources] if isinstance(sources, str | os.PathLike) else sources
    for name in names if isinstance(names, list) else ():
        if str(name).endswith(".npz"):
            from nasmeta.meta import SavedMetaModel

            if len(names) > 1:
                raise SettingError("sources", names, "tasks or one meta-model")
            return SavedMetaModel.load(folder / name)
    return sources


def saved_model_of(spec: SearcherSpec, task: Task, model: SavedMetaModel) -> SavedMetaModel:
    """Return the meta-model that a run uses, checked against the searcher and the task."""
    from nasmeta.meta import kind_of, meta_model_for

    if not issubclass(spec.kind, MetaSearcher):
        raise SettingError(f"{spec.name} is not a meta-searcher, so it uses no meta-model.")
    name = spec.kind.learner_name(spec.name, spec.settings)
    if name == spec.name and name not in SEARCHERS:  # a custom class
        name = kind_of(spec.kind)
    return meta_model_for(name, task, model, spec.name)


def sources_of(spec: SearcherSpec, evaluator: Evaluator, sources: Any) -> list[Task | SourceTask]:
    """Return the sources of a run: by default the task's family without its held-out datasets and devices.

    A custom table on a built-in space without further datasets uses the space's built-in family,
    with a warning. A source that shares a dataset, a device or its values with the target raises a
    LeakageError. A warning is shown if all sources measure another metric than the target.

    Examples
    --------
    >>> from nasmeta.runs import SearcherSpec, evaluator_for, sources_of
    >>> [source.name for source in sources_of(SearcherSpec.of("meta-gp"), evaluator_for("nb201/cifar10"), None)]
    ['nb201/cifar100', 'nb201/imagenet16-120']
    """
    task = evaluator.task
    if not spec.learns:
        if sources is not None:
            hint = "Meta-searchers, prune_space and warm_start use sources."
            raise SettingError("sources", sources, f"none for {spec.name}", hint)
        return []
    if sources is None:
        sources = _default_sources(task, _who(spec))
    held_out = set(map(held_out_name, task.held_out))
    tasks = as_tasks(sources, held_out=held_out)
    if not tasks:
        raise SettingError(
            f"{task.name} lacks source tasks for {_who(spec)} without {' and '.join(task.held_out)}. Name some with "
            "sources=[…] (--sources), or change the held-out datasets with task.with_held_out([…])."
        )
    for source in tasks:
        for shared in held_out & set(map(held_out_name, source.held_out)):
            raise LeakageError(
                f"{source.name} cannot be a source for {task.name}: both are on {shared}. Other tasks: "
                f"task_distribution(…).leave_out({shared!r})[0]."
            )
    from nasmeta.meta import warn_of_other_metric

    refuse_copies(evaluator, tasks)
    helps = "Name sources of the target's metric, or search without sources."
    if spec.transfer.prune_space is not None:
        helps = f"A learned space may miss the best architectures. {helps}"
    warn_of_other_metric(task, [source.metric_kind for source in tasks], _who(spec), helps)
    return tasks


def _default_sources(task: Task, who: str) -> list[Task]:
    """Return the other tasks of the task's family; if a custom table lacks others, the built-in family of its space."""
    with suppress(UnknownNameError):
        related = list(default_sources(task))
        if related:
            return related
    family = task.space.name
    if not is_own_table(task.table_name) or is_own_table(family) or get_space(family) != task.space:
        return []
    held_out = set(map(held_out_name, task.held_out))
    tasks = []
    for related_task in task_distribution(family):
        if held_out.isdisjoint(map(held_out_name, related_task.held_out)):
            tasks.append(related_task)
    warnings.warn(
        f"{task.table_name} lacks another dataset to learn from, so {who} learns from "
        f"{', '.join(source.name for source in tasks)}. If these share images with {task.dataset}, the result is not "
        "an honest test. Choose other sources with sources=[…] (--sources).",
        NasmetaWarning,
        stacklevel=calls_inside() + 1,
    )
    return tasks


def _who(spec: SearcherSpec) -> str:
    if spec.is_meta:
        return spec.name
    return " and ".join(spec.transfer.names)
