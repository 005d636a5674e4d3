"""Tables that a user brings: kept by content, or added to the store under a name."""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasmeta.checks import check_bool, check_instance
from nasmeta.errors import DamagedFileError, MissingValueError, SettingError, shown
from nasmeta.files import write_whole
from nasmeta.places import checked_path
from nasmeta.spaces import SearchSpace, namesakes
from nasmeta.tables import _store
from nasmeta.tables._arrow_file import ColumnFile, encode
from nasmeta.tables._columns import ColumnInfo, Values
from nasmeta.tables.sources import Columns, WholeSource, table_names
from nasmeta.tables.sources._base import tables_folder

if TYPE_CHECKING:
    import pandas as pd

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SUFFIX = ".added.arrow"


class _OwnSource(WholeSource):
    """A source whose columnar file stands for itself: there are no raw files."""

    release = "own"
    licence = "not stated"
    citation = ""
    curves = False
    optional = False
    path: Path

    @cached_property
    def _file(self) -> ColumnFile:
        return ColumnFile(self.path)

    @property
    def space(self) -> SearchSpace:  # type: ignore[override]
        """The space over which the columns run, from the file."""
        return self._file.search_space


class ContentSource(_OwnSource):
    """Columns of a data frame, addressed by the checksum of their file, so that another process maps the same one.

    `data` is the file, where the store cannot be written.
    """

    holds = "a data frame"
    how_to_get = (
        "Processes on this machine find it in the cache folder; on another machine set NASMETA_CACHE to a folder that "
        "both share, or keep the table under a name there: `nasmeta data add`."
    )

    def __init__(self, name: str, content: str, data: bytes | None = None) -> None:
        self.name = self.table = name
        self.content = content
        self._data = data
        self.path = _store.content_folder() / f"{content}.arrow"

    def open(self, path: Path) -> ColumnFile:
        """Open the columnar file."""
        return ColumnFile(path) if self._data is None else ColumnFile(path, self._data)

    @cached_property
    def _file(self) -> ColumnFile:
        try:
            return self.open(self.path)
        except FileNotFoundError:
            raise MissingValueError(f"The table {self.name} is not on this machine. {self.how_to_get}") from None

    def __reduce__(self) -> Any:
        return ContentSource, (self.name, self.content, self._data)

    @classmethod
    def of(cls, name: str, space: SearchSpace, columns: Columns) -> ContentSource:
        """Keep columns in the store, and return the source of them."""
        data = encode(space, columns, {"own": name})
        source = cls(name, sha256(data).hexdigest())
        try:
            with _store.writable(source.path.parent):
                if not source.path.is_file():
                    write_whole(source.path, data)
                source.path.touch()  # the least recently used files are removed
                _store.prune_content()
        except SettingError:
            source._data = data  # it travels with the pickle
        return source


class AddedSource(_OwnSource):
    """Columns that were added to the store under a name."""

    how_to_get = "`nasmeta data add FILE` brings it."

    def __init__(self, table: str, name: str) -> None:
        self.table, self.name = table, name
        self.path = tables_folder() / table / f"{name}{_SUFFIX}"

    @property
    def _infos(self) -> tuple[ColumnInfo, ...]:
        """What it holds; nothing where it is damaged, so that a list of all sources can be shown."""
        try:
            return self._file.infos
        except (DamagedFileError, OSError):
            return ()

    @property
    def holds(self) -> str:  # type: ignore[override]
        """In a few words what is in it."""
        infos = self._infos
        if not infos:
            return "damaged: add it again, with --replace, or remove it"
        datasets = ", ".join(dict.fromkeys(info.dataset for info in infos))
        return f"{datasets}: {', '.join(dict.fromkeys(info.metric for info in infos))}"

    @property
    def licence(self) -> str:  # type: ignore[override]
        """The licence that was given."""
        return self._infos[0].licence if self._infos else "not stated"

    @property
    def release(self) -> str:  # type: ignore[override]
        """The release of the first column."""
        return self._infos[0].release if self._infos else "own"

    @property
    def citation(self) -> str:  # type: ignore[override]
        """The paper to cite, where it was given."""
        return str(self._file.origin.get("citation", "")) if self._infos else ""


def added_tables() -> tuple[str, ...]:
    """Return the names of the tables that were added to the store on this machine."""
    folder = tables_folder()
    return tuple(sorted({path.parent.name for path in folder.glob(f"*/*{_SUFFIX}")})) if folder.is_dir() else ()


def added_sources(table: str) -> list[AddedSource]:
    """Return what was added to a table, by name."""
    if not _NAME.fullmatch(table):
        return []
    files = sorted((tables_folder() / table).glob(f"*{_SUFFIX}"))
    return [AddedSource(table, file.name.removesuffix(_SUFFIX)) for file in files]


