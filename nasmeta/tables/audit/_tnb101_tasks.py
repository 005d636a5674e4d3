"""Checks of TransNAS-Bench-101's tasks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from nasmeta.tables.audit._check import Finding, Holdings, check
from nasmeta.tables.sources._transnas import TASKS

_OWN_METRIC = {task: measures[0].metric for task, (_, measures) in TASKS.items()}
# −0.04 (autoencoder, room_layout) is told, too: that is what the largest loss over the epochs gives, the worst one.
_LOWEST, _HIGHEST = 0.10, 0.87


@check(
    "tasks-differ",
    "The tasks' validation ranks agree as little, and as much, as is known, with good values first.",
    ("tnb101",),
    ("transnas",),
)
def _tasks_differ(held: Holdings) -> Iterator[Finding]:
    from scipy.stats import spearmanr

    columns = {}
    for task, metric in _OWN_METRIC.items():
        one = held.first(dataset=task, metric=metric, split="valid")
        if one is not None:
            columns[task] = one.values if one.info.direction == "max" else -one.values
    found = {
        (a, b): float(spearmanr(columns[a], columns[b], nan_policy="omit").statistic)
        for a, b in combinations(columns, 2)
    }
    if len(columns) < len(_OWN_METRIC):
        return
    for pair, known in ((min(found, key=found.__getitem__), _LOWEST), (max(found, key=found.__getitem__), _HIGHEST)):
        info = held.find(dataset=pair[0], metric=_OWN_METRIC[pair[0]], split="valid")[0].info
        figure = found[pair]
        measured = f"Spearman with {pair[1]} {figure:.4f}, known: {known:g}"
        yield Finding.on(info, held.space.size, holds=abs(figure - known) < 0.01, measured=measured)
