"""The columns of all sources of a table, found by address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

import numpy as np

from nasmeta.errors import ColumnError, DamagedFileError, NoColumnError, UnknownNameError, near_name
from nasmeta.spaces import canonical_dataset
from nasmeta.tables import _store
from nasmeta.tables._address import Address
from nasmeta.tables._catalog import table_sources
from nasmeta.tables._columns import ColumnInfo, Values, default_metrics, joined_facts
from nasmeta.tables.sources import Source

FoundColumn = tuple[Values, ColumnInfo]  # values of all architectures, and the facts about them
_MOST_LISTED = 20  # names in a message


class JoinedColumns:
    """The columns in the files of sources: either points of learning curves or ends of trainings.

    If two sources hold the same address of the same release, the first one is used, and the others
    fill its missing values. An address without a release means `release`: the release of the source
    that is always installed.
    """

    def __init__(self, table: str, sources: Sequence[Source], *, points: bool) -> None:
        self._table = table
        self._sources = sources
        self._opened = [_store.open_or_build(source) for source in sources]
        columns: list[ColumnInfo] = []
        places: dict[tuple[str, str], list[tuple[int, int]]] = {}  # (file, position in it)
        for file, opened in enumerate(self._opened):
            for position, column in enumerate(opened.infos):
                if (column.epoch is not None) is not points:
                    continue
                address = column.address, column.release
                if address not in places:
                    columns.append(column)
                places.setdefault(address, []).append((file, position))
        self.columns = tuple(columns)
        self._places = tuple(places.values())  # of each column
        self._united: dict[int, FoundColumn] = {}
        self._found: dict[Address, int] = {}
        # A user's table has no default release.
        required = [source for source in sources if not (source.optional or source.imported)]
        self.release = required[0].release if required else None

    @cached_property
    def by_dataset(self) -> dict[str, list[ColumnInfo]]:
        """The columns of each dataset, by its canonical name."""
        by_dataset: dict[str, list[ColumnInfo]] = {}
        for column in self.columns:
            by_dataset.setdefault(canonical_dataset(column.dataset), []).append(column)
        return by_dataset

    @property
    def datasets(self) -> tuple[str, ...]:
        """The names of the datasets, as their first columns spell them."""
        return tuple(columns[0].dataset for columns in self.by_dataset.values())

    @cached_property
    def default_metrics(self) -> dict[str, list[str]]:
        """The metrics of the tasks of each dataset: as declared, else by `nasmeta.tables._columns.default_metrics`."""
        metrics = {}
        for dataset, columns in self.by_dataset.items():
            metrics[dataset] = default_metrics(columns)
        for source in self._sources:
            for entry in getattr(source, "tasks", ()):
                if entry["name"] == f"{source.table}/{{dataset}}":
                    for dataset in metrics.keys() & set(np.atleast_1d(entry["dataset"])):
                        metrics[dataset] = [entry["metric"]]
        return metrics

    @cached_property
    def _positions(self) -> dict[ColumnInfo, int]:
        return {column: position for position, column in enumerate(self.columns)}

    @cached_property
    def _groups(self) -> dict[tuple[str, str, int | None], list[ColumnInfo]]:
        groups: dict[tuple[str, str, int | None], list[ColumnInfo]] = {}
        for column in self.columns:
            key = canonical_dataset(column.dataset), column.metric, column.epoch
            groups.setdefault(key, []).append(column)
        return groups

    # -- values
    def __iter__(self) -> Iterator[FoundColumn]:
        return map(self._column, range(len(self.columns)))

    def values_of(self, info: ColumnInfo) -> Values:
        """Return the values of a column, read-only; a damaged file is built again."""
        return self._column(self._positions[info])[0]

    def _column(self, position: int) -> FoundColumn:
        first, *others = self._places[position]
        if not others:
            return self._read(*first), self.columns[position]
        if position not in self._united:
            values, column = self._read(*first), self.columns[position]
            for file, place in others:
                if not np.isnan(values).any():
                    break
                other = self._opened[file].infos[place]
                values, column = _united(values, column, self._read(file, place), other)
            self._united[position] = values, column
        return self._united[position]

    def _read(self, file: int, position: int) -> Values:
        try:
            return self._opened[file].column(position)
        except DamagedFileError as damage:  # found at the first use of a column
            self._opened[file] = _store.build(self._sources[file], damage)
            return self._opened[file].column(position)

    # -- addresses
    def find(self, address: Address) -> FoundColumn:
        """Return the one column with this address."""
        if address not in self._found:
            asked = address.normal()
            matches = self.matching(asked)
            stated = ("split", "epochs", "seed")
            self._require_one(asked, matches, (*stated, "release"), stated)
            self._found[address] = self._positions[matches[0]]
        return self._column(self._found[address])

    def seeds(self, address: Address, *, complete: bool) -> list[FoundColumn]:
        """Return the columns of single seeds; if `complete`, the address must state split and epochs."""
        asked = address.normal()
        matches = self.matching(asked, single_seeds=True)
        stated = ("split", "epochs") if complete else ()
        self._require_one(asked, matches, ("split", "epochs", "release"), stated)
        return [self._column(self._positions[column]) for column in matches]

    def matching(self, asked: Address, *, single_seeds: bool = False) -> list[ColumnInfo]:
        """Return the columns that fit an address, of the default release if it does not state one."""
        matches = self._groups.get((asked.dataset, asked.metric, asked.epoch), [])
        for part in ("split", "epochs", "seed", "release"):
            value = getattr(asked, part)
            if value is not None:
                matches = [column for column in matches if getattr(column, part) == value]
        if single_seeds:
            matches = [column for column in matches if isinstance(column.seed, int)]
        if not matches:
            raise self._no_column(asked)
        if asked.release is None:
            return [column for column in matches if column.release == self.release] or matches
        return matches

    def _require_one(
        self,
        asked: Address,
        matches: Sequence[ColumnInfo],
        parts: Sequence[str],
        stated: Sequence[str],
    ) -> None:
        """Raise an error if columns differ in a part, or if measurements on held-out data do not state one."""
        if all(column.split in (None, "train") for column in matches):
            stated = ()
        unclear = []
        for part in parts:
            values = {getattr(column, part) for column in matches}
            is_silent = part in stated and getattr(asked, part) is None and values != {None}
            if len(values) > 1 or is_silent:
                unclear.append(f"{part}=")
        if unclear:
            incomplete = f"{asked.described()} of {self._table} is incomplete"
            raise ColumnError(f"{incomplete}; state {', '.join(unclear)}. {self._possible(asked)}")

    # -- messages
    def _no_column(self, asked: Address) -> NoColumnError:
        """Return an error that names the possible addresses, or a source of this address."""
        here = {column.source for column in self.columns}
        hints = [self._possible(asked)]
        with suppress(UnknownNameError):  # a data frame
            for source in table_sources(self._table):
                if source.name not in here and source.declares(**asked.declared()):
                    hints.append(source.how_to_get)
        hint = " ".join(dict.fromkeys(hints[:3]))
        return NoColumnError(
            f"{self._table} has no {asked.described()}. {hint} `nasmeta data list` shows all sources."
        )

    def _possible(self, asked: Address) -> str:
        """Return the datasets, metrics or columns that are possible, by the first part of the address that is not."""
        columns = self.by_dataset.get(asked.dataset, [])
        of_metric = [column for column in columns if column.metric == asked.metric]
        unknown, names = asked.dataset, sorted(self.datasets)
        if of_metric:
            ends = [replace(column, epoch=None) for column in of_metric]
            unknown, names = "", [f"{end.address} ({end.release})" for end in ends]
        elif columns:
            unknown, names = asked.metric, sorted(column.metric for column in columns)
        names = list(dict.fromkeys(names))
        listed = ", ".join(names[:_MOST_LISTED]) or "none"
        return near_name(unknown, names).strip() or f"Possible: {listed}."


def _united(values: Values, info: ColumnInfo, others: Values, other: ColumnInfo) -> FoundColumn:
    """Return a column with missing values filled from another source of the same release and address.

    If the other source adds a value, the facts name both sources, licences and checksums.
    """
    gaps = np.isnan(values) & ~np.isnan(others)
    if not gaps.any():
        return values, info
    whole = np.where(gaps, others, values)
    whole.flags.writeable = False
    return whole, replace(info, **joined_facts([info, other], "source", "licence", "source_sha256"))
