"""The table: named columns over the cells of a space, asked by full address, never imputed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import ColumnError, DamagedFileError, MissingValueError, NasmetaError, SettingError, shown
from nasmeta.pictures import ShowsFacts, Width
from nasmeta.registry import Registry, is_place
from nasmeta.spaces import Architecture, ArchitectureLike, SearchSpace, canonical_dataset, get_space
from nasmeta.tables import _store
from nasmeta.tables._address import Address
from nasmeta.tables._catalog import sources_of
from nasmeta.tables._columns import ColumnInfo, Seed, Values
from nasmeta.tables._from_frame import columns_of_frame
from nasmeta.tables._joined_columns import ColumnLookup
from nasmeta.tables._picture import facts_of, plot_columns
from nasmeta.tables._signals import signal_column, task_name
from nasmeta.tables._user_tables import AddedSource, ContentSource, add_columns
from nasmeta.tables.sources import Source, table_names

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from nasmeta.tasks import Task, TaskDistribution


class Table(ShowsFacts):
    """Columns of values over the architectures of a space, addressed by (dataset, metric, split, epochs, seed).

    Use `load_table` to get one. A table is the union of the columns of its sources. What was not measured is NaN in a
    column, and asking for it raises; nothing is imputed.

    **What must be said.** For a metric that is measured on held-out data, such as accuracy, split, epochs and seed have
    no default: each must be given. For other metrics a part may be left out where only one value exists. The release
    must be given where several releases hold the address, as they do once more sources are fetched. ``epoch`` asks for
    a point of a learning curve: the network after that many of its ``epochs``; left out, it is the end, which is the
    last point, too. Epoch 12 of 200 is no training of 12 epochs: each training has a learning-rate schedule of its own.

    **What the names mean.** In ``nb201``, ``cifar10`` / ``train`` and ``valid`` are the networks trained on half of the
    training set, measured on that half and on the other; ``cifar10`` / ``test`` are those trained on all of it,
    measured on the test set (the scale of 94.37), and ``cifar10-valid`` / ``test`` the former on the test set.
    ``valid`` and ``test`` of the other datasets are two halves of the official test images, ``valid+test`` is both.
    The official names (``cifar10-valid`` / ``x-valid``, ``cifar100`` / ``ori-test``) are understood, too. What nobody
    measured is refused, with all that is legal.

    Parameters
    ----------
    name : str
    sources : sequence of Source
        Of one space.

    Attributes
    ----------
    name : str
    columns : tuple of ColumnInfo
        All but the points of learning curves: these are opened when one is asked for.

    Examples
    --------
    >>> from nasmeta.tables import load_table
    >>> table = load_table("nb201")
    >>> address = {"dataset": "cifar10", "split": "valid", "epochs": 200, "seed": "mean", "release": "NATS-tss v1.0"}
    >>> round(table.query(6111, **address), 4)
    91.6067
    >>> table.query([0, 1], dataset="cifar10", metric="parameters", seed=777)
    array([129306., 802426.])
    """

    def __init__(self, name: str, sources: Sequence[Source]) -> None:
        self.name = name
        self._sources = tuple(sources)
        if not self._sources:
            raise SettingError(f"The table {name} needs at least one source.")
        self._lookup = ColumnLookup(name, self._sources)
        self.columns = self._lookup.ends.columns

    def __repr__(self) -> str:
        datasets = ", ".join(sorted({info.dataset for info in self.columns}))
        metrics = ", ".join(sorted({info.metric for info in self.columns}))
        size = f"{self.space.size:,} cells, {len(self.columns)} columns"
        return f"Table({self.name!r}, {size}; {datasets}; {metrics})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (load_table, (self.name,)) if self._has_name else (Table, (self.name, self._sources))

    @property
    def _has_name(self) -> bool:
        """Whether every process finds the table by its name: its sources are the package's own."""
        own = (type(source).__module__.partition(".")[0] == "nasmeta" for source in self._sources)
        return all(own) and not any(isinstance(source, ContentSource) for source in self._sources)

    def named(self, name: str) -> Table:
        """Return the same table under another name, which its tasks then bear."""
        return self if name == self.name else Table(name, self._sources)

    @property
    def _identity(self) -> tuple[str, ...]:
        return self.name, *(getattr(source, "content", source.name) for source in self._sources)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    # -- columns and values -------------------------------------------------------------------------------------------
    @cached_property
    def space(self) -> SearchSpace:
        """The space of the architectures."""
        return get_space(self._sources[0].space)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets of its columns."""
        return tuple(dict.fromkeys(info.dataset for info in self.columns))

    def _facts(self) -> dict[str, object]:
        return facts_of(self.name, self.space, self.columns)

    def plot(self, *, against: Mapping[str, Any] | None = None, width: Width = None, **address: Any) -> Figure:
        """Draw how often the values of a column occur, or a column against another one.

        Parameters
        ----------
        against : mapping, optional
            The address of the column for the horizontal axis; without a dataset, that of the first.
        width : str or float, optional
            As in `nasmeta.analysis.plot_regret`; 4.6 inches where left out.
        **address
            Of the column, as in `column`.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ColumnError, SettingError, UnknownNameError

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> accuracy = {"dataset": "cifar10", "metric": "accuracy", "split": "valid", "epochs": 200, "seed": "mean"}
        >>> load_table("nb201").plot(**accuracy).axes[0].get_ylabel()
        'architectures'
        """
        columns = [address] if against is None else [address, {"dataset": address.get("dataset"), **against}]
        return plot_columns([(self.column(**one), self.info(**one)) for one in columns], width)

    def column(
        self,
        dataset: str,
        metric: str = "accuracy",
        split: str | None = None,
        epochs: int | None = None,
        seed: Seed | None = None,
        release: str | None = None,
        epoch: int | None = None,
    ) -> Values:
        """Return a whole column, a read-only view of the memory-mapped file.

        Parameters
        ----------
        dataset, metric, split, epochs, seed, release, epoch
            The address; see the class for what may be left out.

        Returns
        -------
        ndarray of float32 or float64, shape (n_cells,)
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
        return self._lookup.column(Address(dataset, metric, split, epochs, seed, release, epoch))[0]

    def info(
        self,
        dataset: str,
        metric: str = "accuracy",
        split: str | None = None,
        epochs: int | None = None,
        seed: Seed | None = None,
        release: str | None = None,
        epoch: int | None = None,
    ) -> ColumnInfo:
        """Return what is known about a column: unit, direction, release, source and licence.

        Parameters and errors as in `column`.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").info("cifar10", "train_seconds").direction
        'min'
        """
        return self._lookup.column(Address(dataset, metric, split, epochs, seed, release, epoch))[1]

    # -- values -----------------------------------------------------------------------------------------------------
    @overload
    def query(  # type: ignore[overload-overlap]  # a string is a sequence of strings, but one cell
        self, cells: Architecture, dataset: str, metric: str = ..., split: str | None = ..., epochs: int | None = ...,
        seed: Seed | np.random.Generator | None = ..., release: str | None = ...,
        epoch: int | None = ...,
    ) -> float: ...  # fmt: skip
    @overload
    def query(
        self, cells: Sequence[Architecture] | NDArray[Any], dataset: str, metric: str = ..., split: str | None = ...,
        epochs: int | None = ..., seed: Seed | np.random.Generator | None = ..., release: str | None = ...,
        epoch: int | None = ...,
    ) -> NDArray[np.float64]: ...  # fmt: skip
    def query(
        self,
        cells: ArchitectureLike,
        dataset: str,
        metric: str = "accuracy",
        split: str | None = None,
        epochs: int | None = None,
        seed: Seed | np.random.Generator | None = None,
        release: str | None = None,
        epoch: int | None = None,
    ) -> float | NDArray[np.float64]:
        """Look up the values of cells.

        Parameters
        ----------
        cells : int, str, or sequence or array of them, shape (n,)
            In any form that the space's ``index_of`` takes.
        dataset, metric, split, epochs, release, epoch
            The address; see the class for what may be left out.
        seed : "mean", int or numpy.random.Generator
            ``"mean"`` is the mean of the measured seeds. A Generator draws, for each cell at each query, one of the
            seeds that were measured for that cell.

        Returns
        -------
        float or ndarray of float64, shape (n,)
            A number for one cell, an array for several.

        Raises
        ------
        ArchitectureError
            If an architecture is not in the space, or is masked.
        ColumnError
            If no column, or more than one, has the address.
        MissingValueError
            If a cell was not measured with that seed.
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
        nasmeta.errors.NoColumnError: nb201 holds no dataset='cifar10', metric='accuracy', split='train+test', \
epochs=200, seed='mean'. NAS-Bench-201 has no split 'train+test' of cifar10. Legal: cifar10 / train (official: \
cifar10-valid / train; 12 or 200 epochs, each epoch of 12 and 200); ...
        """
        one_seed = None if isinstance(seed, np.random.Generator) else seed
        address = Address(dataset, metric, split, epochs, one_seed, release, epoch)
        index = self.space.index_of(cells)
        if isinstance(seed, np.random.Generator):
            found = self._drawn(address, np.atleast_1d(index), seed).reshape(np.shape(index))
        else:
            found = self._lookup.column(address)[0][index]
        missing = np.isnan(found)
        if missing.any():
            raise self._not_measured(np.atleast_1d(index)[np.atleast_1d(missing)], address)
        return float(found) if np.ndim(found) == 0 else found.astype(np.float64)

    def _drawn(self, address: Address, cells: NDArray[np.int32], rng: np.random.Generator) -> Values:
        values = np.stack([column[cells] for column, _ in self._lookup.seeds(address, complete=True)], axis=1)
        measured = ~np.isnan(values)
        n_measured = measured.sum(axis=1)
        chosen = rng.integers(np.maximum(n_measured, 1))
        first_measured = np.argsort(~measured, axis=1, kind="stable")  # positions of the measured seeds come first
        rows = np.arange(len(cells))
        drawn: Values = values[rows, first_measured[rows, chosen]]
        return drawn

    def _not_measured(self, cells: NDArray[np.int32], address: Address) -> MissingValueError | DamagedFileError:
        damage = self._lookup.damage(address)
        if damage is not None:
            return damage
        cell, more = int(cells[0]), f" and {len(cells) - 1} more" if len(cells) > 1 else ""
        try:
            seeds = ", ".join(map(str, self._measured_seeds(cell, address._replace(seed=None)))) or "none"
        except NasmetaError:
            seeds = "none"
        return MissingValueError(
            f"{self.name} has no {address.described()} of cell {cell} ({self.space.to_string(cell)}; measured seeds: "
            f"{seeds}){more}: no source on this machine has it, and nothing is imputed. seed='mean' takes the mean of "
            "the measured seeds, a numpy Generator draws one of them."
        )

    def _measured_seeds(self, cell: int, address: Address) -> tuple[int, ...]:
        found = self._lookup.seeds(address, complete=False)
        return tuple(info.seed for values, info in found if isinstance(info.seed, int) and not np.isnan(values[cell]))

    def curve(
        self,
        cells: ArchitectureLike,
        dataset: str,
        metric: str = "accuracy",
        split: str | None = None,
        epochs: int | None = None,
        seed: Seed | None = None,
        release: str | None = None,
    ) -> NDArray[np.float64]:
        """Look up learning curves: the value after each epoch of a training.

        Parameters
        ----------
        cells, dataset, metric, split, epochs, seed, release
            As in `query`.

        Returns
        -------
        ndarray of float64, shape (epochs,) or (n, epochs)
            One curve for one cell, several for several; the last value is that of the end.

        Raises
        ------
        ArchitectureError, ColumnError, MissingValueError, DamagedFileError
            As in `query`.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").curve(0, "cifar10", "accuracy", "valid", 200, "mean")  # doctest: +SKIP
        array([...])  # of shape (200,), once `nasmeta data fetch nb201-curves` has brought it
        """
        if epochs is None:
            raise ColumnError("A learning curve needs epochs=: the length of the training.")
        index = self.space.index_of(cells)
        address = Address(dataset, metric, split, epochs, seed, release).normal()
        every = range(1, max(address.epochs or 0, 1) + 1)  # a training of no epochs is refused with what is possible
        points = [self._lookup.point(address._replace(epoch=epoch))[0][index] for epoch in every]
        found = np.stack(points, axis=-1).astype(np.float64)
        missing = np.isnan(np.atleast_2d(found)).any(axis=1)
        if missing.any():
            raise self._not_measured(np.atleast_1d(index)[missing], address)
        return found

    def available_seeds(
        self,
        cell: Architecture,
        dataset: str,
        metric: str = "accuracy",
        split: str | None = None,
        epochs: int | None = None,
        release: str | None = None,
        epoch: int | None = None,
    ) -> tuple[int, ...]:
        """Return the seeds that were measured for a cell; split and epochs may be left out where only one exists.

        Raises
        ------
        ArchitectureError, ColumnError

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").available_seeds(0, dataset="cifar10")
        (777, 888, 999)
        """
        index = int(self.space.index_of(cell))
        return self._measured_seeds(index, Address(dataset, metric, split, epochs, None, release, epoch))

    def lookup(
        self,
        dataset: str,
        metric: str = "accuracy",
        split: str | None = None,
        epochs: int | None = None,
        seed: Seed | np.random.Generator | None = None,
        release: str | None = None,
        epoch: int | None = None,
    ) -> Callable[[Architecture], float]:
        """Prepare the fastest look-up of single cells: a function from a cell to its value.

        Parameters
        ----------
        dataset, metric, split, epochs, seed, release, epoch
            As in `query`. With a Generator the draws are of the same distribution as `query`'s, not the same draws.

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
        index_of, not_measured, n_cells = self.space.index_of, self._not_measured, self.space.size
        if isinstance(seed, np.random.Generator):
            address = Address(dataset, metric, split, epochs, None, release, epoch)
            columns = np.stack([column for column, _ in self._lookup.seeds(address, complete=True)], axis=1)
            measured: list[list[float]] = [[value for value in row if value == value] for row in columns.tolist()]
            integers = seed.integers

            def draw(cell: Architecture) -> float:
                index = index_of(cell)
                if values := measured[index]:
                    return values[integers(len(values))]
                raise not_measured(np.array([index]), address)

            return draw

        address = Address(dataset, metric, split, epochs, seed, release, epoch)
        values: list[float] = self._lookup.column(address)[0].tolist()  # a list's items are read fastest

        def look_up(cell: Architecture) -> float:
            index = cell if type(cell) is int and 0 <= cell < n_cells else index_of(cell)
            value = values[index]
            if value != value:
                raise not_measured(np.array([index]), address)
            return value

        return look_up

    # -- users' tables -----------------------------------------------------------------------------------------------
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
        device: str | None = None,
        licence: str = "not stated",
    ) -> Table:
        """Make a table of a data frame.

        The frame is *wide*, with one column per metric, or *long*, with the columns ``metric`` and ``value``. Columns
        named ``dataset``, ``split``, ``epochs``, ``seed``, ``release`` or ``epoch`` (in any case of letters) describe
        each row; an argument describes all rows. The mean over single seeds is added; a row with the seed ``mean`` must
        be this mean, up to rounding. A search keeps to the architectures that have a row.

        Well-known metrics, such as ``accuracy``, ``val_acc``, ``test_error``, ``loss``, ``params``, ``flops``,
        ``latency_ms``, ``energy`` and ``train_seconds``, need no statement; see the page *Search your own table* for
        all of them. Any other metric needs a direction. Accuracies of a dataset are in percent if one of them is above
        1. A warning names accuracies that look like fractions among percents, unless `unit` is stated, and rows without
        a key that other rows have.

        Parameters
        ----------
        frame : DataFrame
        space : str or SearchSpace
        name : str, default "own"
            Name of the table, the first part of the names of its tasks.
        architecture : str, optional
            The column of the architectures, as indices or strings. By default, the columns named as the positions of
            the space, or the column ``architecture``, ``arch``, ``arch_str``, ``cell`` or ``index``.
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
            See `nasmeta.tables.ColumnInfo`; ``performance`` by default. Lower is better for ``size``, ``seconds``,
            ``latency`` and ``energy``. Metrics of kind ``seconds`` are the cost of an evaluation.
        device : str, optional
            The device on which latency or energy was measured.
        licence : str

        Returns
        -------
        Table
            Its values are float32, or float64 if float32 would merge distinct values. It is kept in the cache folder by
            its content, so that workers map the same file; `add` gives it a name there.

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
            device=device, licence=licence, dataset=dataset, split=split, epochs=epochs, seed=seed, release=release,
        )  # fmt: skip
        return cls(name, [ContentSource.of(name, space, columns)])

    def add(self, name: str | None = None, *, replace: bool = False, citation: str = "") -> Table:
        """Keep the table under a name in the cache folder, so that all processes and commands that share it find it.

        Parameters
        ----------
        name : str, optional
            Of the table; its own where left out. Of lower-case letters, digits, ``.``, ``_`` and ``-``.
        replace : bool, default False
            Whether other content under this name is replaced.
        citation : str

        Returns
        -------
        Table
            What `load_table` returns from now on.

        Raises
        ------
        SettingError
            Where the name is taken or cannot be.
        """
        name = self.name if name is None else name
        held = [self._lookup.ends]
        if all(isinstance(source, AddedSource | ContentSource) for source in self._sources):
            held.append(self._lookup.curves)
        columns = [self._lookup.whole(joined, i) for joined in held for i in range(len(joined.columns))]
        own = [(info, np.asarray(values)) for values, info in columns]
        add_columns(name, self.space, own, citation, replace=replace)
        return load_table(name)

    def to_frame(self, dataset: str | None = None) -> pd.DataFrame:
        """Return all architectures with their choices and their values as a data frame.

        Parameters
        ----------
        dataset : str, optional
            Only the columns of this dataset; their names then leave it out.

        Returns
        -------
        DataFrame
            Indexed by ``architecture``; one column a position of the space, then one a column of the table, named by
            its address without what is the same for all of the metric. Of several releases the one that is meant where
            nobody says keeps the plain name, so that a name goes on to mean the same when more is fetched.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> frame = load_table("nb201").to_frame(dataset="cifar10")
        >>> frame["accuracy/valid/200/mean"].idxmax()
        6111
        """
        import pandas as pd

        infos = [info for info in self.columns if dataset in (None, info.dataset)]
        if isinstance(dataset, str) and not infos:
            infos = [info for info in self.columns if info.dataset == canonical_dataset(dataset)]
        if not infos:
            raise ColumnError(f"{self.name} has no dataset {dataset!r}: {', '.join(self.datasets)}.")
        names = [info.address for info in infos]
        if dataset is not None:
            metrics = [info.metric for info in infos]
            names = [m if metrics.count(m) == 1 else a.partition("/")[2] for m, a in zip(metrics, names, strict=True)]
        meant = self._lookup.ends.release
        names = [
            f"{name} ({info.release})" if names.count(name) > 1 and info.release != meant else name
            for name, info in zip(names, infos, strict=True)
        ]
        values = dict(zip(names, self._lookup.values_of(infos), strict=True))
        return pd.concat([self.space.to_frame(), pd.DataFrame(values).rename_axis("architecture")], axis=1)

    # -- tasks ------------------------------------------------------------------------------------------------------
    def task(
        self,
        metric: str | None = None,
        dataset: str | None = None,
        *,
        split: str | None = None,
        epochs: int | None = None,
        seed: Seed | None = None,
        release: str | None = None,
        cost: str | None = "recorded",
        name: str | None = None,
    ) -> Task:
        """Return the task whose signal is a column of this table; `Task.with_objective` puts it under a budget.

        Parameters
        ----------
        metric : str, optional
            The only one of a performance, or accuracy, where left out.
        dataset : str, optional
            The only one where left out.
        split, epochs, seed, release : optional
            What may be left out: the split where there is one, or where one is ``valid``, as a searcher sees
            validation; the epochs, for the longest training; the seed, for the mean; the release where there is one.
            ``seed="sample"`` answers with one measured seed at random, see `nasmeta.tasks.Task.sampled_values`.
        cost : str or None, default "recorded"
            The metric that says the seconds of an evaluation; ``"recorded"`` finds it where there is one, None is none.
        name : str, optional
            Name of the task; where left out ``TABLE/DATASET``, with the metric where it is not the main one, and with
            what else is not what would be meant anyway: ``TABLE/DATASET/METRIC@SPLIT@12ep@RELEASE#SEED``.

        Returns
        -------
        Task

        Raises
        ------
        ColumnError
            Where no column, or several, are meant.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").task("accuracy", "cifar10", epochs=200)
        Task('nb201/cifar10': accuracy, split valid, 200 epochs, seed mean, nb201)
        """
        from nasmeta.tasks import Cost, Signal, Task

        index = self._lookup.ends
        column = signal_column(self.name, index, metric, dataset, split, epochs, seed, release)
        sampled = isinstance(seed, str) and seed == "sample"
        signal = replace(Signal.of(column), seed="sample") if sampled else Signal.of(column)
        costs: Any = cost
        if cost is not None and not (isinstance(cost, str) and cost == "recorded"):
            of_cost = signal_column(self.name, index, cost, column.dataset)
            if of_cost.kind != "seconds":
                raise ColumnError(
                    f"cost={cost!r} is of the kind {of_cost.kind}, but an evaluation costs seconds. Name a metric of "
                    "that kind, or None; Table.from_frame takes kind='seconds' for a metric by any name."
                )
            costs = Cost(Signal.of(of_cost))
        name = task_name(self.name, index, column, sampled=sampled) if name is None else name
        return Task(name, self.name if self._has_name else self, signal, cost=costs)

    def tasks(self, metric: str | None = None) -> TaskDistribution:
        """Return one task for each dataset: of its main metric, or of a given one where the dataset has it.

        Examples
        --------
        >>> import pandas as pd
        >>> import nasmeta as nm
        >>> frame = pd.DataFrame({"cell": [1, 2, 1, 2], "dataset": ["a", "a", "b", "b"], "loss": [1.0, 2, 3, 4]})
        >>> nm.Table.from_frame(frame, space="nb201").tasks().names
        ('own/a', 'own/b')
        """
        from nasmeta.tasks import TaskDistribution

        index = self._lookup.ends
        if metric is None:
            found = [dataset for dataset, main in index.main_metrics.items() if main is not None]
        else:
            found = [d for d, columns in index.by_dataset.items() if any(info.metric == metric for info in columns)]
        return TaskDistribution(self.task(metric, d) for d in found or self.datasets)

    def frame(self) -> pd.DataFrame:
        """Return what is known about the columns as a data frame, one row a column, indexed by address.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> load_table("nb201").frame().loc["cifar10/train_seconds/train/200/mean", "unit"]
        's'
        """
        import pandas as pd

        return pd.DataFrame([{"address": info.address, **asdict(info)} for info in self.columns]).set_index("address")


