"""The first line of a file of records: whose they are."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["differences_from", "loaded"]


def loaded(text: bytes) -> Any:
    """Return what a line of JSON says; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def differences_from(found: Mapping[str, Any], header: Mapping[str, Any], but: Collection[str]) -> str:
    """Say in what a header that was read is not the one that is due; empty where it is.

    Parameters
    ----------
    found, header : mapping
    but : collection of str
        What may differ.

    Examples
    --------
    >>> differences_from({"seed": 1, "at": "noon"}, {"seed": 2, "at": "night"}, ("at",))
    'seed is 1 there, but 2 was asked for'
    """
    due = json.loads(json.dumps(header))
    return "; ".join(
        f"{key} is {found.get(key)!r} there, but {due.get(key)!r} was asked for"
        for key in dict.fromkeys([*due, *found])
        if found.get(key) != due.get(key) and key not in but
    )
