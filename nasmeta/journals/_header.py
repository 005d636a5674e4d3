"""The first line of a file of records: whose they are."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any


def loaded(text: bytes) -> Any:
    """Return what a line of JSON says; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def differences_from(found: Mapping[str, Any], header: Mapping[str, Any], but: Collection[str]) -> str:
    """Say in what a header that was read is not the one that is due, but for what may differ; empty where it is.

    >>> differences_from({"seed": 1, "at": "noon"}, {"seed": 2, "at": "night"}, ("at",))
    'seed is 1 there, but 2 was asked for'
    """
    due = json.loads(json.dumps(header))
    return "; ".join(
        f"{key} is {found.get(key)!r} there, but {due.get(key)!r} was asked for"
        for key in dict.fromkeys([*due, *found])
        if found.get(key) != due.get(key) and key not in but
    )


def changed_code(found: Mapping[str, Any], due: Mapping[str, Any], what: str) -> str:
    """Say that what was recorded is by other code than is asked for now; empty where it is not, or nobody knows."""
    was, now = found.get("code"), due.get("code")
    if was is None or was == now:
        return ""
    return (
        f"was written by other code of {due.get('searcher')}: {was} there, {now or 'that of this package'} now. "
        f"Begin anew with another {what}, or delete this one. Only where the change alters no result, keep it: give "
        f'the class the attribute version = "{was}".'
    )
