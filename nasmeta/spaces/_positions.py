"""Positions: the decisions that define an architecture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError, short

if TYPE_CHECKING:
    import pandas as pd

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
        plain = all(isinstance(choice, str | int | float) and choice == choice for choice in choices)
        if not choices or not plain or len({str(choice) for choice in choices}) < len(choices):
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
        return tuple(Position(name, choices, _are_numbers(choices)) for name, choices in positions.items())  # type: ignore[arg-type]
    if len({position.name for position in positions}) < len(positions):
        raise SettingError("positions", positions, "different names")
    return tuple(positions)


def _are_numbers(choices: Sequence[Choice]) -> bool:
    return all(isinstance(c, int | float | np.number) and not isinstance(c, bool) for c in choices)


def place_values(n_choices: Sequence[int]) -> NDArray[np.int64]:
    """Return factors that turn codes into ranks by a product, int64, shape (n_positions,).

    If the combinations do not fit into 62 bits, the ranks are hashes modulo 2**64: the factors are random odd numbers.
    Among a million architectures the chance that two have one hash is below 1e-7.

    Examples
    --------
    >>> from nasmeta.spaces import place_values
    >>> place_values([2, 10, 3])
    array([30,  3,  1])
    """
    if math.prod(n_choices) < 2**62:
        return np.cumprod([1, *n_choices[:0:-1]], dtype=np.int64)[::-1].copy()
    return 2 * np.random.default_rng(0).integers(2**62, size=len(n_choices)) + 1


def positions_of_frame(
    frame: pd.DataFrame, columns: Sequence[str] | None
) -> tuple[list[Position], NDArray[np.integer]]:
    """Return a position per column, and the codes of the distinct rows, shape (n_rows, n_columns)."""
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
    positions, columns_of_codes = [], []
    choices: Any
    for column in chosen:
        values = distinct[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            codes, choices, ordered = values.cat.codes.to_numpy(), values.cat.categories, values.cat.ordered
        else:
            ordered = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
            codes, choices = values.factorize(sort=bool(ordered))
        positions.append(Position(str(column), tuple(choices.tolist()), bool(ordered)))
        columns_of_codes.append(codes)
    return positions, np.stack(columns_of_codes, axis=1)