def _brought(found: Any) -> Callable[[str], Table] | None:
    """Return what makes a table of what another package brings: a Table, or a function that returns one."""
    if isinstance(found, Table):
        return found.named
    if isinstance(found, type) or not callable(found):
        return None

    def build(name: str) -> Table:
        table = found()
        if not isinstance(table, Table):
            raise SettingError(f"{name} returned {shown(table)}, but a table is a nasmeta.Table.")
        return table.named(name)

    return build


TABLES: Registry[Callable[[str], Table]] = Registry(
    "table", group="nasmeta.tables", accepts=_brought, wanted="a nasmeta.Table, or a function that returns one"
)


def load_table(name: str = "nb201") -> Table:
    """Open a table; the first time on a machine it is built, which takes a second.

    Parameters
    ----------
    name : str, default "nb201"
        A built-in table, one that was added (`Table.add`, ``nasmeta data add``), one that another package brings as an
        entry point of the group ``nasmeta.tables``, or ``package.module:Name`` of a Table or a function returning one.

    Returns
    -------
    Table

    Raises
    ------
    UnknownNameError
    SettingError
        Where the cache folder (``NASMETA_CACHE``) cannot be used.
    DamagedFileError
        Where the table's own file is damaged and cannot be rebuilt. What was fetched or imported is left out with a
        warning where it is damaged, and only a question that needs it raises.

    Examples
    --------
    >>> from nasmeta.tables import load_table
    >>> load_table("nb201")
    Table('nb201', 15,625 cells, 27 columns; cifar10, cifar100, imagenet16-120; accuracy, latency_seconds, parameters, \
train_seconds)
    """
    if is_place(name) or (name not in table_names() and name in TABLES):
        return TABLES[name](name)
    sources = sources_of(name)
    return Table(name, [source for source in sources if _store.within_reach(source)] or sources[:1])
