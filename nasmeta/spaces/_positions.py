"""Positions: the decisions that define an architecture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError, short

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
        At least one, with different texts.
    ordered : bool
        Whether neighbouring choices are similar, as for numbers.

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
        given: Any = self.choices
        choices = tuple(c.item() if isinstance(c, np.generic) else c for c in given)
        texts = {str(choice) for choice in choices}
        plain = all(isinstance(choice, str | int | float) and choice == choice for choice in choices)
        if isinstance(given, str) or not choices or not plain or len(texts) < len(choices):
            raise SettingError(f"choices of {self.name}", choices, "different strings, numbers or booleans")
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
        """Return the index of a choice, given as a value or as its text.

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
        raise SettingError(f"choice of {self.name}", choice, f"one of {short(', '.join(map(str, self.choices)))}")


def as_positions(positions: Mapping[str, Sequence[Choice]] | Sequence[Position]) -> tuple[Position, ...]:
    """Return positions, also of a mapping of names to choices; positions with only numbers are ordered."""
    if isinstance(positions, Mapping):
        found = tuple(_position(name, choices) for name, choices in positions.items())
    else:
        found = tuple(positions)
    if not found or len({position.name for position in found}) < len(found):
        raise SettingError("positions", positions, "at least one, with different names")
    return found


def _position(name: str, choices: Any) -> Position:
    numeric = [isinstance(c, int | float | np.number) and not isinstance(c, bool) for c in choices]
    return Position(name, choices, ordered=all(numeric))


_S = TypeVar("_S", bound="SearchSpace")


def space_from_frame(
    kind: type[_S], frame: pd.DataFrame, columns: Sequence[str] | None, name: str, settings: Mapping[str, Any]
) -> _S:
    """Return the listed space of the distinct rows of these columns; see `SearchSpace.from_frame`."""
    import pandas as pd

    chosen = [columns] if isinstance(columns, str) else list(frame.columns if columns is None else columns)
    for column in chosen:
        if column not in frame.columns:
            raise SettingError("column", column, f"one of {', '.join(map(repr, frame.columns))}")
        missing = np.flatnonzero(frame[column].isna())
        if len(missing):
            raise SettingError(
                f"{column} in row {missing[0]}", None, "a choice", "pandas reads None, NA, null and nan as missing."
            )
    distinct = frame[chosen].drop_duplicates()
    positions, codes = [], []
    for column in chosen:
        values = distinct[column]
        if not isinstance(values.dtype, pd.CategoricalDtype):
            ordered = bool(pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values))
            choices = values.drop_duplicates()
            categories = choices.sort_values() if ordered else choices
            values = values.astype(pd.CategoricalDtype(categories.tolist(), ordered))
        positions.append(Position(str(column), tuple(values.cat.categories.tolist()), bool(values.cat.ordered)))
        codes.append(values.cat.codes.to_numpy())
    return kind(name, positions, architectures=np.stack(codes, axis=1), **settings)
