"""What a check reads, is and finds, and what is known not to hold: ``benchmarks_data/known_violations.toml``."""

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
from nasmeta.tables._catalog import sources_of
from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables.sources import Source
from nasmeta.tables.sources._base import fits


@dataclass(frozen=True)
class Held:
    """One column of one source."""

    info: ColumnInfo
    curve: bool  # whether it belongs to a source of learning curves
    imported: bool  # whether it is from official files, which may be some cells only
    _file: ColumnFile
    _position: int

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The column in double precision, shape (n_cells,), NaN where nothing was measured."""
        return self._file.column(self._position).astype(np.float64)

    @property
    def derived(self) -> bool:
        """Whether it was computed from other columns, so that comparing it with these proves nothing."""
        return "derived" in self.info.note


class Holdings:
    """What the store holds of a table: unlike a `Table`, also what two sources both have.

    `sources` are those that are here; of the `damaged` ones, by name with the reason, the columns are left out.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        known = sources_of(table)
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
            imported = bool(getattr(source, "imported", False))
            self._columns += [Held(info, source.curves, imported, file, i) for i, info in enumerate(file.infos)]

    def find(self, curve: bool = False, /, **parts: object) -> list[Held]:
        """Return the columns, or the points of learning curves, whose `ColumnInfo` has these parts."""
        return [
            one
            for one in self._columns
            if one.curve == curve and all(getattr(one.info, part) == value for part, value in parts.items())
        ]

    def curve_ends(self) -> list[Held]:
        """Return the last points of all learning curves."""
        return [one for one in self.find(True) if one.info.epoch in (None, one.info.epochs)]

    def first(self, **parts: object) -> Held | None:
        """Return the first column that `find` returns, or None."""
        return next(iter(self.find(**parts)), None)


@dataclass(frozen=True)
class Finding:
    """What a check found on one column, or on some that are compared."""

    columns: str  # the address of the column that would be wrong
    release: str = ""
    source: str = ""
    checked: int = 0  # how many cells were checked
    cells: tuple[int, ...] = ()  # those that violate the check
    holds: bool = True  # for what is said about a column as a whole, such as its optimum
    measured: str = ""  # the figures, for people
    needs: tuple[str, ...] = ()  # sources of which one is needed; then nothing was checked
    groups: tuple[tuple[int, ...], ...] = ()  # of cells that a reader may want to know of, violations or not

    @classmethod
    def on(cls, info: ColumnInfo, checked: int, wrong: ArrayLike = (), **rest: Any) -> Finding:
        """Return a finding on a column; `wrong` is a bool for each of its cells."""
        cells = tuple(np.flatnonzero(wrong).tolist())
        return cls(info.address, info.release, info.source, checked, cells, **rest)

    @property
    def violations(self) -> int:
        """How many cells violate the check; 1 where the column as a whole does."""
        return len(self.cells) or int(not self.holds)


CheckFunction: TypeAlias = Callable[[Holdings], Iterator[Finding]]


@dataclass(frozen=True)
class Check:
    """A registered check."""

    name: str
    invariant: str  # what must hold, in a line
    tables: tuple[str, ...]  # that it is about
    run: CheckFunction
    needs: tuple[str, ...]  # sources that bring what it checks; told where it finds nothing to check


CHECKS: Registry[Check] = Registry("check")


def check(
    name: str, invariant: str, tables: Iterable[str], needs: Iterable[str] = ()
) -> Callable[[CheckFunction], CheckFunction]:
    """Return a decorator that registers a function as a check; for the arguments see `Check`.

    >>> @check("as-many-cells", "Every column is over all cells.", ["nb201"])  # doctest: +SKIP
    ... def as_many_cells(held):
    ...     for one in held.find():
    ...         yield Finding(one.info.address, holds=len(one.values) == held.space.size)
    """

    def add(run: CheckFunction) -> CheckFunction:
        CHECKS.register(name)(Check(name, invariant, tuple(tables), run, tuple(needs)))
        return run

    return add


def apart(values: ArrayLike, expected: ArrayLike, absolute: float = 0.0, relative: float = 0.0) -> NDArray[np.bool_]:
    """Return where two arrays differ by more than a tolerance; never where one of them is NaN."""
    values, expected = np.asarray(values, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    wrong: NDArray[np.bool_] = np.abs(values - expected) > absolute + relative * np.abs(expected)
    return wrong


def compared(
    held: Held, expected: ArrayLike, against: str, absolute: float = 0.0, relative: float = 0.0
) -> Iterator[Finding]:
    """Yield one finding that compares a column with what is expected of it, in the cells, if any, that both know."""
    expected = np.asarray(expected, dtype=np.float64)
    known = ~np.isnan(held.values) & ~np.isnan(expected)
    if not known.any():
        return
    wrong = apart(held.values, expected, absolute, relative)
    largest = float(np.abs(held.values - expected)[known].max())
    yield Finding.on(held.info, int(known.sum()), wrong, measured=f"against {against}: at most {largest:.4g} apart")


@dataclass(frozen=True)
class Known:
    """A known violation, or a known lack of values."""

    columns: str  # pattern of addresses: a part is * or several values with commas between
    reason: str
    check: str = "*"  # * is any, here and below
    release: str = "*"
    source: str = "*"
    cells: frozenset[int] = frozenset()  # empty for a statement about a column as a whole
    missing: int = 0  # how many cells have no value; only for a lack of values

    def is_about(self, check: str, address: str, release: str, source: str) -> bool:
        """Whether it is about this check and column."""
        said = ((check, self.check), (release, self.release), (source, self.source))
        parts = address.split("/")  # one where it is about all columns
        return all(fnmatchcase(value, pattern) for value, pattern in said) and fits(
            self.columns, [*parts, *[None] * (5 - len(parts))]
        )


@dataclass(frozen=True)
class KnownFacts:
    """All that the file says."""

    violations: list[Known] = field(default_factory=list)
    missing: list[Known] = field(default_factory=list)

    def of(self, check: str, finding: Finding) -> list[Known]:
        """Return the known violations that are about a finding."""
        address = (check, finding.columns, finding.release, finding.source)
        return [one for one in self.violations if one.is_about(*address)]

    def missing_of(self, info: ColumnInfo) -> int:
        """Return how many cells of a column are known to have no value."""
        address = ("*", info.address, info.release, info.source)
        return max((one.missing for one in self.missing if one.is_about(*address)), default=0)


@cache
def known_facts() -> KnownFacts:
    """Return what is known not to hold."""
    said: dict[str, list[dict[str, Any]]] = tomllib.loads(shipped("known_violations.toml").read_text(encoding="utf-8"))
    return KnownFacts(
        [Known(**one | {"cells": frozenset(one.get("cells", ()))}) for one in said["violation"]],
        [Known(**one) for one in said["missing"]],
    )
