"""From texts on the command line to values in Python."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from nasmeta.errors import SettingError


def names_in(text: str) -> list[str]:
    """Return the names in a comma-separated list."""
    return [name.strip() for name in text.split(",") if name.strip()]


def integers_in(text: str) -> list[int]:
    """Return the integers in a comma-separated list."""
    try:
        return [int(number) for number in names_in(text)]
    except ValueError:
        raise SettingError("list", text, "integers such as 78,781") from None


def pairs_in(texts: Iterable[str]) -> dict[str, str]:
    """Return the pairs that are written as ``key=value``; each key may appear once."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (equals and key) or key in pairs:
            raise SettingError("setting", text, "key=value, once per key")
        pairs[key] = value
    return pairs


def architecture_in(text: str) -> int | str:
    """Return an index for an integer, else the string of an architecture.

    >>> architecture_in("6111"), architecture_in("-1"), architecture_in("--5")
    (6111, -1, '--5')
    """
    try:
        return int(text)
    except ValueError:
        return text


def architectures_in(texts: Iterable[str]) -> list[int | str]:
    """Return the indices or strings of architectures."""
    return [architecture_in(text) for text in texts]


def settings_in(texts: Iterable[str]) -> dict[str, Any]:
    """Return settings that are written as ``key=value``: JSON values, all else as strings.

    >>> settings_in(["population=10", "improvement=full"])
    {'population': 10, 'improvement': 'full'}
    """
    settings: dict[str, Any] = {}
    for key, value in pairs_in(texts).items():
        try:
            settings[key] = json.loads(value)
        except (ValueError, RecursionError):
            settings[key] = value
    return settings


def conditions_in(texts: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
    """Return the conditions of columns, written as ``column=other:choice,choice``.

    >>> conditions_in(["momentum=optimiser:sgd", "units2=layers:2,3"])
    {'momentum': {'optimiser': ['sgd']}, 'units2': {'layers': ['2', '3']}}
    """
    conditions: dict[str, dict[str, list[Any]]] = {}
    for text in texts:
        column, _, needed = text.partition("=")
        other, _, listed = needed.partition(":")
        column, other, choices = column.strip(), other.strip(), names_in(listed)
        if not (column and other and choices):
            raise SettingError(
                "condition", text, "COLUMN=OTHER:CHOICE,…, such as momentum=optimiser:sgd"
            )
        conditions.setdefault(column, {})[other] = choices
    return conditions


def settings_by_label(texts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return settings of several searchers, written as ``searcher:key=value``.

    >>> settings_by_label(["evolution:population=10", "my_package.module:MySearcher:reach=3"])
    {'evolution': {'population': 10}, 'my_package.module:MySearcher': {'reach': 3}}
    """
    pairs: dict[str, list[str]] = {}
    for text in texts:
        # The last colon before the sign: a label may be package.module:Name.
        label_and_key, equals, value = text.partition("=")
        label, _, key = label_and_key.rpartition(":")
        label = label.strip()
        if not label:
            raise SettingError("setting", text, "NAME:key=value, such as evolution:population=10")
        pairs.setdefault(label, []).append(f"{key}{equals}{value}")
    return {label: settings_in(texts) for label, texts in pairs.items()}
