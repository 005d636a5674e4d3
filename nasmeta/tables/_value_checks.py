"""Checks of a user's values: units of accuracies, test values alone, and means over seeds."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import ColumnInfo, Values, mean_over_seeds, measured_split

STATED = "unit as stated"  # in the note of a column: its unit is not checked
_NAMED = 5  # architectures in a message
_BETWEEN = 5.0  # percent: few accuracies lie between 1 and this
_MOST_DECIMALS = 12
_SIGNIFICANT = range(3, 8)  # digits, as %.3g to %.7g write
_FLOAT32 = 1e-6  # relative to the largest number: a few roundings to float32
_WIDE = 10.0  # percent: accuracies over a wider range may contain a hundredth of another one by chance


def looks_fractional(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which accuracies of a dataset look like fractions among percents, bool, shape (n,).

    Multiplied by 100, fractions have the level and the spread of the percents. Networks at chance level do not: they
    share one value, or further low values surround them, or the percents are widely scattered and the low values have
    no more decimals than these.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Without NaN.

    >>> looks_fractional(np.array([93.1, 0.92, 91.0, 0.935, 10.0])).tolist()
    [False, True, False, True, False]
    >>> looks_fractional(np.array([46.7, 0.83, 31.0, 0.84, 22.0])).tolist()  # 120 classes
    [False, False, False, False, False]
    """
    low, high = (values > 0) & (values <= 1), values[values > 1]
    nothing = np.zeros(len(values), np.bool_)
    if not len(high):
        return nothing
    usual, top = float(np.quantile(high, 0.1)), float(high.max())
    reach = max(2.5, (top - usual) / 4)
    found = low & (100 * values >= usual - reach) & (100 * values <= top + reach)
    n = int(found.sum())
    continuous = usual <= _BETWEEN or (high <= _BETWEEN).sum() >= n or 2 * n < low.sum()
    if n == 0 or continuous:
        return nothing
    finer = last_decimal(values[found]) < last_decimal(high)
    by_chance = top - usual > _WIDE and not finer
    return nothing if by_chance or _is_one_level(values[found], high, finer) else found


def _is_one_level(low: NDArray[np.float64], high: NDArray[np.float64], finer: bool) -> bool:
    """Whether low accuracies share one level, as networks at chance do: they vary far less than the percents.

    One or two values do if they are equal and below 0.6 (the chance of 167 or more classes), or 1 (100 classes), or two
    that are not written with more decimals than the percents.
    """
    if len(low) < 3:
        return len(np.unique(low)) == 1 and (low[0] < 0.6 or (low[0] == 1 if len(low) == 1 else not finer))
    few = float(np.ptp(low) / np.median(low))
    return (few if len(low) < 8 else _spread(low)) < _spread(high) / 4


def _spread(values: NDArray[np.float64]) -> float:
    """Return the interquartile range relative to the median."""
    first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
    return float((third - first) / median)


def odd_accuracies(columns: Sequence[tuple[ColumnInfo, Values]], space: SearchSpace) -> Iterator[str]:
    """Yield a message for each accuracy of a dataset that mixes fractions and percents or leaves 0 to 100.

    Accuracies whose unit was stated are not checked.
    """
    groups: dict[tuple[str, str], list[Values]] = {}
    for info, values in columns:
        if info.unit == "percent" and STATED not in info.note:
            groups.setdefault((info.metric, info.dataset), []).append(values)
    for (metric, dataset), several in groups.items():
        cells = np.concatenate([np.flatnonzero(~np.isnan(values)) for values in several])
        found = np.concatenate([values[~np.isnan(values)] for values in several]).astype(np.float64)
        rounded = np.round(found, 3)  # 100.00000001 is a rounding of 100
        told = {
            f"looks like a fraction among percents (up to {found.max():g})": looks_fractional(found),
            "is below 0 or above 100 percent": (rounded < 0) | (rounded > 100),
        }
        for text, odd in told.items():
            places = list(dict.fromkeys(zip(cells[odd].tolist(), found[odd].tolist(), strict=True)))
            if places:
                named = ", ".join(f"{space.to_string(cell)} ({value:g})" for cell, value in places[:_NAMED])
                more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
                option = shlex.quote(f"{metric}=percent")
                yield (
                    f"{metric} of {dataset} {text} for {named}{more}. If the values are right, state the unit: "
                    f"unit={{{metric!r}: 'percent'}}, on the command line --unit {option}."
                )


def only_test_values(columns: Sequence[ColumnInfo], column: ColumnInfo | Any) -> str:
    """Return a message if a column, or signal, is of the test split and its dataset has no validation values.

    Otherwise return an empty text.
    """
    if column.kind not in ("performance", None) or measured_split(column.metric, column.split) != "test":
        return ""
    of_dataset = [info for info in columns if info.dataset == column.dataset and info.kind == "performance"]
    if any(measured_split(info.metric, info.split) == "valid" for info in of_dataset):
        return ""
    return (
        f"{column.metric} of {column.dataset} is of the test split, and there are no validation values. A search on "
        "test values selects by them, so the values that it finds are optimistic."
    )


def with_means(columns: Sequence[tuple[ColumnInfo, Values]], space: SearchSpace) -> list[tuple[ColumnInfo, Values]]:
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
    info: ColumnInfo,
    said: NDArray[np.float32],
    mean: NDArray[np.float32],
    of_seeds: Sequence[tuple[ColumnInfo, Values]],
    space: SearchSpace,
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

    >>> _step(np.array([12150, 1.095, np.nan], np.float32)).tolist()
    [10.0, 0.001, nan]
    """
    step = np.where(np.isnan(values), np.nan, last_decimal(values))
    exact = values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(exact == 0, 0, 10.0 ** np.floor(np.log10(np.abs(exact))))
        for digits in _SIGNIFICANT:
            of_digits = size * 10.0 ** (1 - digits)
            kept = (np.round(exact / of_digits) * of_digits).astype(np.float32)
            if (np.isnan(values) | (exact == 0) | (kept == values)).all():
                return np.fmax(step, of_digits)
    return step
