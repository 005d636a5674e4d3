"""The table: named columns over the architectures of a space."""

from __future__ import annotations

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
        self._ends = JoinedColumns(
            name, [source for source in self._sources if not source.curves], points=False
        )
        self.columns = self._ends.columns

    def __repr__(self) -> str:
        datasets = ", ".join(sorted({info.dataset for info in self.columns}))
        metrics = ", ".join(sorted({info.metric for info in self.columns}))
        size = f"{self.space.size:,} architectures, {len(self.columns)} columns"
        return f"Table({self.name!r}, {size}; {datasets}; {metrics})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            (self._load, (self.name,))
            if self._has_name
            else (type(self), (self.name, self._sources))
        )

    @classmethod
    def _of(cls, table: Table) -> Self:
        """Return a table as this class."""
        return table if isinstance(table, cls) else cls(table.name, table._sources)

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
        return JoinedColumns(
            self.name, [source for source in self._sources if source.has_points], points=True
        )

    def _find(self, address: Address) -> tuple[Values, ColumnInfo]:
        if address.epoch in (None, address.epochs):
            return self._ends.find(
                address if address.epoch is None else address._replace(epoch=None)
            )
        return self._points.find(address)

    def _seeds(self, address: Address, *, complete: bool = True) -> list[tuple[Values, ColumnInfo]]:
        if address.epoch in (None, address.epochs):
            return self._ends.seeds(address._replace(epoch=None), complete=complete)
        return self._points.seeds(address, complete=complete)

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {
            "name": self.name,
            "space": f"{self.space.name}, {self.space.size:,} architectures",
        }
        for metric in dict.fromkeys(info.metric for info in self.columns):
            of_metric = [info for info in self.columns if info.metric == metric]
            parts = [
                text + ", ".join(dict.fromkeys(str(getattr(info, part)) for info in of_metric))
                for text, part in (
                    ("", "dataset"),
                    ("split ", "split"),
                    ("epochs ", "epochs"),
                    ("seed ", "seed"),
                )
                if any(getattr(info, part) is not None for info in of_metric)
            ]
            facts[with_unit(metric, of_metric[0].unit)] = "; ".join(parts)
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
        values = np.stack([column[architectures] for column, _ in self._seeds(address)], axis=1)
        measured = ~np.isnan(values)
        chosen = rng.integers(np.maximum(measured.sum(axis=1), 1))
        # positions of the measured seeds come first
        first_measured = np.argsort(~measured, axis=1, kind="stable")
        rows = np.arange(len(architectures))
        drawn: Values = values[rows, first_measured[rows, chosen]]
        return drawn

    def _not_measured(
        self, architectures: Sequence[int] | Architectures, address: Address
    ) -> MissingValueError:
        first, more = (
            int(architectures[0]),
            f" and {len(architectures) - 1} more" if len(architectures) > 1 else "",
        )
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
        of = Address(*address, **parts)
        if of.epochs is None:
            raise ColumnError("epochs of a learning curve", None, "the length of the training")
        index = self.space.index_of(architectures)
        points = [
            self._points.find(of._replace(epoch=epoch))[0][index]
            for epoch in range(1, of.epochs + 1)
        ]
        values = np.stack(points, axis=-1).astype(np.float64)
        missing = np.isnan(np.atleast_2d(values)).any(axis=1)
        if missing.any():
            raise self._not_measured(np.atleast_1d(index)[missing], of._replace(epoch=1))
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
        index, columns = (
            self.space.index_of(architecture),
            self._seeds(Address(*address, **parts), complete=False),
        )
        return tuple(
            info.seed
            for values, info in columns
            if isinstance(info.seed, int) and not np.isnan(values[index])
        )

    def of_seeds(self, info: ColumnInfo) -> dict[int, Values]:
        """Return the columns of single seeds of a measurement, by seed."""
        same = attrgetter("dataset", "metric", "split", "epochs", "release")
        seeds = {
            other.seed: other
            for other in self.columns
            if isinstance(other.seed, int) and same(other) == same(info)
        }
        return dict(zip(seeds, self._ends.values_of([*seeds.values()]), strict=True))

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
        index_of, not_measured, n_architectures = (
            self.space.index_of,
            self._not_measured,
            self.space.size,
        )
        of = Address(*address, **parts)
        rng: Any = of.seed
        if isinstance(rng, np.random.Generator):
            of = of._replace(seed=None)
            columns = np.stack([column for column, _ in self._seeds(of)], axis=1)
            measured: list[list[float]] = [
                [value for value in row if value == value] for row in columns.tolist()
            ]
            integers = rng.integers

            def draw(architecture: Architecture) -> float:
                index = index_of(architecture)
                if values := measured[index]:
                    return values[integers(len(values))]
                raise not_measured([index], of)

            return draw

        values: list[float] = self._find(of)[0].tolist()  # items of a list are read fastest

        def look_up(architecture: Architecture) -> float:
            index = (
                architecture
                if type(architecture) is int and 0 <= architecture < n_architectures
                else index_of(architecture)
            )
            value = values[index]
            if value != value:
                raise not_measured([index], of)
            return value

        return look_up

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

        Well-known metrics, such as ``accuracy``, ``val_acc``, ``test_error``, ``loss``, ``params``, ``flops``,
        ``latency_ms``, ``energy`` and ``train_seconds``, need no statement; see the page *Search your own table* for
        all of them. Any other metric needs a direction. Accuracies of a dataset are in percent if one of them is above
        1. A warning names accuracies that look like fractions among percents, unless `unit` is
           stated.

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
        name = self.name if name is None else name
        parts = [self._ends]
        if all(source.own for source in self._sources):
            parts.append(self._points)
        columns = [(info, SparseValues.of(values)) for part in parts for values, info in part]
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

        infos = (
            list(self.columns)
            if dataset is None
            else self._ends.by_dataset.get(canonical_dataset(dataset), [])
        )
        if not infos:
            raise ColumnError(
                f"The dataset of {self.name}", dataset, f"one of {', '.join(self.datasets)}"
            )
        names = [info.address for info in infos]
        if dataset is not None:
            metrics = [info.metric for info in infos]
            names = [
                m if metrics.count(m) == 1 else a.partition("/")[2]
                for m, a in zip(metrics, names, strict=True)
            ]
        names = [
            f"{name} ({info.release})"
            if names.count(name) > 1 and info.release != self._ends.release
            else name
            for name, info in zip(names, infos, strict=True)
        ]
        values = dict(zip(names, self._ends.values_of(infos), strict=True))
        return pd.concat(
            [self.space.to_frame(), pd.DataFrame(values).rename_axis("architecture")], axis=1
        )

    # -- tasks
    def signal(self, metric: str | None = None, dataset: str | None = None, **parts: Any) -> Signal:
        """Return the address that a task observes; parameters, defaults and errors are those of `nasmeta.Table.task`.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").signal("accuracy", "cifar10").epochs
        200
        """
        datasets = self.datasets
        if dataset is None and len(datasets) == 1:
            dataset = datasets[0]
        metrics = (
            [metric]
            if metric
            else self._ends.default_metrics.get(canonical_dataset(dataset or ""), [])
        )
        if dataset is None or not metrics:
            raise ColumnError(
                f"dataset of {self.name}", dataset, f"one of {', '.join(datasets[:_MOST_LISTED])}"
            )
        if len(metrics) > 1:
            hint = f"Add it to the name, as in {self.name}/{dataset}/{metrics[0]}."
            allowed = f"one of {', '.join(metrics[:_MOST_LISTED])}"
            raise ColumnError(f"metric of {self.name}/{dataset}", None, allowed, hint)
        asked = Address(dataset, metrics[0], **parts).normal()
        sampled = asked.seed == "sample"
        if sampled:
            asked = asked._replace(seed=None)
            self._ends.matching(asked, single_seeds=True)
        meant = meant_columns(self._ends.matching(asked), asked)
        values = {
            part: {str(getattr(info, part)) for info in meant}
            for part in ("split", "epochs", "seed", "release")
        }
        choices = "; ".join(
            f"{part}: {', '.join(sorted(of))}" for part, of in values.items() if len(of) > 1
        )
        if choices:
            raise ColumnError(
                f"{asked.described()} fits several columns of {self.name}. State {choices}."
            )
        signal = Signal.of(meant[0])
        return replace(signal, seed="sample") if sampled else signal

    def _task_name(self, signal: Signal) -> str:
        """Return ``TABLE/DATASET``, the metric unless it is the main one, and all other parts that are not defaults.

        Examples are ``mine/pets``, ``mine/pets@test``, ``mine/pets@12ep`` and ``mine/pets/loss#0``.
        """
        asked = Address(signal.dataset, signal.metric).normal()
        meant = meant_columns(self._ends.matching(asked), asked)
        main = self._ends.default_metrics[canonical_dataset(signal.dataset)]
        metric = "" if main == [signal.metric] else f"/{signal.metric}"
        name = f"{self.name}/{signal.dataset}{metric}"
        for part, form in (
            ("split", "@{}"),
            ("epochs", "@{}ep"),
            ("release", "@{}"),
            ("seed", "#{}"),
        ):
            value = getattr(signal, part)
            # `get_task` refuses a built-in table's test values, unless the name states the split.
            needs_split = value == "test" and self.name in table_names()
            if value is not None and (
                needs_split or {getattr(info, part) for info in meant} != {value}
            ):
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

        return pd.DataFrame(
            [{"address": info.address, **asdict(info)} for info in self.columns]
        ).set_index("address")


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

    opened = load_table(table) if isinstance(table, str) else table
    address = (dataset, metric, split, epochs, seed, release)
    indices = np.atleast_1d(opened.space.index_of(architectures))
    values = opened.query(indices, *address)
    info = opened.info(*address)
    strings = [opened.space.to_string(architecture) for architecture in indices.tolist()]
    names = ("metric", "unit", "dataset", "split", "epochs", "seed", "release", "source")
    facts = {name: [getattr(info, name)] * len(indices) for name in names}
    return pd.DataFrame({"cell": indices, "architecture": strings, "value": values, **facts})


def describe_training(info: ColumnInfo | Signal) -> str:
    """Return a column's split, epochs and seed as a text, without unknown parts.

    >>> import nasmeta as nm
    >>> describe_training(nm.get_task("nb201/cifar10").column)
    'split valid, 200 epochs, seed mean'
    """
    parts = (("split {}", info.split), ("{} epochs", info.epochs), ("seed {}", info.seed))
    return ", ".join(text.format(value) for text, value in parts if value is not None)


def describe_column(info: ColumnInfo) -> str:
    """Return a column's dataset, training images, split, epochs, seed and origin as a text.

    >>> import nasmeta as nm
    >>> describe_column(nm.get_task("nb201/cifar100").column)
    'dataset cifar100, split valid, 200 epochs, seed mean, release NATS-tss v1.0'
    """
    of_nb201 = any(source.name == info.source for source in table_sources("nb201"))
    images = trained_on(info.dataset, info.split) if of_nb201 else None
    parts = (f"dataset {info.dataset}", images, describe_training(info), info.origin_text)
    return ", ".join(part for part in parts if part)
