"""Tables in users' files: read, added to the store, and examined."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nasmeta.errors import NasmetaError, NasmetaWarning, SettingError
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tables._arrow_file import encode
from nasmeta.tables._from_frame import columns_of_frame
from nasmeta.tables._table import Table, load_table
from nasmeta.tables._user_tables import ContentSource, add_columns, added_tables
from nasmeta.tables._value_checks import odd_accuracies, only_test_values

if TYPE_CHECKING:
    import pandas as pd

_SUFFIXES = (".csv", ".tsv", ".parquet", ".arrow")


@dataclass(frozen=True)
class Examined:
    """The result of opening a table."""

    name: str
    table: Table | None  # None if it does not open
    why: str  # the reason, if it does not open
    n_measured: int = 0  # architectures with a value
    odd: tuple[str, ...] = ()


def examine(place: str | os.PathLike[str], **options: Any) -> Iterator[Examined]:
    """Open a table by its name, by its file, or all files of a folder, and check its accuracies.

    A .csv, .tsv or .parquet file is read with the options of `add_file`; an .arrow file of the store needs none.
    """
    path, is_added = Path(place).expanduser(), str(place) in added_tables()
    is_folder = path.is_dir() and not is_added
    files = sorted(one for one in path.iterdir() if one.suffix in _SUFFIXES) if is_folder else [path]
    if not files:
        yield Examined(str(place), None, f"The folder holds no file of the kinds {', '.join(_SUFFIXES)}.")
    for file in files:
        is_file = not is_added and (file.is_file() or file.suffix in _SUFFIXES)
        name = file.name if is_file else str(place)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", NasmetaWarning)
                table = _of_file(file, options) if is_file else load_table(name)
            odd = [str(one.message) for one in caught if issubclass(one.category, NasmetaWarning)]
            yield Examined(name, table, "", _n_measured(table), (*odd, *_value_checks(table, checked=bool(odd))))
        except NasmetaError as reason:
            yield Examined(name, None, str(reason))


def _of_file(file: Path, options: Mapping[str, Any]) -> Table:
    """Open the table in a file without writing to the store."""
    if file.suffix != ".arrow":
        space, columns = _columns_of_file(file, name=file.stem, **options)
        data = encode(space, columns, {"own": file.stem})
    else:
        try:
            data = file.read_bytes()
        except OSError as reason:
            raise SettingError(f"{file} cannot be read: {reason.strerror or reason}.") from reason
    return Table(file.stem, [ContentSource(file.stem, sha256(data).hexdigest(), data)])


def _columns_of_file(
    file: str | os.PathLike[str],
    *,
    name: str,
    space: str | SearchSpace | None = None,
    columns: Sequence[str] | None = None,
    **options: Any,
) -> tuple[SearchSpace, Any]:
    """Return the space and the columns of a file; `columns` describe an architecture if there is no `space`."""
    if (space is None) == (columns is None):
        raise SettingError(
            "Name the space of the table, by one of two: --space nb201 (or another registered one), or --columns a,b,c "
            "for the columns of the file that describe an architecture."
        )
    frame: pd.DataFrame = read_frame(file)
    own = SearchSpace.from_frame(frame, list(columns), name) if columns else get_space(space or "")
    return own, columns_of_frame(frame, own, name, **options)


def add_file(
    file: str | os.PathLike[str], *, name: str, replace: bool = False, citation: str = "", **options: Any
) -> Table:
    """Add the table in a .csv, .tsv or .parquet file to the store.

    Parameters
    ----------
    file : path
    name : str
        Name of the table.
    replace : bool, default False
        Whether to replace other content under this name.
    citation : str
    **options
        ``space``, or ``columns`` for the columns that describe an architecture, and the options of `Table.from_frame`.
    """
    space, columns = _columns_of_file(file, name=name, **options)
    add_columns(name, space, columns, citation, replace=replace)
    return load_table(name)


def read_frame(file: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a .csv, .tsv or .parquet file with one row per measurement, for `Table.from_frame`.

    White space around names and texts is removed.

    Raises
    ------
    SettingError
        If the file cannot be read, has a row that is longer than its header, or has two columns of one name.
    """
    import pandas as pd

    path = Path(file)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".parquet"):
        raise SettingError(f"{path} is not a .csv, .tsv or .parquet file: convert it to one of these.")
    try:
        if suffix == ".parquet":
            found: pd.DataFrame = pd.read_parquet(path)
        else:
            sep = "," if suffix == ".csv" else "\t"
            header = pd.read_csv(path, sep=sep, header=None, nrows=1, dtype=str).loc[0].str.strip()
            if header.dropna().duplicated().any():  # pandas would rename the second column
                raise ValueError(f"the header has {header[header.duplicated()].iloc[0]!r} twice")
            with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):  # longer than the header
                found = pd.read_csv(path, sep=sep, skipinitialspace=True, index_col=False)
    except OSError as reason:
        raise SettingError(f"{path} cannot be read: {reason.strerror or reason}.") from reason
    except Exception as reason:  # a file of another kind may fail with nearly any exception
        raise SettingError(f"{path} cannot be read as {suffix[1:]}: {str(reason).strip():.200}") from reason
    found.columns = [name.strip() if isinstance(name, str) else name for name in found.columns]
    for name in found.select_dtypes(["object", "string"]):
        found[name] = found[name].map(lambda value: value.strip() if isinstance(value, str) else value)
    return found


def _n_measured(table: Table) -> int:
    """Return the number of architectures with a value in any column."""
    measured = np.zeros(table.space.size, dtype=bool)
    for values in table._ends.values_of(table.columns):
        measured |= ~np.isnan(values)
    return int(measured.sum())


def _value_checks(table: Table, *, checked: bool) -> Iterator[str]:
    """Yield messages about a table: accuracies in two units, unless they are checked already, and test values alone."""
    if not checked:
        values = table._ends.values_of(table.columns)
        yield from odd_accuracies(list(zip(table.columns, values, strict=True)), table.space)
    for dataset in table.datasets:
        main = table._ends.main_metrics[dataset]
        of_main = [info for info in table.columns if (info.dataset, info.metric) == (dataset, main)]
        if of_main and (why := only_test_values(table.columns, of_main[0])):
            yield why