def add_columns(
    table: str,
    name: str,
    space: SearchSpace,
    columns: Sequence[tuple[ColumnInfo, Values]],
    origin: Mapping[str, Any],
    *,
    replace: bool = False,
) -> None:
    """Keep columns in the store under a name, so that every process and command knows them from then on."""
    for what, given in (("table", table), ("source", name)):
        if not isinstance(given, str) or not _NAME.fullmatch(given):
            raise SettingError(
                f"The name of a {what} is of lower-case letters, digits, '.', '_' and '-', not {shown(given)}."
            )
    check_bool("replace", replace), check_instance("citation", origin.get("citation", ""), str)
    if table in table_names():
        raise SettingError(f"{table} is a table that the package knows: choose another name.")
    data = encode(space, list(columns), dict(origin))
    source = AddedSource(table, name)
    with _store.writable(source.path.parent), _store.only_one(source.path):
        _store.remove_stale(source.path)
        others = [other for other in added_sources(table) if other.name != name]
        for other in others:
            if other.space != space:
                raise SettingError(
                    f"The table {table} is over the space {other.space.name}, not over {space.name}."
                    f"{namesakes(other.space, space)}"
                )
            taken = {(info.address, info.release) for info in ColumnFile(other.path).infos}
            again = next((info for info, _ in columns if (info.address, info.release) in taken), None)
            if again is not None:
                raise SettingError(
                    f"{again.address} ({again.release}) is in {other.name} of the table {table} already."
                )
        if source.path.is_file() and not replace:
            try:
                same = source.path.read_bytes() == data
            except OSError:
                same = False
            if not same:
                raise SettingError(
                    f"{table}/{name} is in the store with other content: --replace puts this in its place, another "
                    "name keeps both."
                )
        write_whole(source.path, data)


def remove_added(table: str) -> int:
    """Remove what was added under the name of a table; return how many sources that were.

    >>> import pandas as pd
    >>> import nasmeta as nm
    >>> measured = pd.DataFrame({"arch": [0, 5], "accuracy": [10.0, 90.0]})
    >>> table = nm.Table.from_frame(measured, "nb201", name="example-of-removal").add()
    >>> "example-of-removal" in added_tables(), remove_added("example-of-removal")
    (True, 1)
    """
    found = added_sources(table)
    if not found:
        raise SettingError(f"No table {shown(table)} was added. Added: {', '.join(added_tables()) or 'none'}.")
    for source in found:
        with _store.writable(source.path.parent), _store.only_one(source.path):
            source.path.unlink(missing_ok=True)
    return len(found)


def read_frame(file: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a .csv, .tsv or .parquet file with one row per measurement, for `Table.from_frame`.

    White space around names and texts is removed.

    Raises
    ------
    SettingError
        If the file cannot be read, has a column twice, or has a row that is longer than its header.
    """
    import pandas as pd

    path = checked_path("file", file)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".tsv", ".parquet"):
        raise SettingError(f"{path} is not a .csv, .tsv or .parquet file: convert it to one of these.")
    try:
        if suffix == ".parquet":
            found: pd.DataFrame = pd.read_parquet(path)
        else:
            mark = "," if suffix == ".csv" else "\t"
            _check_header(path, mark)
            with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):  # fields without a name
                found = pd.read_csv(path, sep=mark, skipinitialspace=True, index_col=False)
    except SettingError:
        raise
    except OSError as reason:
        raise SettingError(f"{path} cannot be read: {reason.strerror or reason}.") from reason
    except Exception as reason:  # a file of another kind may fail with nearly any exception
        raise SettingError(f"{path} cannot be read as {path.suffix[1:]}: {str(reason).strip():.200}") from reason
    found.columns = [name.strip() if isinstance(name, str) else name for name in found.columns]
    for name in found.select_dtypes(["object", "string"]):
        found[name] = found[name].map(lambda value: value.strip() if isinstance(value, str) else value)
    return found


def _check_header(path: Path, mark: str) -> None:
    """Raise an error if a name appears twice, or if the first row is longer than the header.

    pandas would rename the second column, or take the first one for row labels. It finds longer rows after the first.
    """
    with path.open(newline="", encoding="utf-8-sig") as lines:
        rows = (row for row in csv.reader(lines, delimiter=mark, skipinitialspace=True) if any(row))
        header, first = [name.strip() for name in next(rows, [])], next(rows, [])
    if len(header) == 1 and (other := next((one for one in ";\t|," if one in header[0]), None)):
        raise SettingError(
            f"{path} has one column, {header[0]!r}: its values are separated by {other!r}. Separate the values of a "
            ".csv file by ',' (with decimal points), and those of a .tsv file by tabs."
        )
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise SettingError(f"{path} has the column {twice!r} twice.")
    if len(first) > len(header):
        raise SettingError(
            f"The first row of {path} has {len(first)} fields, but the header has {len(header)} names: remove "
            "separators at the ends of the rows, or name every column."
        )
