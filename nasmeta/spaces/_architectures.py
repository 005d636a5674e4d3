"""An enumerated set of architectures: their codes, and the forms in which users give and get them."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import check_bool, check_generator, check_int, check_text
from nasmeta.errors import ArchitectureError, SettingError, short, shown
from nasmeta.spaces._notation import CellCodec, position_notation
from nasmeta.spaces._positions import Choice, Position, as_positions

if TYPE_CHECKING:
    import pandas as pd

Architecture: TypeAlias = "int | np.integer[Any] | str | Mapping[str, Choice]"
ArchitectureLike: TypeAlias = "Architecture | Sequence[Architecture] | NDArray[Any]"

_LARGEST = 5_000_000  # combinations of choices that are enumerated
_DENSE = 2**23  # combinations up to which each has an entry in a table


class ArchitectureSet:
    """The architectures of a space as indices, codes, strings and choices; see `SearchSpace`."""

    noun, _a_noun, _plural = "architecture", "an architecture", "architectures"

    def __init__(
        self,
        name: str,
        positions: Mapping[str, Sequence[Choice]] | Sequence[Position],
        *,
        architectures: ArrayLike | None = None,
        notation: CellCodec | None = None,
    ) -> None:
        self.name = check_text("The name of a space", name)
        self.positions = as_positions(positions)
        self.n_positions = len(self.positions)
        self.n_choices = tuple(len(position.choices) for position in self.positions)
        self.notation = notation or position_notation(self.positions)
        self.n_combinations = math.prod(self.n_choices)
        self.place_values = _place_values(self.n_choices)
        kind = np.min_scalar_type(-max(self.n_choices))
        self.raw_codes = self._enumerated(kind) if architectures is None else self._listed(architectures, kind)
        self.architecture_of_raw: NDArray[np.int32] | None = None  # None: each combination is one of its own
        self.codes = self.raw_codes
        self._finish()

    def _finish(self) -> None:
        """Set up what follows from the codes."""
        self.size = len(self.codes)
        self.codes.flags.writeable = False
        self.raw_codes.flags.writeable = False
        self.__dict__.pop("_of_ranks", None)

    @cached_property
    def _of_ranks(self) -> tuple[NDArray[np.int32], NDArray[np.int64] | None]:
        """Architectures of combinations: a table of all ranks, or the owners of the sorted ranks that there are."""
        ranks = self.raw_codes.astype(np.int64) @ self.place_values
        own = np.arange(self.size, dtype=np.int32) if self.architecture_of_raw is None else self.architecture_of_raw
        if self.n_combinations <= _DENSE:
            table = np.full(self.n_combinations, -1, dtype=np.int32)
            table[ranks] = own
            return table, None
        order = np.argsort(ranks, kind="stable")
        return own[order], ranks[order]

    def _enumerated(self, kind: np.dtype[Any]) -> NDArray[Any]:
        if self.n_combinations > _LARGEST:
            raise SettingError(
                f"{self.name} has {self.n_combinations:,} combinations of choices; up to {_LARGEST:,} are enumerated. "
                "List those that were measured: SearchSpace.from_frame(frame, columns=…)."
            )
        ranks = np.arange(self.n_combinations)[:, None]
        return np.asarray(ranks // self.place_values % np.array(self.n_choices)).astype(kind)

    def _listed(self, architectures: ArrayLike, kind: np.dtype[Any]) -> NDArray[Any]:
        codes = as_array(architectures, "Architectures")
        if codes.dtype.kind not in "iu" or codes.ndim != 2 or codes.shape[1] != self.n_positions:
            raise SettingError(
                f"The architectures of {self.name} are integers of shape (n, {self.n_positions}), not {codes.dtype} of "
                f"shape {codes.shape}."
            )
        if codes.size and ((codes < 0) | (codes >= np.array(self.n_choices))).any():
            row, column = np.argwhere((codes < 0) | (codes >= np.array(self.n_choices)))[0]
            raise SettingError(
                f"Architecture {row} of {self.name} has code {codes[row, column]} for {self.positions[column].name}, "
                f"which has {self.n_choices[column]} choices."
            )
        ranks = codes.astype(np.int64) @ self.place_values
        if len(np.unique(ranks)) < len(ranks):
            _, first = np.unique(ranks, return_index=True)
            raise SettingError(
                f"Architecture {np.setdiff1d(np.arange(len(ranks)), first)[0]} of {self.name} appears twice."
            )
        return codes.astype(kind)

    @property
    def is_complete(self) -> bool:
        """Whether every combination of choices is an architecture of its own."""
        return self.size == self.n_combinations

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True

    # -- architectures, checked -------------------------------------------------------------------------------------
    @overload  # a str is a Sequence[str] too, but the first signature takes it
    def index_of(self, architectures: Architecture) -> int: ...  # type: ignore[overload-overlap]
    @overload
    def index_of(self, architectures: Sequence[Architecture] | NDArray[Any]) -> NDArray[np.int32]: ...
    def index_of(self, architectures: ArchitectureLike) -> int | NDArray[np.int32]:
        """Return the index of each architecture, checked.

        Parameters
        ----------
        architectures : int, str, mapping, or sequence or array of them, shape (n,)
            Indices (Python's or numpy's integers), strings in the space's notation, or mappings of positions to
            choices. A column of a data frame is taken in the order of its rows, whatever its index.

        Returns
        -------
        int or ndarray of int32, shape (n,)
            A number for one architecture, an array for several.

        Raises
        ------
        ArchitectureError
            For a negative or too large index, a float, a bool, a masked value, an unknown string or choice.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").index_of(-1)
        Traceback (most recent call last):
        nasmeta.errors.ArchitectureError: -1 is no cell of nb201: indices run from 0 to 15624.
        """
        several: Any = architectures
        if isinstance(several, str | int | np.integer | bytes | bytearray | Mapping | Set):
            return self._index_of_one(several)
        if hasattr(several, "__array__"):  # a pandas Series, too: its [i] would be a look-up by label
            array = as_array(several, self._plural.capitalize())
            if array.ndim == 0:
                return self._index_of_one(array[()])
            if array.ndim > 1 or array.dtype.kind in "iu":
                return self._checked(array)
            several = array
        elif not isinstance(several, Collection):
            return self._index_of_one(several)
        flat: list[Any] = list(several)
        for one in flat:
            if isinstance(one, list | tuple) or getattr(one, "ndim", 0) > 0:
                raise ArchitectureError(
                    f"{self._plural.capitalize()} must be one-dimensional (n,), but an element is {shown(one)}. "
                    "Use from_codes for codes."
                )
        return np.array([self._index_of_one(one) for one in flat], dtype=np.int32)

    def _index_of_one(self, one: Any) -> int:
        if isinstance(one, str):
            try:
                return self._index_of_codes(self.notation.read(one))
            except ValueError as reason:
                raise ArchitectureError(
                    f"{shown(one)} is no {self.noun} of {self.name}: {short(str(reason))} {self._what_is_possible()}"
                ) from None
        if isinstance(one, Mapping):
            try:
                unknown = set(one) ^ {position.name for position in self.positions}
                if unknown:
                    raise ValueError(f"positions are {', '.join(p.name for p in self.positions)}, each once.")
                return self._index_of_codes([position.code(one[position.name]) for position in self.positions])
            except ValueError as reason:
                raise ArchitectureError(f"{shown(dict(one))} is no {self.noun} of {self.name}: {reason}") from None
        if isinstance(one, np.ndarray) and one.ndim == 0:
            one = one[()]
        if isinstance(one, bool | np.bool_) or not isinstance(one, int | np.integer):
            raise ArchitectureError(
                f"{shown(one)} ({type(one).__name__}) is no {self.noun} of {self.name}: {self._a_noun} is an integer "
                f"index from 0 to {self.size - 1}, or a string such as {self.to_string(0)!r}."
            )
        if not 0 <= one < self.size:
            raise ArchitectureError(
                f"{shown(int(one))} is no {self.noun} of {self.name}: indices run from 0 to {self.size - 1}."
            )
        return int(one)

    def _what_is_possible(self) -> str:
        return f"The form: {self.to_string(0)!r}."

    def _index_of_codes(self, codes: Sequence[int]) -> int:
        found = int(self.find(np.array([int(np.dot(codes, self.place_values))]))[0])
        if found < 0:
            raise ValueError("this combination of choices is not one of its architectures.")
        return found

    def _checked(self, architectures: NDArray[Any]) -> NDArray[np.int32]:
        if architectures.ndim != 1 or architectures.dtype.kind not in "iu":
            raise ArchitectureError(
                f"{self._plural.capitalize()} must be one-dimensional (n,), not of shape {architectures.shape}. "
                "Use from_codes for codes."
            )
        if architectures.size and (architectures.min() < 0 or architectures.max() >= self.size):
            wrong = architectures[(architectures < 0) | (architectures >= self.size)][0]
            raise ArchitectureError(
                f"{int(wrong)} is no {self.noun} of {self.name}: indices run from 0 to {self.size - 1}."
            )
        return architectures.astype(np.int32, copy=False)

    # -- forms ------------------------------------------------------------------------------------------------------
    def find(self, ranks: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the architectures of combinations, by ``codes @ place_values``; -1 where there is none."""
        architectures, known = self._of_ranks
        if known is None:
            return architectures[ranks]
        at = np.minimum(np.searchsorted(known, ranks), len(known) - 1)
        return np.where(known[at] == ranks, architectures[at], np.int32(-1))

    def from_codes(self, codes: ArrayLike) -> int | NDArray[np.int32]:
        """Return the architecture, or architectures, with these codes of shape (n_positions,) or (n, n_positions).

        Raises
        ------
        ArchitectureError
            Where a combination is none.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").from_codes([4, 2, 1, 2, 1, 1])
        0
        """
        array = self._whole_numbers(codes, "Codes")
        if array.size and ((array < 0) | (array >= np.array(self.n_choices))).any():
            raise ArchitectureError(
                f"Codes of {self.name} run from 0 to {max(self.n_choices) - 1} at most, by position: "
                f"{', '.join(f'{p.name} {len(p.choices)} choices' for p in self.positions[:12])}; got {array.min()} to "
                f"{array.max()}."
            )
        found = self.find(array.astype(np.int64) @ self.place_values)
        if (found < 0).any():
            wrong = np.atleast_2d(array)[np.atleast_1d(found) < 0][0]
            raise ArchitectureError(f"{self.notation.write(wrong.tolist())} is no {self.noun} of {self.name}.")
        return int(found) if array.ndim == 1 else found

    def _whole_numbers(self, codes: ArrayLike, what: str) -> NDArray[Any]:
        """Return one for each position, of one architecture or of several."""
        array = as_array(codes, what)
        if array.dtype.kind not in "iu" or array.ndim not in (1, 2) or array.shape[-1] != self.n_positions:
            raise ArchitectureError(
                f"{what} must be integers of shape ({self.n_positions},) or (n, {self.n_positions}), "
                f"not {array.dtype} of shape {array.shape}."
            )
        return array

    @overload
    def to_string(self, architectures: Architecture) -> str: ...  # type: ignore[overload-overlap]
    @overload
    def to_string(self, architectures: Sequence[Architecture] | NDArray[Any]) -> list[str]: ...
    def to_string(self, architectures: ArchitectureLike) -> str | list[str]:
        """Return the string of one architecture, or a list of strings."""
        codes = self.codes[self.index_of(architectures)]
        if codes.ndim == 1:
            return self.notation.write(codes.tolist())
        return [self.notation.write(row) for row in codes.tolist()]

    def choices(self, architecture: Architecture) -> dict[str, Choice]:
        """Return the choice of each position of one architecture.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("tnb101").choices(7)["2->3"]
        'nor_conv_3x3'
        """
        codes = self.codes[self._index_of_one(architecture)].tolist()
        return {p.name: p.choices[code] for p, code in zip(self.positions, codes, strict=True)}

    def to_frame(self) -> pd.DataFrame:
        """Return all architectures as a data frame, one column a position, indexed by ``architecture``.

        Examples
        --------
        >>> from nasmeta.spaces import SearchSpace
        >>> SearchSpace("mlp", {"width": [16, 32], "act": ["relu", "tanh"]}).to_frame()["act"].tolist()
        ['relu', 'tanh', 'relu', 'tanh']
        """
        return self._frame_of(self.codes).rename_axis("architecture")

    def _frame_of(self, codes: NDArray[Any]) -> pd.DataFrame:
        import pandas as pd

        return pd.DataFrame(
            {p.name: np.array(p.choices, dtype=None if _is_numeric(p) else object)[codes[:, i]]
             for i, p in enumerate(self.positions)}
        )  # fmt: skip

    def sample(self, n: int, rng: np.random.Generator, replace: bool = False) -> NDArray[np.int32]:
        """Draw architectures uniformly.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator
        replace : bool, default False
            Whether an architecture may be drawn twice.

        Returns
        -------
        ndarray of int32, shape (n,)

        Examples
        --------
        >>> import numpy as np
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").sample(3, np.random.default_rng(0)).shape
        (3,)
        """
        n, rng = check_int(f"n, a number of {self._plural},", n, 0), check_generator(rng, self._plural)
        if n > self.size and not replace:
            raise SettingError(f"Cannot draw {n} {self._plural} from {self.name}, which has {self.size:,}.")
        return rng.choice(self.size, size=n, replace=check_bool("replace", replace)).astype(np.int32)


def _place_values(n_choices: Sequence[int]) -> NDArray[np.int64]:
    """Return factors that turn codes into ranks by a product, int64, shape (n_positions,).

    If the combinations do not fit into 62 bits, the ranks are hashes modulo 2**64: the factors are random odd numbers.
    Among a million architectures the chance that two have one hash is below 1e-7.
    """
    if math.prod(n_choices) < 2**62:
        return np.cumprod([1, *n_choices[:0:-1]], dtype=np.int64)[::-1].copy()
    return 2 * np.random.default_rng(0).integers(2**62, size=len(n_choices)) + 1


def as_array(values: Any, what: str) -> NDArray[Any]:
    """Return values as an array; raise an error if they do not form one or if some are masked."""
    if np.ma.is_masked(values):
        raise ArchitectureError(f"{what} contain masked values: leave these out, as with values.compressed().")
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as reason:
        raise ArchitectureError(f"{what} must form an array, with rows of one length: {short(str(reason))}") from reason


def _is_numeric(position: Position) -> bool:
    return len({type(choice) for choice in position.choices}) == 1 and not isinstance(position.choices[0], str)
