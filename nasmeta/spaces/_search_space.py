"""The search space: an enumerated, finite set of architectures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import short, shown
from nasmeta.errors import ArchitectureError, SettingError, UnknownNameError
from nasmeta.spaces._features import CountFeature, FeatureBuilder, plain_features
from nasmeta.spaces._neighbours import neighbour_table
from nasmeta.spaces._notation import Notation, position_notation
from nasmeta.spaces._positions import Choice, Position, as_positions

if TYPE_CHECKING:
    import pandas as pd

    from nasmeta.spaces._drawing import Drawing
    from nasmeta.spaces._isomorphism import IsomorphismRule

__all__ = ["Architecture", "ArchitectureLike", "SearchSpace"]

Architecture: TypeAlias = "int | np.integer[Any] | str | Mapping[str, Choice]"
ArchitectureLike: TypeAlias = "Architecture | Sequence[Architecture] | NDArray[Any]"

_LARGEST = 5_000_000  # combinations of choices that are enumerated
_DENSE = 2**23  # combinations up to which each has an entry in a table


class SearchSpace:
    """An enumerated, finite set of architectures, each a choice for every position.

    An architecture is an ``int``: its index. Strings and mappings of positions to choices are converted here, at the
    border; everything else in the package moves ``int32`` arrays of architectures.

    Parameters
    ----------
    name : str
        Short name, as used in messages.
    positions : mapping of str to sequence, or sequence of Position
        The choices of each position. In a mapping, those that are all numbers are ordered.
    valid : callable, optional
        From a data frame of combinations, one column a position, to a bool for each row: which are architectures.
    isomorphic : callable, optional
        From codes, int, shape (n, n_positions), to a key for each row (an array of shape (n,) or (n, k)): rows with
        equal keys build the same network; see `canonical`.
    merge : bool, default False
        Whether isomorphic combinations are one architecture, that of the first.
    architectures : array-like of int, shape (size, n_positions), optional
        The codes of all architectures, in their order, where not every combination is one: a look-up-only space.
    features : mapping of str to callable, optional
        More count features, each from the space to a `CountFeature`, beside those that any space has.
    kernel_features : sequence of str, optional
        Which features a Gaussian process compares where nobody says; all of them where left out.
    notation : Notation, optional
        How architectures are written; ``position=choice,…`` where left out.
    drawing : callable, optional
        ``drawing(axes, space, architecture)`` draws an architecture, see `draw`; `nasmeta.spaces.draw_graph` helps.

    Attributes
    ----------
    positions : tuple of Position
    size, n_positions : int
    n_choices : tuple of int
        Number of choices of each position.
    codes : ndarray of int, shape (size, n_positions)
        The place of the choice of each position of each architecture; read-only, of the smallest type that fits.

    Raises
    ------
    SettingError
        Where the parts do not fit, no combination is valid, or there are more than 5 million combinations.

    Examples
    --------
    >>> from nasmeta.spaces import SearchSpace
    >>> space = SearchSpace("mlp", {"width": [16, 32, 64], "act": ["relu", "tanh"]})
    >>> space
    SearchSpace('mlp', 6 architectures, positions: width (3), act (2))
    >>> space.to_string(3), space.index_of("width=32,act=tanh"), space.index_of({"width": 64, "act": "relu"})
    ('width=32,act=tanh', 3, 4)
    """

    noun = "architecture"
    _plural = "architectures"

    def __init__(
        self,
        name: str,
        positions: Mapping[str, Sequence[Choice]] | Sequence[Position],
        *,
        valid: Callable[[pd.DataFrame], ArrayLike] | None = None,
        isomorphic: Callable[[NDArray[Any]], ArrayLike] | None = None,
        merge: bool = False,
        architectures: ArrayLike | None = None,
        features: Mapping[str, FeatureBuilder] | None = None,
        kernel_features: Sequence[str] | None = None,
        notation: Notation | None = None,
        drawing: Callable[[Any, SearchSpace, int], object] | None = None,
    ) -> None:
        if not isinstance(name, str) or not name.strip():
            raise SettingError(f"The name of a space is a text, not {shown(name)}.")
        self.name = name
        self.positions = as_positions(positions)
        self.n_positions = len(self.positions)
        self.n_choices = tuple(len(position.choices) for position in self.positions)
        self.notation = notation or position_notation(self.positions)
        self.drawing = drawing
        self._kernel_features = None if kernel_features is None else tuple(kernel_features)
        self._more_features = dict(features or {})
        product = float(np.prod(np.array(self.n_choices, dtype=np.float64)))
        if product >= 2**62:
            raise SettingError(f"{name} has {product:.1e} combinations of choices, more than can be numbered.")
        self.n_combinations = int(product)
        self.place_values = np.cumprod([1, *self.n_choices[:0:-1]], dtype=np.int64)[::-1].copy()
        kind = np.min_scalar_type(-max(self.n_choices))
        self.raw_codes = self._enumerated(kind) if architectures is None else self._listed(architectures, kind)
        self.architecture_of_raw: NDArray[np.int32] | None = None  # None: each combination is one of its own
        self.codes = self.raw_codes
        if valid is not None:
            self.raw_codes = self.codes = self.raw_codes[self._is_valid(valid)]
        if not len(self.codes):
            raise SettingError(f"{name} has no architecture: no combination of choices is valid.")
        self._canonical: NDArray[np.int32] | None = None
        if isomorphic is not None:
            self._canonical = self._first_of(isomorphic)
            if merge:
                kept, own = np.unique(self._canonical, return_inverse=True)
                self.codes, self._canonical = self.raw_codes[kept], None
                self.architecture_of_raw = own.ravel().astype(np.int32)
        self._finish()

    def _finish(self) -> None:
        """Set up what follows from the codes."""
        self.size = len(self.codes)
        self.codes.flags.writeable = False
        self.raw_codes.flags.writeable = False
        self._features: dict[str, CountFeature] = {}
        ranks = self.raw_codes.astype(np.int64) @ self.place_values
        own = np.arange(self.size, dtype=np.int32) if self.architecture_of_raw is None else self.architecture_of_raw
        if self.n_combinations <= _DENSE:
            self._of_rank = np.full(self.n_combinations, -1, dtype=np.int32)
            self._of_rank[ranks] = own
        else:
            order = np.argsort(ranks, kind="stable")
            self._ranks, self._owners = ranks[order], own[order]

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
                f"Architecture {np.setdiff1d(np.arange(len(ranks)), first)[0]} of {self.name} is there twice."
            )
        return codes.astype(kind)

    def _is_valid(self, valid: Callable[[pd.DataFrame], ArrayLike]) -> NDArray[np.bool_]:
        found = np.asarray(valid(self._frame_of(self.raw_codes)))
        if found.shape != (len(self.raw_codes),) or found.dtype != np.bool_:
            raise SettingError(
                f"The rule of validity of {self.name} must give a bool for each of {len(self.raw_codes):,} rows, not "
                f"{found.dtype} of shape {found.shape}."
            )
        return found

    def _first_of(self, isomorphic: Callable[[NDArray[Any]], ArrayLike]) -> NDArray[np.int32]:
        keys = np.asarray(isomorphic(self.raw_codes))
        if keys.ndim not in (1, 2) or len(keys) != len(self.raw_codes):
            raise SettingError(
                f"The rule of isomorphism of {self.name} must give a key for each of {len(self.raw_codes):,} rows, not "
                f"an array of shape {keys.shape}."
            )
        _, first, classes = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        return first[classes.ravel()].astype(np.int32)

    # -- identity ---------------------------------------------------------------------------------------------------
    @property
    def is_complete(self) -> bool:
        """Whether every combination of choices is an architecture of its own."""
        return self.size == self.n_combinations

    @cached_property
    def sha256(self) -> str:
        """Of names, positions and architectures: equal spaces are the same in every process."""
        from nasmeta.spaces._content import digest

        return digest(self)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, SearchSpace) and self.sha256 == other.sha256)

    def __hash__(self) -> int:
        return hash((self.name, self.size))

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        parts = ", ".join(f"{p.name} ({len(p.choices)})" for p in self.positions[:8])
        more = "" if self.n_positions <= 8 else f" and {self.n_positions - 8} more"
        return f"SearchSpace({self.name!r}, {self.size:,} architectures, positions: {parts}{more})"

    def __copy__(self) -> SearchSpace:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SearchSpace:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        from nasmeta.spaces._content import from_content, to_content

        return from_content, (to_content(self),)

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
            For a negative or too large index, a float, a bool, an unknown string or choice.

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
                    "Use from_digits or from_adjacency for digits and matrices."
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

    @property
    def _a_noun(self) -> str:
        return f"an {self.noun}" if self.noun[0] in "aeiou" else f"a {self.noun}"

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
                "Use from_digits or from_adjacency for digits and matrices."
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
        if self.n_combinations <= _DENSE:
            return self._of_rank[ranks]
        at = np.minimum(np.searchsorted(self._ranks, ranks), len(self._ranks) - 1)
        return np.where(self._ranks[at] == ranks, self._owners[at], np.int32(-1))

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
        array = as_array(codes, "Codes")
        if array.dtype.kind not in "iu" or array.ndim not in (1, 2) or array.shape[-1] != self.n_positions:
            raise ArchitectureError(
                f"Codes must be integers of shape ({self.n_positions},) or (n, {self.n_positions}), "
                f"not {array.dtype} of shape {array.shape}."
            )
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

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, columns: Sequence[str] | None = None, name: str = "own", **settings: Any
    ) -> SearchSpace:
        """Make a look-up-only space of the rows of a data frame: search keeps to what is listed.

        Parameters
        ----------
        frame : DataFrame
        columns : sequence of str, optional
            The positions; all columns where left out. Numbers are ordered, and so are ordered categoricals.
        name : str, default "own"
        **settings
            As in `SearchSpace`, such as ``isomorphic``.

        Returns
        -------
        SearchSpace
            Its architectures are the distinct rows, in the order in which they first appear.

        Raises
        ------
        SettingError
            Where a column is not there, or a choice is missing.

        Examples
        --------
        >>> import pandas as pd
        >>> from nasmeta.spaces import SearchSpace
        >>> frame = pd.DataFrame({"layers": [3, 2, 2], "act": ["relu", "relu", "tanh"], "accuracy": [91.0, 90.0, 92.5]})
        >>> space = SearchSpace.from_frame(frame, ["layers", "act"])
        >>> space.to_string(0), space.size, space.is_complete
        ('layers=3,act=relu', 3, False)
        """
        from nasmeta.spaces._from_frame import space_from_frame

        return space_from_frame(cls, frame, columns, name, settings)

    # -- structure --------------------------------------------------------------------------------------------------
    @cached_property
    def neighbour_table(self) -> NDArray[np.int32]:
        """Neighbours of all architectures, int32, shape (size, n_neighbours), read-only; -1 after the last."""
        table = neighbour_table(self)
        table.flags.writeable = False
        return table

    @property
    def n_neighbours(self) -> int:
        """Most neighbours of an architecture."""
        return int(self.neighbour_table.shape[1])

    @cached_property
    def neighbour_counts(self) -> NDArray[np.int32]:
        """Number of neighbours of each architecture, int32, shape (size,)."""
        counts: NDArray[np.int32] = (self.neighbour_table >= 0).sum(axis=1, dtype=np.int32)
        return counts

    @cached_property
    def is_regular(self) -> bool:
        """Whether all architectures have the same number of neighbours."""
        return bool((self.neighbour_counts == self.n_neighbours).all())

    def neighbours(self, architectures: ArchitectureLike) -> NDArray[np.int32]:
        """Return the architectures one edit away: one position with another choice.

        Returns
        -------
        ndarray of int32, shape (n_neighbours,) for one architecture or (n, n_neighbours)
            24 neighbours in NAS-Bench-201, 18 in TransNAS-Bench-101 micro. For several architectures with different
            numbers of neighbours, -1 stands after the last.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").neighbours([0, 1]).shape
        (2, 24)
        """
        found = self.neighbour_table[self.index_of(architectures)]
        return found[found >= 0] if found.ndim == 1 else found

    def canonical(self, architectures: ArchitectureLike, rule: IsomorphismRule = "upstream") -> int | NDArray[np.int32]:
        """Return the representative of each architecture's isomorphism class: its member with the smallest index.

        Itself where the space has no rule of isomorphism.

        Parameters
        ----------
        architectures : architecture or architectures
        rule : str, optional
            Which one of `CellSpace`; any other space has one rule, its own, whichever is asked for.

        Returns
        -------
        int or ndarray of int32, shape (n,)
        """
        index = self.index_of(architectures)
        if self._canonical is None:
            return index
        if isinstance(index, int):
            return int(self._canonical[index])
        return self._canonical[index]

    @cached_property
    def function_classes(self) -> NDArray[np.int32]:
        """For every architecture the number of its isomorphism class, int32, shape (size,); cells know better."""
        classes = np.unique(self.canonical(np.arange(self.size, dtype=np.int32)), return_inverse=True)[1]
        return classes.ravel().astype(np.int32)

    # -- count features ---------------------------------------------------------------------------------------------
    @cached_property
    def _builders(self) -> dict[str, FeatureBuilder]:
        return {**self._own_features(), **self._more_features}

    def _own_features(self) -> dict[str, FeatureBuilder]:
        return plain_features(self)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the count features that `feature` knows."""
        return tuple(self._builders)

    @property
    def kernel_features(self) -> tuple[str, ...]:
        """Names of the features that a Gaussian process compares where nobody says."""
        return self.feature_names if self._kernel_features is None else self._kernel_features

    def feature(self, name: str) -> CountFeature:
        """Return a count feature of all architectures: counts of shape (size, n_columns), and the columns' names.

        Raises
        ------
        UnknownNameError

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").feature("operations").counts[0]
        array([0, 3, 2, 0, 1], dtype=int8)
        """
        if name not in self._features:
            if name not in self._builders:
                raise UnknownNameError.of(f"count feature of the space {self.name}:", name, self.feature_names)
            counts, names = self._builders[name](self)
            counts = np.asarray(counts)
            if counts.dtype.kind not in "iub" or counts.ndim != 2 or counts.shape != (self.size, len(names)):
                raise SettingError(
                    f"The feature {name} of {self.name} must be whole numbers of shape ({self.size}, {len(names)}), "
                    f"not {counts.dtype} of shape {counts.shape}."
                )
            if counts.size and counts.min() < 0:
                raise SettingError(f"The feature {name} of {self.name} has a negative count: {counts.min()}.")
            self._features[name] = CountFeature(counts, tuple(names))
        return self._features[name]

    # -- sampling ---------------------------------------------------------------------------------------------------
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
        if isinstance(n, bool) or not isinstance(n, int | np.integer):
            raise SettingError(
                f"n is how many {self._plural} to draw, an integer, not {shown(n)} ({type(n).__name__})."
            )
        if not isinstance(rng, np.random.Generator):
            raise SettingError(f"rng must be a numpy.random.Generator, not {shown(rng)} ({type(rng).__name__}).")
        if n < 0 or (n > self.size and not replace):
            raise SettingError(f"Cannot draw {shown(int(n))} {self._plural} from {self.name}, which has {self.size:,}.")
        return rng.choice(self.size, size=n, replace=replace).astype(np.int32)

    def draw(self, architecture: Architecture, ax: Any = None) -> Drawing:
        """Draw an architecture with matplotlib: a cell as a graph, others as their positions and choices.

        Parameters
        ----------
        architecture : int, str or mapping
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure where left out.

        Returns
        -------
        Drawing
            Shows itself in a notebook; ``.svg()``, ``.save(path)``, ``.figure``, ``.ax``.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").draw(6111).svg()[:5]
        '<?xml'
        """
        from nasmeta.spaces._drawing import draw_architecture

        return draw_architecture(self, self._index_of_one(architecture), ax)


def as_array(values: Any, what: str) -> NDArray[Any]:
    """Return values as an array, or say that they are none."""
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as reason:
        raise ArchitectureError(f"{what} must form an array, with rows of one length: {short(str(reason))}") from reason


def _is_numeric(position: Position) -> bool:
    return len({type(choice) for choice in position.choices}) == 1 and not isinstance(position.choices[0], str)
