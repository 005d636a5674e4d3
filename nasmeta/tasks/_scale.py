"""Labels of sources, moved to the scale of a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import SearchSpace
from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._task import Task

_BEST = 0.1  # share of a source's labels whose mean place is its optimum


def at_scale(task: Task, sources: Sequence[Task | SourceTask]) -> list[Task | SourceTask]:
    """Move the labels of sources from their scale, such as a number of parameters, to the scale of the target.

    Good choices often follow a power law of the scale. For each ordered position, the mean code of
    the best 10 % of a source's labels is regressed on the logarithms of the scale, by least squares
    over the sources. The expected difference between the scales of source and target, rounded, is
    added to the codes of the source. Labels whose codes then leave the space are dropped. Runs of
    searchers with sources begin with this step; a saved meta-model does not contain it, because it
    was trained without a target.

    Parameters
    ----------
    task : Task
        The target.
    sources : sequence of Task or SourceTask
        Returned unchanged if the target has no scale, or if a source lacks it or has another space.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.tasks import SourceTask, Task, at_scale
    >>> space = nm.SearchSpace("net", {"rate": [0.1, 0.2, 0.4, 0.8]})
    >>> small, medium = (
    ...     SourceTask(f"{n}m", f"{n}m", space, [0, 1, 2, 3], losses, scale={"parameters": n * 1e6})
    ...     for n, losses in ((1, [-5, -4, -3, -1]), (10, [-5, -4, -2, -3]))
    ... )
    >>> large = nm.evaluators.FunctionEvaluator(lambda choices: 0.0, space)
    >>> large.task.scale = {"parameters": 1e8}
    >>> [source.architectures[source.utilities.argmax()].item() for source in at_scale(large.task, [small, medium])]
    [1, 1]
    >>> len(nm.search("rgpe", large, evaluations=3, sources=[small, medium]))  # moves them
    3
    """
    space = task.space
    stated = all(
        source.space == space and task.scale.keys() <= source.scale.keys() for source in sources
    )
    if not (sources and task.scale and stated):
        return list(sources)
    labelled = []
    ratios = []
    optima = []
    for source in sources:
        labels = source.as_source() if isinstance(source, Task) else source
        labelled.append(labels)
        ratios.append([labels.scale[name] / value for name, value in task.scale.items()])
        optima.append(_optimum(labels))
    # Least squares with an intercept: both sides are centred over the sources.
    log_ratios = np.log(ratios)  # (n_sources, n_scales), 0 at the scale of the target
    codes = np.array(optima)  # (n_sources, n_positions)
    centred_ratios = log_ratios - log_ratios.mean(axis=0)
    centred_codes = codes - codes.mean(axis=0)
    slopes = np.linalg.lstsq(centred_ratios, centred_codes, rcond=None)[0]
    # Codes of unordered choices have no direction, so they stay.
    is_ordered = [position.ordered for position in space.positions]
    steps = np.rint(-log_ratios @ slopes).astype(int) * is_ordered  # (n_sources, n_positions)
    return [_moved(source, step) for source, step in zip(labelled, steps, strict=True)]


def _optimum(source: SourceTask) -> NDArray[Any]:
    """Return the mean code of a source's best labels, shape (n_positions,)."""
    n_best = max(1, round(_BEST * len(source)))
    best = np.argsort(-source.utilities, kind="stable")[:n_best]
    return _mean(source.space, source.space.codes_of(source.architectures[best]))


def _mean(space: SearchSpace, codes: NDArray[Any]) -> NDArray[Any]:
    """Return the mean code of each position where it is active; the others are 0."""
    n_active = space.conditions.active(codes).sum(axis=0)
    return np.asarray(codes.sum(axis=0) / n_active.clip(1))


def _moved(source: SourceTask, steps: NDArray[Any]) -> SourceTask:
    """Return a source with other codes; unchanged if fewer than two different labels stay in the space."""
    space = source.space
    codes = space.codes_of(source.architectures)
    codes = codes + steps * space.conditions.active(codes)
    # Clipped codes are valid for the look-up; labels that the clipping changed are dropped (-1).
    inside = codes.clip(0, np.array(space.n_choices) - 1)
    nearest = space.find(space.conditions.reduced(inside) @ space.place_values)
    moved = np.where((codes == inside).all(axis=1), nearest, -1)
    architectures, first = np.unique(moved, return_index=True)
    kept = architectures >= 0
    utilities = source.utilities[first][kept]
    if len(np.unique(utilities)) < 2:
        return source
    return replace(source, architectures=architectures[kept], utilities=utilities)
