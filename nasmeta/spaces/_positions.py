"""What an architecture is made of: positions, each with choices of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_text
from nasmeta.errors import SettingError, short, shown

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.spaces._search_space import SearchSpace

Choice: TypeAlias = "str | int | float | bool"


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

    @cached_property
    def _codes(self) -> dict[tuple[bool, Choice] | str, int]:
        """Codes of the choices, by value and by text; True is not the choice 1."""
        return {
            key: code
            for code, choice in enumerate(self.choices)
            for key in ((isinstance(choice, bool), choice), str(choice))
        }

    @cached_property
    def _floats(self) -> NDArray[np.float64]:
        return np.array([choice if isinstance(choice, float) else np.nan for choice in self.choices])

    def code(self, choice: object) -> int:
        """Return the index of a choice, which is given as a value or as its text.

        A float32 value matches the choice that it rounds.

        Raises
        ------
        SettingError
            If the position has no such choice.
        """
        plain = choice.item() if isinstance(choice, np.generic) else choice
        for key in ((isinstance(plain, bool), plain), str(plain)):
            if key in self._codes:
                return self._codes[key]
        if isinstance(plain, float):
            near = np.flatnonzero(np.abs(self._floats - plain) <= 1e-7 * abs(plain))
            if len(near) == 1:
                return int(near[0])
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
    numeric = [isinstance(c, int | float | np.number) and not isinstance(c, bool) for c in choices]
    return Position(name, choices, ordered=all(numeric))


_S = TypeVar("_S", bound="SearchSpace")


def space_from_frame(
    kind: type[_S], frame: pd.DataFrame, columns: Sequence[str] | None, name: str, settings: Mapping[str, Any]
) -> _S:
    """Return the look-up-only space of the distinct rows of these columns; see `SearchSpace.from_frame`."""
    import pandas as pd

    chosen = [columns] if isinstance(columns, str) else list(frame.columns if columns is None else columns)
    if not len(frame) or not chosen:
        raise SettingError("A space is made of at least one row and one column of a frame.")
    absent = [column for column in chosen if column not in frame.columns]
    if absent:
        there = ", ".join(map(repr, frame.columns))  # in quotes, to show white space in names
        raise SettingError(f"The frame has no column {absent[0]!r}: it has {there}.")
    for column in chosen:
        missing = frame[column].isna()
        if missing.any():
            raise SettingError(
                f"The column {column} has no value in row {int(np.flatnonzero(missing)[0])} ({int(missing.sum())} of "
                f"{len(frame)}), but each architecture needs a choice. pandas reads None, NA, null and nan in a file "
                "as missing: call such a choice none or off."
            )
    distinct = frame[chosen].drop_duplicates()
    positions, codes = [], []
    for column in chosen:
        values = distinct[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            choices, ordered = values.cat.categories.tolist(), bool(values.cat.ordered)
            codes.append(values.cat.codes.to_numpy())
        else:
            ordered = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
            found, unique = pd.factorize(values, sort=bool(ordered))
            choices = unique.tolist()
            codes.append(found)
        positions.append(Position(str(column), tuple(choices), bool(ordered)))
    return kind(name, positions, architectures=np.stack(codes, axis=1), **settings)
