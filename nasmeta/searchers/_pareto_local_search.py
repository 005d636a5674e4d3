"""Pareto local search."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.searchers._base import SEARCHERS, WithoutReplacement
from nasmeta.spaces import SearchSpace


@SEARCHERS.register("pareto-local-search")
class ParetoLocalSearch(WithoutReplacement):
    """Evaluate the neighbours of what nothing dominates yet; a random architecture where all were.

    Paquete, Chiarandini and Stützle, "Pareto local optimum sets in the biobjective traveling salesman problem", 2004.
    An archive keeps the non-dominated architectures. One of them whose neighbours (one position with another choice)
    are not all known is drawn at random, and an unknown neighbour of it is proposed.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("pareto-local-search", "nb201/cifar10+train_seconds", evaluations=40, seed=0))
    40
    """

    objectives = "several"

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        self._archive: dict[int, NDArray[np.float64]] = {}

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose unknown neighbours of the archive."""
        self._require_open(n)
        proposals = np.empty(n, np.int32)
        for i in range(n):
            proposals[i] = self._next()
            self._open[proposals[i]] = False
        return proposals

    def _next(self) -> int:
        for cell in self.rng.permutation(np.array(list(self._archive), np.int32)).tolist():
            near = self.space.neighbours(cell)
            if len(near := near[self._open[near]]):
                return int(self.rng.choice(near))
        return int(self.rng.choice(np.flatnonzero(self._open)))

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Keep in the archive what nothing dominates."""
        self._open[cells] = False
        for cell, value in zip(cells.tolist(), np.array(values), strict=True):
            if any((kept >= value).all() for kept in self._archive.values()):
                continue
            self._archive = {old: kept for old, kept in self._archive.items() if not (value >= kept).all()}
            self._archive[cell] = value
