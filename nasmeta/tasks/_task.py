"""Task: a search problem, with the column that a searcher sees and the cost of an evaluation."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from functools import cache, cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import ColumnError, MissingValueError, SettingError
from nasmeta.files import shipped
from nasmeta.spaces import SearchSpace, canonical_dataset, get_space, held_out_name
from nasmeta.tables import (
    ColumnInfo,
    Cost,
    Signal,
    Table,
    describe_training,
    kind_of_metric,
    load_table,
    registered_sources,
    space_of_table,
    split_of,
)
from nasmeta.tasks._objectives import Objective
from nasmeta.tasks._signal import is_own_table, recorded_costs
from nasmeta.tasks._source_task import SourceTask

_LABELS = 1000  # of a source in a large space
# within-5ms/latency
OBJECTIVE = re.compile(r"(within|tradeoff)-(\d+(?:\.\d+)?(?:e\d+)?)([^\W\d_]*)/(.+)")


class Task:
    """A search problem: a space, the signal that a searcher sees, and the cost of an evaluation.

    Parameters
    ----------
    name : str
        For example ``nb201/cifar10``.
    table : Table, str or SearchSpace
        The table that holds the columns, or its name, which is looked up on first use; a space if
        there is no table, because a function or a training provides the values.
    signal : Signal
        The column with the values of evaluations.
    objective : Objective, optional
        A second column, and the rule that combines both into one number.
    cost : "recorded", Cost or None, default "recorded"
        The seconds per evaluation. ``"recorded"`` uses the seconds that the table holds for the
        signal's dataset. For None, budgets are given in evaluations.
    held_out : sequence of str, optional
        Replaces the names that follow from the signal, see `held_out`.
    column : ColumnInfo, optional
        The column of the signal, if no table holds it.

    Attributes
    ----------
    scale : mapping of str to float
        Numbers on which good choices depend by a power law, such as ``{"parameters": 2.15e8,
        "tokens": 1e11}``; empty unless set. Sources that state theirs are moved to the target's,
        see `at_scale`.

    Examples
    --------
    >>> from nasmeta.tasks import get_task
    >>> task = get_task("nb201/cifar10")
    >>> task.optimal_architectures, round(task.optimum, 4)
    (array([6111], dtype=int32), 91.6067)
    """

    _stored: tuple[str, ...] = (
        "name",
        "_table",
        "signal",
        "objective",
        "_cost",
        "_held_out",
        "_column",
        "scale",
    )
    scale: Mapping[str, float] = {}
    # `nasmeta.tasks._table`, which imports this module, replaces it by a function to tables with tasks.
    _open: staticmethod[[str], Table] = staticmethod(load_table)

    def __init__(
        self,
        name: str,
        table: Table | str | SearchSpace,
        signal: Signal,
        *,
        objective: Objective | None = None,
        cost: Literal["recorded"] | Cost | None = "recorded",
        held_out: Sequence[str] | None = None,
        column: ColumnInfo | None = None,
    ) -> None:
        self.name, self._table, self.signal, self.objective, self._cost = (
            name,
            table,
            signal,
            objective,
            cost,
        )
        self._held_out = None if held_out is None else tuple(held_out)
        self._column = column

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._stored}  # without cached values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and self.__getstate__() == other.__getstate__()

    def __hash__(self) -> int:
        return hash(self.name)

    def with_held_out(self, held_out: Sequence[str]) -> Task:
        """Return the same task with other names that must not appear in a source."""
        made = copy(self)
        made._held_out = tuple(held_out)
        return made

    def with_objective(self, objective: str, cost: Signal | None = None) -> Task:
        """Return the task of the same column under a budget, or against a cost in another column of the table.

        Parameters
        ----------
        objective : str
            ``within-5/latency`` for the best value with a latency of at most 5;
            ``tradeoff-2/latency`` for the value minus twice the logarithm of the latency. A unit
            may follow the number, as in ``within-5ms/latency``: it must be the column's unit.
        cost : Signal, optional
            The column of the cost. By default, the metric of this name in the table.

        Returns
        -------
        Task
            Its name is the name of this task, a slash and the objective; `get_task` reads it.

        Raises
        ------
        SettingError
            If the text has another form, or unit or directions do not fit.
        ColumnError
            If the table lacks this metric.

        Examples
        --------
        >>> import pandas as pd
        >>> import nasmeta as nm
        >>> measured = pd.DataFrame({"cell": [1, 2, 3], "accuracy": [90.0, 94.0, 89.0], "latency": [5.0, 9.0, 6.0]})
        >>> mine = nm.Table.from_frame(measured, space="nb201", dataset="pets")
        >>> task = mine.task("accuracy").with_objective("within-6/latency")
        >>> task.name, task.optimum, task.values[[1, 2, 3]].round(1).tolist()
        ('own/pets/within-6/latency', 90.0, [90.0, -33.3, 89.0])
        """
        parts = OBJECTIVE.fullmatch(objective)
        if parts is None or self.objective is not None:
            raise SettingError(
                f"objective of {self.name}",
                objective,
                "one, such as within-5/latency or tradeoff-2/latency",
            )
        rule, amount, unit, metric = parts.groups()
        of_cost = cost or self.table.signal(metric, self.signal.dataset)
        task = copy(self)
        task.name = f"{self.name}/{objective}"
        task.objective = Objective(of_cost, rule, float(amount))  # type: ignore[arg-type]
        if cost is None:
            known = self.table.info(*of_cost.address).unit
            if unit not in ("", known):
                raise SettingError(f"unit of {metric}", unit, known)
            _ = task.column  # raises if the directions do not fit
        return task

    # -- table, kind and held-out names
    @property
    def table(self) -> Table:
        """The table that holds the columns.

        Raises
        ------
        MissingValueError
            If there is none, or its files are not on this machine.
        """
        if isinstance(self._table, SearchSpace):
            raise MissingValueError(
                f"{self.name} has no table: its values are unknown before an evaluation."
            )
        return self._open(self._table) if isinstance(self._table, str) else self._table

    @property
    def table_name(self) -> str:
        """The name of the table, or an empty string."""
        if isinstance(self._table, SearchSpace):
            return ""
        return self._table if isinstance(self._table, str) else self._table.name

    @cached_property
    def space(self) -> SearchSpace:
        """The space that is searched."""
        if isinstance(self._table, str):
            return get_space(space_of_table(self._table))
        return self._table if isinstance(self._table, SearchSpace) else self._table.space

    @cached_property
    def _kind_and_device(self) -> tuple[str, str | None]:
        """Kind and device of the signal; the table is opened only if the signal does not state them."""
        if self.signal.kind is not None:
            return self.signal.kind, self.signal.device
        try:
            return self._signal_column.kind, self._signal_column.device
        except (ColumnError, MissingValueError):  # not on this machine
            return kind_of_metric(self.signal.metric)

    @property
    def kind(self) -> str:
        """The kind of the signal: performance, size, seconds, latency, energy or proxy."""
        return self._kind_and_device[0]

    @property
    def device(self) -> str | None:
        """The device on which latency or energy was measured; None for other signals."""
        return self._kind_and_device[1]

    @property
    def dataset(self) -> str:
        """The first of `held_out`: a dataset, or a device for latency and energy."""
        return self.held_out[0]

    @cached_property
    def held_out(self) -> tuple[str, ...]:
        """Names that must not appear in any source when this task is the target.

        They follow from the kind of the signal's column. For performance, such as accuracy, also
        under attack, it is the dataset, for any epochs, seed, split or release. For latency and
        energy it is the device, for any batch size, metric and dataset: these numbers do not depend
        on images, and the values of one device nearly agree for two datasets. A user's table that
        names no device holds out the dataset. A task with a budget holds out the names of both
        columns. Seconds, parameters and FLOPs of two datasets differ by a factor or an offset only,
        so such a task holds out the metric in addition to the dataset; parameters and FLOPs are
        treated as one metric. The same holds for zero-cost proxies (Spearman correlation up to .999
        between datasets).
        """
        if self._held_out is not None:
            return self._held_out
        if self.device is not None:
            names = [self.device]
        else:
            # Networks trained on half of CIFAR-10 have another dataset name, but the same images.
            names = [held_out_name(self.signal.dataset)]
            is_own_hardware = self.kind in ("latency", "energy") and is_own_table(self.table_name)
            if self.kind != "performance" and not is_own_hardware:
                names.append("parameters_and_flops" if self.kind == "size" else self.signal.metric)
        if self.objective is not None:
            names += self.parts[1].held_out
        return tuple(dict.fromkeys(names))

    @property
    def is_cost(self) -> bool:
        """Whether the signal is a cost in proportion to the work done, such as latency or parameters; not a loss."""
        return self.kind in ("size", "seconds", "latency", "energy")

    @property
    def metric_kind(self) -> str:
        """The metric, without device, budget, weight or strength of an attack.

        Examples
        --------
        >>> from nasmeta.tasks import get_task
        >>> [get_task(name).metric_kind for name in ("nb201/cifar10", "nb201/latency/pixel3", "nb201/robust/pgd@1")]
        ['accuracy', 'latency', 'accuracy under attack']
        """
        if self.device is not None:
            return self.kind
        metric, under, _ = self.signal.metric.partition("_under_")
        rules = {"within": " within a budget", "tradeoff": " against a cost"}
        rule = rules[self.objective.rule] if self.objective else ""
        return f"{metric}{' under attack' if under else ''}{rule}"

    @property
    def parts(self) -> tuple[Task, ...]:
        """For a task with an objective: the task without it, and the task of the cost."""
        if self.objective is None:
            raise SettingError(f"{self.name} has a single column.")
        return Task(self.name, self._table, self.signal), Task(
            self.name, self._table, self.objective.cost
        )

    # -- the columns
    @cached_property
    def _signal_column(self) -> ColumnInfo:
        column = self._column or self.table.info(*self.signal.address)
        return replace(column, seed="sample") if self.is_sampled else column

    @cached_property
    def column(self) -> ColumnInfo:
        """Unit, direction, release, source and licence of the signal; of both columns for a task with an objective."""
        if self.objective is None:
            return self._signal_column
        of_signal, cost = self.parts
        return self.objective.column(self.name, of_signal.column, cost.column)

    @property
    def direction(self) -> str:
        """``max`` if a higher signal is better, else ``min``."""
        return self.column.direction

    @property
    def sign(self) -> float:
        """The factor that turns a value into a utility: 1 to maximise, -1 to minimise."""
        return 1.0 if self.direction == "max" else -1.0

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The signal of all architectures, float64, shape (size,), in the column's unit; NaN if not measured."""
        if self.objective is None:
            values = self.table.column(*self.signal.address).astype(np.float64)
        else:
            of_signal, cost = self.parts
            values = self.objective.values(of_signal.values, cost.values)
        values.flags.writeable = False
        return values

    def values_of(
        self, architectures: NDArray[np.integer], epochs: int | None = None
    ) -> NDArray[np.float64]:
        """Return the signal of architectures, float64, shape (n,); a published surrogate predicts it in a large space.

        Parameters
        ----------
        architectures : ndarray of int, shape (n,)
        epochs : int, optional
            Completed epochs of a training that a published surrogate predicts; all by default.
        """
        if not self.space.is_large:
            return np.asarray(self.values[architectures])
        if self.objective is not None:
            values, costs = (part.values_of(architectures, epochs) for part in self.parts)
            # the last row is within the budget, which no other one may be
            return self.objective.values(
                np.append(values, 0.0), np.append(costs, self.objective.amount)
            )[:-1]
        column: Any = self.table.column(*self.signal.address)
        return np.asarray(replace(column, epochs=epochs)[architectures])

    @property
    def is_sampled(self) -> bool:
        """Whether an evaluation returns one seed at random; `values` and `optimum` use the mean over seeds."""
        return self.signal.seed == "sample"

    def sampled_values(self, seed: int) -> NDArray[np.float64]:
        """Return the signal of one seed per architecture, drawn uniformly, float64, shape (size,); NaN if not measured.

        Parameters
        ----------
        seed : int
            Seed of the draw, such as the seed of a run.

        Raises
        ------
        SettingError
            If the signal of the task is not a sampled seed.

        Examples
        --------
        >>> from nasmeta.tasks import get_task
        >>> task = get_task("nb201/cifar10#sample")
        >>> round(task.optimum, 2), [round(float(task.sampled_values(seed)[6111]), 2) for seed in range(3)]
        (91.61, [91.42, 91.42, 91.68])
        """
        if not self.is_sampled:
            raise SettingError(f"{self.name} does not sample seeds.")
        signal = self.signal
        rng = np.random.default_rng([check_int("seed", seed, least=0), 43])
        # Seeds are drawn for the signal; the objective then combines the drawn values with the costs.
        base = self if self.objective is None else self.parts[0]
        architectures = base.measured
        drawn = np.full(self.space.size, np.nan)
        drawn[architectures] = self.table.query(
            architectures,
            signal.dataset,
            signal.metric,
            signal.split,
            signal.epochs,
            rng,
            signal.release,
        )
        if self.objective is not None:
            drawn = self.objective.values(drawn, self.parts[1].values)
        return drawn

    @cached_property
    def measured(self) -> NDArray[np.int32]:
        """The architectures with a value, ascending, int32; a search on the table proposes only these."""
        return np.flatnonzero(~np.isnan(self.values)).astype(np.int32)

    @cached_property
    def _cost_column(self) -> tuple[Any, float] | None:
        """The column of the cost, and the factor from its values to seconds."""
        if self._cost is None or isinstance(self._table, SearchSpace):
            return None
        costs = (
            (self._cost,)
            if isinstance(self._cost, Cost)
            else recorded_costs(self.table, self.signal)
        )
        for cost in costs:
            with suppress(ColumnError, MissingValueError):
                return self.table.column(*cost.signal.address), cost.factor
        return None

    @cached_property
    def _costs(self) -> NDArray[np.float64] | None:
        if self.device is not None:
            return np.zeros(self.space.size)
        if self._cost_column is None or self.space.is_large:
            return None
        column, factor = self._cost_column
        seconds: NDArray[np.float64] = column.astype(np.float64) * factor
        seconds.flags.writeable = False
        return seconds

    def costs_of(
        self, architectures: NDArray[np.integer], epochs: int | None = None
    ) -> NDArray[np.float64]:
        """Return the seconds of an evaluation in a large space, float64, shape (n,); 0 if not recorded.

        Parameters are those of `values_of`.
        """
        if self._cost_column is None:
            return np.zeros(len(architectures))
        column, factor = self._cost_column
        seconds: NDArray[np.float64] = replace(column, epochs=epochs)[architectures] * factor
        return seconds

    @property
    def has_cost(self) -> bool:
        """Whether the cost of an evaluation is recorded."""
        return self._costs is not None

    @property
    def cost_seconds(self) -> NDArray[np.float64]:
        """Seconds per evaluation, float64, shape (size,); NaN if not recorded.

        0 for latency and energy, which need no training. On NAS-Bench-201, if the signal's release
        has no seconds, seconds of NATS-tss v1.0 for 200 epochs times epochs / 200, because every
        epoch takes the same time; networks trained on all of CIFAR-10 (its test accuracy) take
        twice the time of those trained on half.

        Raises
        ------
        MissingValueError
            If no cost is recorded.
        """
        if self._costs is None:
            raise MissingValueError(
                f"{self.name} has no recorded cost. Name a column of seconds, as in table.task(…, "
                "cost='train_seconds'), or give a budget in evaluations."
            )
        return self._costs

    @cached_property
    def report_columns(self) -> tuple[ColumnInfo, ...]:
        """The columns that are reported for the best architecture of a finished run, as far as they are here.

        They are the signal's metric on the test split, one column per release; if that split lacks
        the metric, the other performance metrics of the same direction; and both columns of a task
        with an objective. A searcher cannot reach them.
        """
        if self.objective is not None:
            of_signal, cost = self.parts
            return (of_signal.column, cost.column, *of_signal.report_columns)
        s = self.signal
        if split_of(s.split) != "valid" or isinstance(self._table, SearchSpace):
            return ()
        dataset = canonical_dataset(s.dataset)
        tests: dict[tuple[str, str, str], ColumnInfo] = {}
        for info in self.table.columns:
            fits = (info.epochs, info.split, info.kind) == (s.epochs, "test", self.kind)
            on_dataset = canonical_dataset(info.dataset) in (dataset, f"{dataset}-valid")
            if fits and on_dataset and info.direction == self.direction:
                known = tests.setdefault(key := (info.metric, info.dataset, info.release), info)
                if known.seed != s.seed and info.seed in (s.seed, "mean"):
                    tests[key] = info
        return tuple(info for info in tests.values() if info.metric == s.metric) or tuple(
            tests.values()
        )

    @property
    def test_columns(self) -> tuple[ColumnInfo, ...]:
        """The report columns on the test split."""
        return self.report_columns if self.objective is None else self.parts[0].report_columns

    def report(self, architecture: int) -> dict[ColumnInfo, float]:
        """Return the measured values of an architecture in the report columns.

        Raises
        ------
        MissingValueError
            If the report columns belong to a source that is not on this machine.

        Examples
        --------
        >>> from nasmeta.tasks import get_task
        >>> for column, value in get_task("nb201/cifar100").report(9930).items():
        ...     print(column.address, column.release, round(value, 2))  # doctest: +SKIP
        cifar100/accuracy/test/200/mean NB201 v1.1 73.51
        """
        architecture = check_int("architecture", architecture, 0, self.space.size - 1)
        columns = {
            info: self.table.column(*Signal.of(info).address) for info in self.report_columns
        }
        s, registered = self.signal, registered_sources()
        if not columns and split_of(s.split) == "valid":
            for source in map(registered.__getitem__, registered.tables.get(self.table_name, ())):
                if source.declares(
                    dataset=s.dataset, metric=s.metric, split="test", epochs=s.epochs
                ):
                    raise MissingValueError(
                        f"The test values of {self.name} are not on this machine. {source.how_to_get}"
                    )
        return {
            info: float(of[architecture])
            for info, of in columns.items()
            if not np.isnan(of[architecture])
        }

    @property
    def best_known(self) -> float | None:
        """The best known value of a task in a large space; None if there is none.

        ``benchmarks_data/best_known.json`` states how it was found.
        """
        return best_known_values().get(self.name)

    @cached_property
    def optimum(self) -> float:
        """The best measured value of the signal."""
        return float(self.sign * np.nanmax(self.sign * self.values))

    @cached_property
    def optimal_architectures(self) -> NDArray[np.int32]:
        """All architectures with the best value, int32."""
        return np.flatnonzero(self.values == self.optimum).astype(np.int32)

    def as_source(
        self, n_labels: int | None = None, rng: np.random.Generator | None = None
    ) -> SourceTask:
        """Return the labelled architectures of this task, for meta-training.

        Parameters
        ----------
        n_labels : int, optional
            Number of labels, drawn uniformly; all by default, in a large space 1,000.
        rng : numpy.random.Generator, optional
            Required if `n_labels` is given.

        Raises
        ------
        SettingError
            If `n_labels` exceeds the number of labels, or `rng` is missing.
        MissingValueError
            If nothing is measured.

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
            raise SettingError("rng", None, "a numpy.random.Generator")
        if self.space.is_large:
            return self._labels_of(
                np.unique(self.space.sample(check_int("n_labels", n_labels), rng))
            )
        n_labels = check_int("n_labels", n_labels, most=len(self.measured))
        return self._labels_of(np.sort(rng.choice(self.measured, n_labels, replace=False)))

    @cached_property
    def _all_labels(self) -> SourceTask:
        """The labels of all measured architectures, built and hashed once for all runs and checks."""
        if self.space.is_large:
            return self._labels_of(np.unique(self.space.sample(_LABELS, np.random.default_rng(0))))
        if not len(self.measured):
            raise MissingValueError(f"{self.name} has no measured {self.space.noun}.")
        return self._labels_of(self.measured)

    def _labels_of(self, architectures: NDArray[np.int32]) -> SourceTask:
        values = self.sign * self.values_of(architectures)
        return SourceTask(
            self.name,
            self.dataset,
            self.space,
            architectures,
            values,
            self.held_out,
            self.metric_kind,
            self.scale,
        )

    def __repr__(self) -> str:
        s = self.signal
        parts = filter(None, (s.metric, describe_training(s), self.space.name))
        objective = f", {self.objective}" if self.objective else ""
        return f"Task({self.name!r}: {', '.join(parts)}{objective})"


@cache
def best_known_values() -> dict[str, float]:
    """Return the best known values by task."""
    tasks = json.loads(shipped("best_known.json").read_text(encoding="utf-8"))["tasks"]
    return {name: best["value"] for name, best in tasks.items()}
