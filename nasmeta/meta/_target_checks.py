"""Checks that a meta-model fits a target: its learner, space and metric, and that it has not seen the target."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from dataclasses import replace

from nasmeta.errors import (
    LeakageError,
    NasmetaError,
    OtherMetricWarning,
    SettingError,
    calls_inside,
)
from nasmeta.meta._meta_predictor import is_meta_searcher
from nasmeta.meta._saved_model import SavedMetaModel
from nasmeta.spaces import held_out_name
from nasmeta.tasks import Task

# Metrics with an order of their own. All other metrics, also of custom tables, measure how well
# networks solve a task.
_APART = re.compile(
    r"under attack|within a budget|against a cost|latency|energy|seconds|param|flop|multiply|^proxy|^size",
    re.IGNORECASE,
)


def _kind_of(metric: str) -> str:
    return metric if _APART.search(metric) else "performance"


def other_metrics(task: Task, kinds: Iterable[str]) -> str:
    """Return the metrics of the sources, joined by "and", if none is of the target's kind; else an empty string.

    Accuracy, loss and Dice score are of one kind. Each cost is a kind of its own, and so are
    accuracy under attack and within a budget. Sources of several metrics fit any target that is not
    a cost, because the meta-learner has observed differences between metrics. Unknown metrics, "",
    are ignored.

    >>> from nasmeta.tasks import get_task
    >>> other_metrics(get_task("nb201/latency/pixel3"), ["accuracy", "", "accuracy under attack"])
    'accuracy and accuracy under attack'
    >>> other_metrics(get_task("nb201/cifar10"), ["dice"])
    ''
    """
    known = sorted(set(kinds) - {""})
    target = task.metric_kind if task.is_cost else _kind_of(task.metric_kind)
    same = (
        target in map(_kind_of, known)
        or task.metric_kind in known
        or (len(known) != 1 and not task.is_cost)
    )
    return "" if same else " and ".join(known)


def warn_of_other_metric(task: Task, kinds: Iterable[str], who: str, hint: str) -> None:
    """Warn the caller of this package if all sources measure another kind of metric than the target.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import warn_of_other_metric
    >>> warn_of_other_metric(nm.get_task("nb201/cifar10"), ["dice"], "meta", "")  # both measure performance
    """
    if others := other_metrics(task, kinds):
        warnings.warn(
            f"The metric of {task.name} is {task.metric_kind}, but all sources of {who} have the metric {others}, "
            f"which may order architectures differently. {hint}",
            OtherMetricWarning,
            stacklevel=calls_inside() + 1,
        )


def meta_model_for(
    kind: str, task: Task, model: SavedMetaModel, searcher: str | None = None
) -> SavedMetaModel:
    """Return the meta-model, checked for a task.

    Parameters
    ----------
    kind : str
        Registered name of the learner.
    task : Task
    model : SavedMetaModel
    searcher : str, optional
        Name of the searcher in messages, by default `kind`.

    Returns
    -------
    SavedMetaModel

    Raises
    ------
    SettingError
        If the model is of another kind or space.
    LeakageError
        If the model has seen the target's dataset or device, or the target under another name. A
        model that learned from another metric is only a warning.

    Examples
    --------
    >>> import tempfile
    >>> import nasmeta as nm
    >>> from nasmeta.meta import meta_model_for
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = nm.meta_train("source-order", leave_out="cifar10", output=f"{folder}/order.npz")
    >>> meta_model_for("source-order", nm.get_task("nb201/cifar10"), model).sources
    ('nb201/cifar100', 'nb201/imagenet16-120')
    """
    if model.kind != kind:
        raise SettingError(
            f"learner of {model.path}", model.kind, f"{kind}, for the searcher {searcher or kind}"
        )
    if model.space != task.space:
        raise SettingError(
            f"space of {model.path}",
            model.space.name,
            f"{task.space.name}, the space of {task.name}",
        )
    if is_meta_searcher(kind):
        model.require_searcher()
    _refuse_copies(task, model)
    if common := set(map(held_out_name, task.held_out)) & set(map(held_out_name, model.held_out)):
        seen = " and ".join(sorted(common))
        raise LeakageError(
            f"{model.path.name} cannot be used for {task.name}, because it learned from {seen}."
        )
    hint = "Name a model that learned from the target's metric, or sources with it."
    warn_of_other_metric(task, model.metric_kinds, model.path.name, hint)
    return model


def _refuse_copies(task: Task, model: SavedMetaModel) -> None:
    """Raise an error if a source of other data has labelled all architectures and orders them as the target does."""
    target = set(map(held_out_name, task.held_out))
    orders = {
        source["order_sha256"]: source["name"]
        for source in model.card["sources"]
        if target.isdisjoint(map(held_out_name, source["held_out"]))
    }
    if not orders:
        return
    try:
        labels = task.as_source()
    except NasmetaError:
        return
    for order in (labels.order_sha256, replace(labels, utilities=-labels.utilities).order_sha256):
        if order in orders:
            raise LeakageError(
                f"{model.path.name} cannot be used for {task.name}: its source {orders[order]} orders architectures as "
                "the target does. Use a model that learned from other data."
            )
