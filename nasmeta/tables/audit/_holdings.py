"""All columns that the store holds of a table, of each source its own, as an audit wants them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tables import _store
from nasmeta.tables._arrow_file import ColumnFile
from nasmeta.tables._catalog import sources_of
from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables.sources import Source


@dataclass(frozen=True)
class Held:
    """One column of one source."""

    info: ColumnInfo
    curve: bool  # whether it belongs to a source of learning curves
    imported: bool  # whether it is from official files, which may be some cells only
    _file: ColumnFile
    _position: int

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The column in double precision, shape (n_cells,), NaN where nothing was measured."""
        return self._file.column(self._position).astype(np.float64)

    @property
    def derived(self) -> bool:
        """Whether it was computed from other columns, so that comparing it with these proves nothing."""
        return "derived" in self.info.note


class Holdings:
    """What the store holds of a table: unlike a `Table`, also what two sources both have.

    `sources` are those that are here; of the `damaged` ones, by name with the reason, the columns are left out.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        known = sources_of(table)
        self.space: SearchSpace = get_space(known[0].space)
        self.sources: list[Source] = [source for source in known if _store.within_reach(source)]
        self.damaged: dict[str, str] = {}
        self._columns: list[Held] = []
        for source in self.sources:
            try:
                file = _store.open_or_build(source)
                file.verify()
            except DamagedFileError as reason:
                self.damaged[source.name] = str(reason)
                continue
            imported = bool(getattr(source, "imported", False))
            self._columns += [Held(info, source.curves, imported, file, i) for i, info in enumerate(file.infos)]

    def find(self, curve: bool = False, /, **parts: object) -> list[Held]:
        """Return the columns, or the points of learning curves, whose `ColumnInfo` has these parts."""
        return [
            one
            for one in self._columns
            if one.curve == curve and all(getattr(one.info, part) == value for part, value in parts.items())
        ]

    def curve_ends(self) -> list[Held]:
        """Return the last points of all learning curves."""
        return [one for one in self.find(True) if one.info.epoch in (None, one.info.epochs)]

    def first(self, **parts: object) -> Held | None:
        """Return the first column that `find` returns, or None."""
        return next(iter(self.find(**parts)), None)
