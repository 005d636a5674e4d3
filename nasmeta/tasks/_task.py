"""A task: a question to which a table, a surrogate, a training or a function has the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_generator, check_int, check_text
from nasmeta.errors import ColumnError, MissingValueError, SettingError, shown
from nasmeta.spaces import SearchSpace, get_space, held_out_name
from nasmeta.tasks._derived import CombinedTask, SampledSeeds, ShownTask
from nasmeta.tasks._objectives import Objective
from nasmeta.tasks._signal import Cost, Signal, is_own_table, recorded_costs
from nasmeta.tasks._source_task import SourceTask

if TYPE_CHECKING:
    from nasmeta.tables import ColumnInfo, Table


class Task(CombinedTask, SampledSeeds, ShownTask):
    """A search problem: a space, the signal that a searcher sees, and what an evaluation costs.

    Parameters
    ----------
    name : str
        For example ``nb201/cifar10``.
    table : Table, str or SearchSpace
        What holds the columns: a table, or its name, which is looked up when it is needed; a space where there is no
        table, and a function or a training answers.
    signal : Signal
        The column that evaluations answer from.
    objective : Objective, optional
        A second column, and the rule that makes one number of the two.
    cost : "recorded", Signal, Cost, sequence of Cost, or None, default "recorded"
        The seconds of an evaluation: of several, the first whose column is there. ``"recorded"`` finds the seconds that
        were recorded for the signal's dataset. None is none: a budget is then given in evaluations.
    held_out : sequence of str, optional
        Instead of what follows from the signal, see `held_out`.

    Examples
    --------
    >>> from nasmeta.tasks import get_task
    >>> task = get_task("nb201/cifar10")
    >>> task.optimal_cells, round(task.optimum, 4)
    (array([6111], dtype=int32), 91.6067)
    """

    def __init__(
        self,
        name: str,
        table: Table | str | SearchSpace,
        signal: Signal,
        *,
        objective: Objective | None = None,
        cost: Literal["recorded"] | Signal | Cost | Sequence[Cost] | None = "recorded",
        held_out: Sequence[str] | None = None,
    ) -> None:
        self.name = check_text("The name of a task", name)
        if not isinstance(signal, Signal):
            raise SettingError(f"The signal of {name} is a Signal, as Table.task makes one, not {shown(signal)}.")
        if not isinstance(table, str | SearchSpace) and not hasattr(table, "query"):
            raise SettingError(f"The table of {name} is a Table, the name of one, or a space, not {shown(table)}.")
        self.signal, self.objective = signal, objective
        self._table = table
        if isinstance(cost, Signal):
            cost = Cost(cost)
        self._cost: tuple[Cost, ...] | str | None = (
            (cost,) if isinstance(cost, Cost) else cost if cost is None or isinstance(cost, str) else tuple(cost)
        )
        if isinstance(self._cost, str) and self._cost != "recorded":
            raise SettingError(f'The cost of {name} is "recorded", a Signal, a Cost or None, not {shown(cost)}.')
        self._held_out = None if held_out is None else tuple(held_out)

    @property
    def _arguments(self) -> tuple[Any, ...]:
        return self.name, self._table, self.signal, self.objective, self._cost, self._held_out

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self._arguments == other._arguments

    def __hash__(self) -> int:
        return hash((self.name, self.signal))

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, self._arguments

    def with_held_out(self, held_out: Sequence[str]) -> Task:
        """Return the same question where something else must not appear in a source."""
        name, table, signal, objective, cost, _ = self._arguments
        return _made(name, table, signal, objective, cost, held_out)

    # -- what it is about -------------------------------------------------------------------------------------------
    @property
    def table(self) -> Table:
        """The table that holds the columns.

        Raises
        ------
        MissingValueError
            Where there is none, or its files are not on this machine.
        """
        from nasmeta.tables import load_table

        if isinstance(self._table, SearchSpace):
            raise MissingValueError(f"{self.name} has no table: no value of it is known before it is evaluated.")
        return load_table(self._table) if isinstance(self._table, str) else self._table

    @property
    def table_name(self) -> str:
        """The name of the table; empty where there is none."""
        if isinstance(self._table, SearchSpace):
            return ""
        return self._table if isinstance(self._table, str) else self._table.name

    @cached_property
    def space(self) -> SearchSpace:
        """The space that is searched."""
        from nasmeta.tables import space_of_table

        if isinstance(self._table, str):
            return get_space(space_of_table(self._table))
        return self._table if isinstance(self._table, SearchSpace) else self._table.space

    @cached_property
    def _is_about(self) -> tuple[str, str | None]:
        """Kind and device of the signal, known without the table where the signal says them."""
        s = self.signal
        if s.kind is not None:
            return s.kind, s.device
        try:
            column = self._signal_column
        except (ColumnError, MissingValueError):  # it is not here: its name has to do
            from nasmeta.tables import kind_of_old

            return kind_of_old(s.metric)
        return column.kind, column.device

    @property
    def kind(self) -> str:
        """What the signal measures: performance, size, seconds, latency, energy or proxy."""
        return self._is_about[0]

    @property
    def device(self) -> str | None:
        """On which device latency or energy was measured; None for other signals."""
        return self._is_about[1]

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices of the signal and of the objective."""
        both = (self.device, self.objective.cost.device if self.objective else None)
        return tuple(device for device in both if device is not None)

    @property
    def dataset(self) -> str:
        """The first of `held_out`: a dataset, or for a task about hardware a device."""
        return self.held_out[0]

    @cached_property
    def held_out(self) -> tuple[str, ...]:
        """What must not appear in any source when this task is the target.

        It follows from the kind of the signal's column. For performance, such as accuracy, also under attack, that is
        the dataset, whatever the epochs, seed, split or release. For latency and energy it is the device, whatever the
        batch size, the metric and the dataset whose networks ran on it: these numbers do not come from images, and
        those of one device for two datasets nearly agree; a user's table that names no device holds out the dataset.
        A task of both holds out both. Seconds, parameters and FLOPs of one dataset are those of another but for a
        factor or an offset, so such a task holds out the metric beside the dataset; parameters and FLOPs, under
        whatever name, are one metric. So does a zero-cost proxy, as the same untrained networks answer on other images
        (Spearman up to .999 from one dataset to another).
        """
        if self._held_out is not None:
            return self._held_out
        if self.device is not None:
            own: tuple[str, ...] = (self.device,)
        else:
            # Networks trained on half of CIFAR-10 have a dataset of their own name, but its images.
            dataset = held_out_name(self.signal.dataset)
            more = {"performance": None, "size": "parameters_and_flops"}.get(self.kind, self.signal.metric)
            if self.kind in ("latency", "energy") and is_own_table(self.table_name):
                more = None
            own = (dataset,) if more is None else (dataset, more)
        return own if self.objective is None else tuple(dict.fromkeys([*own, *self.parts[1].held_out]))

    @property
    def is_cost(self) -> bool:
        """Whether the signal is a cost in proportion to the work done, as in `SourceTask`."""
        return self.kind in ("size", "seconds", "latency", "energy")

    @property
    def metric_kind(self) -> str:
        """What the signal measures, without device, budget, weight or strength of an attack.

        Examples
        --------
        >>> from nasmeta.tasks import get_task
        >>> [get_task(name).metric_kind for name in ("nb201/cifar10", "nb201/latency/pixel3", "nb201/robust/pgd@1")]
        ['accuracy', 'latency', 'accuracy under attack']
        """
        if self.device is not None:
            return self.kind
        metric, under, _ = self.signal.metric.partition("_under_")
        of_signal = f"{metric} under attack" if under else metric
        if self.objective is None:
            return of_signal
        return f"{of_signal} within a budget" if self.objective.rule == "within" else f"{of_signal} against a cost"

    @property
    def parts(self) -> tuple[Task, Task]:
        """With an objective: the task without it, and the cost as a task of its own."""
        if self.objective is None:
            raise SettingError(f"{self.name} is of one column, so it has no parts.")
        return Task(self.name, self._table, self.signal), Task(self.name, self._table, self.objective.cost)

    # -- the columns ------------------------------------------------------------------------------------------------
    @cached_property
    def _signal_column(self) -> ColumnInfo:
        column = self.table.info(*self.signal.address)
        return replace(column, seed="sample") if self.is_sampled else column

    @cached_property
    def column(self) -> ColumnInfo:
        """Unit, direction, release, source and licence of the signal; of both columns where there is an objective."""
        if self.objective is None:
            return self._signal_column
        return self.objective.column(self.name, *(part.column for part in self.parts))

    @property
    def direction(self) -> str:
        """``max`` where a higher signal is better, else ``min``."""
        return self.column.direction

    @property
    def sign(self) -> float:
        """The factor that makes a value a utility: 1 to maximise, -1 to minimise."""
        return 1.0 if self.direction == "max" else -1.0

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The signal of all architectures, float64, shape (size,), in the column's unit; NaN where not measured."""
        if self.objective is None:
            values = self.table.column(*self.signal.address).astype(np.float64)
        else:
            values = self.objective.values(*(part.values for part in self.parts))
        values.flags.writeable = False
        return values

    @cached_property
    def measured(self) -> NDArray[np.int32]:
        """The architectures with a value, ascending, int32: where a search on the table keeps to."""
        return np.flatnonzero(~np.isnan(self.values)).astype(np.int32)

    @cached_property
    def _costs(self) -> NDArray[np.float64] | None:
        if self.device is not None:
            return np.zeros(self.space.size)
        costs = recorded_costs(self._table, self.signal) if self._cost == "recorded" else self._cost
        for cost in costs or ():
            assert isinstance(cost, Cost)
            try:
                found = self.table.column(*cost.signal.address).astype(np.float64) * cost.factor
            except (ColumnError, MissingValueError):
                continue
            found.flags.writeable = False
            return found
        return None

    @property
    def has_cost(self) -> bool:
        """Whether anybody recorded what an evaluation costs."""
        return self._costs is not None

    @property
    def cost_seconds(self) -> NDArray[np.float64]:
        """Seconds of an evaluation, float64, shape (size,); NaN where nobody recorded them.

        0 for latency and energy, which need no training; how long measuring them took nobody recorded. On
        NAS-Bench-201, where the signal's release has none, they are those that NATS-tss v1.0 recorded for 200 epochs,
        times epochs / 200, for there every epoch takes the same time; networks trained on all of CIFAR-10 (its test
        accuracy) take twice the time of those trained on half.

        Raises
        ------
        MissingValueError
            Where nobody recorded a cost.
        """
        if self._costs is None:
            raise MissingValueError(
                f"{self.name} has no cost: nobody recorded the seconds of an evaluation. Name a column of seconds, as "
                "in table.task(…, cost='train_seconds'), or give a budget in evaluations."
            )
        return self._costs

    @cached_property
    def report_columns(self) -> tuple[ColumnInfo, ...]:
        """What may be told about the best of a finished run: the signal's metric on the test split, where it is here.

        Every release that the table holds is there, and says its name. With an objective, both columns are told, too.
        A searcher has no way to these columns.
        """
        if self.objective is not None:
            of_signal, cost = self.parts
            return (of_signal.column, cost.column, *of_signal.report_columns)
        from nasmeta.tables import split_of

        s = self.signal
        if split_of(s.split) != "valid" or isinstance(self._table, SearchSpace):
            return ()
        found: dict[tuple[str, str], ColumnInfo] = {}
        for info in self.table.columns:
            same = (info.metric, info.epochs) == (s.metric, s.epochs) and split_of(info.split) == "test"
            if same and info.dataset in (s.dataset, f"{s.dataset}-valid"):
                known = found.setdefault((info.dataset, info.release), info)
                if known.seed != s.seed and info.seed in (s.seed, "mean"):
                    found[info.dataset, info.release] = info
        return tuple(found.values())

    def report(self, cell: int) -> dict[ColumnInfo, float]:
        """Return the values of an architecture in the report columns; those that were not measured are left out.

        Examples
        --------
        >>> from nasmeta.tasks import get_task
        >>> for column, value in get_task("nb201/cifar100").report(9930).items():
        ...     print(column.address, column.release, round(value, 2))  # doctest: +SKIP
        cifar100/accuracy/test/200/mean NB201 v1.1 73.51
        """
        cell = check_int("cell", cell, 0, self.space.size - 1)
        if not self.report_columns:
            return {}
        table = self.table
        values = {c: table.column(*Signal.of(c).address) for c in self.report_columns}
        return {info: float(column[cell]) for info, column in values.items() if not np.isnan(column[cell])}

    @cached_property
    def optimum(self) -> float:
        """The best value of the signal among what was measured."""
        return float(self.sign * np.nanmax(self.sign * self.values))

    @cached_property
    def optimal_cells(self) -> NDArray[np.int32]:
        """All architectures whose signal equals the optimum, int32."""
        return np.flatnonzero(self.values == self.optimum).astype(np.int32)

    def as_source(self, n_labels: int | None = None, rng: np.random.Generator | None = None) -> SourceTask:
        """Return the labelled architectures of this task, for meta-training.

        Parameters
        ----------
        n_labels : int, optional
            How many, drawn uniformly, have a label; all measured ones where left out.
        rng : numpy.random.Generator, optional
            Needed where `n_labels` is given.

        Raises
        ------
        SettingError
            Where `n_labels` is no whole number from 1 to that of the labelled ones, or `rng` no generator.
        MissingValueError
            Where nothing is measured.

        Examples
        --------
        >>> import numpy as np
        >>> from nasmeta.tasks import get_task
        >>> len(get_task("nb201/cifar100").as_source(25, np.random.default_rng(0)))
        25
        """
        if n_labels is None:
            return self._all_labels
        if rng is None:
            raise SettingError("A number of labels needs a numpy.random.Generator that draws them: pass rng.")
        n_labels, rng = check_int("n_labels", n_labels), check_generator(rng, "labelled cells")
        if n_labels > len(self.measured):
            raise SettingError(f"{self.name} has {len(self.measured):,} labelled cells; asked for {n_labels:,} labels.")
        return self._labels_of(np.sort(rng.choice(self.measured, n_labels, replace=False)))

    @cached_property
    def _all_labels(self) -> SourceTask:
        """The labels of all measured architectures, built and hashed once for all runs and checks."""
        if not len(self.measured):
            raise MissingValueError(f"{self.name} has no measured {self.space.noun}.")
        return self._labels_of(self.measured)

    def _labels_of(self, cells: NDArray[np.int32]) -> SourceTask:
        values, about = self.sign * self.values[cells], (self.held_out, self.is_cost, self.metric_kind)
        return SourceTask(self.name, self.dataset, self.space, cells, values, *about)

    def __repr__(self) -> str:
        s = self.signal
        said = (("split {}", s.split), ("{} epochs", s.epochs), ("seed {}", s.seed))
        parts = [s.metric, *(text.format(value) for text, value in said if value is not None), self.space.name]
        return f"Task({self.name!r}: {', '.join(parts)}{f', {self.objective}' if self.objective else ''})"


def _made(
    name: str, table: Any, signal: Signal, objective: Objective | None, cost: Any, held_out: Sequence[str] | None
) -> Task:
    return Task(name, table, signal, objective=objective, cost=cost, held_out=held_out)
