"""Checks of what a user passes, and how messages show it, shared by rooms that do not know each other."""

from __future__ import annotations

import inspect
import math
import operator
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError, shown

T = TypeVar("T")
_NAMES = re.compile(r"(\w+\.)*Sequence\[str\]( \| None)?")  # a type of settings, as text or as it is printed


def check_int(name: str, value: object, least: int = 1, most: int = 2**63 - 1) -> int:
    """Return a whole number of the user, Python's or NumPy's, checked.

    >>> check_int("repeats", 0)
    Traceback (most recent call last):
    nasmeta.errors.SettingError: repeats must be a whole number of at least 1, not 0.
    """
    try:
        whole = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        whole = least - 1
    if isinstance(value, bool) or whole < least:
        told = "a negative one" if isinstance(value, int) and value < -(2**63) else shown(value)
        raise SettingError(f"{name} must be a whole number of at least {least}, not {told}.")
    if whole > most:
        told = f"{whole}" if whole < 2**63 else "a larger one"
        raise SettingError(f"{name} must be a whole number from {least} to {most}, not {told}.")
    return whole


def check_number(name: str, value: object, least: float = 0.0, most: float = math.inf) -> float:
    """Return a finite number of the user between two bounds, Python's or NumPy's, checked."""
    if isinstance(value, np.integer | np.floating):
        value = value.item()
    largest = min(most, sys.float_info.max)
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= largest:
        bounds = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise SettingError(f"{name} must be a number {bounds}, not {shown(value)}.")
    return value


def check_bool(name: str, value: object) -> bool:
    """Return a truth value of the user, Python's or NumPy's, checked."""
    if not isinstance(value, bool | np.bool_):
        raise SettingError(f"{name} must be true or false, not {shown(value)}.")
    return bool(value)


def check_choice(name: str, value: object, choices: Iterable[str]) -> str:
    """Return one of several words, checked."""
    if not isinstance(value, str) or value not in choices:
        raise SettingError(f"{name} must be one of {', '.join(choices)}, not {shown(value)}.")
    return value


def check_text(name: str, value: object) -> str:
    """Return a text of the user that is not empty, checked."""
    if not isinstance(value, str) or not value.strip():
        raise SettingError(f"{name} is a text, not {shown(value)}.")
    return value


def check_names(who: str, what: str, names: Iterable[object], possible: Collection[str]) -> None:
    """Refuse names that are not possible.

    >>> check_names("A clock", "setting", ["worker"], ["workers", "repeats"])
    Traceback (most recent call last):
    nasmeta.errors.SettingError: A clock has no setting 'worker'. Possible: workers, repeats.
    """
    for name in names:
        if name not in possible:
            raise SettingError(f"{who} has no {what} {shown(name)}. Possible: {', '.join(possible) or 'none'}.")


def check_instance(name: str, value: object, kind: type[T]) -> T:
    """Return an object of the user, of this type, checked.

    >>> check_instance("path", "a/b", dict)
    Traceback (most recent call last):
    nasmeta.errors.SettingError: path must be of type dict, not 'a/b'.
    """
    if not isinstance(value, kind):
        raise SettingError(f"{name} must be of type {kind.__name__}, not {shown(value)}.")
    return value


def is_listed(value: object) -> TypeGuard[Iterable[Any]]:
    """Whether a value has entries: it can be iterated over, as an array without a dimension cannot."""
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) != 0


def check_list(name: str, value: Any, of: str) -> list[Any]:
    """Return what the user lists, checked; a text is one thing and no list of letters.

    >>> check_list("seeds", 0, "whole numbers")
    Traceback (most recent call last):
    nasmeta.errors.SettingError: seeds must be a list of whole numbers, not 0.
    """
    if not isinstance(value, str | bytes) and is_listed(value):
        return list(value)
    raise SettingError(f"{name} must be a list of {of}, not {shown(value)}.")


def check_options(value: Mapping[str, Any] | None, example: str) -> dict[str, Any]:
    """Return keyword arguments of the user for somebody else's class, checked to be a mapping; None is none.

    >>> check_options("quick", '{"steps": 2}')
    Traceback (most recent call last):
    nasmeta.errors.SettingError: options must be a mapping such as {"steps": 2}, not 'quick'.
    """
    if not isinstance(value, Mapping | None):
        raise SettingError(f"options must be a mapping such as {example}, not {shown(value)}.")
    return dict(value or {})


