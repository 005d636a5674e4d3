"""Whether tables that users bring open, and what is odd about them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import NasmetaError, NasmetaWarning, SettingError
from nasmeta.spaces import SearchSpace
from nasmeta.tables._address import main_metric
from nasmeta.tables._dropped import narrow_tasks
from nasmeta.tables._oddities import highest, how_to_state, is_percentage, odd_accuracies, only_test_values
from nasmeta.tables._own import ContentSource, read_frame
from nasmeta.tables._seed_means import with_means
from nasmeta.tables._table import Table, load_table

_SUFFIXES = (".csv", ".tsv", ".parquet", ".arrow")


@dataclass(frozen=True)
class Examined:
    """What is found of a table."""

    name: str
    table: Table | None  # None where it does not open
    why: str  # it does not open; empty where it does
    n_measured: int = 0  # architectures with a value
    odd: tuple[str, ...] = ()


def examine(place: str | os.PathLike[str], **options: Any) -> Iterator[Examined]:
    """Open a table by its name, the file of one, or all files of a folder, and look for what is odd.

    A .csv, .tsv or .parquet is read with the options of `table_of_file`; an .arrow of the store needs none.
    """
    path = Path(place).expanduser()
    files = sorted(one for one in path.iterdir() if one.suffix in _SUFFIXES) if path.is_dir() else [path]
    if not files:
        yield Examined(str(place), None, f"The folder holds no file of the kinds {', '.join(_SUFFIXES)}.")
    for file in files:
        is_file = file.is_file() or file.suffix in _SUFFIXES
        name = file.name if is_file else str(place)
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always", NasmetaWarning)
                table = _of_file(file, options) if is_file else load_table(name)
            said = tuple(str(one.message) for one in told if issubclass(one.category, NasmetaWarning))
            yield Examined(name, table, "", _n_measured(table), (*said, *oddities(table, accuracies=not said)))
        except NasmetaError as reason:
            yield Examined(name, None, str(reason))


def _of_file(file: Path, options: Mapping[str, Any]) -> Table:
    """Open the table in a file."""
    if file.suffix != ".arrow":
        return table_of_file(file, name=file.stem, **options)
    try:
        data = file.read_bytes()
    except OSError as reason:
        raise SettingError(f"{file} cannot be read: {reason.strerror or reason}.") from reason
    return Table(file.stem, [ContentSource(file.stem, sha256(data).hexdigest(), data)])


def table_of_file(
    file: str | os.PathLike[str],
    *,
    name: str,
    space: str | SearchSpace | None = None,
    columns: Sequence[str] | None = None,
    **options: Any,
) -> Table:
    """Make a table of a .csv, .tsv or .parquet over a space, or over that of `columns` that describe an architecture.

    The other options are those of `Table.from_frame`.
    """
    if (space is None) == (columns is None):
        raise SettingError(
            "Name the space of the table, by one of two: --space nb201 (or another registered one), or --columns a,b,c "
            "for the columns of the file that describe an architecture."
        )
    frame = read_frame(file)
    own = SearchSpace.from_frame(frame, list(columns), name) if columns else space
    return Table.from_frame(frame, own or "", name=name, **options)


def _n_measured(table: Table) -> int:
    """Return how many architectures have a value in any column."""
    measured = np.zeros(table.space.size, dtype=bool)
    for values in table._lookup.values_of(table.columns):
        measured |= ~np.isnan(values)
    return int(measured.sum())


def oddities(table: Table, *, accuracies: bool = True) -> Iterator[str]:
    """Yield in words what is odd about a table: accuracies in two units, means that are none, test values alone."""
    columns = list(zip(table.columns, table._lookup.values_of(table.columns), strict=True))
    for metric, info in {info.metric: info for info, _ in columns if accuracies}.items():
        own = [(info, values) for info, values in columns if info.metric == metric]
        everything = _pooled([values for _, values in own])[1]
        if not is_percentage(info, everything):
            continue
        for dataset in dict.fromkeys(info.dataset for info, _ in own):
            cells, found = _pooled([values for info, values in own if info.dataset == dataset])
            most, named = highest(info, found, everything), partial(_name, table.space, cells)
            for odd in odd_accuracies(f"{metric} of {dataset}", found, most, named):
                yield f"{odd} {how_to_state(metric)}"
    if accuracies:
        yield from narrow_tasks(table.name, columns)
    try:
        with_means(columns, table.space)
    except SettingError as reason:
        yield str(reason)
    for dataset in table.datasets:
        main = main_metric(table.columns, dataset)
        of_main = [info for info in table.columns if (info.dataset, info.metric) == (dataset, main)]
        if of_main and (why := only_test_values(table.columns, of_main[0])):
            yield why


def _name(space: SearchSpace, cells: NDArray[np.intp], i: int) -> str:
    """Return how a message names a cell."""
    return space.to_string(int(cells[i]))


def _pooled(columns: list[NDArray[np.float32]]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the cells and values of several columns, without what is missing."""
    cells = [np.flatnonzero(~np.isnan(values)) for values in columns]
    there = [values[own].astype(np.float64) for values, own in zip(columns, cells, strict=True)]
    return np.concatenate(cells), np.concatenate(there)
