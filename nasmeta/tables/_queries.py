"""Questions to a table: columns, values, learning curves and seeds by their address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import ColumnError, DamagedFileError, MissingValueError, NasmetaError, SettingError
from nasmeta.pictures import ShowsFacts, Width
from nasmeta.spaces import Architecture, ArchitectureLike, SearchSpace, get_space
from nasmeta.tables._address import Address
from nasmeta.tables._columns import ColumnInfo, Seed, Values
from nasmeta.tables._lookup import ColumnLookup
from nasmeta.tables._picture import facts_of, plot_columns
from nasmeta.tables.sources import Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ColumnQueries(ShowsFacts):
    """What answers by address; see `nasmeta.tables.Table`."""

    def __init__(self, name: str, sources: Sequence[Source]) -> None:
        self.name = name
        self._sources = tuple(sources)
        if not self._sources:
            raise SettingError(f"The table {name} needs at least one source.")
        self._lookup = ColumnLookup(name, self._sources)
        self.columns = self._lookup.ends.columns

    @cached_property
    def space(self) -> SearchSpace:
        """The space over whose cells the columns run; found when it is needed, as opening needs none."""
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
            Where no column, or more than one, has the address.

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
            found = self._lookup.column(address)[0][index]
        missing = np.isnan(found)
        if missing.any():
            raise self._not_measured(np.atleast_1d(index)[np.atleast_1d(missing)], address)
        return float(found) if np.ndim(found) == 0 else found.astype(np.float64)

    def _drawn(self, address: Address, cells: NDArray[np.int32], rng: np.random.Generator) -> Values:
        values = np.stack([column[cells] for column, _ in self._lookup.seeds(address, say=True)], axis=1)
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
        found = self._lookup.seeds(address, say=False)
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
            columns = np.stack([column for column, _ in self._lookup.seeds(address, say=True)], axis=1)
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
