"""On which line of a TOML file something is said."""

from __future__ import annotations

import re
import tomllib
from typing import Any, TypeAlias

KeyPath: TypeAlias = "tuple[str, ...]"

_TABLE = re.compile(r"\s*\[\[?(?P<name>[^\]]+)\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*(?P<name>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


class Lines:
    r"""The lines of the keys and tables of a well-formed TOML text, which the standard library's reader does not keep.

    >>> lines = Lines('repeats = 3\n[searchers.evolution]\npopulation = 10')
    >>> lines.of("searchers", "evolution", "population"), lines.of("searchers", "gp"), lines.of("tasks")
    (3, 2, 1)
    """

    def __init__(self, text: str) -> None:
        self._found: dict[KeyPath, int] = {}
        self._texts = text.splitlines()
        table: KeyPath = ()
        for number, line in enumerate(self._texts, start=1):
            if match := _TABLE.match(line):
                table = _path(match["name"])
                self._note(table, number)
            elif match := _KEY.match(line):
                self._note(table + _path(match["name"]), number)

    def _note(self, path: KeyPath, number: int) -> None:
        for end in range(1, len(path) + 1):
            self._found.setdefault(path[:end], number)

    def of(self, *path: str) -> int:
        """Return the line of a key, or of the closest table around it; 1 where there is none."""
        for end in range(len(path), 0, -1):
            if path[:end] in self._found:
                return self._found[path[:end]]
        return 1

    def of_entry(self, entry: str, *path: str) -> int:
        """Return the line of an entry of a list: the first from the key on that has its text in quotes."""
        first = self.of(*path)
        for number, line in enumerate(self._texts[first - 1 :], start=first):
            if f'"{entry}"' in line or f"'{entry}'" in line:
                return number
        return first


def _path(name: str) -> KeyPath:
    try:
        inner: Any = tomllib.loads(f"{name} = 0")
    except tomllib.TOMLDecodeError:  # the inside of a long string that looks like a key
        return (name,)
    path: list[str] = []
    while isinstance(inner, dict):
        (key,) = inner
        path.append(key)
        inner = inner[key]
    return tuple(path)
