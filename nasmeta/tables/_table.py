"""The table: named columns over the architectures of a space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from nasmeta.arrays import Architectures, Floats
from nasmeta.checks import with_unit
from nasmeta.errors import ColumnError, MissingValueError
from nasmeta.plotting import ShowsFacts
from nasmeta.registry import Registry, is_place
from nasmeta.spaces import Architecture, ArchitectureLike, SearchSpace, canonical_dataset, get_space
from nasmeta.tables._address import Address
from nasmeta.tables._catalog import available_sources, table_sources
from nasmeta.tables._columns import ColumnInfo, Seed, SparseValues, Values
from nasmeta.tables._from_frame import columns_of_frame
from nasmeta.tables._joined_columns import JoinedColumns
from nasmeta.tables._nb201_measurements import trained_on
from nasmeta.tables._signal import Signal
from nasmeta.tables._store import space_of
from nasmeta.tables._task_columns import meant_columns
from nasmeta.tables._user_tables import ContentSource, add_columns
from nasmeta.tables.sources import Source, table_names

if TYPE_CHECKING:
    import pandas as pd

_MOST_LISTED = 20  # names in a message
# How the name of a task states parts that are not defaults.
_FORMS_IN_NAMES = {"split": "@{}", "epochs": "@{}ep", "release": "@{}", "seed": "#{}"}


class Table(ShowsFacts):
    """Columns of values of the architectures of a space; the base class of `nasmeta.Table`, which adds tasks.

    Examples
    --------
    >>> from nasmeta.tables import Table, load_table
    >>> isinstance(load_table("nb201"), Table)
    True
    """

    def __init__(self, name: str, sources: Sequence[Source]) -> None:
        self.name = name
        self._sources = tuple(sources)
        with_ends = [source for source in self._sources if not source.curves]
        self._ends = JoinedColumns(name, with_ends, points=False)
        self.columns = self._ends.columns

    def __repr__(self) -> str:
        datasets = sorted({column.dataset for column in self.columns})
        metrics = sorted({column.metric for column in self.columns})
        size = f"{self.space.size:,} architectures, {len(self.columns)} columns"
        return f"Table({self.name!r}, {size}; {', '.join(datasets)}; {', '.join(metrics)})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._has_name:
            return self._load, (self.name,)
        return type(self), (self.name, self._sources)

    @classmethod
    def _of(cls, table: Table) -> Self:
        """Return a table as this class."""
        if isinstance(table, cls):
            return table
        return cls(table.name, table._sources)

    @classmethod
    def _load(cls, name: str) -> Self:
        """Open a table, as `nasmeta.load_table` does."""
        if name not in table_names() and (is_place(name) or name in TABLES):
            return cls._of(TABLES[name](name))
        return cls(name, available_sources(name))

    @cached_property
    def _has_name(self) -> bool:
        """Whether every process finds the table by its name."""
        return not any(isinstance(source, ContentSource) for source in self._sources)

    def named(self, name: str) -> Self:
        """Return the same table under another name, which is also used in the names of its tasks."""
        return self if name == self.name else type(self)(name, self._sources)

    @property
    def _identity(self) -> tuple[str, ...]:
        return self.name, *(getattr(source, "content", source.name) for source in self._sources)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    # -- columns
    @cached_property
    def space(self) -> SearchSpace:
        """The space of the architectures."""
        return space_of(self._sources[0])

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets of its columns."""
        return self._ends.datasets

    @cached_property
    def _points(self) -> JoinedColumns:
        """The points of learning curves."""
        # A user's file may contain ends and points.
        with_points = [source for source in self._sources if source.curves or source.own]
        return JoinedColumns(self.name, with_points, points=True)

    def _holding(self, address: Address) -> tuple[JoinedColumns, Address]:
        """Return the columns that may hold an address, and the address in them; the last point is the end."""
        if address.epoch is None:
            return self._ends, address
        if address.epoch == address.epochs:
            return self._ends, address._replace(epoch=None)
        return self._points, address

    def _find(self, address: Address) -> tuple[Values, ColumnInfo]:
        columns, address = self._holding(address)
        return columns.find(address)

    def _seeds(self, address: Address, *, complete: bool = True) -> list[tuple[Values, ColumnInfo]]:
        columns, address = self._holding(address)
        return columns.seeds(address, complete=complete)

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "name": self.name,
            "space": f"{self.space.name}, {self.space.size:,} architectures",
        }
        by_metric: dict[str, list[ColumnInfo]] = {}
        for column in self.columns:
            by_metric.setdefault(column.metric, []).append(column)
        for metric, columns in by_metric.items():
            parts = []
            for part in ("dataset", "split", "epochs", "seed"):
                values = dict.fromkeys(getattr(column, part) for column in columns)
                listed = ", ".join(map(str, values))
                if part == "dataset":
                    parts.append(listed)
                elif set(values) != {None}:
                    parts.append(f"{part} {listed}")
            facts[with_unit(metric, columns[0].unit)] = "; ".join(parts)
        return facts

    def column(self, *address: Any, **parts: Any) -> Values:
        """Return a whole column, a read-only view of the memory-mapped file.

        Parameters
        ----------
        *address, **parts
            The address, as in `query`. See the class for parts that may be omitted.

        Returns
        -------
        ndarray of float32 or float64, shape (n_architectures,)
            In the unit of the column's `ColumnInfo`; NaN for missing values.

        Raises
        ------
        ColumnError
            If no column, or more than one, has the address.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> column = load_table("nb201").column("cifar100", "accuracy", split="valid", epochs=200, seed="mean")
        >>> int(column.argmax())
        9930
        """
        return self._find(Address(*address, **parts))[0]

    def info(self, *address: Any, **parts: Any) -> ColumnInfo:
        """Return unit, direction, release, source and licence of a column.

        Parameters and errors are those of `column`.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").info("cifar10", "train_seconds").direction
        'min'
        """
        return self._find(Address(*address, **parts))[1]

    # -- values
    def query(
        self,
        architectures: ArchitectureLike,
        dataset: str,
        metric: str = "accuracy",
        split: str | None = None,
        epochs: int | None = None,
        seed: Seed | np.random.Generator | None = None,
        release: str | None = None,
        epoch: int | None = None,
    ) -> Any:
        """Look up the values of architectures.

        Parameters
        ----------
        architectures : int, str, or sequence or array of them, shape (n,)
            In any form that the space's ``index_of`` accepts.
        dataset, metric, split, epochs, release, epoch
            The address. See the class for parts that may be omitted.
        seed : "mean", int or numpy.random.Generator
            ``"mean"`` is the mean of the measured seeds. A Generator draws, for each architecture
            at each query, one of its measured seeds.

        Returns
        -------
        float or ndarray of float64, shape (n,)
            A number for one architecture, an array for several.

        Raises
        ------
        ArchitectureError
            If an architecture is not in the space, or is masked.
        ColumnError
            If no column, or more than one, has the address.
        MissingValueError
            If a value is missing.
        DamagedFileError
            If the file with the values is damaged.

        Examples
        --------
        >>> import numpy as np
        >>> from nasmeta.tables import load_table
        >>> table = load_table("nb201")
        >>> table.query([0, 1], dataset="cifar10", split="valid", epochs=200, seed=np.random.default_rng(0)).shape
        (2,)
        >>> table.query(0, dataset="cifar10", split="train+test", epochs=200, seed="mean")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        nasmeta.errors.NoColumnError: nb201 has no dataset='cifar10', metric='accuracy', split='train+test', \
epochs=200, seed='mean'. Possible: ...
        """
        index = self.space.index_of(architectures)
        if isinstance(seed, np.random.Generator):
            address = Address(dataset, metric, split, epochs, None, release, epoch)
            values = self._drawn(address, np.atleast_1d(index), seed).reshape(np.shape(index))
        else:
            address = Address(dataset, metric, split, epochs, seed, release, epoch)
            values = self._find(address)[0][index]
        missing = np.isnan(values)
        if missing.any():
            raise self._not_measured(np.atleast_1d(index)[np.atleast_1d(missing)], address)
        return float(values) if np.ndim(values) == 0 else values.astype(np.float64)

    def _drawn(
        self, address: Address, architectures: Architectures, rng: np.random.Generator
    ) -> Values:
        # Values and the seeds in order, the measured ones first: shape (n, n_seeds).
        values = np.stack([column[architectures] for column, _ in self._seeds(address)], axis=1)
        measured = ~np.isnan(values)
        order = np.argsort(~measured, axis=1, kind="stable")
        chosen = rng.integers(np.maximum(measured.sum(axis=1), 1))
        rows = np.arange(len(architectures))
        drawn: Values = values[rows, order[rows, chosen]]
        return drawn

    def _not_measured(
        self, architectures: Sequence[int] | Architectures, address: Address
    ) -> MissingValueError:
        first = int(architectures[0])
        more = ""
        if len(architectures) > 1:
            more = f" and {len(architectures) - 1} more"
        return MissingValueError(
            f"{self.name} has no {address.described()} of {self.space.to_string(first)} ({first}){more}. "
            "seed='mean' is the mean of the measured seeds, which available_seeds(…) returns."
        )

    def curve(self, architectures: ArchitectureLike, *address: Any, **parts: Any) -> Floats:
        """Look up learning curves: the value after each epoch of a training.

        Parameters
        ----------
        architectures : int, str, or sequence or array of them, shape (n,)
        *address, **parts
            As in `column`, without ``epoch``.

        Returns
        -------
        ndarray of float64, shape (epochs,) or (n, epochs)
            One curve for one architecture, several for several.

        Raises
        ------
        ArchitectureError, ColumnError, MissingValueError, DamagedFileError
            As in `query`.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").curve(0, "cifar10", "accuracy", "valid", 200, "mean")  # doctest: +SKIP
        array([...])  # of shape (200,), after `nasmeta data fetch nb201-curves`
        """
        asked = Address(*address, **parts)
        if asked.epochs is None:
            raise ColumnError("epochs of a learning curve", None, "the length of the training")
        index = self.space.index_of(architectures)
        points = []
        for epoch in range(1, asked.epochs + 1):
            column, _ = self._points.find(asked._replace(epoch=epoch))
            points.append(column[index])
        values = np.stack(points, axis=-1).astype(np.float64)
        missing = np.isnan(np.atleast_2d(values)).any(axis=1)
        if missing.any():
            raise self._not_measured(np.atleast_1d(index)[missing], asked._replace(epoch=1))
        return values

    def available_seeds(
        self, architecture: Architecture, *address: Any, **parts: Any
    ) -> tuple[int, ...]:
        """Return the measured seeds of an architecture.

        The address is that of `column`, without a seed. Split and epochs may be omitted if only one
        exists.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").available_seeds(0, dataset="cifar10")
        (777, 888, 999)
        """
        index = self.space.index_of(architecture)
        seeds = []
        for values, column in self._seeds(Address(*address, **parts), complete=False):
            if isinstance(column.seed, int) and not np.isnan(values[index]):
                seeds.append(column.seed)
        return tuple(seeds)

    def of_seeds(self, info: ColumnInfo) -> dict[int, Values]:
        """Return the columns of single seeds of a measurement, by seed."""
        measurement = attrgetter("dataset", "metric", "split", "epochs", "release")
        seeds = {}
        for column in self.columns:
            if isinstance(column.seed, int) and measurement(column) == measurement(info):
                seeds[column.seed] = self._ends.values_of(column)
        return seeds

    def lookup(self, *address: Any, **parts: Any) -> Callable[[Architecture], float]:
        """Return the fastest look-up of single architectures: a function from an architecture to its value.

        Parameters
        ----------
        *address, **parts
            As in `query`. A Generator as the seed draws from the same distribution as in `query`,
            but other values.

        Returns
        -------
        callable
            Raises ArchitectureError and MissingValueError as `query` does.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> seconds = load_table("nb201").lookup("cifar10", "train_seconds")
        >>> round(seconds(0), 3)
        1444.219
        """
        asked = Address(*address, **parts)
        rng: Any = asked.seed
        if isinstance(rng, np.random.Generator):
            return self._drawing(asked._replace(seed=None), rng)
        # Names of this function and items of a list are read fastest.
        index_of, n_architectures = self.space.index_of, self.space.size
        values: list[float] = self._find(asked)[0].tolist()

        def look_up(architecture: Architecture) -> float:
            index: Any = architecture
            if type(architecture) is not int or not 0 <= architecture < n_architectures:
                index = index_of(architecture)
            value: float = values[index]
            if value != value:
                raise self._not_measured([index], asked)
            return value

        return look_up

    def _drawing(self, asked: Address, rng: np.random.Generator) -> Callable[[Architecture], float]:
        """Return a function that draws one of the measured seeds of an architecture."""
        columns = np.stack([column for column, _ in self._seeds(asked)], axis=1)
        index_of, integers = self.space.index_of, rng.integers
        measured: list[list[float]] = []
        for row in columns.tolist():
            measured.append([value for value in row if value == value])

        def draw(architecture: Architecture) -> float:
            index = index_of(architecture)
            values = measured[index]
            if not values:
                raise self._not_measured([index], asked)
            return values[integers(len(values))]

        return draw

    # -- users' tables
    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        space: str | SearchSpace,
        *,
        name: str = "own",
        architecture: str | None = None,
        dataset: str | None = None,
        metrics: Sequence[str] | None = None,
        split: str | None = None,
        epochs: int | None = None,
        seed: Seed | None = None,
        release: str | None = None,
        direction: str | Mapping[str, str] | None = None,
        unit: str | Mapping[str, str] | None = None,
        kind: str | Mapping[str, str] | None = None,
        measured_on: str | None = None,
    ) -> Self:
        """Make a table of a data frame.

        The frame has one column per metric. Columns named ``dataset``, ``split``, ``epochs``,
        ``seed``, ``release`` or ``epoch`` describe each row; an argument describes all rows. The
        mean over single seeds is added, except for rows with the seed ``mean``. A search keeps to
        the architectures that have a row.

        Well-known metrics, such as ``accuracy``, ``val_acc``, ``test_error``, ``loss``, ``params``,
        ``flops``, ``latency_ms``, ``energy`` and ``train_seconds``, need no statement; see the page
        *Search your own table* for all of them. Any other metric needs a direction. Accuracies of a
        dataset are in percent if one of them exceeds 1. A warning names accuracies that look like
        fractions among percents, unless `unit` is stated.

        Parameters
        ----------
        frame : DataFrame
        space : str or SearchSpace
        name : str, default "own"
            Name of the table, the first part of the names of its tasks.
        architecture : str, optional
            The column of the architectures, as indices or strings. By default, the columns named as
            the positions of the space, or the column ``architecture``, ``arch``, ``arch_str``,
            ``cell`` or ``index``.
        dataset : str, optional
            The training data; by default the name of the table.
        metrics : sequence of str, optional
            The metrics of the frame. By default all other columns, which must be numbers.
        split, epochs, seed, release : optional
            As in `nasmeta.tables.ColumnInfo`.
        direction : {"max", "min"} or mapping of metric to it, optional
            Whether higher or lower values are better.
        unit : str or mapping of metric to str, optional
        kind : str or mapping of metric to str, optional
            See `nasmeta.tables.ColumnInfo`; ``performance`` by default. Lower is better for
            ``size``, ``seconds``, ``latency`` and ``energy``. Metrics of kind ``seconds`` are the
            cost of an evaluation.
        measured_on : str, optional
            The device on which latency or energy was measured.

        Returns
        -------
        Table
            Its values are float32, or float64 if float32 would merge distinct values. It is kept in
            the cache folder by its content, so that workers map the same file; `add` gives it a
            name there.

        Raises
        ------
        SettingError, ArchitectureError
            If a row or a metric cannot be read; the message names it.

        Examples
        --------
        >>> import pandas as pd
        >>> import nasmeta as nm
        >>> frame = pd.DataFrame({"architecture": [6111, 9930, 14], "accuracy": [91.5, 90.1, 70.0]})
        >>> table = nm.Table.from_frame(frame, space="nb201", name="clinic", dataset="x-rays")
        >>> round(table.query(9930, dataset="x-rays"), 1), table.task("accuracy").name
        (90.1, 'clinic/x-rays')
        """
        space = get_space(space)
        columns = columns_of_frame(
            frame, space, name, architecture=architecture, metrics=metrics, direction=direction, unit=unit, kind=kind,
            measured_on=measured_on, dataset=dataset, split=split, epochs=epochs, seed=seed, release=release,
        )  # fmt: skip
        return cls(name, [ContentSource.of(name, space, columns)])

    def add(self, name: str | None = None, *, replace: bool = False) -> Self:
        """Keep the table under a name in the cache folder, so that all processes and commands find it.

        Parameters
        ----------
        name : str, optional
            Lower-case letters, digits, ``.``, ``_`` and ``-``; by default the name of the table.
        replace : bool, default False
            Whether to replace other content under this name.

        Returns
        -------
        Table
            The table that `load_table` returns from now on.

        Raises
        ------
        SettingError
            If the name is taken or invalid.
        """
        if name is None:
            name = self.name
        found = [*self._ends]
        if all(source.own for source in self._sources):
            found += self._points
        columns = [(column, SparseValues.of(values)) for values, column in found]
        add_columns(name, self.space, columns, replace=replace)
        return self._load(name)

    def to_frame(self, dataset: str | None = None) -> pd.DataFrame:
        """Return all architectures with their choices and their values as a data frame.

        Parameters
        ----------
        dataset : str, optional
            Keep only the columns of this dataset, and omit it from their names.

        Returns
        -------
        DataFrame
            Indexed by ``architecture``; one column per position of the space, then one per column
            of the table, named by its address. If several releases hold an address, the default
            release keeps the plain name.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> frame = load_table("nb201").to_frame(dataset="cifar10")
        >>> frame["accuracy/valid/200/mean"].idxmax()
        6111
        """
        import pandas as pd

        columns = self.columns
        if dataset is not None:
            columns = tuple(self._ends.by_dataset.get(canonical_dataset(dataset), ()))
        if not columns:
            allowed = f"one of {', '.join(self.datasets)}"
            raise ColumnError(f"The dataset of {self.name}", dataset, allowed)
        addresses = Counter(column.address for column in columns)
        metrics = Counter(column.metric for column in columns)
        values = {}
        for column in columns:
            name = column.address
            if dataset is not None and metrics[column.metric] == 1:
                name = column.metric
            elif dataset is not None:
                name = name.partition("/")[2]
            if addresses[column.address] > 1 and column.release != self._ends.release:
                name = f"{name} ({column.release})"
            values[name] = self._ends.values_of(column)
        measured = pd.DataFrame(values).rename_axis("architecture")
        return pd.concat([self.space.to_frame(), measured], axis=1)

    # -- tasks
    def signal(self, metric: str | None = None, dataset: str | None = None, **parts: Any) -> Signal:
        """Return the address that a task observes; parameters, defaults and errors are those of `nasmeta.Table.task`.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").signal("accuracy", "cifar10").epochs
        200
        """
        dataset, metric = self._single_metric(dataset, metric)
        asked = Address(dataset, metric, **parts).normal()
        is_sampled = asked.seed == "sample"
        if is_sampled:
            asked = asked._replace(seed=None)
            self._ends.matching(asked, single_seeds=True)  # raises an error if there is none
        meant = meant_columns(self._ends.matching(asked), asked)
        choices = []
        for part in ("split", "epochs", "seed", "release"):
            values = {str(getattr(column, part)) for column in meant}
            if len(values) > 1:
                choices.append(f"{part}: {', '.join(sorted(values))}")
        if choices:
            several = f"{asked.described()} fits several columns of {self.name}."
            raise ColumnError(f"{several} State {'; '.join(choices)}.")
        signal = Signal.of(meant[0])
        if is_sampled:
            return replace(signal, seed="sample")
        return signal

    def _single_metric(self, dataset: str | None, metric: str | None) -> tuple[str, str]:
        """Return a dataset and a metric: as given, else the only dataset and its only default metric."""
        datasets = self.datasets
        if dataset is None and len(datasets) == 1:
            dataset = datasets[0]
        metrics = self._ends.default_metrics.get(canonical_dataset(dataset or ""), [])
        if metric:
            metrics = [metric]
        if dataset is None or not metrics:
            allowed = f"one of {', '.join(datasets[:_MOST_LISTED])}"
            raise ColumnError(f"dataset of {self.name}", dataset, allowed)
        if len(metrics) > 1:
            hint = f"Add it to the name, as in {self.name}/{dataset}/{metrics[0]}."
            allowed = f"one of {', '.join(metrics[:_MOST_LISTED])}"
            raise ColumnError(f"metric of {self.name}/{dataset}", None, allowed, hint)
        return dataset, metrics[0]

    def _task_name(self, signal: Signal) -> str:
        """Return ``TABLE/DATASET``, the metric unless it is the main one, and all other parts that are not defaults.

        Examples are ``mine/pets``, ``mine/pets@test``, ``mine/pets@12ep`` and ``mine/pets/loss#0``.
        """
        asked = Address(signal.dataset, signal.metric).normal()
        meant = meant_columns(self._ends.matching(asked), asked)
        name = f"{self.name}/{signal.dataset}"
        if self._ends.default_metrics[canonical_dataset(signal.dataset)] != [signal.metric]:
            name += f"/{signal.metric}"
        for part, form in _FORMS_IN_NAMES.items():
            value = getattr(signal, part)
            # `get_task` refuses a built-in table's test values, unless the name states the split.
            needs_split = value == "test" and self.name in table_names()
            is_default = {getattr(column, part) for column in meant} == {value}
            if value is not None and (needs_split or not is_default):
                name += form.format(value)
        return name

    def frame(self) -> pd.DataFrame:
        """Return the facts about the columns as a data frame with one row per column, indexed by address.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").frame().loc["cifar10/train_seconds/train/200/mean", "unit"]
        's'
        """
        import pandas as pd

        addresses = [column.address for column in self.columns]
        facts = pd.DataFrame(map(asdict, self.columns), addresses)
        return facts.rename_axis("address")


