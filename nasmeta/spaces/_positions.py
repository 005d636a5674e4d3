"""Positions: the decisions that define an architecture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasmeta.arrays import Booleans, Floats, Integers
from nasmeta.checks import check_choice, check_int, check_names
from nasmeta.errors import SettingError, short

if TYPE_CHECKING:
    import pandas as pd

Choice: TypeAlias = "str | int | float | bool"
Scale: TypeAlias = Literal["linear", "log"]

RANGE_STEPS = 99  # of the grid on which the choices of a range have distances
_ROUNDING = 1e-5  # of a place, so that the bins of levels do not depend on it
_BINS = 12  # of a range in count features
_MANY = 32  # a column with more different numbers becomes a range
_WIDE = 10  # times its lowest number: a narrower column is linear
MOST_LEVELS = 100  # of a range, unless given


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
    scale : {"linear", "log"}, optional
        For a range: the choices are ascending numbers, with distances on this scale. Without a
        scale, neighbouring choices of an ordered position are one step apart.

    Raises
    ------
    SettingError

    Examples
    --------
    >>> Position("width", (16, 32, 64), ordered=True)
    Position(name='width', choices=(16, 32, 64), ordered=True, scale=None)
    """

    name: str
    choices: tuple[Choice, ...]
    ordered: bool = False
    scale: Scale | None = None

    def __post_init__(self) -> None:
        given: Any = self.choices
        choices = tuple(c.item() if isinstance(c, np.generic) else c for c in given)
        if not _are_different(choices):
            raise SettingError(
                f"choices of {self.name}", choices, "different strings, finite numbers or booleans"
            )
        object.__setattr__(self, "choices", choices)
        if self.scale is None:
            return
        check_choice(f"scale of {self.name}", self.scale, ("linear", "log"))
        expected = "ascending numbers" + ", above 0" * (self.scale == "log")
        is_range = _are_numbers(choices) and [*choices] == sorted(choices)
        if not is_range or (self.scale == "log" and choices[0] <= 0):
            raise SettingError(
                f"choices of {self.name}", choices, expected, f"Its scale is {self.scale}."
            )
        object.__setattr__(self, "ordered", True)

    def _on_scale(self, numbers: Any) -> Floats:
        return np.log(numbers) if self.scale == "log" else np.asarray(numbers, np.float64)

    @cached_property
    def places(self) -> Floats:
        """Places of the choices of an ordered position on its scale, from 0 to 1, shape (n_choices,)."""
        if self.scale is None:
            numbers = np.arange(len(self.choices), dtype=np.float64)
        else:
            numbers = self._on_scale(self.choices)
        width = max(numbers[-1] - numbers[0], np.finfo(float).tiny)  # 0 for a single choice
        return np.asarray((numbers - numbers[0]) / width)

    def nearest(self, number: float) -> int:
        """Return the code of a range's choice that is nearest to a number on its scale.

        Examples
        --------
        >>> Position("lr", (0.001, 0.01, 0.1), scale="log").nearest(0.04)
        2
        """
        distances = np.abs(self._on_scale(self.choices) - self._on_scale(number))
        return int(distances.argmin())

    @cached_property
    def levels(self) -> Integers:
        """The level of each choice, int64, shape (n_choices,); distances are differences of levels."""
        if self.scale is None:
            return np.arange(len(self.choices))
        return np.rint(self.places * RANGE_STEPS).astype(np.int64)

    @cached_property
    def bins(self) -> Integers:
        """The bin of each choice in count features, int64; a range with many choices has 12 equal bins."""
        if self.scale is None or len(self.choices) <= _BINS:
            return np.arange(len(self.choices))
        return np.minimum((self.places * _BINS + _ROUNDING).astype(np.int64), _BINS - 1)

    def grid(self, most: int) -> tuple[Position, Integers]:
        """Return the position, reduced to `most` choices if it is a range, and the new code of each choice."""
        if self.scale is None or len(self.choices) <= most:
            return self, np.arange(len(self.choices))
        levels = np.rint(self.places * (most - 1))
        _, first, codes = np.unique(levels, return_index=True, return_inverse=True)
        first[-1] = len(self.choices) - 1  # with both ends of the range
        choices = tuple(self.choices[i] for i in first.tolist())
        return Position(self.name, choices, scale=self.scale), codes

    @property
    def bin_names(self) -> list[str]:
        """The names of the bins: each choice, or for a range the first choice of each bin."""
        first = np.searchsorted(self.bins, np.arange(self.bins[-1] + 1))
        return [str(self.choices[i]) for i in first.tolist()]

    @property
    def edits(self) -> range | list[int]:
        """The changes of a code that lead to a neighbour: any; in a range, 1, 2, 4, 8 … levels up or down."""
        n_choices = len(self.choices)
        if self.scale is None:
            return range(1, n_choices)
        powers = [2**i for i in range((n_choices - 1).bit_length())]
        return [step for power in powers for step in (-power, power)]

    @cached_property
    def _codes(self) -> dict[tuple[bool, Choice] | str, int]:
        """Codes of the choices, by value and by text; True is not the choice 1."""
        codes: dict[tuple[bool, Choice] | str, int] = {}
        for code, choice in enumerate(self.choices):
            codes[isinstance(choice, bool), choice] = codes[str(choice)] = code
        return codes

    def code(self, choice: object) -> int:
        """Return the index of a choice, given as a value or as its text.

        Raises
        ------
        SettingError
            If the position has no such choice.
        """
        plain: Any = choice.item() if isinstance(choice, np.generic) else choice
        code = self._codes.get((isinstance(plain, bool), plain), self._codes.get(str(plain)))
        if code is None:
            expected = f"one of {short(', '.join(map(str, self.choices)))}"
            raise SettingError(f"choice of {self.name}", choice, expected)
        return code


