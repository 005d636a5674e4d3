"""The table: named columns over the cells of a space, asked by full address, never imputed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import ColumnError, DamagedFileError, MissingValueError, NasmetaError, NoColumnError, SettingError
from nasmeta.registry import Registry, is_place
from nasmeta.spaces import Architecture, ArchitectureLike, SearchSpace, get_space
from nasmeta.tables import _store
from nasmeta.tables._address import Address
from nasmeta.tables._columns import ColumnInfo, Seed, canonical_dataset
from nasmeta.tables._from_frame import columns_of_frame
from nasmeta.tables._own import AddedSource, ContentSource, add_columns
from nasmeta.tables._shelf import Shelf, united
from nasmeta.tables.sources import Source, sources_of

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.tasks import Task, TaskDistribution

__all__ = ["TABLES", "Table", "load_table"]

_T = TypeVar("_T")


class Table:
    """Columns of float32 over the cells of a space, addressed by (dataset, metric, split, epochs, seed).

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
        self._ends = Shelf(name, [source for source in sources if not source.curves], points=False)
        self._with_curves: dict[int, tuple[NDArray[np.float32], ColumnInfo]] = {}
        self.columns = self._ends.columns

    @cached_property
    def _curves(self) -> Shelf:
        own = (AddedSource, ContentSource)  # may have both
        return Shelf(self.name, [one for one in self._sources if one.curves or isinstance(one, own)], points=True)

    def _look_up(self, address: Address, look: Callable[[Shelf, Address], _T]) -> _T:
        """Return what `look` finds; the end of a training and the last point of its curve answer for each other.

        Columns of ends come first, as sources of curves may have few cells, and what means several of them is no
        question to the curves.
        """
        if address.epoch not in (None, address.epochs):
            return self._found_on(self._curves, address, look)
        end = address if address.epoch is None else address._replace(epoch=None)
        try:
            return self._found_on(self._ends, end, look)
        except NoColumnError:
            if address.epochs is None:
                raise
            try:
                return self._found_on(self._curves, address._replace(epoch=address.epochs), look)
            except NoColumnError:
                pass
            raise

    def _found_on(self, shelf: Shelf, address: Address, look: Callable[[Shelf, Address], _T]) -> _T:
        """Return what `look` finds on a shelf; where it finds nothing, a damaged source that would have it is told."""
        try:
            return look(shelf, address)
        except NoColumnError:
            shelf.require_undamaged(address)
            raise

    def _one(self, address: Address) -> tuple[NDArray[np.float32], ColumnInfo]:
        """Return the values of the one column with this address, and what is known about it."""
        return self._look_up(address, self._column_on)

    def _column_on(self, shelf: Shelf, address: Address) -> tuple[NDArray[np.float32], ColumnInfo]:
        return self._whole(shelf, shelf.book.find(address))

    def _whole(self, shelf: Shelf, position: int) -> tuple[NDArray[np.float32], ColumnInfo]:
        """Return a column; of ends, in cells without a value, that of the last point of a learning curve."""
        if shelf is not self._ends:
            return shelf.column(position)
        found = self._with_curves.get(position)
        if found is None:
            values, info = shelf.column(position)
            if info.epochs is not None and np.isnan(values).any():
                last = Address(info.dataset, info.metric, info.split, info.epochs, info.seed, info.release, info.epochs)
                if self._curves.book.holds(last):
                    values, info = united(values, info, *self._curves.column(self._curves.book.find(last)))
            found = self._with_curves[position] = values, info
        return found

    def _single_seeds(self, address: Address, *, say: bool) -> list[tuple[NDArray[np.float32], ColumnInfo]]:
        """Return the columns of single seeds; with `say`, what is held out must be asked for by its whole address."""

        def look(shelf: Shelf, of: Address) -> list[tuple[NDArray[np.float32], ColumnInfo]]:
            found = shelf.book.find_seeds(of) if say else shelf.book.single_seeds(of)
            return [self._whole(shelf, position) for position in found]

        return self._look_up(address, look)

    @cached_property
    def space(self) -> SearchSpace:
        """The space over whose cells the columns run; found when it is needed, as opening needs none."""
        return get_space(self._sources[0].space)

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

    # -- a user's own -----------------------------------------------------------------------------------------------
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

        Nothing is demanded that the frame does not have. It is *wide*, a column a metric, or *long*, with the columns
        ``metric`` and ``value``. Columns called ``dataset``, ``split``, ``epochs``, ``seed``, ``release`` or ``epoch``
        say so of each row; what holds for all rows is an argument. Of single seeds the mean is added. Architectures
        without a row were not measured: a search keeps to the others.

        Parameters
        ----------
        frame : DataFrame
        space : str or SearchSpace
        name : str, default "own"
            Name of the table, the first part of the names of its tasks.
        architecture : str, optional
            The column of the architectures, as indices or strings. Left out, they are what the columns named as the
            space's positions say, or the column ``architecture``, ``arch``, ``arch_str``, ``cell`` or ``index``.
        dataset : str, optional
            What the networks were trained on; the name of the table where nobody says.
        metrics : sequence of str, optional
            The columns of a wide frame that are metrics; all the others where left out, which must be numbers.
        split, epochs, seed, release : optional
            As in `nasmeta.tables.ColumnInfo`.
        direction : {"max", "min"} or mapping of metric to it, optional
            Which values are good; left out, ``min`` for losses, errors, times and sizes by the words of their name,
            else ``max``.
        unit, kind : str or mapping of metric to str, optional
            Left out, by the name, too. Only metrics of kind ``seconds`` say what an evaluation costs.
        device : str, optional
            On which device latency or energy was measured.
        licence : str

        Returns
        -------
        Table
            Its values are float32, which keeps seven digits. It is kept in the cache folder by its content, so that
            workers map the same file; `add` gives it a name there.

        Raises
        ------
        SettingError, ArchitectureError
            With the row that cannot be taken.

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
        """Keep the table in the store, so that every process, command and node that sees it knows the name.

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
        shelves = [self._ends]
        if all(isinstance(source, AddedSource | ContentSource) for source in self._sources):
            shelves.append(self._curves)
        columns = [self._whole(shelf, i) for shelf in shelves for i in range(len(shelf.columns))]
        own = [(info, np.asarray(values)) for values, info in columns]
        add_columns(name, name, self.space, own, {"citation": citation}, replace=replace)
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
            its address without what is the same for all of the metric.

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
        said = [(info.metric, *(() if dataset else (info.dataset,))) for info in infos]
        names = []
        for info, key in zip(infos, said, strict=True):
            alone = said.count(key) == 1
            names.append(
                info.metric
                if alone and dataset
                else info.address
                if dataset is None
                else info.address.partition("/")[2]
            )
        releases = [
            f"{name} ({info.release})" if names.count(name) > 1 else name
            for name, info in zip(names, infos, strict=True)
        ]
        values = {
            name: self.column(info.dataset, info.metric, info.split, info.epochs, info.seed, info.release)
            for name, info in zip(releases, infos, strict=True)
        }
        return pd.concat([self.space.to_frame(), pd.DataFrame(values).rename_axis("architecture")], axis=1)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets of its columns."""
        return tuple(dict.fromkeys(info.dataset for info in self.columns))

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
        """Return the task whose signal is a column of this table.

        Parameters
        ----------
        metric : str, optional
            The only one of a performance, or accuracy, where left out.
        dataset : str, optional
            The only one where left out.
        split, epochs, seed, release : optional
            What may be left out: the split where there is one, or where one is ``valid``, as a searcher sees
            validation; the epochs, for the longest training; the seed, for the mean; the release where there is one.
        cost : str or None, default "recorded"
            The metric that says the seconds of an evaluation; ``"recorded"`` finds it where there is one, None is none.
        name : str, optional
            Name of the task; ``TABLE/DATASET``, with the metric where it is not the main one, where left out.

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

        column = self._signal_column(metric, dataset, split, epochs, seed, release)
        costs: Any = cost
        if cost not in (None, "recorded"):
            of_cost = self._signal_column(cost, column.dataset, None, None, None, None)
            if of_cost.kind != "seconds":
                raise ColumnError(
                    f"cost={cost!r} is of the kind {of_cost.kind}, but an evaluation costs seconds. Name a metric of "
                    "that kind, or None; Table.from_frame takes kind='seconds' for a metric by any name."
                )
            costs = Cost(Signal.of(of_cost))
        if name is None:
            name = f"{self.name}/{column.dataset}"
            main = self._main_metric(column.dataset)
            name += "" if column.metric == main else f"/{column.metric}"
        return Task(name, self.name if self._has_name else self, Signal.of(column), cost=costs)

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

        has = {(info.dataset, info.metric) for info in self.columns}
        chosen = {d: metric or self._main_metric(d) for d in self.datasets}
        return TaskDistribution(self.task(m, d) for d, m in chosen.items() if m is not None and (d, m) in has)

    def _main_metric(self, dataset: str) -> str | None:
        of_dataset = [info for info in self.columns if info.dataset == dataset]
        metrics = dict.fromkeys(info.metric for info in of_dataset if info.kind == "performance")
        every = dict.fromkeys(info.metric for info in of_dataset)
        named = [m for m in metrics if re.fullmatch(r"accuracy|val(id|idation)?_acc(uracy)?", m)]
        likely = [m for m in metrics if "acc" in m], [m for m in metrics if not re.search("time|memory|size|cost", m)]
        return next(iter([*named, *likely[0], *likely[1], *metrics, *every]), None)

    def _signal_column(
        self, metric: str | None, dataset: str | None, split: str | None, epochs: int | None, seed: Seed | None,
        release: str | None,
    ) -> ColumnInfo:  # fmt: skip
        if dataset is None:
            if len(self.datasets) > 1:
                raise ColumnError(f"{self.name} has several datasets: name one of {', '.join(self.datasets)}.")
            dataset = self.datasets[0]
        main = metric or self._main_metric(canonical_dataset(dataset))
        if main is None:
            raise ColumnError(f"{self.name} has no dataset {dataset!r:.80}. Its datasets: {', '.join(self.datasets)}.")
        asked = Address(dataset, main, split, epochs, seed, release).normal()
        found = self._ends.book.matching(asked)
        if split is None and any(info.split == "valid" for info in found):
            found = [info for info in found if info.split == "valid"]
        if epochs is None and all(info.epochs is not None for info in found):
            found = [info for info in found if info.epochs == max(info.epochs or 0 for info in found)]
        if seed is None:
            of_all = [info for info in found if info.seed == "mean"], [info for info in found if info.seed is None]
            found = of_all[0] or of_all[1] or found
        several = [p for p in ("split", "epochs", "seed", "release") if len({getattr(info, p) for info in found}) > 1]
        if several:
            choices = "; ".join(f"{p}: {', '.join(sorted({str(getattr(i, p)) for i in found}))}" for p in several)
            raise ColumnError(f"{asked.described()} means several columns of {self.name}. Say {choices}.")
        return found[0]

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

    # -- columns ----------------------------------------------------------------------------------------------------
    def column(
        self,
        dataset: str,
        metric: str = "accuracy",
        split: str | None = None,
        epochs: int | None = None,
        seed: Seed | None = None,
        release: str | None = None,
        epoch: int | None = None,
    ) -> NDArray[np.float32]:
        """Return a whole column, a read-only view of the memory-mapped file.

        Parameters
        ----------
        dataset, metric, split, epochs, seed, release, epoch
            The address; see the class for what may be left out.

        Returns
        -------
        ndarray of float32, shape (n_cells,)
            In the unit of the column's `ColumnInfo`; NaN where nothing was measured.

        Raises
        ------
        ColumnError
            Where no column, or more than one, has the address.

        Examples
        --------
        >>> from nasmeta.tables import load_table
        >>> column = load_table("nb201").column("cifar100", "accuracy", split="valid", epochs=200, seed="mean")
        >>> int(column.argmax())
        9930
        """
        return self._one(Address(dataset, metric, split, epochs, seed, release, epoch))[0]

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
        return self._one(Address(dataset, metric, split, epochs, seed, release, epoch))[1]

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
            For what is no cell of the space.
        ColumnError
            Where no column, or more than one, has the address.
        MissingValueError
            Where a cell was not measured with that seed.
        DamagedFileError
            Where the answer is in a file that is damaged.

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
            found = self._one(address)[0][index]
        missing = np.isnan(found)
        if missing.any():
            raise self._not_measured(np.atleast_1d(index)[np.atleast_1d(missing)], address)
        return float(found) if np.ndim(found) == 0 else found.astype(np.float64)

    def _drawn(self, address: Address, cells: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.float32]:
        values = np.stack([column[cells] for column, _ in self._single_seeds(address, say=True)], axis=1)
        measured = ~np.isnan(values)
        n_measured = measured.sum(axis=1)
        chosen = rng.integers(np.maximum(n_measured, 1))
        first_measured = np.argsort(~measured, axis=1, kind="stable")  # positions of the measured seeds come first
        rows = np.arange(len(cells))
        drawn: NDArray[np.float32] = values[rows, first_measured[rows, chosen]]
        return drawn

    def _not_measured(self, cells: NDArray[np.int32], address: Address) -> MissingValueError | DamagedFileError:
        damage = (self._ends if address.epoch is None else self._curves).damage(address)
        if damage is not None:
            return damage
        shown = ", ".join(
            f"{cell} ({self.space.to_string(cell)}; {self._seeds_as_text(cell, address)})"
            for cell in cells[:3].tolist()
        )
        more = f" and {len(cells) - 3} more" if len(cells) > 3 else ""
        return MissingValueError(
            f"{self.name} has no {address.described()} of cell {shown}{more}: no source that is here "
            "has it, and nothing is imputed. seed='mean' takes the mean of the measured seeds, a numpy Generator draws "
            "one of them."
        )

    def _seeds_as_text(self, cell: int, address: Address) -> str:
        try:
            seeds = self._measured_seeds(cell, address._replace(seed=None))
        except NasmetaError:
            seeds = ()
        return f"measured seeds: {', '.join(map(str, seeds)) or 'none'}"

    def _measured_seeds(self, cell: int, address: Address) -> tuple[int, ...]:
        found = self._single_seeds(address, say=False)
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
        columns = (self._found_on(self._curves, address._replace(epoch=epoch), self._column_on)[0] for epoch in every)
        points = [column[index] for column in columns]
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
        index = self.space.index_of(cell)
        if not isinstance(index, int):
            raise ColumnError(f"available_seeds takes one cell, not {len(index)}.")
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
            columns = np.stack([column for column, _ in self._single_seeds(address, say=True)], axis=1)
            measured: list[list[float]] = [[value for value in row if value == value] for row in columns.tolist()]
            integers = seed.integers

            def draw(cell: Architecture) -> float:
                index = index_of(cell)
                if values := measured[index]:
                    return values[integers(len(values))]
                raise not_measured(np.array([index]), address)

            return draw

        address = Address(dataset, metric, split, epochs, seed, release, epoch)
        values: list[float] = self._one(address)[0].tolist()  # a list's items are read fastest

        def look_up(cell: Architecture) -> float:
            index = cell if type(cell) is int and 0 <= cell < n_cells else index_of(cell)
            value = values[index]
            if value != value:
                raise not_measured(np.array([index]), address)
            return value

        return look_up


def _brought(found: Any) -> Callable[[str], Table] | None:
    """Return what makes a table of what another package brings: a Table, or a function that returns one."""
    if isinstance(found, Table):
        return found.named
    if isinstance(found, type) or not callable(found):
        return None

    def build(name: str) -> Table:
        table = found()
        if not isinstance(table, Table):
            raise SettingError(f"{name} returned {table!r:.80}, but a table is a nasmeta.Table.")
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
    if name in TABLES or is_place(name):
        return TABLES[name](name)
    sources = sources_of(name)
    return Table(name, [source for source in sources if _store.within_reach(source)] or sources[:1])
