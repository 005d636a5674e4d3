"""The columns of all sources of a table, found by address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
        self._opened = [(source, _store.open_or_build(source)) for source in sources]
        places: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for file, (_, opened) in enumerate(self._opened):
            for position, info in enumerate(opened.infos):
                if (info.epoch is not None) is points:
                    places.setdefault((info.address, info.release), []).append((file, position))
        self._places = tuple(places.values())
        self._united: dict[int, FoundColumn] = {}
        self._found: dict[Address, int] = {}
        self.columns = tuple(
            self._opened[file][1].infos[position] for (file, position), *_ in self._places
        )
        # A user's table has no default release.
        required = (
            source for source, _ in self._opened if not (source.optional or source.imported)
        )
        self.release = next((source.release for source in required), None)

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
        metrics = {
            dataset: default_metrics(columns) for dataset, columns in self.by_dataset.items()
        }
        for source, _ in self._opened:
            for entry in getattr(source, "tasks", ()):
                if entry["name"] == f"{source.table}/{{dataset}}":
                    datasets = np.atleast_1d(entry["dataset"])
                    metrics |= {
                        dataset: [entry["metric"]] for dataset in metrics if dataset in datasets
                    }
        return metrics

    @cached_property
    def _positions(self) -> dict[ColumnInfo, int]:
        return {info: position for position, info in enumerate(self.columns)}

    @cached_property
    def _groups(self) -> dict[tuple[str, str, int | None], list[ColumnInfo]]:
        groups: dict[tuple[str, str, int | None], list[ColumnInfo]] = {}
        for info in self.columns:
            groups.setdefault(
                (canonical_dataset(info.dataset), info.metric, info.epoch), []
            ).append(info)
        return groups

    # -- values
    def __iter__(self) -> Iterator[FoundColumn]:
        return map(self._column, range(len(self.columns)))

    def values_of(self, infos: Sequence[ColumnInfo]) -> Iterator[Values]:
        """Yield the values of these columns, read-only; a damaged file is built again."""
        return (self._column(self._positions[info])[0] for info in infos)

    def _column(self, position: int) -> FoundColumn:
        (first, at), *others = self._places[position]
        if not others:
            return self._read(first, at), self.columns[position]
        if position not in self._united:
            values, info = self._read(first, at), self.columns[position]
            for file, at in others:
                if not np.isnan(values).any():
                    break
                values, info = _united(
                    values, info, self._read(file, at), self._opened[file][1].infos[at]
                )
            self._united[position] = values, info
        return self._united[position]

    def _read(self, file: int, position: int) -> Values:
        source, opened = self._opened[file]
        try:
            return opened.column(position)
        except DamagedFileError as damage:  # found at the first use of a column
            self._opened[file] = source, _store.build(source, damage)
            return self._opened[file][1].column(position)

    # -- addresses
    def find(self, address: Address) -> FoundColumn:
        """Return the one column with this address."""
        if address not in self._found:
            asked = address.normal()
            matches = self.matching(asked)
            self._require_one(
                asked, matches, ("split", "epochs", "seed", "release"), ("split", "epochs", "seed")
            )
            self._found[address] = self._positions[matches[0]]
        return self._column(self._found[address])

    def seeds(self, address: Address, *, complete: bool) -> list[FoundColumn]:
        """Return the columns of single seeds; if `complete`, the address must state split and epochs."""
        asked = address.normal()
        matches = self.matching(asked, single_seeds=True)
        self._require_one(
            asked, matches, ("split", "epochs", "release"), ("split", "epochs") if complete else ()
        )
        return [self._column(self._positions[info]) for info in matches]

    def matching(self, asked: Address, *, single_seeds: bool = False) -> list[ColumnInfo]:
        """Return the columns that fit an address, of the default release if it does not state one."""
        stated = [(part, getattr(asked, part)) for part in ("split", "epochs", "seed", "release")]
        stated = [(part, value) for part, value in stated if value is not None]
        matches = [
            info
            for info in self._groups.get((asked.dataset, asked.metric, asked.epoch), ())
            if all(getattr(info, part) == value for part, value in stated)
        ]
        if single_seeds:
            matches = [info for info in matches if isinstance(info.seed, int)]
        if not matches:
            raise self._no_column(asked)
        default = (
            [info for info in matches if info.release == self.release]
            if asked.release is None
            else []
        )
        return default or matches

    def _require_one(
        self,
        asked: Address,
        matches: Sequence[ColumnInfo],
        parts: Sequence[str],
        stated: Sequence[str],
    ) -> None:
        """Raise an error if columns differ in a part, or if measurements on held-out data do not state one."""
        if all(info.split in (None, "train") for info in matches):
            stated = ()
        values = {part: {getattr(info, part) for info in matches} for part in parts}
        silent = [
            part for part in stated if getattr(asked, part) is None and values[part] != {None}
        ]
        unclear = [part for part in parts if len(values[part]) > 1 or part in silent]
        if unclear:
            parts_ = ", ".join(f"{part}=" for part in unclear)
            raise ColumnError(
                f"{asked.described()} of {self._table} is incomplete; state {parts_}. {self._possible(asked)}"
            )

    # -- messages
    def _no_column(self, asked: Address) -> NoColumnError:
        """Return an error that names the possible addresses, or a source of this address."""
        here = {column.source for column in self.columns}
        try:
            sources = table_sources(self._table)
        except UnknownNameError:  # a data frame
            sources = []
        others = [
            source
            for source in sources
            if source.name not in here and source.declares(**asked.declared())
        ]
        hint = " ".join(
            [self._possible(asked), *dict.fromkeys(source.how_to_get for source in others[:2])]
        )
        return NoColumnError(
            f"{self._table} has no {asked.described()}. {hint} `nasmeta data list` shows all sources."
        )

    def _possible(self, asked: Address) -> str:
        """Return the datasets, metrics or columns that are possible, by the first part of the address that is not."""
        columns = self.by_dataset.get(asked.dataset, [])
        of_metric = [replace(info, epoch=None) for info in columns if info.metric == asked.metric]
        if of_metric:
            unknown, names = "", [f"{info.address} ({info.release})" for info in of_metric]
        elif columns:
            unknown, names = asked.metric, sorted(info.metric for info in columns)
        else:
            unknown, names = asked.dataset, sorted(self.datasets)
        listed = [*dict.fromkeys(names)]
        return (
            near_name(unknown, listed).strip()
            or f"Possible: {', '.join(listed[:_MOST_LISTED]) or 'none'}."
        )


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
