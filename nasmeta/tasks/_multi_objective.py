"""Tasks of several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.spaces import canonical_dataset, namesakes
from nasmeta.tables import ColumnInfo, Signal, joined_facts
from nasmeta.tasks._objectives import Front
from nasmeta.tasks._task import Task

if TYPE_CHECKING:
    import pandas as pd

HYPERVOLUME_UNIT = "% of the front's hypervolume"


class MultiObjectiveTask(Task):
    """A search problem with several objectives: values are vectors, the goal is the whole Pareto front.

    A run is measured by its hypervolume, in percent of the true front's (see `nasmeta.tasks.Front`
    for scale and reference point), and its regret is 100 minus that. So everything that compares
    searchers on one objective compares them on several. An evaluation costs the seconds of the most
    expensive objective, because one training measures all.

    Parameters
    ----------
    name : str
        For example ``nb201/cifar10+latency/pixel3``.
    parts : sequence of Task
        One per objective: at least two, over the same space, about the same dataset.
    reference : sequence of float, optional
        The reference point of hypervolumes, in the units of the objectives; by default that of
        `nasmeta.tasks.Front`.

    Attributes
    ----------
    parts : tuple of Task

    Raises
    ------
    SettingError
        If the parts do not fit.

    Examples
    --------
    >>> import nasmeta as nm
    >>> task = nm.multi_objective_task(["accuracy", "train_seconds"], dataset="cifar10")
    >>> task.name, task.metrics, task.directions
    ('nb201/cifar10+train_seconds', ('accuracy', 'train_seconds'), ('max', 'min'))
    >>> task.held_out
    ('cifar10', 'train_seconds')
    """

    _stored = ("name", "_parts", "objective", "_table", "_held_out", "reference")

    def __init__(  # without super(): it lacks a signal
        self, name: str, parts: Sequence[Task], reference: Sequence[float] | None = None
    ) -> None:
        self.name, self._parts = name, _checked(name, parts)
        self.objective, self._table, self._held_out = None, self._parts[0]._table, None
        self.reference = reference

    @property
    def parts(self) -> tuple[Task, ...]:
        """One task per objective."""
        return self._parts

    @property
    def is_sampled(self) -> bool:
        """False: objectives cannot have sampled seeds."""
        return False

    @property
    def n_objectives(self) -> int:
        """Number of objectives."""
        return len(self._parts)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of the objectives; the names of the parts if several have the same metric."""
        metrics = [part.column.metric for part in self._parts]
        names = []
        for part, metric in zip(self._parts, metrics, strict=True):
            names.append(part.name if metrics.count(metric) > 1 else metric)
        return tuple(names)

    @property
    def directions(self) -> tuple[str, ...]:
        """``max`` or ``min`` of each objective."""
        return tuple(part.direction for part in self._parts)

    @property
    def signs(self) -> NDArray[np.float64]:
        """1 for each objective that is maximised, else -1; shape (m,)."""
        return np.array([part.sign for part in self._parts])

    @property
    def columns(self) -> tuple[ColumnInfo, ...]:
        """Unit, direction, release, source and licence of each objective."""
        return tuple(part.column for part in self._parts)

    # -- members of a task of one objective
    def _no_single(self, what: str) -> NoReturn:
        raise SettingError(
            f"{self.name} has {self.n_objectives} objectives and no {what}; each of its parts has one."
        )

    @property
    def signal(self) -> Signal:  # type: ignore[override]
        """Raise a SettingError: each of the parts has a signal."""
        self._no_single("single signal")

    def as_source(self, *_: Any, **__: Any) -> NoReturn:
        """Raise a SettingError: labels of sources are numbers."""
        self._no_single("labels to learn from")

    @cached_property
    def held_out(self) -> tuple[str, ...]:
        """Names of all parts that must not appear in any source."""
        return self._held_out or tuple(
            dict.fromkeys(name for part in self._parts for name in part.held_out)
        )

    @property
    def kind(self) -> str:
        """The kinds of the objectives."""
        return " and ".join(dict.fromkeys(part.kind for part in self._parts))

    @property
    def device(self) -> None:
        """None: an evaluation costs its training."""
        return None

    @property
    def metric_kind(self) -> str:
        """``hypervolume``."""
        return "hypervolume"

    @cached_property
    def column(self) -> ColumnInfo:
        """The hypervolume, with releases, sources, licences and checksums of all columns."""
        joined = joined_facts(self.columns, "release", "source", "licence", "source_sha256", "note")
        metric = f"hypervolume_of_{'_and_'.join(column.metric for column in self.columns)}"
        facts = {"unit": HYPERVOLUME_UNIT, "direction": "max", "kind": "performance", **joined}
        return replace(self.columns[0], metric=metric, **facts)

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The objectives of all architectures, float64, shape (size, m); NaN in all if one was not measured."""
        values = np.stack([part.values for part in self._parts], axis=1)
        values[np.isnan(values).any(axis=1)] = np.nan
        values.flags.writeable = False
        return values

    @cached_property
    def measured(self) -> NDArray[np.int32]:
        """The architectures with a value of every objective, ascending, int32."""
        return np.flatnonzero(~np.isnan(self.values[:, 0])).astype(np.int32)

    @cached_property
    def front(self) -> Front:
        """The true front of the table, over all measured architectures."""
        return Front(self.values, self.directions, self.reference)

    def front_frame(self) -> pd.DataFrame:
        """Return the true front as a data frame: ``cell``, ``architecture``, and one column per objective.

        Examples
        --------
        >>> import nasmeta as nm
        >>> task = nm.multi_objective_task(["accuracy", "train_seconds"], dataset="cifar10")
        >>> task.front_frame().shape
        (37, 4)
        """
        return front_frame(self, self.front.architectures, self.front.values)

    @property
    def optimum(self) -> float:
        """100: the hypervolume of the front in percent of itself."""
        return 100.0

    @property
    def optimal_architectures(self) -> NDArray[np.int32]:
        """The architectures on the front, int32."""
        return self.front.architectures

    @cached_property
    def _costs(self) -> NDArray[np.float64] | None:
        known = [part.cost_seconds for part in self._parts if part.has_cost]
        return np.max(known, axis=0) if known else None

    @cached_property
    def report_columns(self) -> tuple[ColumnInfo, ...]:
        """The columns of all parts, and their report columns."""
        return (*self.columns, *(column for part in self._parts for column in part.report_columns))

    def __repr__(self) -> str:
        return f"MultiObjectiveTask({self.name!r}: {', '.join(part.name for part in self._parts)})"


def front_frame(
    task: MultiObjectiveTask, architectures: NDArray[np.int32], values: NDArray[np.float64]
) -> pd.DataFrame:
    """Return architectures with their objectives as a data frame, in the given order.

    >>> import nasmeta as nm
    >>> task = nm.multi_objective_task(["accuracy", "train_seconds"], dataset="cifar10")
    >>> front_frame(task, task.front.architectures[:1], task.front.values[:1])["accuracy"].round(2).tolist()
    [91.61]
    """
    import pandas as pd

    about = {
        "cell": architectures,
        "architecture": [
            task.space.to_string(architecture) for architecture in architectures.tolist()
        ],
    }
    return pd.DataFrame(about | dict(zip(task.metrics, values.T, strict=True)))


def _checked(name: str, parts: Sequence[Task]) -> tuple[Task, ...]:
    columns = {(part.table_name, part.signal.address, part.objective) for part in parts}
    if len(parts) < 2 or len(columns) < len(parts) or any(part.is_sampled for part in parts):
        names = [part.name for part in parts]
        raise SettingError(
            f"objectives of {name}", names, "at least two different ones, without #sample"
        )
    # The space of a table may not be on this machine, so parts of one table are not asked for it.
    by_table = {part._table: part for part in parts}
    spaces = []
    if len(by_table) > 1:
        spaces = list(dict.fromkeys(part.space for part in by_table.values()))
    if len(spaces) > 1:
        names = [space.name for space in spaces]
        raise SettingError(
            f"spaces of {name}", names, "a single one", namesakes(*spaces[:2]).strip()
        )
    # Networks trained on half of a dataset may be combined with those trained on all of it.
    names_of_datasets = [canonical_dataset(part.signal.dataset) for part in parts]
    datasets = list(dict.fromkeys(name.removesuffix("-valid") for name in names_of_datasets))
    if len(datasets) > 1:
        raise SettingError(
            f"datasets of {name}", datasets, "a single one, as in nb201/cifar100+latency/pixel3"
        )
    return tuple(parts)
