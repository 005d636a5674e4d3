"""Checks of accuracies: fractions among percents, values outside 0 to 100, and test values alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import ColumnInfo, Values, measured_split
from nasmeta.tables._seed_means import last_decimal

STATED = "unit as stated"  # in the note of a column: its unit is not checked
_NAMED = 5  # architectures in a message
_BETWEEN = 5.0  # percent: few accuracies lie between 1 and this
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