@dataclass(frozen=True)
class Range:
    """A numeric range, which a space turns into a position with a fine grid of levels.

    Parameters
    ----------
    low, high : int or float
        Both bounds are included. With two ints, all levels are integers.
    log : bool, default False
        Whether the levels are equally spaced on a logarithmic scale.
    levels : int, optional
        Number of levels; by default 100, or fewer to keep the combinations of the space below
        2**63.

    Raises
    ------
    SettingError
        If the bounds are in the wrong order, or a logarithmic range starts at 0 or below.

    Examples
    --------
    >>> from nasmeta.spaces import Range
    >>> Range(1, 8).position("depth", 100).choices
    (1, 2, 3, 4, 5, 6, 7, 8)
    >>> Range(1e-4, 1e-1, log=True, levels=4).position("lr", 100).choices
    (0.0001, 0.001, 0.01, 0.1)
    """

    low: float
    high: float
    log: bool = False
    levels: int | None = None

    def position(self, name: str, most: int) -> Position:
        """Return the position with this name, and with at most `most` levels unless `levels` is given."""
        if not self.low < self.high or (self.log and self.low <= 0):
            expected = "low < high" + ", above 0" * self.log
            raise SettingError(f"range of {name}", (self.low, self.high), expected)
        n_levels = most if self.levels is None else check_int(f"levels of {name}", self.levels, 2)
        spaced = np.geomspace if self.log else np.linspace
        inner = spaced(self.low, self.high, n_levels)[1:-1].tolist()
        numbers: set[int] | set[float]
        if self.is_whole:
            numbers = {int(self.low), *map(round, inner), int(self.high)}
        else:
            numbers = {float(self.low), *self._shortened(inner), float(self.high)}
        return Position(name, tuple(sorted(numbers)), scale="log" if self.log else "linear")

    def _shortened(self, inner: list[float]) -> list[float]:
        """Round levels to six digits if they remain different and inside the range."""
        rounded = [float(f"{level:.6g}") for level in inner]
        bounded = sorted({self.low, *rounded, self.high})
        are_different = len(bounded) == len(inner) + 2
        if are_different and (bounded[0], bounded[-1]) == (self.low, self.high):
            return rounded
        return inner

    @property
    def is_whole(self) -> bool:
        """Whether all levels are integers."""
        bounds: tuple[Any, ...] = (self.low, self.high)
        return all(isinstance(bound, Integral) for bound in bounds)

    def n_levels(self, most: int) -> int:
        """Return an upper bound of the number of levels, given that of a range without a number."""
        n_levels = self.levels or most
        if self.is_whole:
            return min(n_levels, int(self.high) - int(self.low) + 1)
        return n_levels


