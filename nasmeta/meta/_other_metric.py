"""Sources of another metric than the target's: who learns from them is told."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from nasmeta.errors import OtherMetricWarning
from nasmeta.tasks import Task

__all__ = ["other_metrics", "warn_of_other_metric"]


def other_metrics(task: Task, kinds: Iterable[str]) -> str:
    """Return in words the metrics of sources where none is the target's; empty where there is nothing to say.

    Sources of several metrics are no others for a target of quality: what is learnt has seen steps from metric to
    metric (TransNAS-Bench-101). For a target of costs they are. Where nobody says the metric, it does not count.

    Examples
    --------
    >>> from nasmeta.tasks import get_task
    >>> other_metrics(get_task("nb201/latency/pixel3"), ["accuracy", "", "accuracy under attack"])
    'accuracy and accuracy under attack'
    """
    known = sorted(set(kinds) - {""})
    same = task.metric_kind in known or (len(known) != 1 and not task.is_cost)
    return "" if same else " and ".join(known)


def warn_of_other_metric(task: Task, kinds: Iterable[str], who: str, helps: str, stacklevel: int = 2) -> None:
    """Warn where sources are all of other metrics than the target.

    Warns
    -----
    OtherMetricWarning
    """
    if found := other_metrics(task, kinds):
        warnings.warn(
            f"The target {task.name} is of the metric {task.metric_kind}, all sources of {who} are of the metric "
            f"{found}: what they say of good cells may not hold here. {helps}",
            OtherMetricWarning,
            stacklevel=stacklevel + 1,
        )
