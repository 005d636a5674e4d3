"""Checks of what a user passes, and how messages show it, shared by rooms that do not know each other."""

from __future__ import annotations

import math
import operator

import numpy as np

from nasmeta.errors import SettingError

__all__ = ["checked_generator", "checked_number", "checked_whole", "short", "shown"]


def short(text: str, limit: int = 120) -> str:
    """Leave out the middle of a text that is too long for a message."""
    return text if len(text) <= limit else f"{text[: limit // 2]}...{text[-limit // 2 :]}"


def shown(value: object) -> str:
    """Return a short text of anything, for messages."""
    try:
        return short(repr(value))
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return f"an overlong {type(value).__name__}"


def checked_whole(name: str, value: object, least: int = 1, most: int = 2**63 - 1) -> int:
    """Return a whole number of the user, Python's or NumPy's, checked.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> checked_whole("repeats", 3)
    3
    >>> checked_whole("repeats", 0)
    Traceback (most recent call last):
    nasmeta.errors.SettingError: repeats must be a whole number from 1 on, not 0.
    """
    try:
        whole = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        whole = least - 1
    if isinstance(value, bool) or whole < least:
        shown = "a negative one" if isinstance(value, int) and value < -(2**63) else f"{value!r:.80}"
        raise SettingError(f"{name} must be a whole number from {least} on, not {shown}.")
    if whole > most:
        shown = f"{whole}" if whole < 2**63 else "a larger one"
        raise SettingError(f"{name} must be a whole number from {least} to {most}, not {shown}.")
    return whole


def checked_number(name: str, value: object, least: float = 0.0, most: float = math.inf) -> float:
    """Return a finite number of the user between two bounds, checked.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> checked_number("discount", 0.9, 0, 1)
    0.9
    >>> checked_number("optimism", float("inf"))
    Traceback (most recent call last):
    nasmeta.errors.SettingError: optimism must be a number from 0 on, not inf.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most or value == math.inf:
        upto = "on" if most == math.inf else f"to {most:g}"
        raise SettingError(f"{name} must be a number from {least:g} {upto}, not {value!r:.80}.")
    return value


def checked_generator(rng: object, what: str) -> np.random.Generator:
    """Return the user's random generator, checked.

    Parameters
    ----------
    rng : object
    what : str
        What it is to draw, for the message.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> checked_generator(42, "tasks")
    Traceback (most recent call last):
    nasmeta.errors.SettingError: A numpy.random.Generator draws the tasks, such as numpy.random.default_rng(0), not 42.
    """
    if not isinstance(rng, np.random.Generator):
        raise SettingError(
            f"A numpy.random.Generator draws the {what}, such as numpy.random.default_rng(0), not {rng!r:.80}."
        )
    return rng
