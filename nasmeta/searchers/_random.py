"""Uniform random search."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures, Floats
from nasmeta.errors import SpaceExhaustedError
from nasmeta.searchers._searcher import WithoutReplacement
from nasmeta.spaces import SearchSpace


class RandomSearch(WithoutReplacement):
    """Random search without repeats, a strong baseline in NAS (Li and Talwalkar, UAI 2020).

    Parameters
    ----------
    replacement : bool, default False
        Draw each architecture from the whole space, so repeats occur, as in the code of
        NAS-Bench-201.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.searchers import RandomSearch
    >>> from nasmeta.spaces import get_space
    >>> RandomSearch(get_space("nb201"), np.random.default_rng(0)).ask(3).dtype
    dtype('int32')
    """

    objectives = "any"
    needs_list = False

    def __init__(self, space: SearchSpace, rng: Generator, *, replacement: bool = False) -> None:
        super().__init__(space, rng)
        self.replacement = replacement
        self._asked = 0
        if not (replacement or space.is_large):
            self._order = space.sample(space.size, rng)

    def restrict(self, architectures: Architectures) -> bool:
        """Remove the other architectures from the order; not supported with replacement."""
        if self.replacement or self.space.is_large:
            return False
        self._order = self._order[np.isin(self._order, architectures)]
        return True

    def ask(self, n: int = 1) -> Architectures:
        """Propose the next architectures of a random order, or any with replacement."""
        if self.replacement:
            return np.array([self._random() for _ in range(n)], self.space.index_type)
        if self.space.is_large:
            return self._each_from(self._random_open, n)
        if self._asked + n > len(self._order):
            raise SpaceExhaustedError(
                f"All {len(self._order):,} architectures of {self.space.name} have been proposed."
            )
        self._asked += n
        return self._order[self._asked - n : self._asked]

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Ignore the values."""