def as_positions(
    positions: Mapping[str, Sequence[Choice] | Range] | Sequence[Position],
) -> tuple[Position, ...]:
    """Return positions as a tuple; in a mapping to choices or ranges, positions with only numbers are ordered."""
    if not isinstance(positions, Mapping):
        return tuple(positions)
    for most in range(MOST_LEVELS, 1, -1):
        n_choices = [
            given.n_levels(most) if isinstance(given, Range) else len(given)
            for given in positions.values()
        ]
        if math.prod(n_choices) < 2**63:
            break
    result = []
    for name, given in positions.items():
        if isinstance(given, Range):
            result.append(given.position(name, most))
        else:
            choices: Any = given
            result.append(Position(name, choices, _are_numbers(choices)))
    return tuple(result)


def _are_numbers(choices: Sequence[Choice]) -> bool:
    kinds = set(map(type, choices))
    return all(issubclass(kind, int | float | np.number) and kind is not bool for kind in kinds)


def _are_different(choices: Sequence[Any]) -> bool:
    """Return whether there are choices, all of them strings, finite numbers or booleans with different texts."""
    kinds = set(map(type, choices))
    if not choices or not all(issubclass(kind, str | int | float) for kind in kinds):
        return False
    if any(isinstance(choice, float) and not math.isfinite(choice) for choice in choices):
        return False
    # the texts of choices of one type differ if the choices do
    different = set(choices) if len(kinds) == 1 else set(map(str, choices))
    return len(different) == len(choices)


def place_values(n_choices: Sequence[int]) -> NDArray[np.int64]:
    """Return factors that turn codes into ranks by a product, int64, shape (n_positions,).

    If the combinations do not fit into 63 bits, the ranks are hashes modulo 2**64: the factors are
    random odd numbers. Among a million architectures the chance that two have one hash is below
    1e-7.

    Examples
    --------
    >>> from nasmeta.spaces import place_values
    >>> place_values([2, 10, 3])
    array([30,  3,  1])
    """
    if math.prod(n_choices) < 2**63:
        return np.cumprod([1, *n_choices[:0:-1]], dtype=np.int64)[::-1].copy()
    return 2 * np.random.default_rng(0).integers(2**62, size=len(n_choices)) + 1


class Conditions:
    """Which positions are active: all, except for those with a condition that is not met.

    Parameters
    ----------
    positions : sequence of Position
    conditions : mapping of str to mapping
        For a position: the choices of other positions with which it is active.

    Examples
    --------
    >>> import numpy as np
    >>> positions = [Position("optimiser", ("adam", "sgd")), Position("momentum", (0.8, 0.9))]
    >>> conditions = Conditions(positions, {"momentum": {"optimiser": ["sgd"]}})
    >>> conditions.active(np.array([[0, 1], [1, 1]])).tolist(), conditions.reduced(np.array([[0, 1]])).tolist()
    ([[True, False], [True, True]], [[0, 0]])
    """

    def __init__(
        self,
        positions: Sequence[Position],
        conditions: Mapping[str, Mapping[str, Sequence[Choice]]],
    ) -> None:
        self.given: dict[str, dict[str, list[Any]]] = {}
        # (position, other position, whether each choice of the other one makes it active)
        self._needed: list[tuple[int, int, Booleans]] = []
        index_of = {position.name: i for i, position in enumerate(positions)}
        for name, needed in conditions.items():
            check_names("conditions", "position", [name, *needed], index_of)
            self.given[name] = {}
            for other, choices in needed.items():
                decisive = positions[index_of[other]]
                plain = np.array(choices, dtype=object).tolist()
                allowed = np.zeros(len(decisive.choices), dtype=bool)
                allowed[[decisive.code(choice) for choice in plain]] = True
                self.given[name][other] = plain
                self._needed.append((index_of[name], index_of[other], allowed))
        # indices of positions that conditions name
        self.decisive = {other for _, other, _ in self._needed}

    def __bool__(self) -> bool:
        return bool(self._needed)

    def active(self, codes: Integers) -> Booleans:
        """Return whether each position is active, shape (..., n_positions); one that needs an inactive one is not."""
        active = np.ones(codes.shape, dtype=bool)
        n_before = -1
        # until a chain of conditions is followed to its end
        while n_before != (n_active := int(active.sum())):
            n_before = n_active
            for i, other, allowed in self._needed:
                active[..., i] &= active[..., other] & allowed[codes[..., other]]
        return active

    def reduced(self, codes: Integers) -> Integers:
        """Return codes with 0 for inactive positions, so that equal architectures have equal codes."""
        return np.where(self.active(codes), codes, 0) if self else codes

    def codes_of(self, choices: Mapping[str, Any], positions: Sequence[Position]) -> list[int]:
        """Return the codes of choices by position, which may leave out inactive positions.

        Raises
        ------
        ValueError
            If an active position is missing, or a name is unknown.
        """
        names = [position.name for position in positions]
        codes = np.zeros(len(positions), dtype=np.int64)
        for i, position in enumerate(positions):
            if position.name in choices:
                codes[i] = position.code(choices[position.name])
        active = {names[i] for i in np.flatnonzero(self.active(codes)).tolist()}
        if not active <= choices.keys() <= set(names):
            raise ValueError(f"positions are {', '.join(names)}, each once.")
        reduced: list[int] = self.reduced(codes).tolist()
        return reduced


