"""An enumerated set of architectures: their codes, and conversions from and to other forms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import check_generator, check_int, is_listed
from nasmeta.errors import ArchitectureError, NasmetaError, SettingError, short
from nasmeta.spaces._notation import CellCodec, position_notation
from nasmeta.spaces._positions import Choice, Position, as_positions

if TYPE_CHECKING:
    import pandas as pd

Architecture: TypeAlias = "int | np.integer[Any] | str | Mapping[str, Choice]"
ArchitectureLike: TypeAlias = "Architecture | Sequence[Architecture] | NDArray[Any]"

_LARGEST = 5_000_000  # combinations of choices that are enumerated
_DENSE = 2**23  # combinations; with more, ranks are sorted


class ArchitectureSet:
    """The architectures of a space as indices, codes, strings and choices; see `SearchSpace`."""

    noun = "architecture"

    def __init__(
        self,
        name: str,
        positions: Mapping[str, Sequence[Choice]] | Sequence[Position],
        *,
        architectures: ArrayLike | None = None,
        notation: CellCodec | None = None,
    ) -> None:
        self.name = name
        self.positions = as_positions(positions)
        self.n_positions = len(self.positions)
        self.n_choices = tuple(len(position.choices) for position in self.positions)
        self.notation = notation or position_notation(self.positions)
        self.n_combinations = math.prod(self.n_choices)
        self.place_values = _place_values(self.n_choices)
        kind = np.min_scalar_type(-max(self.n_choices))
        self.raw_codes = self._enumerated(kind) if architectures is None else self._listed(architectures, kind)
        self.architecture_of_raw: NDArray[np.int32] | None = None  # None if each combination is one
        self.codes = self.raw_codes
        self._finish()

    def _finish(self) -> None:
        """Set the attributes that depend on the codes."""
        self.size = len(self.codes)
        self.codes.flags.writeable = False
        self.raw_codes.flags.writeable = False
        self.__dict__.pop("_of_ranks", None)

    @cached_property
    def _of_ranks(self) -> tuple[NDArray[np.int32], NDArray[np.int64] | None]:
        """Architectures of combinations: a table of all ranks, or architectures with their sorted ranks."""
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
                f"combinations of {self.name}",
                self.n_combinations,
                f"at most {_LARGEST:,}",
                "Or list architectures: SearchSpace.from_frame(frame, columns=…).",
            )
        ranks = np.arange(self.n_combinations)[:, None]
        return np.asarray(ranks // self.place_values % np.array(self.n_choices)).astype(kind)

    def _listed(self, architectures: ArrayLike, kind: np.dtype[Any]) -> NDArray[Any]:
        codes = self._checked_codes(architectures, SettingError)
        if codes.ndim != 2:
            raise SettingError("shape of architectures", codes.shape, f"(n, {self.n_positions})")
        ranks, counts = np.unique(codes.astype(np.int64) @ self.place_values, return_counts=True)
        if len(ranks) < len(codes):
            raise SettingError("repeated architectures", int((counts > 1).sum()), "distinct rows")
        return codes.astype(kind)

    def _checked_codes(self, codes: ArrayLike, error: type[NasmetaError] = ArchitectureError) -> NDArray[Any]:
        """Return codes of one architecture or of several, with a choice for each position."""
        array = as_array(codes)
        if array.dtype.kind not in "iu" or array.ndim not in (1, 2) or array.shape[-1] != self.n_positions:
            raise error("codes", array, f"integers of shape ({self.n_positions},) or (n, {self.n_positions})")
        outside = (array < 0) | (array >= np.array(self.n_choices))
        if outside.any():
            position = int(np.argwhere(outside)[0][-1])
            raise error(
                f"code of {self.positions[position].name}",
                int(array[outside][0]),
                f"an integer from 0 to {self.n_choices[position] - 1}",
            )
        return array

    @property
    def is_complete(self) -> bool:
        """Whether every combination of choices is an architecture."""
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
            Indices (Python or NumPy integers), strings in the space's notation, or mappings of positions to choices.

        Returns
        -------
        int or ndarray of int32, shape (n,)

        Raises
        ------
        ArchitectureError
            For a negative or too large index, a float, a bool, a masked value, an unknown string or choice.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").index_of(-1)
        Traceback (most recent call last):
        nasmeta.errors.ArchitectureError: cell of nb201 is -1; expected an integer from 0 to 15624 or a string.
        """
        several: Any = architectures
        if isinstance(several, str | bytes | bytearray | Mapping | Set) or not is_listed(several):
            return self._index_of_one(several)
        if hasattr(several, "__array__"):  # also a pandas Series, whose [i] is a look-up by label
            several = as_array(several)
            if several.ndim != 1 or several.dtype.kind in "iu":
                return self._checked(several)
        return np.array([self._index_of_one(one) for one in several], dtype=np.int32)

    def _index_of_one(self, one: Any) -> int:
        try:
            if isinstance(one, str):
                return self._index_of_codes(self.notation.read(one))
            if isinstance(one, Mapping):
                if set(one) != {position.name for position in self.positions}:
                    raise ValueError(f"positions are {', '.join(p.name for p in self.positions)}, each once.")
                return self._index_of_codes([position.code(one[position.name]) for position in self.positions])
        except ValueError as reason:
            raise ArchitectureError(
                f"{self.noun} of {self.name}", one, f"one such as {self.to_string(0)!r}", short(str(reason))
            ) from None
        one = one[()] if isinstance(one, np.ndarray) and one.ndim == 0 else one
        whole = isinstance(one, int | np.integer) and not isinstance(one, bool)
        if not whole or not 0 <= one < self.size:
            raise ArchitectureError(
                f"{self.noun} of {self.name}", one, f"an integer from 0 to {self.size - 1} or a string"
            )
        return int(one)

    def _index_of_codes(self, codes: Sequence[int]) -> int:
        found = int(self.find(np.array([int(np.dot(codes, self.place_values))]))[0])
        if found < 0:
            raise ValueError("The space does not contain this combination.")
        return found

    def _checked(self, architectures: NDArray[Any]) -> NDArray[np.int32]:
        if architectures.ndim != 1 or architectures.dtype.kind not in "iu":
            raise ArchitectureError(f"shape of {self.noun}s", architectures.shape, "(n,)", "Use from_codes for codes.")
        if architectures.size and (architectures.min() < 0 or architectures.max() >= self.size):
            wrong = architectures[(architectures < 0) | (architectures >= self.size)][0]
            self._index_of_one(int(wrong))
        return architectures.astype(np.int32, copy=False)

    # -- forms ------------------------------------------------------------------------------------------------------
    def find(self, ranks: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the architectures of combinations, by ``codes @ place_values``; -1 for none."""
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
            If the space does not contain a combination.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").from_codes([4, 2, 1, 2, 1, 1])
        0
        """
        array = self._checked_codes(codes)
        found = self.find(array.astype(np.int64) @ self.place_values)
        if (found < 0).any():
            wrong = np.atleast_2d(array)[np.atleast_1d(found) < 0][0]
            raise ArchitectureError(f"The space {self.name} does not contain {self.notation.write(wrong.tolist())}.")
        return int(found) if array.ndim == 1 else found

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
        """Return all architectures as a data frame, one column per position, indexed by ``architecture``.

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
        rng : numpy.random.Generator
        replace : bool, default False
            Draw with replacement.

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
        n = check_int("n", n, 0, 2**63 - 1 if replace else self.size)
        return check_generator(rng, "sample").choice(self.size, size=n, replace=replace).astype(np.int32)


def _place_values(n_choices: Sequence[int]) -> NDArray[np.int64]:
    """Return factors that turn codes into ranks by a product, int64, shape (n_positions,).

    If the combinations do not fit into 62 bits, the ranks are hashes modulo 2**64: the factors are random odd numbers.
    Among a million architectures the chance that two have one hash is below 1e-7.
    """
    if math.prod(n_choices) < 2**62:
        return np.cumprod([1, *n_choices[:0:-1]], dtype=np.int64)[::-1].copy()
    return 2 * np.random.default_rng(0).integers(2**62, size=len(n_choices)) + 1


def as_array(values: Any) -> NDArray[Any]:
    """Return values as an array; raise an error if their rows differ in length or some are masked."""
    if np.ma.is_masked(values):
        raise ArchitectureError("An array of architectures has masked values: use values.compressed().")
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as reason:
        raise ArchitectureError("architectures", values, "an array, with rows of one length") from reason


def _is_numeric(position: Position) -> bool:
    return len({type(choice) for choice in position.choices}) == 1 and not isinstance(position.choices[0], str)
