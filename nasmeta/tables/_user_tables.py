"""Users' tables: kept by content, or added to the store under a name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from nasmeta.errors import DamagedFileError, MissingValueError, SettingError, shown
from nasmeta.files import write_whole
from nasmeta.spaces import SearchSpace
from nasmeta.tables import _store
from nasmeta.tables._arrow_file import ColumnFile, encode
from nasmeta.tables._columns import ColumnInfo, Values
from nasmeta.tables.sources import Columns, WholeSource, table_names
from nasmeta.tables.sources._base import tables_folder

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SUFFIX = ".added.arrow"


class _UserSource(WholeSource):
    """A user's columns: the columnar file is the only file."""

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


class ContentSource(_UserSource):
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


class AddedSource(_UserSource):
    """The columns of a table that was added to the store under a name."""

    how_to_get = "Run `nasmeta data add FILE`."

    def __init__(self, name: str) -> None:
        self.name = self.table = name
        self.path = tables_folder() / name / f"{name}{_SUFFIX}"
        self.holds = "damaged: add it again, with --replace, or remove it"
        with suppress(DamagedFileError, OSError):  # so that a list of all sources can be shown
            infos = self._file.infos
            self.licence, self.release = infos[0].licence, infos[0].release
            self.citation = str(self._file.origin.get("citation", ""))
            datasets, metrics = (", ".join(dict.fromkeys(getattr(i, p) for i in infos)) for p in ("dataset", "metric"))
            self.holds = f"{datasets}: {metrics}"


def added_tables() -> tuple[str, ...]:
    """Return the names of the tables that were added to the store on this machine."""
    folder = tables_folder()
    return tuple(sorted(path.parent.name for path in folder.glob(f"*/*{_SUFFIX}"))) if folder.is_dir() else ()


def add_columns(
    name: str, space: SearchSpace, columns: Sequence[tuple[ColumnInfo, Values]], citation: str, *, replace: bool
) -> None:
    """Keep columns in the store under a name, so that every process and command finds them."""
    if not _NAME.fullmatch(name):
        raise SettingError(
            f"The name of a table is of lower-case letters, digits, '.', '_' and '-', not {shown(name)}."
        )
    if name in table_names():
        raise SettingError(f"{name} is a built-in table: choose another name.")
    data = encode(space, list(columns), {"citation": citation})
    path = AddedSource(name).path
    with _store.writable(path.parent), _store.only_one(path):
        _store.remove_stale(path)
        if path.is_file() and not replace and path.read_bytes() != data:
            raise SettingError(f"{name} has other content in the store: use --replace, or another name.")
        write_whole(path, data)


def remove_added(name: str) -> None:
    """Remove a table that was added to the store.

    >>> import pandas as pd
    >>> import nasmeta as nm
    >>> measured = pd.DataFrame({"arch": [0, 5], "accuracy": [10.0, 90.0]})
    >>> table = nm.Table.from_frame(measured, "nb201", name="example-of-removal").add()
    >>> remove_added("example-of-removal")
    >>> "example-of-removal" in added_tables()
    False
    """
    if name not in added_tables():
        raise SettingError(f"No table {shown(name)} was added. Added: {', '.join(added_tables()) or 'none'}.")
    path = AddedSource(name).path
    with _store.writable(path.parent), _store.only_one(path):
        path.unlink(missing_ok=True)
