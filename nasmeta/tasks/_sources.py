"""What every learner asks of its sources, so that all refuse the same."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nasmeta.errors import SettingError, shown
from nasmeta.spaces import SearchSpace
from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._task import Task


def checked_sources(
    who: str, sources: Iterable[SourceTask | Task], space: SearchSpace | None = None, *, move: bool = False
) -> list[SourceTask]:
    """Return the sources' labelled cells, or say what is wrong with them to `who` learns from them.

    They have to be in `space`, where there is one; with `move` they are brought there, as far as it has their cells. Of
    a task only the signal is seen. Nothing can be learnt from the order of equal labels.
    """
    seen: list[SourceTask] = []
    for source in sources:
        if not isinstance(source, SourceTask | Task):
            raise SettingError(f"Sources are Tasks or SourceTasks, not {shown(source)}.")
        seen.append(source.as_source() if isinstance(source, Task) else source)
    if not seen:
        raise SettingError(f"{who} needs at least one source task to learn from.")
    names = [source.name for source in seen]
    if len(set(names)) < len(names):
        raise SettingError(f"A source appears twice: {', '.join(names)}.")
    if space is not None and move:
        seen = [source.in_space(space) for source in seen]
    for source in seen:
        if space is not None and source.space != space:
            raise SettingError(
                f"Source {source.name} lives in space {source.space.name}, but {who} in {space.name}: it learns only "
                "from sources of its own space."
            )
        if np.ptp(source.utilities) == 0:
            raise SettingError(f"Source {source.name} has no two different labels: there is nothing to learn from it.")
    return seen
