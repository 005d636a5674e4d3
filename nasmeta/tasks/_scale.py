"""Labels of sources, moved to the scale of a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._task import Task

_BEST = 0.1  # share of a source's labels whose mean place is its optimum


def at_scale(task: Task, sources: Sequence[Task | SourceTask]) -> list[Task | SourceTask]:
    """Move the labels of sources from their scale, such as a number of parameters, to the scale of the target.

    Good choices often follow a power law of the scale. For each ordered position, the mean code of the best 10 % of a
    source's labels is regressed on the logarithms of the scale, by least squares over the sources. The expected
    difference between the scales of source and target, rounded, is added to the codes of the source. Labels whose codes
    then leave the space are dropped.

    Parameters
    ----------
    task : Task
        The target.
    sources : sequence of Task or SourceTask
        Sources of another space, or without the names of the target's `Task.scale`, stay as they are. So do all sources
        of a target without a scale.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.tasks import SourceTask, Task, at_scale
    >>> space = nm.SearchSpace("net", {"rate": [0.1, 0.2, 0.4, 0.8]})
    >>> small, medium = (
    ...     SourceTask(f"{n}m", f"{n}m", space, [0, 1, 2, 3], losses, scale={"parameters": n * 1e6})
    ...     for n, losses in ((1, [-5, -4, -3, -1]), (10, [-5, -4, -2, -3]))
    ... )
    >>> large = nm.evaluators.FunctionEvaluator(lambda choices: 0.0, space, scale={"parameters": 1e8}).task
    >>> moved = at_scale(large, [small, medium])
    >>> [source.architectures[source.utilities.argmax()].item() for source in moved]
    [1, 1]
    """
    names = task.scale or {}
    seen = [
        source.as_source() if isinstance(source, Task) else source
        for source in sources
        if source.space == task.space and names and names.keys() <= (source.scale or {}).keys()
    ]
    if not seen:
        return list(sources)
    scales = np.log([[(source.scale or {})[name] / value for name, value in names.items()] for source in seen])
    optima = np.array([_best_codes(source).mean(axis=0) for source in seen])
    slopes = np.linalg.lstsq(scales - scales.mean(axis=0), optima - optima.mean(axis=0), rcond=None)[0]
    steps = np.rint(-scales @ slopes).astype(int) * [position.ordered for position in task.space.positions]
    moved = {source.name: _moved(source, step) for source, step in zip(seen, steps, strict=True)}
    return [moved.get(source.name, source) for source in sources]


def _best_codes(source: SourceTask) -> NDArray[Any]:
    best = np.argsort(-source.utilities, kind="stable")[: max(1, round(_BEST * len(source)))]
    return source.space.codes_of(source.architectures[best])


def _moved(source: SourceTask, steps: NDArray[Any]) -> SourceTask:
    """Return a source with other codes; unchanged if fewer than two different labels stay in the space."""
    space = source.space
    codes = space.codes_of(source.architectures) + steps
    inside = ((codes >= 0) & (codes < space.n_choices)).all(axis=1)
    found = np.where(inside, space.find(space.conditions.reduced(codes * inside[:, None]) @ space.place_values), -1)
    architectures, first = np.unique(found, return_index=True)
    utilities = source.utilities[first][kept := architectures >= 0]
    if len(np.unique(utilities)) < 2:
        return source
    return replace(source, architectures=architectures[kept], utilities=utilities)
