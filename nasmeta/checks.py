"""Checks of arguments, and formats of numbers in messages, shared by all subpackages."""

from __future__ import annotations

import inspect
import math
import operator
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeGuard, TypeVar

import numpy as np

from nasmeta.errors import SettingError, UnknownNameError

T = TypeVar("T")


def check_int(name: str, value: Any, least: int = 1, most: int = 2**63 - 1) -> int:
    """Return an integer (Python or NumPy) as `int`; raise an error if it is out of bounds.

    >>> check_int("repeats", 0)
    Traceback (most recent call last):
    nasmeta.errors.SettingError: repeats is 0; expected an integer of at least 1.
    """
    try:
        whole = operator.index(value)
    except TypeError:
        whole = least - 1
    if isinstance(value, bool) or not least <= whole <= most:
        bounds = f"of at least {least}" if most == 2**63 - 1 else f"from {least} to {most}"
        raise SettingError(name, value, f"an integer {bounds}")
    return whole


def check_number(name: str, value: Any, least: float = 0.0, most: float = math.inf) -> float:
    """Return a finite number between two bounds; raise an error for any other value."""
    if isinstance(value, np.integer | np.floating):
        value = value.item()
    largest = min(most, sys.float_info.max)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not least <= value <= largest
    ):
        bounds = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise SettingError(name, value, f"a number {bounds}")
    return value


def check_choice(name: str, value: object, choices: Iterable[str]) -> str:
    """Return the value if it is one of the choices; raise an error otherwise."""
    if not isinstance(value, str) or value not in choices:
        raise SettingError(name, value, f"one of {', '.join(choices)}")
    return value


def check_names(who: str, what: str, names: Iterable[object], possible: Collection[str]) -> None:
    """Raise an error for the first name that is not possible.

    >>> check_names("a clock", "setting", ["worker"], ["workers", "repeats"])
    Traceback (most recent call last):
    nasmeta.errors.UnknownNameError: Unknown setting 'worker' of a clock. Did you mean 'workers'?
    """
    for name in names:
        if name not in possible:
            raise UnknownNameError.of(f"{what} of {who}", name, possible)


def is_listed(value: object) -> TypeGuard[Iterable[Any]]:
    """Return whether one can iterate over a value; NumPy scalars are not iterable."""
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) != 0


def recorded_settings(
    who: str, settings: Mapping[str, Any], possible: Iterable[inspect.Parameter]
) -> dict[str, Any]:
    """Return the settings of a class as JSON types, in which they are recorded; raise an error for unknown ones."""
    plain = {name: _plain(who, name, value) for name, value in settings.items()}
    known = [*possible]
    if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in known):
        check_names(who, "setting", plain, [parameter.name for parameter in known])
    return plain


def _plain(who: str, name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return [_plain(who, name, entry) for entry in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(who, name, entry) for key, entry in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise SettingError(
        f"setting {name} of {who}", value, "numbers, strings, booleans, None, lists, mappings"
    )


@contextmanager
def taking(who: str, settings: Mapping[str, Any]) -> Iterator[None]:
    """Turn a TypeError or ValueError of a constructor inside the block into a SettingError with the settings."""
    try:
        yield
    except (TypeError, ValueError) as reason:
        if isinstance(reason, SettingError) or not settings:
            raise
        raise SettingError(
            f"settings of {who}", dict(settings), "settings that it accepts", f"{reason}"
        ) from reason


def decimals_for(scale: float, least: int = 2) -> int:
    """Return the number of decimals that shows three significant digits at this scale.

    >>> decimals_for(12.0), decimals_for(0.003), decimals_for(0.003, 6)
    (2, 5, 6)
    """
    return (
        max(least, min(15, 2 - math.floor(math.log10(scale) + 1e-9)))
        if 0 < scale < math.inf
        else least
    )


def decimals_of(values: Any, unit: str = "") -> int:
    """Return the number of decimals for values of a metric: 2 in percent, otherwise three digits of their spread.

    The spread is the interquartile range, so a few diverged losses do not matter; if it is zero,
    the full range is used. Values around 10 or more have 2 decimals in any unit.

    >>> losses = [0.0031, 0.0034, 0.0037, 0.0039, 900.0]
    >>> decimals_of(losses), decimals_of([91.2, 91.3, 91.4], "percent"), decimals_of([12, 90_000])
    (6, 2, 2)
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not known.size or unit.startswith(("percent", "%")) or np.median(np.abs(known)) >= 10:
        return 2
    low, high = np.quantile(known, (0.25, 0.75))
    return decimals_for(float(high - low or np.ptp(known) or np.abs(known).max()))


def with_unit(text: str, unit: str) -> str:
    """Append a unit in brackets, unless it is 1.

    >>> with_unit("accuracy", "percent"), with_unit("f1", "1")
    ('accuracy (percent)', 'f1')
    """
    return text if unit == "1" else f"{text} ({unit})"


def written(value: float, unit: str = "1") -> str:
    """Format a value with four decimals, or with four digits if it is small, and its unit.

    >>> written(91.25), written(0.00312345), written(91.25, "percent")
    ('91.2500', '0.003123', '91.2500 (percent)')
    """
    number = f"{value:.{4 if abs(value) >= 0.01 else decimals_for(abs(value), 3) + 1}f}"
    return with_unit(number, unit)
