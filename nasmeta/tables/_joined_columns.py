"""The columns of all sources of a table, found by address: ends of trainings and points of learning curves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from nasmeta.errors import ColumnError, DamagedFileError, NoColumnError, UnknownNameError, near_name
from nasmeta.tables import _store
from nasmeta.tables._address import Address
from nasmeta.tables._catalog import sources_of
from nasmeta.tables._columns import ColumnInfo, Seed, Values, main_metric
from nasmeta.tables._nb201_measurements import METRICS, why_illegal
from nasmeta.tables._user_tables import AddedSource, ContentSource
from nasmeta.tables.sources import Source

FoundColumn = tuple[Values, ColumnInfo]  # values of all architectures, and the facts about them
_T = TypeVar("_T")


class JoinedColumns:
    """The columns in the files of sources: either points of learning curves or ends of trainings.

    If two sources hold the same address of the same release, the first one wins, and the others fill its missing
    values; the audit compares them. An optional source that is damaged is left out, with a warning. If an address does
    not state a release, `release` is meant: the release of the source that is always installed.
    """

    def __init__(self, table: str, sources: Sequence[Source], *, points: bool) -> None:
        self._table = table
        self._damaged: list[tuple[Source, DamagedFileError]] = []
        self._opened = []
        for source in sources:
            try:
                self._opened.append((source, _store.open_or_build(source)))
            except DamagedFileError as damage:
                self._leave_out(source, damage)
        places: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for file, (_, opened) in enumerate(self._opened):
            for position, (info, address) in enumerate(zip(opened.infos, opened.addresses, strict=True)):
                if (info.epoch is not None) is points:
                    places.setdefault((address, info.release), []).append((file, position))
        self._places_of = tuple(places.values())
        self._together: dict[int, FoundColumn] = {}
        self.columns = tuple(self._opened[file][1].infos[at] for (file, at), *_ in self._places_of)
        # A user's table does not have a default release: it may hold several.
        always = (source for source, _ in self._opened if not (source.optional or source.imported))
        self.release = next((source.release for source in always), None)
        self._groups: dict[tuple[str, str, int | None], list[int]] = {}
        self._found: dict[tuple[Address, bool], list[int]] = {}

    @cached_property
    def by_dataset(self) -> dict[str, list[ColumnInfo]]:
        """The columns of each dataset."""
        found: dict[str, list[ColumnInfo]] = {}
        for column in self.columns:
            found.setdefault(column.dataset, []).append(column)
        return found

    @cached_property
    def main_metrics(self) -> dict[str, str | None]:
        """The default metric of each dataset, see `main_metric`."""
        return {dataset: main_metric(columns, dataset) for dataset, columns in self.by_dataset.items()}

    # -- values -----------------------------------------------------------------------------------------------------
    def column(self, position: int) -> FoundColumn:
        """Return a column, read-only, and the facts about it; a damaged file is built again."""
        if position not in self._together:
            (first, at), *others = self._places_of[position]
            values, info = self._column(first, at), self.columns[position]
            for file, at in others:
                if not np.isnan(values).any():
                    break
                source, opened = self._opened[file]
                try:
                    values, info = united(values, info, self._column(file, at), opened.infos[at])
                except DamagedFileError as damage:
                    self._leave_out(source, damage)
            self._together[position] = values, info
        return self._together[position]

    def _column(self, file: int, position: int) -> Values:
        source, opened = self._opened[file]
        try:
            return opened.column(position)
        except DamagedFileError as damage:  # the checksum of a column is verified at its first use
            self._opened[file] = source, _store.build(source, damage)
            return self._opened[file][1].column(position)

    def _leave_out(self, source: Source, damage: DamagedFileError) -> None:
        if not source.optional:
            raise damage
        self._damaged.append((source, damage))
        warnings.warn(f"{source.name} is left out: {damage}", RuntimeWarning, stacklevel=4)

    def damage(self, address: Address) -> DamagedFileError | None:
        """Return the damage of a source that is left out and declares this address."""
        stated = address.normal().declared() if self._damaged else {}
        return next((damage for source, damage in self._damaged if source.brings(**stated)), None)

    # -- addresses --------------------------------------------------------------------------------------------------
    def find(self, address: Address) -> int:
        """Return the position of the one column with this address."""
        asked = address.normal()
        if (asked, True) not in self._found:
            matches = self._matches(asked)
            self._require_stated(asked, matches, ("split", "epochs", "seed"))
            self._require_single(asked, matches, ("split", "epochs", "seed", "release"))
            self._found[asked, True] = matches
        return self._found[asked, True][0]

    def find_seeds(self, address: Address, *, complete: bool) -> list[int]:
        """Return the positions of single seeds; if `complete`, the address must state split and epochs."""
        asked = address.normal()
        if (asked, False) not in self._found:
            matches = self._matches(asked, single_seeds=True)
            self._require_single(asked, matches, ("split", "epochs", "release"))
            self._found[asked, False] = matches
        if complete:
            self._require_stated(asked, self._found[asked, False], ("split", "epochs"))
        return self._found[asked, False]

    def matching(self, asked: Address) -> list[ColumnInfo]:
        """Return the columns that fit an address, of the default release if it does not state one."""
        return [self.columns[i] for i in self._matches(asked)]

    def holds(self, address: Address) -> bool:
        """Whether there is a column with this address."""
        return bool(self._candidates(address.normal()))

    def _matches(self, asked: Address, single_seeds: bool = False) -> list[int]:
        found = [i for i in self._candidates(asked) if not single_seeds or isinstance(self.columns[i].seed, int)]
        if not found:
            raise self.damage(asked) or NoColumnError(
                f"{self._table} holds no {asked.described()}. {self._what_helps(asked)} "
                "`nasmeta data list` shows all sources."
            )
        default = [i for i in found if self.columns[i].release == self.release] if asked.release is None else []
        return default or found

    def _candidates(self, asked: Address) -> list[int]:
        if not self._groups:  # at the first query, so that a table opens quickly
            for i, column in enumerate(self.columns):
                self._groups.setdefault((column.dataset, column.metric, column.epoch), []).append(i)
        stated = [(part, getattr(asked, part)) for part in ("split", "epochs", "seed", "release")]
        return [
            i
            for i in self._groups.get((asked.dataset, asked.metric, asked.epoch), ())
            if all(value is None or getattr(self.columns[i], part) == value for part, value in stated)
        ]

    def _require_stated(self, asked: Address, matches: Sequence[int], parts: Sequence[str]) -> None:
        """Refuse hidden defaults: the address of a measurement on held-out data must be complete."""
        if all(self.columns[i].split in (None, "train") for i in matches):
            return
        stated = {part for part in parts if getattr(asked, part) is not None}
        open_ = [p for p in parts if p not in stated and any(getattr(self.columns[i], p) is not None for i in matches)]
        if open_:
            raise ColumnError(
                f"{asked.described()} leaves open {' and '.join(f'{part}=' for part in open_)}: there are no defaults "
                f"for measurements on held-out data. {self._what_exists(asked)}"
            )

    def _require_single(self, asked: Address, matches: Sequence[int], parts: Sequence[str]) -> None:
        several = [part for part in parts if len({getattr(self.columns[i], part) for i in matches}) > 1]
        if several:
            raise ColumnError(
                f"{asked.described()} means several columns of {self._table}: "
                f"give {' and '.join(f'{part}=' for part in several)}. {self._what_exists(asked)}"
            )

    # -- messages ---------------------------------------------------------------------------------------------------
    def _what_helps(self, asked: Address) -> str:
        """Return the legal addresses if this one is not legal; else the columns here, and a source of this one."""
        if self._table == "nb201" and asked.metric in METRICS:
            reason = why_illegal(asked.dataset, asked.split, asked.epochs, asked.epoch)
            if reason:
                return reason
        here = {column.source for column in self.columns}
        try:
            sources = sources_of(self._table)
        except UnknownNameError:  # a user's table without a name in the store
            sources = []
        found = [one.how_to_get for one in sources if one.name not in here and one.brings(**asked.declared())]
        return " ".join([self._what_exists(asked), " Or ".join(dict.fromkeys(found[:2]))]).rstrip()

    def _what_exists(self, asked: Address) -> str:
        if asked.epoch is not None:
            curves = {(c.dataset, c.metric, c.split, c.epochs, c.seed) for c in self.columns}
            held = sorted("/".join(map(str, curve)) for curve in curves)
            return f"Learning curves here: {', '.join(held) or 'none'}."
        datasets = sorted(self.by_dataset)
        if asked.dataset not in datasets:
            return f"Its datasets: {', '.join(datasets)}.{near_name(asked.dataset, datasets)}"
        metrics = sorted({column.metric for column in self.by_dataset[asked.dataset]})
        if asked.metric not in metrics:
            return f"Metrics of {asked.dataset}: {', '.join(metrics)}.{near_name(asked.metric, metrics)}"
        seeds: dict[tuple[str | None, int | None, str], list[Seed | None]] = {}
        for column in self.columns:
            if (column.dataset, column.metric) == (asked.dataset, asked.metric):
                seeds.setdefault((column.split, column.epochs, column.release), []).append(column.seed)
        holds = "; ".join(
            (f"split {split!r}, " if split is not None else "")
            + (f"epochs {epochs}, " if epochs is not None else "")
            + f"seeds {', '.join(map(repr, values))} ({release})"
            for (split, epochs, release), values in seeds.items()
        )
        return f"It holds for {asked.dataset}/{asked.metric}: {holds}."


def united(values: Values, info: ColumnInfo, others: Values, other: ColumnInfo) -> FoundColumn:
    """Return a column whose missing values come from another source of the same release and address.

    If the other source adds a value, the facts name both sources, licences and checksums.
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


