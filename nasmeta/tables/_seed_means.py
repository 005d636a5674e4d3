"""The means over single seeds: added where a frame has none, checked where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import ColumnInfo, mean_over_seeds

_Columns = Sequence[tuple[ColumnInfo, NDArray[np.float32]]]
_MOST_DECIMALS = 7  # of a float32
_FLOAT32 = 1e-6  # relative: a few roundings to float32


def with_means(columns: _Columns, space: SearchSpace) -> list[tuple[ColumnInfo, NDArray[np.float32]]]:
    """Return columns and the means over their single seeds, for each architecture that has no mean yet.

    A mean that is there stays, if it is the mean of the seeds beside it up to the digits that both are written with.
    """
    groups: dict[ColumnInfo, list[tuple[ColumnInfo, NDArray[np.float32]]]] = {}
    found = {replace(info, source_sha256=""): (info, values) for info, values in columns}
    for info, values in columns:
        if isinstance(info.seed, int):
            groups.setdefault(replace(info, seed="mean", source_sha256=""), []).append((info, values))
    for info, of_seeds in groups.items():
        mean = mean_over_seeds(values for _, values in of_seeds)
        if info in found:
            said = found[info][1]
            _check(info, said, mean, of_seeds, space)
            mean = np.where(np.isnan(said), mean, said)
        found[info] = replace(info, source_sha256=sha256(mean.tobytes()).hexdigest()), mean
    return list(found.values())


def _check(
    info: ColumnInfo, said: NDArray[np.float32], mean: NDArray[np.float32], of_seeds: _Columns, space: SearchSpace
) -> None:
    """Refuse what a frame calls the mean of a cell where that is not the mean of its seeds."""
    apart = np.abs(said.astype(np.float64) - mean.astype(np.float64))
    rounded = (_last_digit(said) + max(_last_digit(values) for _, values in of_seeds)) / 2
    wrong = np.flatnonzero(apart > rounded + _FLOAT32 * np.abs(said))
    if len(wrong):
        cell = int(wrong[0])
        seeds = ", ".join(f"{one.seed}: {values[cell]:g}" for one, values in of_seeds if not np.isnan(values[cell]))
        raise SettingError(
            f"{info.address} of {space.to_string(cell)} is {said[cell]:g}, but the mean of its seeds ({seeds}) is "
            f"{mean[cell]:g} ({len(wrong)} of {int((~np.isnan(apart)).sum())} such rows differ). Leave out the rows "
            "with the seed mean, and the means are calculated; or leave out the single seeds, if these are not all."
        )


def _last_digit(values: NDArray[np.float32]) -> float:
    """Return the value of the last decimal that numbers are written with; 0 where they have all that a float has.

    >>> _last_digit(np.array([91.25, 90.5, np.nan], np.float32)), _last_digit(np.array([1 / 3], np.float32))
    (0.01, 0.0)
    """
    there = values[~np.isnan(values)]
    exact = there.astype(np.float64)
    for decimals in range(_MOST_DECIMALS):
        if (np.round(exact, decimals).astype(np.float32) == there).all():
            return float(10.0**-decimals)
    return 0.0
