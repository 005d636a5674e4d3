"""Search spaces: finite, enumerated sets of architectures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import is_listed
from nasmeta.errors import ArchitectureError, NasmetaError, SettingError, UnknownNameError, short
from nasmeta.plotting import ShowsFacts, new_figure
from nasmeta.spaces._content import BUILDERS, digest, from_content, packed, to_content, unpacked
from nasmeta.spaces._drawing import draw_choices
from nasmeta.spaces._features import CountFeature, FeatureBuilder, plain_features
from nasmeta.spaces._neighbours import Neighbours
from nasmeta.spaces._notation import CellCodec, position_notation
from nasmeta.spaces._positions import Choice, Position, as_positions, space_from_frame

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from nasmeta.spaces._cell_graph import IsomorphismRule

Architecture: TypeAlias = "int | np.integer[Any] | str | Mapping[str, Choice]"
ArchitectureLike: TypeAlias = "Architecture | Sequence[Architecture] | NDArray[Any]"

_LARGEST = 5_000_000  # combinations of choices that are enumerated
_DENSE = 2**23  # combinations; with more, ranks are sorted
_SHOWN = 12  # positions in a notebook


class SearchSpace(ShowsFacts):
    """An enumerated, finite set of architectures, each a choice for every position.

    An architecture is an ``int``: its index. The space converts strings and mappings of positions to choices; the rest
    of the package uses ``int32`` arrays of architectures.

    Parameters
    ----------
    name : str
        Short name, as used in messages.
    positions : mapping of str to sequence, or sequence of Position
        The choices of each position. In a mapping, positions with only numbers are ordered.
    valid : callable, optional
        From a data frame of combinations, one column per position, to a bool for each row: whether it is valid.
    isomorphic : callable, optional
        From codes, int, shape (n, n_positions), to a key for each row, shape (n,) or (n, k). Equal keys are the same
        network; see `canonical`.
    merge : bool, default False
        Whether isomorphic combinations are one architecture, the first of them.
    architectures : array-like of int, shape (size, n_positions), optional
        The codes of all architectures, in their order, of a listed space.
    features : mapping of str to callable, optional
        Additional count features: functions from the space to a `CountFeature`.
    kernel_features : sequence of str, optional
        The default features of Gaussian processes; by default all features.
    notation : CellCodec, optional
        The string form of architectures, see `nasmeta.spaces.CellCodec`; by default ``position=choice,…``.

    Attributes
    ----------
    positions : tuple of Position
    size, n_positions : int
    n_choices : tuple of int
        Number of choices of each position.
    codes : ndarray of int, shape (size, n_positions)
        The index of each position's choice; read-only, of the smallest integer type.

    Raises
    ------
    SettingError
        If no combination is valid, or there are more than 5 million combinations.

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
    registered_name: str | None = None  # the name for `get_space`

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
        self._kernel_features = None if kernel_features is None else tuple(kernel_features)
        self._more_features = dict(features or {})
        if valid is not None:
            self.raw_codes = self.codes = self.raw_codes[self._is_valid(valid)]
        if not len(self.codes):
            raise SettingError(f"{name} has no architecture: no combination of choices is valid.")
        self._canonical: NDArray[np.int32] | None = None
        if isomorphic is not None:
            self._canonical = self._first_of(isomorphic)
            if merge:
                representatives, classes = np.unique(self._canonical, return_inverse=True)
                self.codes, self._canonical = self.raw_codes[representatives], None
                self.architecture_of_raw = classes.ravel().astype(np.int32)
        self._features: dict[str, CountFeature] = {}
        self._finish()

    def _is_valid(self, valid: Callable[[pd.DataFrame], ArrayLike]) -> NDArray[np.bool_]:
        found = np.asarray(valid(self._frame_of(self.raw_codes)))
        if found.shape != (len(self.raw_codes),) or found.dtype != np.bool_:
            raise SettingError("result of valid", found, f"{len(self.raw_codes)} booleans")
        return found

    def _first_of(self, isomorphic: Callable[[NDArray[Any]], ArrayLike]) -> NDArray[np.int32]:
        keys = np.asarray(isomorphic(self.raw_codes.copy()))  # the function may modify them
        if len(keys) != len(self.raw_codes):
            raise SettingError("result of isomorphic", keys, f"{len(self.raw_codes)} keys")
        _, first, classes = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        return first[classes.ravel()].astype(np.int32)

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
        array = np.asarray(codes)
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
            several = np.asarray(several)
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
        return rng.choice(self.size, size=n, replace=replace).astype(np.int32)

    # -- identity ---------------------------------------------------------------------------------------------------
    @cached_property
    def sha256(self) -> str:
        """Digest of names, positions and architectures, the same in every process."""
        return digest(self.described(features=False))

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, SearchSpace) and self.sha256 == other.sha256)

    def __hash__(self) -> int:
        return hash((self.name, self.size))

    def __repr__(self) -> str:
        parts = ", ".join(f"{p.name} ({len(p.choices)})" for p in self.positions[:8])
        more = "" if self.n_positions <= 8 else f" and {self.n_positions - 8} more"
        return f"SearchSpace({self.name!r}, {self.size:,} architectures, positions: {parts}{more})"

    def _facts(self) -> dict[str, object]:
        facts: dict[str, object] = {"name": self.name, "architectures": f"{self.size:,}"}
        return facts | {p.name: ", ".join(map(str, p.choices[:100])) for p in self.positions[:_SHOWN]}

    def __copy__(self) -> SearchSpace:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SearchSpace:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return from_content, (to_content(self),)

    def described(self, *, features: bool = True) -> dict[str, Any]:
        """Return the definition of the space as JSON types; see `nasmeta.spaces.to_content`."""
        described: dict[str, Any] = {
            "name": self.name,
            "positions": [[p.name, list(p.choices), p.ordered] for p in self.positions],
        }
        ranks = self.raw_codes.astype(np.int64) @ self.place_values
        if len(ranks) < self.n_combinations or not np.array_equal(ranks, np.arange(len(ranks))):
            described["raw_codes"] = packed(self.raw_codes)
        if self.architecture_of_raw is not None:
            described["architecture_of_raw"] = packed(self.architecture_of_raw)
        every = np.arange(self.size, dtype=np.int32)
        canonical = np.asarray(self.canonical(every))
        if not np.array_equal(canonical, every):
            described["canonical"] = packed(canonical)
        if features:
            more = {name: self.feature(name) for name in self._more_features}
            described["features"] = [[name, packed(f.counts), list(f.names)] for name, f in more.items()]
            described["kernel_features"] = list(self.kernel_features)
        return described

    @classmethod
    def from_described(cls, content: Mapping[str, Any]) -> SearchSpace:
        """Return the space of a description by `described`."""
        positions = [Position(name, tuple(choices), ordered) for name, choices, ordered in content["positions"]]
        given = {
            name: CountFeature(unpacked(counts), tuple(names)) for name, counts, names in content.get("features", ())
        }
        space = SearchSpace(
            content["name"],
            positions,
            architectures=unpacked(content["raw_codes"]) if "raw_codes" in content else None,
            features={name: partial(_given, feature) for name, feature in given.items()},
            kernel_features=content.get("kernel_features"),
        )
        if "architecture_of_raw" in content:
            own = unpacked(content["architecture_of_raw"])
            first = np.unique(own, return_index=True)[1]
            space.codes, space.architecture_of_raw = space.raw_codes[first], own
            space._finish()
        if "canonical" in content:
            space._canonical = unpacked(content["canonical"])
        return space

    @classmethod
    def from_frame(
        cls, frame: pd.DataFrame, columns: Sequence[str] | None = None, name: str = "own", **settings: Any
    ) -> SearchSpace:
        """Make a listed space of the rows of a data frame; a search proposes only these.

        Parameters
        ----------
        frame : DataFrame
        columns : sequence of str, optional
            The positions; by default all columns. Numbers and ordered categoricals are ordered.
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
        return space_from_frame(cls, frame, columns, name, settings)

    # -- structure --------------------------------------------------------------------------------------------------
    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self)

    @cached_property
    def neighbour_table(self) -> NDArray[np.int32]:
        """Neighbours of all architectures, int32, shape (size, n_neighbours), read-only; -1 after the last."""
        table = self._neighbours.of()
        table.flags.writeable = False
        return table

    @property
    def is_regular(self) -> bool:
        """Whether every edit of every architecture is an architecture."""
        return self._neighbours.is_regular

    def neighbours(self, architectures: ArchitectureLike) -> NDArray[np.int32]:
        """Return the architectures one edit away: one position with another choice.

        If a listed space has none, the architectures at the fewest edits.

        Returns
        -------
        ndarray of int32, shape (n_neighbours,) for one architecture or (n, n_neighbours)
            24 neighbours in NAS-Bench-201, 18 in TransNAS-Bench-101 micro. Rows with fewer neighbours end with -1.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").neighbours([0, 1]).shape
        (2, 24)
        """
        return self._neighbours.of(self.index_of(architectures))

    def canonical(self, architectures: ArchitectureLike, rule: IsomorphismRule = "upstream") -> int | NDArray[np.int32]:
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
        index = self.index_of(architectures)
        if self._canonical is None:
            return index
        return int(self._canonical[index]) if isinstance(index, int) else self._canonical[index]

    @cached_property
    def function_classes(self) -> NDArray[np.int32]:
        """The number of each architecture's isomorphism class, int32, shape (size,)."""
        _, inverse = np.unique(self.canonical(np.arange(self.size, dtype=np.int32)), return_inverse=True)
        classes = inverse.ravel().astype(np.int32)
        classes.flags.writeable = False
        return classes

    # -- count features ---------------------------------------------------------------------------------------------
    @cached_property
    def _builders(self) -> dict[str, FeatureBuilder]:
        return {**self._own_features(), **self._more_features}

    def _own_features(self) -> dict[str, FeatureBuilder]:
        return plain_features(self)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the count features."""
        return tuple(self._builders)

    @property
    def kernel_features(self) -> tuple[str, ...]:
        """Names of the default features of a Gaussian process."""
        return self.feature_names if self._kernel_features is None else self._kernel_features

    def feature(self, name: str) -> CountFeature:
        """Return a count feature: counts of all architectures, shape (size, n_columns), and the columns' names.

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
                raise UnknownNameError.of(f"count feature of {self.name}", name, self.feature_names)
            counts, names = self._builders[name](self)
            self._features[name] = CountFeature(np.asarray(counts), tuple(names))
        return self._features[name]

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
        draw_choices(axes, self.positions, self.codes[architecture].tolist())


def _place_values(n_choices: Sequence[int]) -> NDArray[np.int64]:
    """Return factors that turn codes into ranks by a product, int64, shape (n_positions,).

    If the combinations do not fit into 62 bits, the ranks are hashes modulo 2**64: the factors are random odd numbers.
    Among a million architectures the chance that two have one hash is below 1e-7.
    """
    if math.prod(n_choices) < 2**62:
        return np.cumprod([1, *n_choices[:0:-1]], dtype=np.int64)[::-1].copy()
    return 2 * np.random.default_rng(0).integers(2**62, size=len(n_choices)) + 1


def _is_numeric(position: Position) -> bool:
    return len({type(choice) for choice in position.choices}) == 1 and not isinstance(position.choices[0], str)


def _given(feature: CountFeature, space: SearchSpace) -> CountFeature:
    return feature


BUILDERS["positions"] = SearchSpace.from_described
