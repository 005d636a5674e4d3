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
    nothing = np.zeros(len(values), np.bool_)
    low = (values > 0) & (values <= 1)
    percents = values[values > 1]
    if not len(percents):
        return nothing
    usual = float(np.quantile(percents, 0.1))
    highest = float(percents.max())
    reach = max(2.5, (highest - usual) / 4)
    in_percent = 100 * values  # if they were fractions
    fractions = low & (in_percent >= usual - reach) & (in_percent <= highest + reach)
    if 2 * fractions.sum() < low.sum():
        lower, median, upper = np.quantile(values[low], [0.25, 0.5, 0.75])
        is_among_percents = usual / 4 < 100 * median <= highest + reach
        are_alike = upper - lower <= _SPREAD
        if are_alike or not is_among_percents:
            return nothing
        fractions = low
    n_fractions = int(fractions.sum())
    at_chance = n_fractions > 1 and np.ptp(values[fractions]) == 0
    # Networks between chance and the usual accuracy explain low values.
    n_between = int((percents <= _BETWEEN).sum())
    if at_chance or usual <= _BETWEEN or n_between >= n_fractions:
        return nothing
    return fractions


def odd_accuracies(
    columns: Iterable[tuple[ColumnInfo, Values | SparseValues]], space: SearchSpace
) -> Iterator[str]:
    """Yield messages about fractions among percents and about accuracies outside 0 to 100, by metric and dataset.

    Accuracies whose unit was stated are not checked.
    """
    groups: dict[tuple[str, str], list[SparseValues]] = {}
    for info, values in columns:
        if info.unit == "percent" and STATED not in info.note:
            group = groups.setdefault((info.metric, info.dataset), [])
            group.append(SparseValues.of(np.asarray(values)))
    for (metric, dataset), group in groups.items():
        # The measured values of all columns, both of shape (n,).
        architectures = np.concatenate([column.architectures for column in group])
        accuracies = np.concatenate([column.values for column in group]).astype(np.float64)
        rounded = np.round(accuracies, 3)  # 100.00000001 is a rounding of 100
        checks = {
            "looks like a fraction among percents": looks_fractional(accuracies),
            "is below 0 or above 100 percent": (rounded < 0) | (rounded > 100),
        }
        for text, is_odd in checks.items():
            if is_odd.any():
                odd = zip(architectures[is_odd].tolist(), accuracies[is_odd].tolist(), strict=True)
                names = _listed(space, list(dict.fromkeys(odd)))
                yield (
                    f"{metric} of {dataset} {text} for {names}. If they are right, state the "
                    f"unit: unit={{{metric!r}: 'percent'}} (--unit {shlex.quote(f'{metric}=percent')})."
                )


def _listed(space: SearchSpace, accuracies: Sequence[tuple[int, float]]) -> str:
    """Return the first architectures with their accuracies as a text, and the number of the others."""
    names = []
    for architecture, accuracy in accuracies[:_NAMED]:
        names.append(f"{space.to_string(architecture)} ({accuracy:g})")
    listed = ", ".join(names)
    if len(accuracies) > _NAMED:
        listed += f" and {len(accuracies) - _NAMED} more"
    return listed


def only_test_values(columns: Sequence[ColumnInfo], column: ColumnInfo | Any) -> str:
    """Return a message if a column, or signal, is of the test split and its dataset has no validation values.

    Otherwise return an empty text.

    >>> import nasmeta as nm
    >>> table = nm.load_table("nb201")
    >>> only_test_values(table.columns, table.columns[0])
    ''
    """
    if column.kind not in ("performance", None):
        return ""
    if measured_split(column.metric, column.split) != "test":
        return ""
    for other in columns:
        is_performance = other.dataset == column.dataset and other.kind == "performance"
        if is_performance and measured_split(other.metric, other.split) == "valid":
            return ""
    return (
        f"{column.metric} of {column.dataset} is of the test split, and there are no validation values. A search on "
        "test values selects by them, so the values that it finds are optimistic."
    )
