"""Finding columns in all sources of a table: ends of trainings and points of learning curves, asked alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError, NoColumnError
from nasmeta.tables._address import Address
from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables._joined import JoinedColumns, united
from nasmeta.tables._own import AddedSource, ContentSource
from nasmeta.tables.sources import Source

FoundColumn = tuple[NDArray[np.float32], ColumnInfo]  # values of all architectures, and what is known about them
_T = TypeVar("_T")


class ColumnLookup:
    """The columns of sources over one space: ends of trainings, and points of curves once one is asked for."""

    def __init__(self, table: str, sources: Sequence[Source]) -> None:
        self._table, self._sources = table, sources
        self.ends = JoinedColumns(table, [source for source in sources if not source.curves], points=False)
        self._with_curves: dict[int, FoundColumn] = {}

    @cached_property
    def curves(self) -> JoinedColumns:
        """The points of learning curves."""
        own = (AddedSource, ContentSource)  # may have both
        return JoinedColumns(
            self._table, [one for one in self._sources if one.curves or isinstance(one, own)], points=True
        )

    def column(self, address: Address) -> FoundColumn:
        """Return the one column with this address."""
        return self._look_up(address, self._column_in)

    def point(self, address: Address) -> FoundColumn:
        """Return a point of a learning curve, of its file even where it is the end of the training."""
        return self._found_in(self.curves, address, self._column_in)

    def seeds(self, address: Address, *, say: bool) -> list[FoundColumn]:
        """Return the columns of single seeds; with `say`, what is held out must be asked for by its whole address."""

        def look(joined: JoinedColumns, of: Address) -> list[FoundColumn]:
            found = joined.index.find_seeds(of) if say else joined.index.single_seeds(of)
            return [self.whole(joined, position) for position in found]

        return self._look_up(address, look)

    def damage(self, address: Address) -> DamagedFileError | None:
        """Return what is wrong with a source that is left out, though it would have a column of this address."""
        return (self.ends if address.epoch is None else self.curves).damage(address)

    def whole(self, joined: JoinedColumns, position: int) -> FoundColumn:
        """Return a column; of ends, in cells without a value, that of the last point of a learning curve."""
        if joined is not self.ends:
            return joined.column(position)
        found = self._with_curves.get(position)
        if found is None:
            values, info = joined.column(position)
            if info.epochs is not None and np.isnan(values).any():
                last = Address.of(info)._replace(epoch=info.epochs)
                if self.curves.index.holds(last):
                    values, info = united(values, info, *self.curves.column(self.curves.index.find(last)))
            found = self._with_curves[position] = values, info
        return found

    def _look_up(self, address: Address, look: Callable[[JoinedColumns, Address], _T]) -> _T:
        """Return what `look` finds; the end of a training and the last point of its curve answer for each other.

        Columns of ends come first, as sources of curves may have few cells, and what means several of them is no
        question to the curves.
        """
        if address.epoch not in (None, address.epochs):
            return self._found_in(self.curves, address, look)
        end = address if address.epoch is None else address._replace(epoch=None)
        try:
            return self._found_in(self.ends, end, look)
        except NoColumnError:
            if address.epochs is None:
                raise
            try:
                return self._found_in(self.curves, address._replace(epoch=address.epochs), look)
            except NoColumnError:
                pass
            raise

    def _found_in(self, joined: JoinedColumns, address: Address, look: Callable[[JoinedColumns, Address], _T]) -> _T:
        """Return what `look` finds; where it finds nothing, tell of a damaged source that would have it."""
        try:
            return look(joined, address)
        except NoColumnError:
            damage = joined.damage(address)
            if damage is not None:
                raise damage from None
            raise

    def _column_in(self, joined: JoinedColumns, address: Address) -> FoundColumn:
        return self.whole(joined, joined.index.find(address))
