"""Search spaces whose architectures are enumerated or listed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.arrays import Architectures, Array, Integers
from nasmeta.errors import SettingError
from nasmeta.spaces._cell_graph import IsomorphismRule
from nasmeta.spaces._features import CountFeature
from nasmeta.spaces._neighbours import Neighbours, edits_of_all, edits_of_listed
from nasmeta.spaces._packed_arrays import packed
from nasmeta.spaces._positions import MOST_LEVELS, binned
from nasmeta.spaces._search_space import (
    KINDS,
    ArchitectureLike,
    Isomorphism,
    SearchSpace,
    exceeds_enumeration,
    int_or_array,
)

if TYPE_CHECKING:
    import pandas as pd

_DENSE = 2**23  # combinations; with more, ranks are sorted


class EnumeratedSpace(SearchSpace):
    """A space with an array of all architectures: an architecture is an index, int32.

    `SearchSpace` chooses this class for a list of architectures, and for up to 5 million
    combinations (131,072 if a position is a range).

    Attributes
    ----------
    codes : ndarray of int, shape (size, n_positions)
        The index of each position's choice; read-only, of the smallest integer type.
    raw_codes : ndarray of int, shape (n_raw, n_positions)
        The same before isomorphic combinations are merged.
    architecture_of_raw : ndarray of int32, shape (n_raw,), or None
        The architecture of each row of `raw_codes`, if any are merged.

    Examples
    --------
    >>> from nasmeta.spaces import SearchSpace
    >>> SearchSpace("mlp", {"width": [16, 32], "act": ["relu", "tanh"]}).codes.tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """

    is_large = False
    index_type = np.int32

    def _build(
        self,
        architectures: ArrayLike | None,
        isomorphic: Isomorphism | None,
        merge: bool,
    ) -> None:
        codes = self._all_codes() if architectures is None else self._listed_codes(architectures)
        codes = codes.astype(np.min_scalar_type(-max(self.n_choices)))
        if self._valid is not None:
            codes = codes[self._are_valid(codes)]
        if not len(codes):
            raise SettingError(
                f"{self.name} has no architecture: no combination of choices is valid."
            )
        self.raw_codes = self.codes = codes
        self._features: dict[str, CountFeature] = {}
        self.architecture_of_raw: Architectures | None = None
        self._representatives: Architectures | None = None  # of isomorphism classes, (size,)
        if isomorphic is not None:
            keys = np.asarray(isomorphic(codes.copy()))  # the function may modify them
            _, first, classes = np.unique(keys, axis=0, return_index=True, return_inverse=True)
            representatives = first[classes.ravel()].astype(np.int32)
            if merge:
                kept, architecture_of_raw = np.unique(representatives, return_inverse=True)
                self.codes = codes[kept]
                self.architecture_of_raw = architecture_of_raw.ravel().astype(np.int32)
            else:
                self._representatives = representatives
        self.size = len(self.codes)
        self.codes.flags.writeable = self.raw_codes.flags.writeable = False

    def _all_codes(self) -> Array:
        if exceeds_enumeration(self.positions):
            raise SettingError(
                f"combinations of {self.name}", self.n_combinations, "at most 5,000,000"
            )
        codes = self._codes_of_ranks(np.arange(self.n_combinations))
        if self.conditions:
            is_reduced = (self.conditions.reduced(codes) == codes).all(axis=1)
            codes = codes[is_reduced]
        return codes

    def _listed_codes(self, architectures: ArrayLike) -> Array:
        codes = self.conditions.reduced(self._checked_codes(architectures))
        # np.unique would import numpy.ma, 15 ms
        ranks = np.sort(codes.astype(np.int64) @ self.place_values)
        if (ranks[1:] == ranks[:-1]).any():
            raise SettingError("architectures", architectures, "distinct rows")
        return codes

    # -- forms
    @property
    def _raw_ranks(self) -> Integers:
        """The rank of each row of `raw_codes`, int64, shape (n_raw,)."""
        return self.raw_codes @ self.place_values

    @property
    def _raw_architectures(self) -> Architectures:
        """The architecture of each row of `raw_codes`, int32, shape (n_raw,)."""
        if self.architecture_of_raw is None:
            return np.arange(self.size, dtype=np.int32)
        return self.architecture_of_raw

    @cached_property
    def _architecture_of_rank(self) -> Architectures:
        """The architecture of each combination, int32, shape (n_combinations,); -1 for none."""
        table = np.full(self.n_combinations, -1, dtype=np.int32)
        table[self._raw_ranks] = self._raw_architectures
        return table

    @cached_property
    def _by_rank(self) -> tuple[Integers, Architectures]:
        """The sorted ranks of the listed combinations, and their architectures, both of shape (n_raw,)."""
        order = np.argsort(self._raw_ranks, kind="stable")
        return self._raw_ranks[order], self._raw_architectures[order]

    def find(self, ranks: Integers) -> Array:
        """Return the architectures of combinations, by ``codes @ place_values``; -1 for none."""
        if self.n_combinations <= _DENSE:
            return self._architecture_of_rank[ranks]
        listed_ranks, architectures = self._by_rank
        places = np.searchsorted(listed_ranks, ranks)
        places = np.minimum(places, len(listed_ranks) - 1)
        return np.where(listed_ranks[places] == ranks, architectures[places], np.int32(-1))

    def _codes_at(self, indices: int | Array) -> NDArray[Any]:
        return self.codes[indices]

    @cached_property
    def whole(self) -> tuple[SearchSpace, Array]:
        """The space of all combinations, if the architectures are rows of a data frame, and these rows' architectures.

        A range with more than 100 listed numbers keeps at most 100 of them, on a grid. Any other
        space is returned unchanged.

        Examples
        --------
        >>> import pandas as pd
        >>> from nasmeta.spaces import SearchSpace
        >>> space = SearchSpace.from_frame(pd.DataFrame({"width": [16, 32, 64], "depth": [1, 2, 1]}))
        >>> whole, rows = space.whole
        >>> space.size, whole.size, rows
        (3, 6, array([0, 3, 4], dtype=int32))
        """
        itself = self, np.arange(self.size, dtype=np.int32)
        if not self.is_sample or self._more_features:
            return itself
        for most in range(MOST_LEVELS, 1, -1):
            grids = [position.grid(most) for position in self.positions]
            positions = [position for position, _ in grids]
            if math.prod(len(position.choices) for position in positions) >= 2**63:
                continue
            whole = SearchSpace(
                self.name, positions, conditions=self.conditions.given, valid=self._valid
            )
            codes = self.codes.astype(np.int64)
            for i, (_, new_codes) in enumerate(grids):
                codes[:, i] = new_codes[self.codes[:, i]]
            return whole, np.asarray(whole.from_codes(codes))
        return itself

    def to_frame(self) -> pd.DataFrame:
        """Return all architectures as a data frame, one column per position, indexed by ``architecture``.

        Examples
        --------
        >>> from nasmeta.spaces import SearchSpace
        >>> SearchSpace("mlp", {"width": [16, 32], "act": ["relu", "tanh"]}).to_frame()["act"].tolist()
        ['relu', 'tanh', 'relu', 'tanh']
        """
        return self._frame_of(self.codes).rename_axis("architecture")

    def sample(self, n: int, rng: np.random.Generator, replace: bool = False) -> Array:
        """Draw architectures uniformly."""
        return rng.choice(self.size, size=n, replace=replace).astype(np.int32)

    def described(self, *, features: bool = True) -> dict[str, Any]:
        """Return the definition of the space as JSON types; see `nasmeta.spaces.to_content`."""
        described = super().described()
        ranks = self._raw_ranks
        if len(ranks) < self.n_combinations or (np.diff(ranks) != 1).any():
            described["raw_codes"] = packed(self.raw_codes)
        if self.architecture_of_raw is not None:
            described["architecture_of_raw"] = packed(self.architecture_of_raw)
        canonical = self._representatives
        if canonical is not None and not np.array_equal(canonical, np.arange(self.size)):
            described["canonical"] = packed(canonical)
        if features:
            described["features"] = more = []
            for name in self._more_features:
                counts, columns = self.feature(name)
                more.append([name, packed(counts), list(columns)])
            described["kernel_features"] = list(self.kernel_features)
            if self.is_sample:
                described["is_sample"] = True
        return described

    # -- structure
    @cached_property
    def _neighbours(self) -> Neighbours:
        codes = binned(self.positions, self.codes)
        has_range = any(position.scale for position in self.positions)
        if self.is_complete or self.conditions or (has_range and not self.is_sample):
            edits = edits_of_all(
                self.codes, self.positions, self.conditions, self.place_values, self.find
            )
        else:
            raw_codes = binned(self.positions, self.raw_codes)
            edits = edits_of_listed(raw_codes, self.place_values, self._raw_architectures)
        return Neighbours(codes, edits)

    @property
    def is_regular(self) -> bool:
        """Whether every edit of every architecture is an architecture."""
        return self._neighbours.is_regular

    def _neighbours_at(self, indices: int | Array) -> Architectures:
        if isinstance(indices, int):
            return self._neighbours.of_one(indices)
        return self._neighbours.of(indices)

    def canonical(
        self, architectures: ArchitectureLike, rule: IsomorphismRule = "upstream"
    ) -> int | Architectures:
        """Return the representative of each architecture's isomorphism class: its member with the smallest index."""
        indices = self.index_of(architectures)
        if self._representatives is None:
            return indices
        return int_or_array(self._representatives[indices])

    # -- count features
    def feature(self, name: str) -> CountFeature:
        """Return a count feature: counts of all architectures, shape (size, n_columns), and the columns' names.

        Examples
        --------
        >>> from nasmeta.spaces import get_space
        >>> get_space("nb201").feature("operations").counts[0]
        array([0, 3, 2, 0, 1], dtype=int8)
        """
        if name not in self._features:
            counts, columns = self._builders[name](self.codes)
            self._features[name] = CountFeature(np.asarray(counts), tuple(columns))
        return self._features[name]

    def _counts_at(self, indices: Array, names: Sequence[str]) -> list[Integers]:
        return [self.feature(name).counts[indices] for name in names]


KINDS[False] = EnumeratedSpace
