"""Checks of what a user passes, shared by rooms that do not know each other."""

from __future__ import annotations

import operator

from nasmeta.errors import SettingError

__all__ = ["checked_whole"]


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
        raise SettingError(f"{name} must be a whole number from {least} to {most}; a larger one was given.")
    return whole