def listed_names(function: Callable[..., Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with a list in place of a text where a function asks for names, as one or with commas between.

    >>> def search(features: Sequence[str] | None = None, kernel: str = "rbf"): ...
    >>> listed_names(search, {"features": "edges, paths", "kernel": "rbf"})
    {'features': ['edges', 'paths'], 'kernel': 'rbf'}
    """
    found = dict(settings)
    for name, parameter in inspect.signature(function).parameters.items():
        if isinstance(found.get(name), str) and _NAMES.fullmatch(str(parameter.annotation)):
            found[name] = [one.strip() for one in found[name].split(",") if one.strip()]
    return found


def recorded_settings(
    who: str, kind: Callable[..., Any], settings: Mapping[str, Any], possible: Iterable[inspect.Parameter]
) -> dict[str, Any]:
    """Return settings of a class, checked to be possible, as types that JSON knows: they are recorded with results."""
    try:
        plain = {name: _plain(who, name, value) for name, value in listed_names(kind, settings).items()}
    except RecursionError:
        raise SettingError(f"The settings of {who} have lists within lists, too deep to be recorded.") from None
    known = {one.name: one for one in possible}
    unknown = sorted(set(plain) - set(known))
    if unknown and all(one.kind is not one.VAR_KEYWORD for one in known.values()):
        listed = ", ".join(f"{name}={one.default!r}" for name, one in known.items())
        raise SettingError(f"{who} has no setting {unknown[0]!r}. Possible: {listed or 'none, it has no setting'}.")
    return plain


def _plain(who: str, name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        return [_plain(who, name, entry) for entry in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _plain(who, name, entry) for key, entry in value.items()}
    if isinstance(value, int) and value.bit_length() > 63:
        raise SettingError(f"The setting {name} of {who} is a whole number of more than 63 bits.")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise SettingError(
        f"The setting {name} of {who} is {shown(value)} ({type(value).__name__}), but settings are recorded with the "
        "results: numbers, strings, booleans, None, lists of them, and mappings of names to them."
    )


@contextmanager
def taking(who: str, settings: Mapping[str, Any]) -> Iterator[None]:
    """Say of a class that is built inside that it cannot take the settings."""
    try:
        yield
    except (TypeError, ValueError) as reason:
        if isinstance(reason, SettingError) or not settings:
            raise
        raise SettingError(f"{who} cannot take the settings {settings}: {reason}") from reason


def check_array(name: str, value: Any) -> NDArray[np.float64]:
    """Return numbers of the user as float64, of any shape, checked; they need not be finite."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as reason:
        raise SettingError(f"{name} must be an array of numbers, not {shown(value)}.") from reason


def decimals_for(scale: float, least: int = 2) -> int:
    """Return with how many decimals numbers of this scale are written: enough for three digits.

    >>> decimals_for(12.0), decimals_for(0.003), decimals_for(0.003, 6)
    (2, 5, 6)
    """
    return max(least, min(15, 2 - math.floor(math.log10(scale) + 1e-9))) if 0 < scale < math.inf else least


def decimals_of(values: Any, unit: str = "") -> int:
    """Return with how many decimals the values of a metric are written: 2 in percent, else as many as they differ in.

    How they differ is the width of their middle half, so that a few diverged losses do not count; that of all where
    the half is one value. Values around 10 or more have 2 in any unit.

    >>> losses = [0.0031, 0.0034, 0.0037, 0.0039, 900.0]
    >>> decimals_of(losses), decimals_of([91.2, 91.3, 91.4], "percent"), decimals_of([12, 90_000])
    (6, 2, 2)
    """
    known = check_array("values", values)
    known = known[np.isfinite(known)]
    if not known.size or unit.startswith(("percent", "%")) or np.median(np.abs(known)) >= 10:
        return 2
    low, high = np.quantile(known, (0.25, 0.75))
    return decimals_for(float(high - low or np.ptp(known) or np.abs(known).max()))


def written(value: float) -> str:
    """Return a single value with four decimals, a small one with four digits.

    >>> written(91.25), written(0.00312345), written(0.0)
    ('91.2500', '0.003123', '0.0000')
    """
    return f"{value:.{4 if abs(value) >= 0.01 else decimals_for(abs(value), 3) + 1}f}"


def check_generator(rng: object, what: str) -> np.random.Generator:
    """Return the user's random generator, checked; it is to draw what is said.

    >>> check_generator(42, "tasks")
    Traceback (most recent call last):
    nasmeta.errors.SettingError: A numpy.random.Generator draws the tasks, such as numpy.random.default_rng(0), not 42.
    """
    if not isinstance(rng, np.random.Generator):
        raise SettingError(
            f"A numpy.random.Generator draws the {what}, such as numpy.random.default_rng(0), not {shown(rng)}."
        )
    return rng
