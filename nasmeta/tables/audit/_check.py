"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.registry import Registry
from nasmeta.tables._columns import ColumnInfo
from nasmeta.tables.audit._holdings import Held, Holdings


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
    """Return a decorator that registers a function as a check.

    Parameters
    ----------
    name, invariant, tables, needs
        As in `Check`.

    Examples
    --------
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
