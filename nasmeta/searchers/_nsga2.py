"""NSGA-II."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures, Floats
from nasmeta.checks import check_int
from nasmeta.searchers._searcher import WithoutReplacement
from nasmeta.spaces import SearchSpace

_TRIES = 128  # consecutive known children
_MUTATION = 0.5  # probability that a child of two parents is also edited in one position


class NSGA2(WithoutReplacement):
    """Evolve a population by non-dominated sorting and crowding distance.

    Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist multiobjective genetic algorithm:
    NSGA-II", IEEE Transactions on Evolutionary Computation 2002. Parents win binary tournaments; a
    child takes the choice of each position from either parent, and half of the children have one
    random edit. If the combination is not an architecture, the child is a neighbour of its first
    parent. No architecture is proposed twice; after 128 known children, a random one is proposed.

    Parameters
    ----------
    population : int, default 20

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("nsga2", "nb201/cifar10+train_seconds", evaluations=60, seed=0)
    >>> len(run), len(run.front) > 5
    (60, True)
    """

    objectives = "several"
    needs_list = False

    def __init__(self, space: SearchSpace, rng: Generator, *, population: int = 20) -> None:
        super().__init__(space, rng)
        self.population = check_int("population", population, 2)
        self._members: list[int] = []
        self._values: dict[int, Floats] = {}  # of the members
        self._children: dict[int, Floats] = {}
        self._fitness = np.empty((0, 2))

    def ask(self, n: int = 1) -> Architectures:
        """Propose random architectures until there is a population, then children."""
        self._require_open(n)
        if not self._members:
            return self._sample_open(n)
        return self._each_from(self._child, n)

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Complete a generation; then the best of it and of the population survive."""
        self._open[architectures] = False
        for architecture, value in zip(architectures.tolist(), np.array(values), strict=True):
            if architecture not in self._values:
                self._children[architecture] = value
        if len(self._children) < self.population:
            return
        everyone = self._values | self._children
        fitness = _fitness(np.array(list(everyone.values())))
        ranks, crowding = fitness.T
        best = np.lexsort((-crowding, ranks))[
            : self.population
        ]  # within a front, the least crowded
        self._members = np.array(list(everyone))[best].tolist()
        self._fitness = fitness[best]
        self._values = {member: everyone[member] for member in self._members}
        self._children = {}

    def _parent(self) -> int:
        """Return the winner of a tournament of two random members."""
        first, second = self.rng.integers(len(self._members), size=2).tolist()
        rank, crowding = self._fitness[first]
        other_rank, other_crowding = self._fitness[second]
        first_wins = rank < other_rank or (rank == other_rank and crowding >= other_crowding)
        winner = first if first_wins else second
        return int(self._members[winner])

    def _child(self) -> int:
        """Return an open child of two parents by uniform crossover and mutation."""
        for _ in range(_TRIES):
            parent, other = self._parent(), self._parent()
            is_parents = self.rng.random(self.space.n_positions) < 0.5
            codes = np.where(is_parents, *self.space.codes_of([parent, other]))
            reduced = self.space.conditions.reduced(
                codes.astype(np.int64)[None]
            )  # (1, n_positions)
            child = int(self.space.find(reduced @ self.space.place_values)[0])
            if child < 0 or self.rng.random() < _MUTATION:
                mutated = parent if child < 0 else child
                neighbours = self.space.neighbours(mutated)
                child = int(self.rng.choice(neighbours)) if len(neighbours) else parent
            if self._open[child]:
                return child
        return self._random_open()


def _fitness(values: Floats) -> Floats:
    """Return the rank of the front of each point, 0 for the best, and its crowding distance; shape (n, 2)."""
    import moocore

    ranks = moocore.pareto_rank(values, maximise=True)
    crowding = np.zeros(len(values))
    for rank in np.unique(ranks):
        members = np.flatnonzero(ranks == rank)
        for column in values[members].T:
            # Of each point, the distance between its neighbours; the ends of the front always stay.
            order = np.argsort(column, kind="stable")
            ascending = column[order]
            span = ascending[-1] - ascending[0]
            gaps = np.full(len(members), np.inf)
            if len(members) > 2:
                gaps[1:-1] = (ascending[2:] - ascending[:-2]) / span if span > 0 else 0.0
            crowding[members[order]] += gaps
    return np.column_stack([ranks, crowding])
