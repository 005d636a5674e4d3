"""Users' tables: stored by content, or under a name."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.spaces import SearchSpace, to_content
from nasmeta.tables import _store
from nasmeta.tables._arrow_file import ColumnFile, write_files
from nasmeta.tables._columns import ColumnInfo, SparseValues
from nasmeta.tables.sources import Source, table_names
from nasmeta.tables.sources._base import tables_folder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SUFFIX = ".added.arrow"
_Columns: TypeAlias = "Sequence[tuple[ColumnInfo, SparseValues]]"


class _UserSource(Source):
    """A user's columns."""

    release = "own"
    licence = "not stated"
    citation = ""
    own = imported = True

    @cached_property
    def _file(self) -> ColumnFile:
        return ColumnFile(self.path)

    @property
    def space(self) -> SearchSpace:  # type: ignore[override]
        """The space of the architectures, from the file."""
        return self._file.search_space

    def open(self, path: Path) -> ColumnFile:
        """Return the file, which is opened once."""
        return self._file


class ContentSource(_UserSource):
    """Columns of a data frame, stored under the checksum of their content, so that processes map the same file."""

    holds = "a data frame"
    how_to_get = (
        "Set NASMETA_CACHE to a folder that both machines share, "
        "or add the table under a name: `nasmeta data add`."
    )

    def __init__(self, name: str, content: str) -> None:
        self.name = self.table = name
        self.content = content

    @property
    def path(self) -> Path:
        """The path of the file, by content."""
        return _store.content_folder() / f"{self.content}.arrow"

    def __reduce__(self) -> Any:
        return ContentSource, (self.name, self.content)

    @classmethod
    def of(cls, name: str, space: SearchSpace, columns: _Columns) -> ContentSource:
        """Write columns to the store, and return their source."""
        source = cls(name, _content_of(name, space, columns))
        with _store.exclusive(source.path):
            if not source.path.is_file():
                write_files({source.path: columns}, space, {"own": name})
            source.path.touch()  # the least recently used files are removed
            _store.prune_content()
        return source


class AddedSource(_UserSource):
    """The columns of a table that was added under a name."""

    how_to_get = "Run `nasmeta data add FILE`."

    def __init__(self, name: str) -> None:
        self.name = self.table = name
        self.holds = "damaged: add it again with --replace, or remove it"
        with suppress(DamagedFileError, OSError):  # so that a list of all sources can be shown
            infos = self._file.infos
            self.release = infos[0].release
            datasets = dict.fromkeys(info.dataset for info in infos)
            metrics = dict.fromkeys(info.metric for info in infos)
            self.holds = f"{', '.join(datasets)}: {', '.join(metrics)}"

    @property
    def path(self) -> Path:
        """The path of the file, by name."""
        return tables_folder() / self.name / f"{self.name}{_SUFFIX}"


def added_tables() -> tuple[str, ...]:
    """Return the names of the tables that were added on this machine.

    >>> "nb201" in added_tables()
    False
    """
    files = tables_folder().glob(f"*/*{_SUFFIX}")
    return tuple(sorted(file.parent.name for file in files))


def add_columns(name: str, space: SearchSpace, columns: _Columns, *, replace: bool) -> None:
    """Write columns to the store under a name."""
    if not _NAME.fullmatch(name):
        raise SettingError("name", name, "letters, digits, '.', '_' and '-'")
    if name in table_names():
        raise SettingError("name", name, "a name that differs from the built-in tables")
    origin = {"content": _content_of(name, space, columns)}
    path = AddedSource(name).path
    with _store.exclusive(path):
        try:
            differs = path.is_file() and not replace and ColumnFile(path).origin != origin
        except DamagedFileError as damage:
            raise DamagedFileError(str(damage), hint="Use --replace, or another name.") from damage
        if differs:
            raise SettingError(
                f"A table {name} with other content exists. Use --replace, or another name."
            )
        write_files({path: columns}, space, origin)


def _content_of(name: str, space: SearchSpace, columns: _Columns) -> str:
    """Return a checksum of a name, a space and the facts about its columns, with the checksums of their values."""
    facts = []
    for info, _ in columns:
        facts.append({fact: value for fact, value in vars(info).items() if fact != "origin"})
    content = json.dumps([name, to_content(space), facts])
    return sha256(content.encode()).hexdigest()


def remove_added(name: str) -> None:
    """Remove a table that was added.

    >>> import pandas as pd
    >>> import nasmeta as nm
    >>> measured = pd.DataFrame({"arch": [0, 5], "accuracy": [10.0, 90.0]})
    >>> table = nm.Table.from_frame(measured, "nb201", name="example-of-removal").add()
    >>> remove_added("example-of-removal")
    >>> "example-of-removal" in added_tables()
    False
    """
    if name not in added_tables():
        raise SettingError("name", name, f"an added table: {', '.join(added_tables()) or 'none'}")
    path = AddedSource(name).path
    with _store.exclusive(path):
        path.unlink(missing_ok=True)
