"""The table: named columns over the cells of a space, asked by full address, never imputed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import ColumnError, DamagedFileError, MissingValueError, NasmetaError, NoColumnError
from nasmeta.spaces import Architecture, ArchitectureLike, CellSpace, get_space
from nasmeta.tables import _store
from nasmeta.tables._address import Address
from nasmeta.tables._columns import ColumnInfo, Seed
from nasmeta.tables._shelf import Shelf, united
from nasmeta.tables.sources import Source, sources_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Table", "load_table"]

_T = TypeVar("_T")


def load_table(name: str = "nb201") -> Table:
    """Open a table; the first time on a machine it is built, which takes a second.

    Parameters
    ----------
    name : str, default "nb201"

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
    sources = sources_of(name)
    return Table(name, [source for source in sources if _store.within_reach(source)] or sources[:1])


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
        self._ends = Shelf(name, [source for source in sources if not source.curves])
        self._with_curves: dict[int, tuple[NDArray[np.float32], ColumnInfo]] = {}
        self.columns = self._ends.columns

    @cached_property
    def _curves(self) -> Shelf:
        return Shelf(self.name, [source for source in self._sources if source.curves])

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
    def space(self) -> CellSpace:
        """The space over whose cells the columns run; found when it is needed, as opening needs none."""
        return get_space(self._sources[0].space)

    def __repr__(self) -> str:
        datasets = ", ".join(sorted({info.dataset for info in self.columns}))
        metrics = ", ".join(sorted({info.metric for info in self.columns}))
        size = f"{self.space.size:,} cells, {len(self.columns)} columns"
        return f"Table({self.name!r}, {size}; {datasets}; {metrics})"

    def __reduce__(self) -> tuple[Any, ...]:
        return load_table, (self.name,)

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
