"""Columns of several sources over the same cells, opened together and found by address."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import DamagedFileError
from nasmeta.tables import _store
from nasmeta.tables._address import Address, ColumnIndex
from nasmeta.tables._catalog import sources_of
from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables.sources import Source


class JoinedColumns:
    """The opened files of sources: points of learning curves or ends of trainings, as a user's file may have both.

    Where two sources hold the same address of the same release, the first counts, and the others in cells of which it
    has no value; the audit compares them. An optional source that is damaged is left out, with a warning.
    """

    def __init__(self, table: str, sources: Sequence[Source], *, points: bool) -> None:
        self._damaged: list[tuple[Source, DamagedFileError]] = []
        opened_sources = []
        for source in sources:
            try:
                opened_sources.append((source, _store.open_or_build(source)))
            except DamagedFileError as damage:
                if not source.optional:
                    raise
                self._damaged.append((source, damage))
                _warn_left_out(source, damage)
        self._sources = [source for source, _ in opened_sources]
        self._files = [file for _, file in opened_sources]
        places: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for file, opened in enumerate(self._files):
            for position, (info, address) in enumerate(zip(opened.infos, opened.addresses, strict=True)):
                if (info.epoch is not None) is points:
                    places.setdefault((address, info.release), []).append((file, position))
        self._places_of = tuple(places.values())
        self._together: dict[int, tuple[NDArray[np.float32], ColumnInfo]] = {}
        self.columns: tuple[ColumnInfo, ...] = tuple(self._files[file].infos[at] for (file, at), *_ in self._places_of)
        # What a user brought has no release that is meant where nobody says: it may hold several.
        always = next((one.release for one in self._sources if not (one.optional or one.imported)), None)
        self.index = ColumnIndex(table, self.columns, always)

    def damage(self, address: Address) -> DamagedFileError | None:
        """Return what is wrong with a source that is left out, though it would have a column of this address."""
        said = address.normal().declared() if self._damaged else {}
        return next((damage for source, damage in self._damaged if source.brings(**said)), None)

    def column(self, position: int) -> tuple[NDArray[np.float32], ColumnInfo]:
        """Return a column, read-only, and what is known about it and all its sources; a damaged file is built again."""
        first, *others = self._places_of[position]
        if not others:
            return self._column(*first), self.columns[position]
        if position not in self._together:
            values, info = self._column(*first), self.columns[position]
            for file, at in others:
                if not np.isnan(values).any():
                    break
                try:
                    also = self._column(file, at)
                except DamagedFileError as damage:
                    if not self._sources[file].optional:
                        raise
                    _warn_left_out(self._sources[file], damage)
                    continue
                values, info = united(values, info, also, self._files[file].infos[at])
            self._together[position] = values, info
        return self._together[position]

    def _column(self, file: int, column: int) -> NDArray[np.float32]:
        try:
            return self._files[file].column(column)
        except DamagedFileError as damage:  # seen only now, as a column is checked when it is first used
            self._files[file] = _store.build(self._sources[file], damage)
            return self._files[file].column(column)


def _warn_left_out(source: Source, damage: DamagedFileError) -> None:
    warnings.warn(f"{source.name} is left out: {damage}", RuntimeWarning, stacklevel=3)


def damaged_sources(table: str) -> dict[str, str]:
    """Return what is wrong with sources of a table that are on this machine and cannot be opened, by name."""
    found = {}
    for source in sources_of(table):
        try:
            if _store.within_reach(source):
                _store.open_or_build(source)
        except DamagedFileError as damage:
            found[source.name] = str(damage)
    return found


def united(
    values: NDArray[np.float32], info: ColumnInfo, others: NDArray[np.float32], other: ColumnInfo
) -> tuple[NDArray[np.float32], ColumnInfo]:
    """Return a column with the values of another source, of the same release and address, where it has none itself.

    Where the other source adds a value, what is known names both sources, licences and checksums.
    """
    gaps = np.isnan(values) & ~np.isnan(others)
    if not gaps.any():
        return values, info
    whole = np.where(gaps, others, values)
    whole.flags.writeable = False
    named = {
        part: " + ".join(dict.fromkeys(f"{getattr(info, part)} + {getattr(other, part)}".split(" + ")))
        for part in ("source", "licence", "source_sha256")
    }
    return whole, replace(info, **named)  # type: ignore[arg-type]
