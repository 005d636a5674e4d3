"""Finding columns in all sources of a table: ends of trainings and points of learning curves, asked alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from nasmeta.errors import DamagedFileError, NoColumnError
from nasmeta.tables import _store
from nasmeta.tables._address import Address, ColumnIndex
from nasmeta.tables._catalog import sources_of
from nasmeta.tables._columns import ColumnInfo, Values
from nasmeta.tables._own import AddedSource, ContentSource
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
        self._together: dict[int, tuple[Values, ColumnInfo]] = {}
        self.columns: tuple[ColumnInfo, ...] = tuple(self._files[file].infos[at] for (file, at), *_ in self._places_of)
        # What a user brought has no release that is meant where nobody says: it may hold several.
        always = next((one.release for one in self._sources if not (one.optional or one.imported)), None)
        self.index = ColumnIndex(table, self.columns, always)

    def damage(self, address: Address) -> DamagedFileError | None:
        """Return what is wrong with a source that is left out, though it would have a column of this address."""
        said = address.normal().declared() if self._damaged else {}
        return next((damage for source, damage in self._damaged if source.brings(**said)), None)

    def column(self, position: int) -> tuple[Values, ColumnInfo]:
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

    def _column(self, file: int, column: int) -> Values:
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


def united(values: Values, info: ColumnInfo, others: Values, other: ColumnInfo) -> tuple[Values, ColumnInfo]:
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


FoundColumn = tuple[Values, ColumnInfo]  # values of all architectures, and what is known about them
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

    def values_of(self, infos: Sequence[ColumnInfo]) -> list[Values]:
        """Return these ends of trainings, each as itself: an address may mean several, as where a row has no seed."""
        places = {info: position for position, info in enumerate(self.ends.columns)}
        return [self.whole(self.ends, places[info])[0] for info in infos]

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
        if address.epoch is not None and address.normal().epoch != address.epochs:
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
