"""What is odd about a user's metrics: fractions among percents, no values but test ones, names that say too little."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import NasmetaWarning, calls_inside
from nasmeta.tables._columns import (
    BESIDE_ACCURACY,
    ColumnInfo,
    head_of,
    is_derived,
    is_plain_accuracy,
    other_time,
    split_of,
    words_of,
)
from nasmeta.tables._seed_means import last_decimal

if TYPE_CHECKING:
    import pandas as pd

STATED = "unit as stated"  # in the note of a column: nothing about its unit is odd
UNSAID = "direction max, as the metric's name says none"
_RATES = re.compile(r"(err|errors?|inaccuracy|top[15]|f1|m?ap\d*)")
_OF_NUMBERS = frozenset(("mean", "squared", "square", "absolute", "abs", "rms", "l1", "l2"))  # errors, but no rates
_NAMED = 5  # rows, cells or metrics in a message
_BETWEEN = 5.0  # percent: between fractions and percents there is little up to here
_WIDE = 10.0  # percent: accuracies over more than this may well have a hundredth of one among them by chance
_ALL_LOW = 0.3  # percent: where other datasets are in percent, one whose best is between this and 1 is in fractions


def looks_fractional(values: NDArray[np.float64], most: float) -> NDArray[np.bool_]:
    """Return which accuracies of a dataset look like fractions among percents, bool, shape (n,).

    A hundred times as much, they lie and vary as the others do; in percent, they lie alone below these. Networks at
    chance level do not look so: theirs is one level, or further low values surround it, or the others lie widely
    scattered and theirs have no more decimals, of which a fraction needs two more.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        None is NaN.
    most : float
        The highest value of the metric, on other datasets, too.

    >>> looks_fractional(np.array([93.1, 0.92, 91.0, 0.935, 10.0]), 93.1).tolist()
    [False, True, False, True, False]
    >>> looks_fractional(np.array([46.7, 0.83, 31.0, 0.84, 22.0]), 46.7).tolist()  # 120 classes
    [False, False, False, False, False]
    """
    low, high = (values > 0) & (values <= 1), values[values > 1]
    nothing = np.zeros(len(values), np.bool_)
    if not len(high):
        return low if most > 10 and values.max() > _ALL_LOW else nothing
    usual, top = float(np.quantile(high, 0.1)), float(high.max())
    reach = max(2.5, (top - usual) / 4)
    found = low & (100 * values >= usual - reach) & (100 * values <= top + reach)
    n = int(found.sum())
    goes_on = usual <= _BETWEEN or (high <= _BETWEEN).sum() >= n or 2 * n < low.sum()
    if n == 0 or goes_on:
        return nothing
    finer = last_decimal(values[found].astype(np.float32)) < last_decimal(high.astype(np.float32))
    by_chance = top - usual > _WIDE and not finer
    return nothing if by_chance or _is_one_level(values[found], high, finer) else found


def _is_one_level(low: NDArray[np.float64], high: NDArray[np.float64], finer: bool) -> bool:
    """Whether low accuracies are one level, as chance is, and vary less by far than the others; so for three or more.

    One or two are so below 0.6, as few data sets have 100 to 166 classes; one is at 1, the chance of 100 classes; and
    two are without a finer decimal than the others have.
    """
    if len(low) < 3:
        return len(np.unique(low)) == 1 and (low[0] < 0.6 or (low[0] == 1 if len(low) == 1 else not finer))
    few = float(np.ptp(low) / np.median(low))
    return (few if len(low) < 8 else _spread(low)) < _spread(high) / 4


def _spread(values: NDArray[np.float64]) -> float:
    """Return the range of the middle half, as a part of the median."""
    first, median, third = np.quantile(values, [0.25, 0.5, 0.75])
    return float((third - first) / median)


def warn_of_odd_rows(name: str, long: pd.DataFrame, columns: Sequence[tuple[ColumnInfo, Any]]) -> None:
    """Warn of rows whose accuracies, or other percentages, are odd, unless their unit was stated."""
    for metric, info in {info.metric: info for info, _ in columns}.items():
        of_metric = long[long["metric"] == metric]
        everything = of_metric["value"].to_numpy(np.float64)
        if STATED in info.note and info.direction == "max" and everything.max() <= 1:
            told = (
                f"{name}: {metric} is stated to be in percent, and is at most {everything.max():g}. If these are "
                "fractions, multiply by 100, or leave out the unit."
            )
            warnings.warn(told, NasmetaWarning, stacklevel=calls_inside() + 1)
        if not is_percentage(info, everything):
            continue
        for dataset, group in of_metric.groupby("dataset", sort=False):
            values, named = group["value"].to_numpy(np.float64), partial(_row, group["row"].to_numpy())
            most = highest(info, values, everything)
            for odd in odd_accuracies(f"{metric} of {dataset}", values, most, named):
                told = f"{name}: {odd} {how_to_state(metric)}"
                warnings.warn(told, NasmetaWarning, stacklevel=calls_inside() + 1)


def warn_of_names(name: str, columns: Sequence[ColumnInfo]) -> None:
    """Warn of metrics whose name does not say which values are good, and of times that cost no evaluation anything."""
    unsaid = list(dict.fromkeys(info.metric for info in columns if info.kind == "performance" and UNSAID in info.note))
    if unsaid:
        first, said = f"{unsaid[0]!r}: 'min'", shlex.quote(f"{unsaid[0]}=min")
        told = (
            f"{name}: higher is taken for better of {_some(unsaid)}, as the name says nothing. State it: "
            f"direction={{{first}}} or 'max', on the command line --direction {said}."
        )
        warnings.warn(told, NasmetaWarning, stacklevel=calls_inside() + 1)
    guessed = [info for info in columns if info.kind == "performance" and "direction " in info.note]
    times = list(dict.fromkeys(info.metric for info in guessed if other_time(info.metric)))
    if times and not any(info.kind == "seconds" for info in columns):
        told = (
            f"{name}: {_some(times)} looks like a time that is not in seconds, and only seconds say what an evaluation "
            "costs. To search with a budget in seconds, convert it and name it train_seconds."
        )
        warnings.warn(told, NasmetaWarning, stacklevel=calls_inside() + 1)


def _some(names: Sequence[str]) -> str:
    """Return names for a message, as many as it has room for."""
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def how_to_state(metric: str) -> str:
    """Return what to do where odd accuracies are right."""
    line = f"--unit {shlex.quote(f'{metric}=percent')}"
    return f"Where they are right, state the unit: unit={{{metric!r}: 'percent'}}, on the command line {line}."


def _row(rows: NDArray[np.int64], i: int) -> str:
    """Return how a message names a row."""
    return f"row {rows[i]}"


def is_accuracy(info: ColumnInfo) -> bool:
    """Whether a column is read as an accuracy in percent, and nobody stated that it is one."""
    of_kind = (info.unit, info.kind, info.direction) == ("percent", "performance", "max")
    return of_kind and is_plain_accuracy(info.metric) and STATED not in info.note


def is_percentage(info: ColumnInfo, values: NDArray[np.float64]) -> bool:
    """Whether a column is an accuracy in percent, or another rate that its values show to be in percent."""
    if is_accuracy(info):
        return True
    words = words_of(info.metric)
    named = any(_RATES.fullmatch(word) for word in head_of(words)) and _OF_NUMBERS.isdisjoint(words)
    unsaid = (info.unit, info.kind) == ("1", "performance") and not is_derived(info.metric)
    plain = (BESIDE_ACCURACY | {"loss"}).isdisjoint(words)
    return named and plain and unsaid and values.min() >= 0 and 10 < values.max() <= 100


def highest(info: ColumnInfo, of_dataset: NDArray[np.float64], everything: NDArray[np.float64]) -> float:
    """Return the highest value that a dataset is compared with: of accuracies, that of the other datasets, too.

    All errors of an easy dataset may be below 1 percent; all its accuracies are not.
    """
    return float((everything if info.direction == "max" else of_dataset).max())


def odd_accuracies(what: str, values: NDArray[np.float64], most: float, named: Callable[[int], str]) -> Iterator[str]:
    """Yield in words which accuracies look like fractions, and which are no percents; `named` says where they are."""
    fractions, rounded = looks_fractional(values, most), np.round(values, 3)  # 100.00000001 is a rounding of 100
    told = {
        f"looks like a fraction, and is in percent elsewhere (up to {most:g}), in {{}}: multiply by 100.": fractions,
        "is below 0 or above 100 percent in {}.": (rounded < 0) | (rounded > 100),
    }
    for text, odd in told.items():
        places = list(dict.fromkeys(f"{named(i)} ({values[i]:g})" for i in np.flatnonzero(odd).tolist()))
        if places:
            yield f"{what} {text.format(_some(places))}"


def only_test_values(columns: Sequence[ColumnInfo], column: ColumnInfo | Any) -> str:
    """Return in words that a column, or signal, is of the test split, where its dataset has no other; else nothing."""
    if column.kind not in ("performance", None) or not _says(column, "test"):
        return ""
    of_dataset = [info for info in columns if info.dataset == column.dataset and info.kind == "performance"]
    if any(_says(info, "valid") for info in of_dataset):
        return ""  # so somebody chose it
    return (
        f"{column.metric} of {column.dataset} is of the test split, and there are no validation values. What a search "
        "finds is then chosen by test values, so these are no honest estimate of it."
    )


def _says(info: Any, split: str) -> bool:
    """Whether a column is of a split: its address says so, or where that says none, the name of its metric."""
    return split in map(split_of, words_of(info.metric) if info.split is None else [info.split])
