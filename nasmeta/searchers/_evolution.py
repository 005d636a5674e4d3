"""Regularized evolution."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures, Floats
from nasmeta.checks import check_int
from nasmeta.searchers._searcher import Searcher
from nasmeta.spaces import SearchSpace

_BLOCK = 256
_TRIES = 128  # consecutive known children


class RegularizedEvolution(Searcher):
    """Regularised evolution: tournament selection, one mutation per child, the oldest member is removed.

    Real, Aggarwal, Huang and Le, "Regularized evolution for image classifier architecture search",
    AAAI 2019. The tournament draws with replacement, as their code and that of NAS-Bench-201 do.

    Parameters
    ----------
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
        self, space: SearchSpace, rng: Generator, *, population: int = 30, sample_size: int = 10
    ) -> None:
        super().__init__(space, rng)
        self.population = check_int("population", population)
        self.sample_size = check_int("sample_size", sample_size)
        self._members: deque[tuple[float, int]] = deque(maxlen=self.population)
        self._neighbours = space.neighbour_table if space.is_regular else None
        self._seen: set[int] = set()  # in irregular spaces
        self._n_known = 0
        self._tournaments: list[list[int]] = []
        self._edits: list[float] = []

    def _child(self) -> int:
        # One generator call per child would take most of the time, so random numbers are drawn in
        # blocks.
        if not self._tournaments:
            n_members = len(self._members)
            tournaments = self.rng.integers(n_members, size=(_BLOCK, self.sample_size))
            self._tournaments = tournaments.tolist()
            if self._neighbours is None:
                self._edits = self.rng.random(_BLOCK).tolist()
            else:
                n_neighbours = self._neighbours.shape[1]
                self._edits = self.rng.integers(n_neighbours, size=_BLOCK).tolist()
        members = self._members
        _, parent = max([members[i] for i in self._tournaments.pop()])
        edit = self._edits.pop()
        if self._neighbours is not None:
            return int(self._neighbours[parent, edit])  # type: ignore[index]
        neighbours = self.space.neighbours(parent)
        child = int(neighbours[int(edit * len(neighbours))]) if len(neighbours) else parent
        return self._unseen_or_random(child)

    def _unseen_or_random(self, child: int) -> int:
        """Return the child, or a random architecture after 128 consecutive known children.

        The neighbour graph of a listed space may be disconnected.
        """
        self._n_known = self._n_known + 1 if child in self._seen else 0
        if self._n_known >= _TRIES:
            child, self._n_known = self._random(), 0
        self._seen.add(child)
        return child

    def ask(self, n: int = 1) -> Architectures:
        """Propose random architectures until the population is complete, then children."""
        proposals = np.empty(n, dtype=self.space.index_type)
        for i in range(n):
            if len(self._members) < self.population:
                proposals[i] = self._random()
            else:
                proposals[i] = self._child()
        return proposals

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Add the architectures to the population, which drops its oldest members."""
        self._members.extend(zip(values.tolist(), architectures.tolist(), strict=True))
