"""The columns of all sources of a table, found by address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from nasmeta.errors import ColumnError, DamagedFileError, NoColumnError, UnknownNameError, near_name
from nasmeta.tables import _store
from nasmeta.tables._address import Address
from nasmeta.tables._catalog import table_sources
from nasmeta.tables._columns import ColumnInfo, Values, default_metrics
from nasmeta.tables._nb201_measurements import METRICS, legal_splits
from nasmeta.tables.sources import Source

FoundColumn = tuple[Values, ColumnInfo]  # values of all architectures, and the facts about them
_MOST_LISTED = 20  # addresses in a message


class JoinedColumns:
    """The columns in the files of sources: either points of learning curves or ends of trainings.

    If two sources hold the same address of the same release, the first one is used, and the others fill its missing
    values. An address without a release means `release`: the release of the source that is always installed.
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
        self._positions: dict[Address, int] = {}
        self.columns = tuple(self._opened[file][1].infos[position] for (file, position), *_ in self._places)
        # A user's table has no default release.
        required = (source for source, _ in self._opened if not (source.optional or source.imported))
        self.release = next((source.release for source in required), None)

    @cached_property
    def by_dataset(self) -> dict[str, list[ColumnInfo]]:
        """The columns of each dataset."""
        found: dict[str, list[ColumnInfo]] = {}
        for column in self.columns:
            found.setdefault(column.dataset, []).append(column)
        return found

    @cached_property
    def default_metrics(self) -> dict[str, list[str]]:
        """The metrics of the tasks of each dataset; see `nasmeta.tables._columns.default_metrics`."""
        return {dataset: default_metrics(columns, dataset) for dataset, columns in self.by_dataset.items()}

    @cached_property
    def _groups(self) -> dict[tuple[str, str, int | None], list[int]]:
        found: dict[tuple[str, str, int | None], list[int]] = {}
        for i, column in enumerate(self.columns):
            found.setdefault((column.dataset, column.metric, column.epoch), []).append(i)
        return found

    # -- values -----------------------------------------------------------------------------------------------------
    def column(self, position: int) -> FoundColumn:
        """Return a column, read-only, and the facts about it; a damaged file is built again."""
        (first, at), *others = self._places[position]
        if not others:
            return self._column(first, at), self.columns[position]
        if position not in self._united:
            values, info = self._column(first, at), self.columns[position]
            for file, at in others:
                if not np.isnan(values).any():
                    break
                values, info = _united(values, info, self._column(file, at), self._opened[file][1].infos[at])
            self._united[position] = values, info
        return self._united[position]

    def values_of(self, infos: Sequence[ColumnInfo]) -> Iterator[Values]:
        """Yield the values of these columns."""
        positions = {info: position for position, info in enumerate(self.columns)}
        return (self.column(positions[info])[0] for info in infos)

    def _column(self, file: int, position: int) -> Values:
        source, opened = self._opened[file]
        try:
            return opened.column(position)
        except DamagedFileError as damage:  # found at the first use of a column
            self._opened[file] = source, _store.build(source, damage)
            return self._opened[file][1].column(position)

    # -- addresses --------------------------------------------------------------------------------------------------
    def find(self, address: Address) -> FoundColumn:
        """Return the one column with this address."""
        if address not in self._positions:
            asked = address.normal()
            matches = self._matches(asked)
            self._require_stated(asked, matches, ("split", "epochs", "seed"))
            self._require_single(asked, matches, ("split", "epochs", "seed", "release"))
            self._positions[address] = matches[0]
        return self.column(self._positions[address])

    def seeds(self, address: Address, *, complete: bool) -> list[FoundColumn]:
        """Return the columns of single seeds; if `complete`, the address must state split and epochs."""
        asked = address.normal()
        matches = self._matches(asked, single_seeds=True)
        self._require_single(asked, matches, ("split", "epochs", "release"))
        if complete:
            self._require_stated(asked, matches, ("split", "epochs"))
        return [self.column(i) for i in matches]

    def matching(self, asked: Address) -> list[ColumnInfo]:
        """Return the columns that fit an address, of the default release if it does not state one."""
        return [self.columns[i] for i in self._matches(asked)]

    def _matches(self, asked: Address, single_seeds: bool = False) -> list[int]:
        stated = [(part, getattr(asked, part)) for part in ("split", "epochs", "seed", "release")]
        stated = [(part, value) for part, value in stated if value is not None]
        found = [
            i
            for i in self._groups.get((asked.dataset, asked.metric, asked.epoch), ())
            if all(getattr(self.columns[i], part) == value for part, value in stated)
        ]
        if single_seeds:
            found = [i for i in found if isinstance(self.columns[i].seed, int)]
        if not found:
            raise self._no_column(asked)
        default = [i for i in found if self.columns[i].release == self.release] if asked.release is None else []
        return default or found

    def _require_stated(self, asked: Address, matches: Sequence[int], parts: Sequence[str]) -> None:
        """Raise an error unless the address of a measurement on held-out data is complete."""
        if all(self.columns[i].split in (None, "train") for i in matches):
            return
        missing = [
            f"{part}="
            for part in parts
            if getattr(asked, part) is None and any(getattr(self.columns[i], part) is not None for i in matches)
        ]
        if missing:
            raise ColumnError(f"{asked.described()} does not state {' and '.join(missing)}. {self._possible(asked)}")

    def _require_single(self, asked: Address, matches: Sequence[int], parts: Sequence[str]) -> None:
        several = [f"{part}=" for part in parts if len({getattr(self.columns[i], part) for i in matches}) > 1]
        if several:
            raise ColumnError(
                f"{asked.described()} fits several columns of {self._table}; state {' and '.join(several)}. "
                f"{self._possible(asked)}"
            )

    # -- messages ---------------------------------------------------------------------------------------------------
    def _no_column(self, asked: Address) -> NoColumnError:
        """Return an error that names the legal addresses, or the columns here and a source of this address."""
        here = {column.source for column in self.columns}
        try:
            sources = table_sources(self._table)
        except UnknownNameError:  # a data frame
            sources = []
        found = [one.how_to_get for one in sources if one.name not in here and one.brings(**asked.declared())]
        hint = " ".join([self._possible(asked), *dict.fromkeys(found[:2])])
        return NoColumnError(f"{self._table} has no {asked.described()}. {hint} `nasmeta data list` shows all sources.")

    def _possible(self, asked: Address) -> str:
        """Return the datasets, metrics or columns that are possible, by the first part of the address that is not."""
        datasets = sorted(self.by_dataset)
        if asked.dataset not in datasets:
            listed = f"Datasets: {', '.join(datasets[:_MOST_LISTED]) or 'none'}."
            return near_name(asked.dataset, datasets).strip() or listed
        metrics = sorted({column.metric for column in self.by_dataset[asked.dataset]})
        if asked.metric not in metrics:
            more = ", …" if len(metrics) > _MOST_LISTED else ""
            listed = f"Metrics of {asked.dataset}: {', '.join(metrics[:_MOST_LISTED])}{more}."
            return near_name(asked.metric, metrics).strip() or listed
        splits = legal_splits(asked.dataset) if self._table == "nb201" and asked.metric in METRICS else {}
        if splits and asked.split not in (None, *splits):
            listed = ", ".join(f"{split} (official: {official})" for split, official in splits.items())
            return f"Splits of {asked.dataset}: {listed}."
        columns = [column for column in self.by_dataset[asked.dataset] if column.metric == asked.metric]
        addresses = dict.fromkeys(f"{replace(column, epoch=None).address} ({column.release})" for column in columns)
        return f"Possible: {', '.join([*addresses][:_MOST_LISTED])}."


def _united(values: Values, info: ColumnInfo, others: Values, other: ColumnInfo) -> FoundColumn:
    """Return a column with missing values filled from another source of the same release and address.

    If the other source adds a value, the facts name both sources, licences and checksums.
    """
    gaps = np.isnan(values) & ~np.isnan(others)
    if not gaps.any():
        return values, info
    whole = np.where(gaps, others, values)
    whole.flags.writeable = False
    both: dict[str, str] = {}
    for part in ("source", "licence", "source_sha256"):
        both[part] = " + ".join(dict.fromkeys(f"{getattr(info, part)} + {getattr(other, part)}".split(" + ")))
    return whole, replace(info, **both)  # type: ignore[arg-type]
