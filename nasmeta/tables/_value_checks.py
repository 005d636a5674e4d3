"""Checks of a user's values: units of accuracies, and test values alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nasmeta.arrays import Booleans, Floats
from nasmeta.spaces import SearchSpace
from nasmeta.tables._columns import ColumnInfo, SparseValues, Values, measured_split

STATED = "unit as stated"  # in the note of a column: its unit is not checked
_NAMED = 5  # architectures in a message
_SPREAD = 0.02  # percent: most accuracies at chance level have a smaller interquartile range
_BETWEEN = 5.0  # percent: few accuracies lie between 1 and this


def looks_fractional(values: Floats) -> Booleans:
    """Return which accuracies of a dataset look like fractions among percents, bool, shape (n,).

    Multiplied by 100, fractions lie in the range of the percents, or their median does and they
    differ from each other. Values of networks at chance level are not fractions: they are equal, or
    further low values surround them.

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
    fractions = low & (100 * values >= usual - reach) & (100 * values <= top + reach)
    if 2 * fractions.sum() < low.sum():
        lower, middle, upper = np.quantile(values[low], [0.25, 0.5, 0.75])
        is_among_percents = usual / 4 < 100 * middle <= top + reach
        fractions = low if upper - lower > _SPREAD and is_among_percents else nothing
    n = int(fractions.sum())
    at_chance = n > 1 and np.ptp(values[fractions]) == 0
    continuous = usual <= _BETWEEN or (high <= _BETWEEN).sum() >= n
    return nothing if at_chance or continuous else fractions


def odd_accuracies(
    columns: Iterable[tuple[ColumnInfo, Values | SparseValues]], space: SearchSpace
) -> Iterator[str]:
    """Yield messages about fractions among percents and about accuracies outside 0 to 100, by metric and dataset.

    Accuracies whose unit was stated are not checked.
    """
    groups: dict[tuple[str, str], list[SparseValues]] = {}
    for info, values in columns:
        if info.unit == "percent" and STATED not in info.note:
            groups.setdefault((info.metric, info.dataset), []).append(
                SparseValues.of(np.asarray(values))
            )
    for (metric, dataset), several in groups.items():
        architectures = np.concatenate([column.architectures for column in several])
        known = np.concatenate([column.values for column in several]).astype(np.float64)
        rounded = np.round(known, 3)  # 100.00000001 is a rounding of 100
        checks = {
            "looks like a fraction among percents": looks_fractional(known),
            "is below 0 or above 100 percent": (rounded < 0) | (rounded > 100),
        }
        for text, odd in checks.items():
            if odd.any():
                places = zip(architectures[odd].tolist(), known[odd].tolist(), strict=True)
                named = [
                    f"{space.to_string(architecture)} ({value:g})"
                    for architecture, value in dict.fromkeys(places)
                ]
                more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
                yield (
                    f"{metric} of {dataset} {text} for {', '.join(named[:_NAMED])}{more}. If they are right, state the "
                    f"unit: unit={{{metric!r}: 'percent'}} (--unit {shlex.quote(f'{metric}=percent')})."
                )


def only_test_values(columns: Sequence[ColumnInfo], column: ColumnInfo | Any) -> str:
    """Return a message if a column, or signal, is of the test split and its dataset has no validation values.

    Otherwise return an empty text.

    >>> import nasmeta as nm
    >>> table = nm.load_table("nb201")
    >>> only_test_values(table.columns, table.columns[0])
    ''
    """
    if (
        column.kind not in ("performance", None)
        or measured_split(column.metric, column.split) != "test"
    ):
        return ""
    of_dataset = [
        info for info in columns if info.dataset == column.dataset and info.kind == "performance"
    ]
    if any(measured_split(info.metric, info.split) == "valid" for info in of_dataset):
        return ""
    return (
        f"{column.metric} of {column.dataset} is of the test split, and there are no validation values. A search on "
        "test values selects by them, so the values that it finds are optimistic."
    )