class ColumnLookup:
    """The columns of sources over one space: ends of trainings, and points of curves after the first query for one."""

    def __init__(self, table: str, sources: Sequence[Source]) -> None:
        self._table, self._sources = table, sources
        self.ends = JoinedColumns(table, [source for source in sources if not source.curves], points=False)
        self._with_curves: dict[int, FoundColumn] = {}

    @cached_property
    def curves(self) -> JoinedColumns:
        """The points of learning curves; a user's source may have both."""
        own = (AddedSource, ContentSource)
        sources = [source for source in self._sources if source.curves or isinstance(source, own)]
        return JoinedColumns(self._table, sources, points=True)

    def values_of(self, infos: Sequence[ColumnInfo]) -> list[Values]:
        """Return the values of these ends of trainings."""
        places = {info: position for position, info in enumerate(self.ends.columns)}
        return [self.whole(self.ends, places[info])[0] for info in infos]

    def column(self, address: Address) -> FoundColumn:
        """Return the one column with this address."""
        return self._either(address, lambda joined, of: self.whole(joined, joined.find(of)))

    def point(self, address: Address) -> FoundColumn:
        """Return a point of a learning curve, even at the end from the file of curves."""
        return self.curves.column(self.curves.find(address))

    def seeds(self, address: Address, *, complete: bool) -> list[FoundColumn]:
        """Return the columns of single seeds; see `JoinedColumns.find_seeds`."""
        return self._either(
            address, lambda joined, of: [self.whole(joined, i) for i in joined.find_seeds(of, complete=complete)]
        )

    def damage(self, address: Address) -> DamagedFileError | None:
        """Return the damage of a source that is left out and declares this address."""
        return (self.ends if address.epoch is None else self.curves).damage(address)

    def whole(self, joined: JoinedColumns, position: int) -> FoundColumn:
        """Return a column; missing values of an end come from the last point of its learning curve."""
        if joined is not self.ends:
            return joined.column(position)
        if position not in self._with_curves:
            values, info = joined.column(position)
            if info.epochs is not None and np.isnan(values).any():
                last = Address.of(info)._replace(epoch=info.epochs)
                if self.curves.holds(last):
                    values, info = united(values, info, *self.curves.column(self.curves.find(last)))
            self._with_curves[position] = values, info
        return self._with_curves[position]

    def _either(self, address: Address, look: Callable[[JoinedColumns, Address], _T]) -> _T:
        """Return the result for ends, else for curves: the last point of a curve is the end of its training.

        Ends come first, because a source of curves may have few architectures.
        """
        if address.epoch is not None and address.epoch != address.epochs:
            return look(self.curves, address)
        try:
            return look(self.ends, address._replace(epoch=None))
        except NoColumnError as reason:
            if address.epochs is None:
                raise
            try:
                return look(self.curves, address._replace(epoch=address.epochs))
            except NoColumnError:
                raise reason from None
