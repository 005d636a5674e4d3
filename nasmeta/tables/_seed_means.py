"""The means over single seeds: added where a frame has none, checked where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import ColumnInfo, Values, mean_over_seeds

_Columns = Sequence[tuple[ColumnInfo, Values]]
_MOST_DECIMALS = 12
_SIGNIFICANT = range(3, 8)  # digits, as %.3g to %.7g write
_FLOAT32 = 1e-6  # relative to the largest number: a few roundings to float32


def with_means(columns: _Columns, space: SearchSpace) -> list[tuple[ColumnInfo, Values]]:
    """Return columns and the means over their single seeds, for each architecture that has no mean yet.

    A mean that is there stays, if it is the mean of the seeds beside it up to the digits that both are written with.
    """
    groups: dict[ColumnInfo, list[tuple[ColumnInfo, Values]]] = {}
    found = {replace(info, source_sha256=""): (info, values) for info, values in columns}
    for info, values in columns:
        if isinstance(info.seed, int):
            groups.setdefault(replace(info, seed="mean", source_sha256=""), []).append((info, values))
    for info, of_seeds in groups.items():
        mean = mean_over_seeds(values for _, values in of_seeds)
        if info in found:
            said = found[info][1]
            narrow = [(one, values.astype(np.float32)) for one, values in of_seeds]
            _check(info, said.astype(np.float32), mean.astype(np.float32), narrow, space)
            mean = np.where(np.isnan(said), mean, said)
        found[info] = replace(info, source_sha256=sha256(mean.tobytes()).hexdigest()), mean
    return list(found.values())


def _check(
    info: ColumnInfo, said: NDArray[np.float32], mean: NDArray[np.float32], of_seeds: _Columns, space: SearchSpace
) -> None:
    """Raise an error if a given mean is not the mean of the seeds of its architecture."""
    apart = np.abs(said.astype(np.float64) - mean.astype(np.float64))
    seeds = [values for _, values in of_seeds]
    rounded = (_step(said) + np.fmax.reduce([_step(values) for values in seeds])) / 2
    largest = np.fmax.reduce([np.abs(values) for values in (said, *seeds)])  # a mean near 0 may be of large numbers
    wrong = np.flatnonzero(apart > rounded + _FLOAT32 * largest)
    if len(wrong):
        cell = int(wrong[0])
        each = ", ".join(f"{one.seed}: {values[cell]:g}" for one, values in of_seeds if not np.isnan(values[cell]))
        raise SettingError(
            f"{info.address} of {space.to_string(cell)} is {said[cell]:g}, but the mean of its seeds ({each}) is "
            f"{mean[cell]:g} ({len(wrong)} of {int((~np.isnan(apart)).sum())} such rows differ). Leave out the rows "
            "with the seed mean, and the means are calculated; or leave out the single seeds, if these are not all."
        )


def last_decimal(values: Values) -> float:
    """Return the value of the last decimal that numbers are written with; 0 if they have more than twelve.

    >>> last_decimal(np.array([91.25, 90.5, np.nan], np.float32)), last_decimal(np.array([1 / 3], np.float32))
    (0.01, 1e-08)
    """
    there = values[~np.isnan(values)].astype(np.float32)
    exact = there.astype(np.float64)
    for decimals in range(_MOST_DECIMALS + 1):
        if (np.round(exact, decimals).astype(np.float32) == there).all():
            return float(10.0**-decimals)
    return 0.0


def _step(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the value of the last digit of each number, by the decimals or significant digits of all, shape (n,).

    Where all are numbers of float16, it is at least their resolution.

    >>> _step(np.array([12150, 1.095, np.nan], np.float32)).tolist()
    [10.0, 0.001, nan]
    """
    step = np.where(np.isnan(values), np.nan, last_decimal(values))
    exact = values.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        half = values.astype(np.float16)
        if (np.isnan(values) | (half == values)).all():
            step = np.fmax(step, np.spacing(np.abs(half)).astype(np.float64))
    with np.errstate(divide="ignore"):
        first = np.floor(np.log10(np.abs(exact)))
    first = np.where(np.isfinite(first), first, 0)
    for digits in _SIGNIFICANT:
        of_digits = 10.0 ** (first - digits + 1)
        kept = (np.round(exact / of_digits) * of_digits).astype(np.float32)
        if (np.isnan(values) | (kept == values)).all():
            return np.fmax(step, np.where(exact == 0, 0, of_digits)) * np.where(np.isnan(values), np.nan, 1)
    return step