def binned(positions: Sequence[Position], codes: Integers) -> Integers:
    """Return codes with the bins of ranges instead of their choices, shape (n, n_positions).

    Examples
    --------
    >>> import numpy as np
    >>> binned([Range(0.0, 1.0).position("rate", 100), Position("act", ("relu", "gelu"))], np.array([[50, 1]]))
    array([[6, 1]])
    """
    if not any(position.scale for position in positions):
        return codes
    columns = [position.bins[codes[:, i]] for i, position in enumerate(positions)]
    return np.stack(columns, axis=1)


def _range_scale(numbers: pd.Series[Any]) -> Scale | None:
    """Return the scale on which numbers are spaced more evenly; None for few distinct numbers.

    The numbers, or their logarithms, must correlate better with their ranks.
    """
    distinct = np.unique(numbers.dropna()).astype(np.float64)
    if len(distinct) <= _MANY:
        return None
    if distinct[0] <= 0 or distinct[-1] < _WIDE * distinct[0]:
        return "linear"
    ranks = np.arange(len(distinct))
    linear = np.corrcoef(ranks, distinct)[0, 1]
    logarithmic = np.corrcoef(ranks, np.log(distinct))[0, 1]
    return "log" if logarithmic > linear else "linear"


def positions_of_frame(
    frame: pd.DataFrame,
    columns: Sequence[str] | None,
    scales: Mapping[str, str | None],
    conditions: Mapping[str, Any],
) -> tuple[list[Position], Integers]:
    """Return a position per column, and the codes of the distinct rows, shape (n_rows, n_columns).

    A column of a position with a condition may have missing values.
    """
    import pandas as pd

    if columns is None:
        columns = list(frame.columns)
    chosen = [columns] if isinstance(columns, str) else list(columns)
    for column in [*chosen, *scales]:
        if column not in frame.columns:
            raise SettingError("column", column, f"one of {', '.join(map(repr, frame.columns))}")
    is_repeated = frame.duplicated(chosen)
    distinct = frame.loc[~is_repeated, chosen]
    positions = []
    codes = np.empty(distinct.shape, dtype=np.int64)
    for i, column in enumerate(chosen):
        position, codes[:, i] = _position_of_column(column, distinct[column], scales)
        positions.append(position)
    rules = Conditions(positions, conditions)
    missing = np.argwhere((codes < 0) & rules.active(codes))
    if len(missing):
        row, i = missing[0]
        column = chosen[i]
        hint = (
            "pandas reads None, NA, null and nan as missing. If another column decides whether it is used, state "
            f"conditions={{{column!r}: {{'optimiser': ['sgd']}}}} (--conditions {column}=optimiser:sgd)."
        )
        row_of_frame = np.flatnonzero(~is_repeated)[row]
        raise SettingError(f"{column} in row {row_of_frame}", None, "a choice", hint)
    reduced = pd.DataFrame(rules.reduced(codes)).drop_duplicates()
    return positions, reduced.to_numpy()


def _position_of_column(
    column: str, values: pd.Series[Any], scales: Mapping[str, str | None]
) -> tuple[Position, Integers]:
    """Return the position of a column, and the code of each row, shape (n_rows,), -1 for a missing value."""
    import pandas as pd

    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    choices: Any
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes, choices = values.cat.codes.to_numpy(), values.cat.categories
        is_ordered = bool(values.cat.ordered)
    else:
        codes, choices = values.factorize(sort=is_number)
        is_ordered = is_number
    scale: Any = _range_scale(values) if is_number else None
    scale = scales.get(str(column), scale)
    if scale == "none":
        scale = None
    return Position(str(column), tuple(choices.tolist()), is_ordered, scale), codes
