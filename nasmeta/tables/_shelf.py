"""Columns of several sources over the same cells, opened together and found by address."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError
from nasmeta.tables import _store
from nasmeta.tables._address import Address, AddressBook
from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables.sources import Source

__all__ = ["Shelf"]


class Shelf:
    """The opened files of sources.

    Where two sources hold the same address of the same release, the first counts; the audit compares them.

    Parameters
    ----------
    table : str
        Name of the table, for messages.
    sources : sequence of Source

    Attributes
    ----------
    columns : tuple of ColumnInfo
    book : AddressBook
        From an address to positions in `columns`.
    """

    def __init__(self, table: str, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)
        self._files = [_store.open_or_build(source) for source in sources]
        places: dict[tuple[str, str], tuple[int, int]] = {}
        for file, opened in enumerate(self._files):
            for position, (info, address) in enumerate(zip(opened.infos, opened.addresses, strict=True)):
                places.setdefault((address, info.release), (file, position))
        self._place_of = tuple(places.values())
        self.columns: tuple[ColumnInfo, ...] = tuple(self._files[file].infos[at] for file, at in self._place_of)
        self.book = AddressBook(table, self.columns)

    def values(self, position: int) -> NDArray[np.float32]:
        """Return a column, read-only, shape (n_cells,); a damaged file is built again."""
        file, column = self._place_of[position]
        try:
            return self._files[file].column(column)
        except DamagedFileError as damage:  # seen only now, as a column is checked when it is first used
            self._files[file] = _store.build(self._sources[file], damage)
            return self._files[file].column(column)

    def find(self, address: Address) -> NDArray[np.float32]:
        """Return the one column with this address.

        Raises
        ------
        ColumnError
        """
        return self.values(self.book.find(address))

    def find_seeds(self, address: Address) -> list[NDArray[np.float32]]:
        """Return the columns of single seeds; the address leaves the seed open.

        Raises
        ------
        ColumnError
        """
        return [self.values(position) for position in self.book.find_seeds(address)]
