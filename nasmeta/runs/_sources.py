"""What a run learns from: source tasks, or a meta-model that has learnt from its own."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeAlias

from nasmeta.errors import LeakageError, SettingError, UnknownNameError
from nasmeta.evaluators import Evaluator
from nasmeta.meta import SavedMetaModel, meta_model_for, warn_of_other_metric
from nasmeta.runs._content import refuse_copies
from nasmeta.runs._spec import SearcherSpec
from nasmeta.spaces import held_out_name
from nasmeta.tasks import SourceTask, Task, TaskDistribution, as_tasks, default_sources

SourcesLike: TypeAlias = "str | Task | SourceTask | TaskDistribution | Iterable[str | Task | SourceTask]"
MetaModelLike: TypeAlias = "str | os.PathLike[str] | SavedMetaModel"


def saved_model_of(
    spec: SearcherSpec, task: Task, meta_model: MetaModelLike | None, sources: SourcesLike | None = None
) -> SavedMetaModel | None:
    """Return the meta-model that a run uses; None where it meta-trains, or learns from no source."""
    if meta_model is None:
        return None
    if not spec.is_meta:
        raise SettingError(f"{spec.name} learns from no source task, so it takes no meta-model.")
    if sources is not None and not spec.guidance:
        raise SettingError("A meta-model has learnt from its own sources: pass sources or a meta-model, not both.")
    if not isinstance(meta_model, str | os.PathLike | SavedMetaModel):
        raise SettingError(
            f'A meta-model is a file, the name of a shipped one or "shipped", not a {type(meta_model).__name__}.'
        )
    return meta_model_for(spec.name, task, meta_model)


def sources_of(spec: SearcherSpec, evaluator: Evaluator, sources: SourcesLike | None) -> list[Task | SourceTask]:
    """Return the sources of a run: by default the task's family without what the task holds out.

    One that has something of it (dataset, device, or values under another name) is a LeakageError; where all are of
    another metric than the target's, a warning says so.
    """
    task = evaluator.task
    if not spec.learns:
        if sources is not None:
            raise SettingError(
                f"{spec.name} learns from no source task. Leave out sources, or use a meta-searcher, "
                "prune_space or a warm start."
            )
        return []
    if sources is None:
        try:
            sources = default_sources(task)
        except UnknownNameError as reason:
            raise SettingError(
                f"{_who(spec)} learns from source tasks, and {task.name} has no registered family: pass sources."
            ) from reason
    held_out = set(map(held_out_name, task.held_out))
    found = as_tasks(sources, held_out=held_out, sources=True)
    if not found:
        raise SettingError(f"{_who(spec)} learns from source tasks, but there is none for {task.name}.")
    names = [source.name for source in found]
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise SettingError(f"The source {twice} appears twice: name each source once.")
    shared = {source.name: held_out & set(map(held_out_name, source.held_out)) for source in found}
    leaks = [name for name, common in shared.items() if common]
    if leaks:
        on = " and ".join(sorted(shared[leaks[0]]))
        raise LeakageError(
            f"{', '.join(leaks)} cannot be a source for {task.name}: both are on {on}. "
            f"Possible here: tasks on others, as task_distribution(…).leave_out({task.dataset!r})[0] has them."
        )
    refuse_copies(evaluator, found)
    helps = "Name sources of the target's metric, or search without sources."
    if spec.guidance.prune_space is not None:
        helps = f"A learned space may miss the best cells, and its estimated chance does not tell. {helps}"
    kinds = [source.metric_kind for source in found]
    warn_of_other_metric(task, kinds, _who(spec), helps)
    return found


def _who(spec: SearcherSpec) -> str:
    if spec.is_meta:
        return spec.name
    asked = {"prune_space": spec.guidance.prune_space, "warm_start": spec.guidance.warm_start}
    return " and ".join(name for name, value in asked.items() if value)
