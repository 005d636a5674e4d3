"""Checks, their input and findings, and the known violations in ``benchmarks_data/known_violations.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.errors import DamagedFileError
from nasmeta.files import shipped
from nasmeta.registry import Registry
from nasmeta.spaces import SearchSpace, get_space
from nasmeta.tables import _store
from nasmeta.tables._arrow_file import ColumnFile
from nasmeta.tables._catalog import table_sources
from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables.sources import Source
from nasmeta.tables.sources._base import fits


@dataclass(frozen=True)
class Held:
    """One column of one source."""

    info: ColumnInfo
    curve: bool  # whether it belongs to a source of learning curves
    imported: bool  # whether it is from official files, which may contain few cells
    _file: ColumnFile
    _position: int

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The column in double precision, shape (n_cells,), NaN for missing values."""
        return self._file.column(self._position).astype(np.float64)


class Holdings:
    """All columns of a table in the store, including addresses that several sources hold.

    `sources` are those on this machine. `damaged` maps names of sources to reasons; their columns are left out.
    """

    def __init__(self, table: str) -> None:
        known = table_sources(table)
        self.table = table
        self.space: SearchSpace = get_space(known[0].space)
        self.sources: list[Source] = [source for source in known if _store.is_available(source)]
        self.damaged: dict[str, str] = {}
        self._columns: list[Held] = []
        for source in self.sources:
            try:
                file = _store.open_or_build(source)
                file.verify()
            except DamagedFileError as reason:
                self.damaged[source.name] = str(reason)
                continue
            self._columns += [Held(info, source.curves, source.imported, file, i) for i, info in enumerate(file.infos)]

    def find(self, curve: bool = False, /, **parts: object) -> list[Held]:
        """Return the columns, or the points of learning curves, with these facts."""
        return [
            one
            for one in self._columns
            if one.curve == curve and all(getattr(one.info, part) == value for part, value in parts.items())
        ]

    def curve_ends(self) -> list[Held]:
        """Return the last points of all learning curves."""
        return [one for one in self.find(True) if one.info.epoch in (None, one.info.epochs)]

    def first(self, **parts: object) -> Held | None:
        """Return the first column with these facts, or None."""
        return next(iter(self.find(**parts)), None)


@dataclass(frozen=True)
class Finding:
    """The result of a check on one column."""

    columns: str  # the address
    release: str = ""
    source: str = ""
    checked: int = 0  # number of checked cells
    cells: tuple[int, ...] = ()  # those that violate the check
    holds: bool = True  # of a statement about a whole column, such as its optimum
    measured: str = ""  # the figures, as a text
    groups: tuple[tuple[int, ...], ...] = ()  # cells with equal results

    @classmethod
    def on(cls, info: ColumnInfo, checked: int, wrong: ArrayLike = (), **rest: Any) -> Finding:
        """Return a finding on a column; `wrong` is a bool for each of its cells."""
        cells = tuple(np.flatnonzero(wrong).tolist())
        return cls(info.address, info.release, info.source, checked, cells, **rest)

    @property
    def violations(self) -> int:
        """The number of cells that violate the check; 1 for a statement about a whole column."""
        return len(self.cells) or int(not self.holds)


CheckFunction: TypeAlias = Callable[[Holdings], Iterator[Finding]]


@dataclass(frozen=True)
class Check:
    """A registered check."""

    name: str
    invariant: str
    tables: tuple[str, ...]
    run: CheckFunction


CHECKS: Registry[Check] = Registry("check")


def check(name: str, invariant: str, tables: Iterable[str]) -> Callable[[CheckFunction], CheckFunction]:
    """Return a decorator that registers a function as a check.

    >>> @check("as-many-cells", "Every column has a value for each cell.", ["nb201"])  # doctest: +SKIP
    ... def as_many_cells(held):
    ...     for one in held.find():
    ...         yield Finding(one.info.address, holds=len(one.values) == held.space.size)
    """

    def add(run: CheckFunction) -> CheckFunction:
        CHECKS.register(name)(Check(name, invariant, tuple(tables), run))
        return run

    return add


def apart(values: ArrayLike, expected: ArrayLike, absolute: float = 0.0, relative: float = 0.0) -> NDArray[np.bool_]:
    """Return which values of two arrays differ by more than a tolerance; False if one of them is NaN."""
    values, expected = np.asarray(values, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    wrong: NDArray[np.bool_] = np.abs(values - expected) > absolute + relative * np.abs(expected)
    return wrong


def compared(
    held: Held, expected: ArrayLike, against: str, absolute: float = 0.0, relative: float = 0.0
) -> Iterator[Finding]:
    """Yield one finding that compares a column with expected values, in the cells that have both, if any."""
    expected = np.asarray(expected, dtype=np.float64)
    known = ~np.isnan(held.values) & ~np.isnan(expected)
    if not known.any():
        return
    wrong = apart(held.values, expected, absolute, relative)
    largest = float(np.abs(held.values - expected)[known].max())
    yield Finding.on(held.info, int(known.sum()), wrong, measured=f"against {against}: at most {largest:.4g} apart")


@dataclass(frozen=True)
class Known:
    """A known violation, or a known number of missing values."""

    columns: str  # pattern of addresses: a part is * or several values with commas between
    reason: str
    check: str = "*"  # a pattern, as are the next two
    release: str = "*"
    source: str = "*"
    cells: frozenset[int] = frozenset()  # empty for a statement about a whole column
    missing: int = 0  # number of cells without a value

    def fits(self, check: str, address: str, release: str, source: str) -> bool:
        """Whether it applies to this check and column."""
        parts = address.split("/")  # a single part if a finding is about all columns
        return (
            fnmatchcase(check, self.check)
            and fnmatchcase(release, self.release)
            and fnmatchcase(source, self.source)
            and fits(self.columns, [*parts, *[None] * (5 - len(parts))])
        )


@dataclass(frozen=True)
class KnownFacts:
    """The content of the file of known violations."""

    violations: list[Known] = field(default_factory=list)
    missing: list[Known] = field(default_factory=list)

    def missing_of(self, info: ColumnInfo) -> int:
        """Return the known number of cells of a column without a value."""
        address = ("*", info.address, info.release, info.source)
        return max((one.missing for one in self.missing if one.fits(*address)), default=0)


@cache
def known_facts() -> KnownFacts:
    """Return the known violations."""
    content: dict[str, list[dict[str, Any]]] = tomllib.loads(shipped("known_violations.toml").read_text("utf-8"))
    return KnownFacts(
        [Known(**one | {"cells": frozenset(one.get("cells", ()))}) for one in content["violation"]],
        [Known(**one) for one in content["missing"]],
    )