def _from_package(provided: Any) -> Callable[[str], Table] | None:
    """Return a function from a name to a table, from a Table or a function of another package."""
    if isinstance(provided, Table):
        return provided.named
    if isinstance(provided, type) or not callable(provided):
        return None
    return lambda name: provided().named(name)


TABLES: Registry[Callable[[str], Table]] = Registry(
    "table",
    group="nasmeta.tables",
    accepts=_from_package,
    wanted="a nasmeta.Table, or a function that returns one",
)


def load_table(name: str = "nb201") -> Table:
    """Open a table without the tasks of `nasmeta.load_table`.

    Examples
    --------
    >>> from nasmeta.tables import load_table
    >>> load_table("nb201").space.size
    15625
    """
    return Table._load(name)


def query(
    architectures: Architecture | Sequence[Architecture],
    dataset: str,
    metric: str = "accuracy",
    split: str | None = None,
    epochs: int | None = None,
    seed: Seed | None = None,
    release: str | None = None,
    table: str | Table = "nb201",
) -> pd.DataFrame:
    """Look up the values of architectures, with all facts about the measurement.

    Parameters
    ----------
    architectures : int, str, or sequence of them
        Indices or strings of the table's space.
    dataset, metric, split, epochs, seed, release
        The column, as in `Table.query`.
    table : str or Table, default "nb201"

    Returns
    -------
    DataFrame, one row per architecture
        ``cell, architecture, value``, and ``metric, unit, dataset, split, epochs, seed, release,
        source``.

    Raises
    ------
    UnknownNameError, ArchitectureError, ColumnError, MissingValueError
        As in `load_table` and `Table.query`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> values = nm.query([6111, 0], "cifar10", split="valid", epochs=200, seed="mean")
    >>> values[["cell", "value", "unit", "release"]].round(2).values.tolist()
    [[6111, 91.61, 'percent', 'NATS-tss v1.0'], [0, 81.98, 'percent', 'NATS-tss v1.0']]
    """
    import pandas as pd

    if isinstance(table, str):
        table = load_table(table)
    address = (dataset, metric, split, epochs, seed, release)
    indices = np.atleast_1d(table.space.index_of(architectures))
    values = table.query(indices, *address)
    strings = [table.space.to_string(architecture) for architecture in indices.tolist()]
    frame = pd.DataFrame({"cell": indices, "architecture": strings, "value": values})
    column = table.info(*address)
    for fact in ("metric", "unit", "dataset", "split", "epochs", "seed", "release", "source"):
        frame[fact] = [getattr(column, fact)] * len(frame)  # keeps an absent split None
    return frame


def describe_training(info: ColumnInfo | Signal) -> str:
    """Return a column's split, epochs and seed as a text, without unknown parts.

    >>> import nasmeta as nm
    >>> describe_training(nm.get_task("nb201/cifar10").column)
    'split valid, 200 epochs, seed mean'
    """
    texts = []
    for text, value in (
        ("split {}", info.split),
        ("{} epochs", info.epochs),
        ("seed {}", info.seed),
    ):
        if value is not None:
            texts.append(text.format(value))
    return ", ".join(texts)


def describe_column(info: ColumnInfo) -> str:
    """Return a column's dataset, training images, split, epochs, seed and origin as a text.

    >>> import nasmeta as nm
    >>> describe_column(nm.get_task("nb201/cifar100").column)
    'dataset cifar100, split valid, 200 epochs, seed mean, release NATS-tss v1.0'
    """
    images = None
    if any(source.name == info.source for source in table_sources("nb201")):
        images = trained_on(info.dataset, info.split)
    parts = (f"dataset {info.dataset}", images, describe_training(info), info.origin_text)
    return ", ".join(filter(None, parts))
