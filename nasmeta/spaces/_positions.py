"""What an architecture is made of: positions, each with choices of its own."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from nasmeta.checks import check_text, checked_types
from nasmeta.errors import SettingError, short, shown

Choice: TypeAlias = "str | int | float | bool"


@checked_types
@dataclass(frozen=True)
class Position:
    """One decision of an architecture.

    Attributes
    ----------
    name : str
    choices : tuple of str, int, float or bool
        At least one; no two are written alike.
    ordered : bool
        Whether neighbouring choices are alike, as for numbers: then how far two choices are apart counts.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> Position("width", (16, 32, 64), ordered=True)
    Position(name='width', choices=(16, 32, 64), ordered=True)
    """

    name: str
    choices: tuple[Choice, ...]
    ordered: bool = False

    def __post_init__(self) -> None:
        check_text("The name of a position", self.name)
        given: Any = self.choices
        if isinstance(given, str) or not isinstance(given, Collection) or not len(given):
            raise SettingError(f"Position {self.name!r} needs a list of choices, not {shown(self.choices)}.")
        choices = tuple(c.item() if isinstance(c, np.generic) else c for c in self.choices)
        for choice in choices:
            if not isinstance(choice, str | int | float) or choice != choice:
                raise SettingError(
                    f"Position {self.name!r} has the choice {shown(choice)}; a choice is a text, a number or a bool."
                )
        texts = [str(choice) for choice in choices]
        if len(set(texts)) < len(texts):
            twice = next(text for i, text in enumerate(texts) if text in texts[:i])
            raise SettingError(f"Position {self.name!r} has the choice {twice!r} twice.")
        object.__setattr__(self, "choices", choices)

    def code(self, choice: object) -> int:
        """Return the place of a choice, given as itself or as its text.

        Raises
        ------
        SettingError
            Where it is none, with the possible ones.
        """
        plain = choice.item() if isinstance(choice, np.generic) else choice
        text = plain if isinstance(plain, str) else shown(plain)
        for code, own in enumerate(self.choices):
            if (own == plain and isinstance(own, bool) == isinstance(plain, bool)) or str(own) == text:
                return code
        if isinstance(plain, float):  # one of float32 is not quite the number that was written
            near = [
                code
                for code, own in enumerate(self.choices)
                if isinstance(own, float) and math.isclose(own, plain, rel_tol=1e-7)
            ]
            if len(near) == 1:
                return near[0]
        possible = short(", ".join(map(str, self.choices)))
        raise SettingError(f"{shown(plain)} is no choice of {self.name}. Possible: {possible}.")


def as_positions(positions: Mapping[str, Sequence[Choice]] | Sequence[Position]) -> tuple[Position, ...]:
    """Return checked positions; of a mapping of names to choices, those whose choices are all numbers are ordered."""
    if isinstance(positions, Mapping):
        found = tuple(_position(name, choices) for name, choices in positions.items())
    else:
        found = tuple(positions)
    if not found or not all(isinstance(position, Position) for position in found):
        raise SettingError(
            f"A space has at least one Position, or a mapping of names to choices, not {shown(positions)}."
        )
    names = [position.name for position in found]
    if len(set(names)) < len(names):
        raise SettingError(f"A position appears twice: {', '.join(names)}.")
    return found


def _position(name: str, choices: Any) -> Position:
    if isinstance(choices, Collection) and not isinstance(choices, str):  # else it is refused as what it is
        choices = tuple(choices)
    ordered = isinstance(choices, tuple) and all(
        isinstance(c, int | float | np.number) and not isinstance(c, bool) for c in choices
    )
    return Position(name, choices, ordered)
