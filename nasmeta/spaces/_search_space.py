"""Search spaces: sets of architectures, each a choice for every position."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.arrays import Architectures, Array, Booleans, Integers
from nasmeta.checks import is_listed
from nasmeta.errors import ArchitectureError, short
from nasmeta.plotting import ShowsFacts, new_figure
from nasmeta.spaces._cell_graph import IsomorphismRule
from nasmeta.spaces._drawing import draw_choices
from nasmeta.spaces._features import CountFeature, FeatureBuilder, plain_features
from nasmeta.spaces._notation import CellCodec, position_notation
from nasmeta.spaces._packed_arrays import digest
from nasmeta.spaces._positions import (
    Choice,
    Conditions,
    Position,
    Range,
    as_positions,
    place_values,
    positions_of_frame,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Architecture: TypeAlias = "int | np.integer[Any] | str | Mapping[str, Choice]"
Isomorphism: TypeAlias = "Callable[[Array], ArrayLike]"
ArchitectureLike: TypeAlias = "Architecture | Sequence[Architecture] | Array"

_Scalar = TypeVar("_Scalar", bound=np.generic)
_LARGEST = 5_000_000  # combinations of choices that are enumerated
_LARGEST_OF_RANGES = 2**17  # the same if a position is a range
_SHOWN = 12  # positions in a notebook

# The subclasses between which `SearchSpace(...)` chooses, by `is_large`; their modules add them.
KINDS: dict[bool, type[SearchSpace]] = {}


class SearchSpace(ShowsFacts):
    """A set of architectures, each a choice for every position.

    An architecture is an ``int``. The space converts strings and mappings of positions to choices;
    the rest of the package uses integer arrays of architectures.

    A space with up to 5 million combinations (131,072 if a position is a range), or with a list of
    architectures, is *enumerated*: an architecture is an index, ``int32``. Any other space is
    *large*: an architecture is the rank of its codes in mixed radix, ``int64``, and models score
    sampled candidates.

    Parameters
    ----------
    name : str
        Short name, as used in messages.
    positions : mapping of str to sequence or Range, or sequence of Position
        The choices of each position. In a mapping, positions with only numbers are ordered.
    conditions : mapping of str to mapping, optional
        For a position: the choices of other positions with which it is active, such as
        ``{"momentum": {"optimiser": ["sgd"]}}``. An inactive position has code 0, and is missing in
        strings and frames.
    valid : callable, optional
        From a data frame of combinations, one column per position, to a bool for each row: whether
        it is valid.
    isomorphic : callable, optional
        From codes, int, shape (n, n_positions), to a key for each row, shape (n,) or (n, k). Equal
        keys are the same network; see `canonical`.
    merge : bool, default False
        Whether isomorphic combinations are one architecture, the first of them.
    architectures : array-like of int, shape (size, n_positions), optional
        The codes of all architectures, in their order, of a listed space.
    features : mapping of str to callable, optional
        Additional count features: functions from the codes of all architectures to their counts,
        int, shape (size, n_columns), and the names of the columns.
    kernel_features : sequence of str, optional
        The default features of Gaussian processes; by default all features, with twelve bins per
        range.
    notation : CellCodec, optional
        The string form of architectures, see `nasmeta.spaces.CellCodec`; by default
        ``position=choice,…``.

    Attributes
    ----------
    positions : tuple of Position
    is_large : bool
        Whether the space is not enumerated.
    size, n_positions : int
        The size of a large space is the number of combinations, before `valid`.
    n_choices : tuple of int
        Number of choices of each position.
    index_type : type
        Integer type of architectures: int32, in a large space int64.
    codes : ndarray of int, shape (size, n_positions)
        The index of each position's choice; read-only, of the smallest integer type. A large space
        has only `codes_of`.

    Raises
    ------
    SettingError
        If no combination is valid, or if at least 2**63 combinations are not listed.

    Examples
    --------
    >>> from nasmeta.spaces import SearchSpace
    >>> space = SearchSpace("mlp", {"width": [16, 32, 64], "act": ["relu", "tanh"]})
    >>> space
    SearchSpace('mlp', 6 architectures, positions: width (3), act (2))
    >>> space.to_string(3), space.index_of("width=32,act=tanh"), space.index_of({"width": 64, "act": "relu"})
    ('width=32,act=tanh', 3, 4)
    >>> from nasmeta.spaces import Range
    >>> large = SearchSpace("net", {f"lr{i}": Range(1e-5, 1e-1, log=True) for i in range(5)})
    >>> large.is_large, large.size, large.to_string(99)
    (True, 10000000000, 'lr0=1e-05,lr1=1e-05,lr2=1e-05,lr3=1e-05,lr4=0.1')
    """

    noun = "architecture"
    registered_name: str | None = None  # the name for `get_space`
    is_large: bool
    index_type: type[np.integer[Any]]
    size: int
    is_sample = False  # whether the architectures are a data frame's sample of all combinations
    is_excerpt = False  # whether they are some architectures of a large space

    # only in an enumerated space
    codes: Array
    raw_codes: Array
    feature: Callable[[str], CountFeature]
    to_frame: Callable[[], pd.DataFrame]

    def __new__(
        cls,
        name: Any = "",
        positions: Any = (),
        *args: Any,
        architectures: Any = None,
        **settings: Any,
    ) -> SearchSpace:
        """Choose the subclass, as `pathlib.Path` does."""
        if cls is not SearchSpace:
            return super().__new__(cls)
        is_large = architectures is None and exceeds_enumeration(as_positions(positions))
        return super().__new__(KINDS[is_large])

    def __init__(
        self,
        name: str,
        positions: Mapping[str, Sequence[Choice] | Range] | Sequence[Position],
        *,
        conditions: Mapping[str, Mapping[str, Sequence[Choice]]] | None = None,
        valid: Callable[[pd.DataFrame], ArrayLike] | None = None,
        isomorphic: Isomorphism | None = None,
        merge: bool = False,
        architectures: ArrayLike | None = None,
        features: Mapping[str, FeatureBuilder] | None = None,
        kernel_features: Sequence[str] | None = None,
        notation: CellCodec | None = None,
    ) -> None:
        self.name = name
        self.positions = as_positions(positions)
        self.n_positions = len(self.positions)
        self.n_choices = tuple(len(position.choices) for position in self.positions)
        self.n_combinations = math.prod(self.n_choices)
        self.place_values = place_values(self.n_choices)
        self.conditions = Conditions(self.positions, conditions or {})
        self.notation = notation or position_notation(self.positions, self.conditions)
        self._kernel_features = kernel_features
        self._more_features = dict(features or {})
        self._valid = valid
        # of any space of the same positions, see `with_codes`
        self._settings: dict[str, Any] = {
            "conditions": self.conditions.given,
            "features": self._more_features,
            "kernel_features": kernel_features,
            "notation": notation,
        }
        self._build(architectures, isomorphic, merge)

    def _build(
        self,
        architectures: ArrayLike | None,
        isomorphic: Isomorphism | None,
        merge: bool,
    ) -> None:
        """Set the size and, in an enumerated space, the codes."""
        raise NotImplementedError

    def _codes_of_ranks(self, ranks: Integers) -> Integers:
        return np.asarray(ranks[..., None] // self.place_values % np.array(self.n_choices))

    def _are_valid(self, codes: Array) -> Booleans:
        """Return whether `valid` accepts codes, shape (n,)."""
        if self._valid is None or not len(codes):
            return np.ones(len(codes), dtype=bool)
        return np.asarray(self._valid(self._frame_of(codes)), dtype=bool)

    def _checked_codes(self, codes: ArrayLike) -> Array:
        """Return codes of one architecture or of several, with a choice for each position."""
        array = np.asarray(codes)

        if ((array < 0) | (array >= np.array(self.n_choices))).any():
            raise ArchitectureError("codes", array, f"codes from 0, below {self.n_choices}")
        return array

    @property
    def is_complete(self) -> bool:
        """Whether the space is enumerated and contains every combination of choices."""
        return self.size == self.n_combinations and not self.is_large

    def __len__(self) -> int:
        return self.size

    # -- architectures, checked
    @overload  # a str is a Sequence[str] too, but the first signature takes it
    def index_of(self, architectures: Architecture) -> int: ...  # type: ignore[overload-overlap]
    @overload
    def index_of(self, architectures: Sequence[Architecture] | Array) -> Array: ...
    def index_of(self, architectures: ArchitectureLike) -> int | Array:
        """Return the index of each architecture, checked.

        Parameters
        ----------
        architectures : int, str, mapping, or sequence or array of them, shape (n,)
            Indices (Python or NumPy integers), strings in the space's notation, or mappings of
            positions to choices.

        Returns
        -------
        int or ndarray of int32 (int64 in a large space), shape (n,)

        Raises
        ------
        ArchitectureError
            For a negative or too large index, a float, a bool, a masked value, an unknown string or
            choice.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").index_of(-1)
        Traceback (most recent call last):
        nasmeta.errors.ArchitectureError: cell of nb201 is -1; expected an integer from 0 to 15624 or a string.
        """
        given: Any = architectures
        if isinstance(given, str | Mapping) or not is_listed(given):
            return self._index_of_one(given)
        # [i] of a pandas Series is a label
        rows = np.asarray(given) if hasattr(given, "__array__") else given
        if not isinstance(rows, np.ndarray) or rows.ndim > 1 or rows.dtype.kind not in "iu":
            return np.array([self._index_of_one(row) for row in rows], dtype=self.index_type)
        if rows.size and (rows.min() < 0 or rows.max() >= self.size):
            self._index_of_one(rows[(rows < 0) | (rows >= self.size)][0])
        return rows.astype(self.index_type, copy=False)

    def _index_of_one(self, architecture: Any) -> int:
        if isinstance(architecture, str | Mapping):
            return self._index_of_choices(architecture)
        try:
            index = operator.index(architecture)
        except TypeError:
            index = -1
        if self.is_large and 0 <= index < self.size:
            # the rank of an invalid combination, or of one with choices of inactive positions
            index = int(self.find(np.array([index]))[0])
        if isinstance(architecture, bool) or not 0 <= index < self.size:
            expected = f"an integer from 0 to {self.size - 1} or a string"
            raise ArchitectureError(f"{self.noun} of {self.name}", architecture, expected)
        return index

    def _index_of_choices(self, architecture: str | Mapping[str, Choice]) -> int:
        try:
            rank = np.dot(self._codes_of(architecture), self.place_values)
            index = int(self.find(np.array([rank]))[0])
            if index < 0:
                raise ValueError("The space does not contain this combination.")
        except ValueError as reason:
            expected = f"one such as {self.to_string(0)!r}"
            raise ArchitectureError(
                f"{self.noun} of {self.name}", architecture, expected, short(str(reason))
            ) from None
        return index

    def _codes_of(self, architecture: str | Mapping[str, Choice]) -> Sequence[int]:
        if isinstance(architecture, str):
            return self.notation.read(architecture)
        return self.conditions.codes_of(architecture, self.positions)

    # -- forms
    def find(self, ranks: Integers) -> Array:
        """Return the architectures of combinations, by ``codes @ place_values``; -1 for none."""
        raise NotImplementedError

    def codes_of(self, architectures: ArchitectureLike) -> NDArray[Any]:
        """Return the index of each position's choice, shape (n_positions,) for one architecture or (n, n_positions).

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").codes_of(0)
        array([4, 2, 1, 2, 1, 1], dtype=int8)
        """
        return self._codes_at(self.index_of(architectures))

    def _codes_at(self, indices: int | Array) -> NDArray[Any]:
        raise NotImplementedError

    def listed(self, architectures: ArchitectureLike) -> SearchSpace:
        """Return the enumerated space of some distinct architectures, in this order; models of a large space use it."""
        listed = self.with_codes(self.codes_of(np.atleast_1d(self.index_of(architectures))))
        listed.is_excerpt = True
        return listed

    def with_codes(self, codes: Integers) -> SearchSpace:
        """Return the enumerated space of some distinct codes, shape (n, n_positions), in this order."""
        return SearchSpace(self.name, self.positions, architectures=codes, **self._settings)

    @property
    def whole(self) -> tuple[SearchSpace, Array]:
        """The space of all combinations, if the architectures are rows of a data frame; see `EnumeratedSpace.whole`."""
        raise NotImplementedError

    def from_codes(self, codes: ArrayLike) -> int | Array:
        """Return the architecture, or architectures, with these codes of shape (n_positions,) or (n, n_positions).

        The codes of inactive positions are ignored.

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
        architectures = self.find(
            self.conditions.reduced(array).astype(np.int64) @ self.place_values
        )
        if (architectures < 0).any():
            wrong = np.atleast_2d(array)[np.argmin(architectures)]
            raise ArchitectureError(
                f"The space {self.name} does not contain {self.notation.write(wrong.tolist())}."
            )
        return int_or_array(architectures)

    @overload
    def to_string(self, architectures: Architecture) -> str: ...  # type: ignore[overload-overlap]
    @overload
    def to_string(self, architectures: Sequence[Architecture] | Array) -> list[str]: ...
    def to_string(self, architectures: ArchitectureLike) -> str | list[str]:
        """Return the string of one architecture, or a list of strings."""
        codes = self.codes_of(architectures)
        if codes.ndim == 1:
            return self.notation.write(codes.tolist())
        return [self.notation.write(row) for row in codes.tolist()]

    def choices(self, architecture: Architecture) -> dict[str, Choice]:
        """Return the choice of each active position of one architecture.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("tnb101").choices(7)["2->3"]
        'nor_conv_3x3'
        """
        codes = self.codes_of(architecture)
        active = np.flatnonzero(self.conditions.active(codes))
        chosen: dict[str, Choice] = {}
        for i in active.tolist():
            position = self.positions[i]
            chosen[position.name] = position.choices[codes[i]]
        return chosen

    def _frame_of(self, codes: Array) -> pd.DataFrame:
        import pandas as pd

        active = self.conditions.active(codes)
        columns: dict[str, Any] = {}
        for i, position in enumerate(self.positions):
            column: Any = _as_array(position.choices)[codes[:, i]]
            if not active[:, i].all():
                column = pd.Series(column).where(active[:, i])
            columns[position.name] = column
        return pd.DataFrame(columns)

    def sample(self, n: int, rng: np.random.Generator, replace: bool = False) -> Array:
        """Draw architectures uniformly; in a large space, draw each position's choice uniformly.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
        replace : bool, default False
            Draw with replacement.

        Returns
        -------
        ndarray of int32 (int64 in a large space), shape (n,)

        Raises
        ------
        SettingError
            If too few random combinations of a large space are valid.

        Examples
        --------
        >>> import numpy as np
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").sample(3, np.random.default_rng(0)).shape
        (3,)
        """
        raise NotImplementedError

    # -- identity
    @cached_property
    def sha256(self) -> str:
        """Digest of names, positions and architectures, the same in every process."""
        return digest(self.described(features=False))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, SearchSpace) and self.sha256 == other.sha256)

    def __hash__(self) -> int:
        return hash((self.name, self.size))

    def __repr__(self) -> str:
        positions = short(", ".join(f"{p.name} ({len(p.choices)})" for p in self.positions))
        return f"SearchSpace({self.name!r}, {self.size:,} architectures, positions: {positions})"

    def _facts(self) -> dict[str, object]:
        choices = {p.name: ", ".join(map(str, p.choices[:100])) for p in self.positions[:_SHOWN]}
        return {"name": self.name, "architectures": f"{self.size:,}", **choices}

    def __deepcopy__(self, memo: dict[int, Any]) -> SearchSpace:
        return self

    def described(self, *, features: bool = True) -> dict[str, Any]:
        """Return the definition of the space as JSON types; see `nasmeta.spaces.to_content`."""
        positions = []
        for position in self.positions:
            scale = [position.scale] if position.scale else []
            positions.append([position.name, list(position.choices), position.ordered, *scale])
        described: dict[str, Any] = {"name": self.name, "positions": positions}
        if self.conditions:
            described["conditions"] = self.conditions.given
        return described

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        columns: Sequence[str] | None = None,
        name: str = "own",
        scales: Mapping[str, str | None] | None = None,
        **settings: Any,
    ) -> SearchSpace:
        """Make a listed space of the rows of a data frame; a search proposes only these.

        Parameters
        ----------
        frame : DataFrame
        columns : sequence of str, optional
            The positions; by default all columns. Numbers and ordered categoricals are ordered. A
            column with more than 32 different numbers is a range. It is logarithmic if the largest
            number is at least ten times the smallest, and the logarithms are spaced more evenly
            than the numbers.
        name : str, default "own"
        scales : mapping of str to {"linear", "log", None}, optional
            The scales of columns, if they differ from this rule; None for a column without a range.
        **settings
            As in `SearchSpace`, such as ``conditions``: columns of positions with a condition may
            have missing values.

        Returns
        -------
        SearchSpace
            Its architectures are the distinct rows, in the order in which they first appear.

        Raises
        ------
        SettingError
            If a column does not exist, or a choice is missing.

        Examples
        --------
        >>> import pandas as pd
        >>> from nasmeta.spaces import SearchSpace
        >>> frame = pd.DataFrame({"layers": [3, 2, 2], "act": ["relu", "relu", "tanh"], "accuracy": [91.0, 90.0, 92.5]})
        >>> space = SearchSpace.from_frame(frame, ["layers", "act"])
        >>> space.to_string(0), space.size, space.is_complete
        ('layers=3,act=relu', 3, False)
        """
        positions, codes = positions_of_frame(
            frame, columns, scales or {}, settings.get("conditions") or {}
        )
        space = cls(name, positions, architectures=codes, **settings)
        space.is_sample = not space.is_complete and settings.get("isomorphic") is None
        return space

    # -- structure
    @cached_property
    def neighbour_table(self) -> Architectures:
        """Neighbours of all architectures, int32, shape (size, n_neighbours), read-only; -1 after the last."""
        return read_only(self.neighbours(np.arange(self.size, dtype=self.index_type)))

    @property
    def is_regular(self) -> bool:
        """Whether the space is enumerated, and every edit of every architecture is an architecture."""
        return False

    def neighbours(self, architectures: ArchitectureLike) -> Architectures:
        """Return the architectures one edit away: one position with another choice.

        In a range the edits are 1, 2, 4, 8 … levels up and down. In a listed space, ranges are
        compared by twelve equal bins; if there is no neighbour, the architectures at the fewest
        edits are returned.

        Returns
        -------
        ndarray of int32 (int64 in a large space), shape (n_neighbours,) for one architecture or (n, n_neighbours)
            24 neighbours in NAS-Bench-201, 18 in TransNAS-Bench-101 micro. Rows with fewer
            neighbours end with -1.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").neighbours([0, 1]).shape
        (2, 24)
        """
        return self._neighbours_at(self.index_of(architectures))

    def _neighbours_at(self, indices: int | Array) -> Architectures:
        raise NotImplementedError

    def canonical(
        self, architectures: ArchitectureLike, rule: IsomorphismRule = "upstream"
    ) -> int | Architectures:
        """Return the representative of each architecture's isomorphism class: its member with the smallest index.

        Without a rule of isomorphism, the architecture itself.

        Parameters
        ----------
        architectures : architecture or architectures
        rule : str, optional
            Only for `CellSpace`; other spaces have at most one rule.

        Returns
        -------
        int or ndarray of int32, shape (n,)
        """
        return self.index_of(architectures)

    @cached_property
    def function_classes(self) -> Architectures:
        """The number of each architecture's isomorphism class, int32, shape (size,)."""
        representatives = self.canonical(np.arange(self.size, dtype=np.int32))
        _, classes = np.unique(representatives, return_inverse=True)
        return read_only(classes.ravel().astype(np.int32))

    # -- count features
    @cached_property
    def _builders(self) -> dict[str, FeatureBuilder]:
        return {**self._own_features(), **self._more_features}

    def _own_features(self) -> dict[str, FeatureBuilder]:
        return plain_features(self.positions)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the count features."""
        return tuple(self._builders)

    @property
    def kernel_features(self) -> tuple[str, ...]:
        """Names of the default features of a Gaussian process: all but the fine ``ranges``, unless given."""
        if self._kernel_features is None:
            return tuple(name for name in self.feature_names if name != "ranges")
        return tuple(self._kernel_features)

    def features(
        self, architectures: ArchitectureLike, names: Sequence[str] | None = None
    ) -> Integers:
        """Return count features of some architectures side by side, shape (n, n_columns); by default `kernel_features`.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").features([0, 1], ["operations"])
        array([[0, 3, 2, 0, 1],
               [0, 2, 0, 3, 1]], dtype=int8)
        """
        names = self.kernel_features if names is None else names
        return np.hstack(self._counts_at(np.atleast_1d(self.index_of(architectures)), names))

    def _counts_at(self, indices: Array, names: Sequence[str]) -> list[Integers]:
        """Return the counts of each feature, shape (n, n_columns)."""
        raise NotImplementedError

    def draw(self, architecture: Architecture, ax: Any = None) -> Figure:
        """Draw an architecture: a cell as a graph, others as rows of choices.

        Parameters
        ----------
        architecture : int, str or mapping
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default a new figure.

        Returns
        -------
        matplotlib.figure.Figure
            `nasmeta.analysis.save_figure` writes it; a notebook shows it.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> [text.get_text() for text in get_space("nb201").draw(6111).axes[0].texts][:4]
        ['in', '1', '2', 'out']
        """
        if ax is None:
            ax = new_figure(*self._drawn_inches).add_subplot()
        self._draw_on(ax, self._index_of_one(architecture))
        figure: Figure = ax.figure
        return figure

    @property
    def _drawn_inches(self) -> tuple[float, float]:
        """Width and height of a new figure of one architecture."""
        return 4.0, 0.25 * self.n_positions + 0.2

    def _draw_on(self, axes: Any, architecture: int) -> None:
        draw_choices(axes, self.positions, self.codes_of(architecture).tolist())


def exceeds_enumeration(positions: Sequence[Position]) -> bool:
    """Return whether there are too many combinations of choices for an enumerated space."""
    n_combinations = math.prod(len(position.choices) for position in positions)
    has_range = any(position.scale for position in positions)
    return n_combinations > (_LARGEST_OF_RANGES if has_range else _LARGEST)


def _as_array(choices: Sequence[Choice]) -> Array:
    """Return numbers of one type, or booleans, as such an array, and other choices as an array of objects."""
    numeric = len({type(choice) for choice in choices}) == 1 and not isinstance(choices[0], str)
    return np.array(choices, dtype=None if numeric else object)


def int_or_array(array: NDArray[_Scalar]) -> int | NDArray[_Scalar]:
    """Return a zero-dimensional array of integers as an int, and other arrays as they are."""
    return int(array) if array.ndim == 0 else array


def read_only(array: Array) -> Array:
    """Forbid changes of an array, and return it."""
    array.flags.writeable = False
    return array
