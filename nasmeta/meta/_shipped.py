"""Which meta-model is honest and fits the metric of a target."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable
from dataclasses import replace

from nasmeta.errors import (
    LeakageError,
    LeakageWarning,
    NasmetaError,
    OtherMetricWarning,
    SettingError,
    calls_inside,
)
from nasmeta.meta._meta_predictor import is_meta_searcher
from nasmeta.meta._model_file import SavedMetaModel
from nasmeta.spaces import held_out_name, namesakes
from nasmeta.tasks import Task

# What orders networks in its own way. Any other name, a user's own too, is one for how well networks do their task.
_APART = re.compile(
    r"under attack|within a budget|against a cost|latency|energy|seconds|param|flop|multiply|^proxy|^size",
    re.IGNORECASE,
)
_PERFORMANCE = "performance"


def _kind_of(metric: str) -> str:
    return metric if _APART.search(metric) else _PERFORMANCE


def other_metrics(task: Task, kinds: Iterable[str]) -> str:
    """Return in words the metrics of sources where none is of the target's kind; empty where there is nothing to say.

    Accuracy, loss, a Dice score or whatever a user calls it are of one kind: how well networks do their task. Costs are
    kinds of their own, and so are accuracy under attack and within a budget. Sources of several metrics are no others
    for a target of quality: what is learnt has seen steps from metric to metric. For a target of costs they are. Where
    nobody says the metric, it does not count.

    >>> from nasmeta.tasks import get_task
    >>> other_metrics(get_task("nb201/latency/pixel3"), ["accuracy", "", "accuracy under attack"])
    'accuracy and accuracy under attack'
    >>> other_metrics(get_task("nb201/cifar10"), ["dice"])
    ''
    """
    known = sorted(set(kinds) - {""})
    target = task.metric_kind if task.is_cost else _kind_of(task.metric_kind)
    same = target in map(_kind_of, known) or task.metric_kind in known or (len(known) != 1 and not task.is_cost)
    return "" if same else " and ".join(known)


def warn_of_other_metric(task: Task, kinds: Iterable[str], who: str, helps: str) -> None:
    """Warn whoever called this package, where sources are all of other kinds of metrics than the target."""
    if found := other_metrics(task, kinds):
        warnings.warn(
            f"The target {task.name} is of the metric {task.metric_kind}, all sources of {who} are of the metric "
            f"{found}: what they say of good cells may not hold here. {helps}",
            OtherMetricWarning,
            stacklevel=calls_inside() + 1,
        )


def meta_model_for(
    kind: str, task: Task, which: str | os.PathLike[str] | SavedMetaModel, searcher: str | None = None
) -> SavedMetaModel:
    """Return the meta-model with which a learner of this kind, of a searcher of this name, is to search a task.

    It is that of a file, or a shipped one by its name, or ``"shipped"``: the one of this kind and space that has seen
    nothing of the target and has learnt from its metric; of several that with the most labels. One of another kind or
    space is a SettingError; one of which a source is the target under another name, a LeakageError; one that has learnt
    from the target's dataset or device, or from another metric, gets a warning.
    """
    target = set(map(held_out_name, task.held_out))
    if which == "shipped":
        of_kind = [model for model in map(SavedMetaModel.load, SavedMetaModel.shipped()) if model.kind == kind]
        fitting = [model for model in of_kind if model.space == task.space]
        honest = [model for model in fitting if target.isdisjoint(map(held_out_name, model.held_out))]
        if not honest:
            there = ", ".join(f"{model.path.stem} (learnt from {', '.join(model.sources)})" for model in fitting)
            spaces = ", ".join(dict.fromkeys(model.space.name for model in of_kind))
            there = there or (f"none; there are models for {spaces}" if spaces else "none, nor for another")
            raise SettingError(
                f"No meta-model of {kind} is shipped that has seen nothing of {task.name}. "
                f"Shipped for this space: {there}. Without a model, {kind} meta-trains itself."
            )
        fit = [model for model in honest if not other_metrics(task, model.metric_kinds)]
        if not fit:
            names = ", ".join(f"{model.path.stem} ({' and '.join(model.metric_kinds)})" for model in honest)
            raise SettingError(
                f"No meta-model of {kind} is shipped for the metric of {task.name}, {task.metric_kind}. Shipped, and "
                f"without its data: {names}; name one to use it nevertheless. Without a model, {kind} meta-trains "
                "itself on the sources that it is given."
            )
        return max(fit, key=lambda model: sum(source["labels"] for source in model.card["sources"]))
    model = which if isinstance(which, SavedMetaModel) else SavedMetaModel.load(which)
    if model.kind != kind:
        of = f", which takes one of {kind}" if searcher not in (None, kind) else ""
        raise SettingError(f"{model.path} holds a model of {model.kind}, but the searcher is {searcher or kind}{of}.")
    if model.space != task.space:
        raise SettingError(
            f"{model.path} is for the space {model.space.name}, but {task.name} is a task of {task.space.name}."
            f"{namesakes(model.space, task.space)}"
        )
    if is_meta_searcher(kind):
        model.require_searcher()
    _refuse_copies(task, model)
    if seen := seen_of(task, model):
        warnings.warn(seen, LeakageWarning, stacklevel=calls_inside() + 1)
    helps = "Name a model that has learnt from the target's metric, or sources of it."
    warn_of_other_metric(task, model.metric_kinds, model.path.name, helps)
    return model


def seen_of(task: Task, model: SavedMetaModel) -> str:
    """Say what of the target a model has learnt from: its dataset or its device; empty where nothing.

    >>> import nasmeta as nm
    >>> model = SavedMetaModel.load("meta-np-nb201-without-cifar10")
    >>> seen_of(nm.get_task("nb201/cifar10"), model)
    ''
    """
    seen = sorted(set(map(held_out_name, task.held_out)) & set(map(held_out_name, model.held_out)))
    if not seen:
        return ""
    return (
        f"{model.path.name} has learnt from {' and '.join(seen)}, which {task.name} is on: what it finds there is no "
        "honest test."
    )


def _refuse_copies(task: Task, model: SavedMetaModel) -> None:
    """Refuse a model of which a source says by its name that it is of other data, but orders all cells as the target.

    Of a part of the cells a card does not tell.
    """
    target = set(map(held_out_name, task.held_out))
    said = {
        source["order_sha256"]: source["name"]
        for source in model.card["sources"]
        if target.isdisjoint(map(held_out_name, source["held_out"]))
    }
    if not said:
        return
    try:
        own = task.as_source()
    except NasmetaError:
        return
    for order in (own.order_sha256, replace(own, utilities=-own.utilities).order_sha256):
        if order in said:
            raise LeakageError(
                f"{model.path.name} cannot be used for {task.name}: its source {said[order]} orders all cells as the "
                "target does, so it holds the answers. Possible here: a model that has learnt from other data."
            )
