"""Search spaces with too many combinations of choices to enumerate them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.arrays import Architectures, Array, Integers
from nasmeta.code_identity import identity_of
from nasmeta.errors import SettingError
from nasmeta.spaces._neighbours import edits_of_all
from nasmeta.spaces._search_space import KINDS, Isomorphism, SearchSpace

_ROUNDS = 200  # of draws, in search of valid combinations
_DRAWN = 256  # combinations in a round, at least


class LargeSpace(SearchSpace):
    """A space that is not enumerated: an architecture is the rank of its codes in mixed radix, int64.

    `SearchSpace` chooses this class for more than 5 million combinations (131,072 if a position is
    a range) without a list of architectures.

    Examples
    --------
    >>> from nasmeta.spaces import Range, SearchSpace
    >>> space = SearchSpace("net", {f"lr{i}": Range(1e-5, 1e-1, log=True) for i in range(5)})
    >>> space.codes_of(99)
    array([ 0,  0,  0,  0, 99])
    """

    is_large = True
    index_type = np.int64

    def _build(
        self,
        architectures: ArrayLike | None,
        isomorphic: Isomorphism | None,
        merge: bool,
    ) -> None:
        if isomorphic is not None:
            raise SettingError(f"isomorphic of {self.name}", "a function", "None in a large space")
        if self.n_combinations >= 2**63:
            raise SettingError(
                f"combinations of {self.name}",
                self.n_combinations,
                "below 2**63",
                "Or list architectures: from_frame.",
            )
        self.size = self.n_combinations
        functions = [self._valid, *self._more_features.values()]
        self._identities = [identity_of(function) for function in functions if function is not None]

    def find(self, ranks: Integers) -> Array:
        """Return the architectures of combinations, by ``codes @ place_values``; -1 for invalid ones."""
        if self._valid is None and not self.conditions:
            return ranks
        codes = self.conditions.reduced(self._codes_of_ranks(np.atleast_1d(ranks)))
        architectures = np.where(self._are_valid(codes), codes @ self.place_values, -1)
        return architectures.reshape(np.shape(ranks))

    def _codes_at(self, indices: int | Array) -> NDArray[Any]:
        return self._codes_of_ranks(np.asarray(indices))

    def sample(self, n: int, rng: np.random.Generator, replace: bool = False) -> Array:
        """Draw each position's choice uniformly, until `n` combinations are valid."""
        per_round = max(n, _DRAWN)
        drawn = np.empty(0, np.int64)
        for _ in range(_ROUNDS):
            codes = rng.integers(np.array(self.n_choices), size=(per_round, self.n_positions))
            architectures = self.find(codes @ self.place_values)
            drawn = np.concatenate([drawn, architectures[architectures >= 0]])
            if not replace:
                _, first = np.unique(drawn, return_index=True)
                drawn = drawn[np.sort(first)]
            if len(drawn) >= n:
                return drawn[:n]
        expected = f"{n} in {per_round * _ROUNDS:,} random ones"
        raise SettingError(f"valid combinations of {self.name}", len(drawn), expected)

    def _neighbours_at(self, indices: int | Array) -> Architectures:
        codes = self._codes_of_ranks(np.atleast_1d(indices))
        # without `valid`, edits are combinations of active choices, which are architectures
        find = np.asarray if self._valid is None else self.find
        edits = edits_of_all(codes, self.positions, self.conditions, self.place_values, find)
        if isinstance(indices, int):
            row: Architectures = edits[0]
            return row[row >= 0]
        return edits

    def _counts_at(self, indices: Array, names: Sequence[str]) -> list[Integers]:
        codes = self._codes_of_ranks(indices)
        return [self._builders[name](codes)[0] for name in names]

    def described(self, *, features: bool = True) -> dict[str, Any]:
        """Return the definition of the space as JSON types, with digests of its functions."""
        described = super().described()
        described["large"] = self._identities
        if features:
            described["kernel_features"] = list(self.kernel_features)
        return described

    def __reduce__(self) -> tuple[Any, ...]:
        build = partial(LargeSpace, valid=self._valid, **self._settings)
        # functions that were pickled have another identity
        return build, (self.name, self.positions), {"_identities": self._identities}


KINDS[True] = LargeSpace
