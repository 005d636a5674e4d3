"""Regularized evolution."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from nasmeta.searchers._base import SEARCHERS, Searcher, checked_whole
from nasmeta.spaces import CellSpace

__all__ = ["RegularizedEvolution"]

_BLOCK = 256


@SEARCHERS.register("evolution")
class RegularizedEvolution(Searcher):
    """Tournament selection, one-edit mutation, and death by age.

    Real, Aggarwal, Huang and Le, "Regularized evolution for image classifier architecture search", AAAI 2019. The
    tournament draws with replacement, as their code and that of NAS-Bench-201 do.

    Parameters
    ----------
    space : CellSpace
    rng : numpy.random.Generator
    population : int, default 30
    sample_size : int, default 10
        Members of a tournament. NATS-Bench's setting is population 10, sample size 3.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("evolution", "nb201/cifar10", evaluations=100, seed=0, settings={"population": 10})
    >>> len(run)
    100
    """

    def __init__(
        self, space: CellSpace, rng: np.random.Generator, *, population: int = 30, sample_size: int = 10
    ) -> None:
        super().__init__(space, rng)
        self.population = checked_whole("population", population, 1, 1_000_000)
        self.sample_size = checked_whole("sample_size", sample_size, 1, 1_000_000)
        self._members: deque[tuple[float, int]] = deque(maxlen=population)
        self._neighbours = space.neighbour_table
        self._tournaments: list[list[int]] = []
        self._edits: list[int] = []

    def _child(self) -> int:
        # Random numbers are drawn in blocks: a generator call a child would cost more than all the rest.
        if not self._tournaments:
            size = len(self._members)
            self._tournaments = self.rng.integers(size, size=(_BLOCK, self.sample_size)).tolist()
            self._edits = self.rng.integers(self.space.n_neighbours, size=_BLOCK).tolist()
        members = self._members
        parent = max([members[i] for i in self._tournaments.pop()])
        return int(self._neighbours[parent[1], self._edits.pop()])

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose random cells until there is a population, then children."""
        proposals = np.empty(n, dtype=np.int32)
        for i in range(n):
            if len(self._members) < self.population:
                proposals[i] = self.rng.integers(self.space.size)
            else:
                proposals[i] = self._child()
        return proposals

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Add the cells to the population; the oldest members leave it."""
        self._members.extend(zip(values.tolist(), cells.tolist(), strict=True))
