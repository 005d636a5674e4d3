"""Sources of another kind of metric than the target's: who learns from them is told."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

from nasmeta.errors import OtherMetricWarning, calls_inside
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

    Examples
    --------
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
