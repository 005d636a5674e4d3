"""NSGA-II over an enumerated space, and that of pymoo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int, check_number
from nasmeta.errors import needing
from nasmeta.searchers._base import SEARCHERS, WithoutReplacement
from nasmeta.spaces import SearchSpace

_TRIES = 128  # children in a row that are known already
_GENERATIONS = 32  # in a row of which nothing has to be evaluated


@SEARCHERS.register("nsga2")
class NSGA2(WithoutReplacement):
    """Evolve a population by non-dominated sorting and crowding distance.

    Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE
    Transactions on Evolutionary Computation 2002. Parents win binary tournaments; a child takes the choice of each
    position from either parent, and with some probability one random edit; where that is no architecture of the space,
    it is a neighbour of its first parent. No architecture is proposed twice: after 128 children that are known, a
    random one is.

    Parameters
    ----------
    population : int, default 20
    mutation : float, default 0.5
        The probability that a child of two parents is also edited in one position.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("nsga2", "nb201/cifar10+train_seconds", evaluations=60, seed=0)
    >>> len(run), len(run.front) > 5
    (60, True)
    """

    objectives = "several"

    def __init__(
        self, space: SearchSpace, rng: np.random.Generator, *, population: int = 20, mutation: float = 0.5
    ) -> None:
        super().__init__(space, rng)
        self.population = check_int("population", population, 2, 1_000_000)
        self.mutation = check_number("mutation", mutation, 0, 1)
        self._members: list[int] = []
        self._values = np.empty((0, 2))
        self._children: dict[int, NDArray[np.float64]] = {}
        self._fitness = np.empty((0, 2))

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose random architectures until there is a population, then children."""
        self._require_open(n)
        if not self._members:
            return self._sample_open(n)
        proposals = np.empty(n, np.int32)
        for i in range(n):
            proposals[i] = self._child()
            self._open[proposals[i]] = False
        return proposals

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Gather a generation; then the best of it and of the population survive."""
        self._open[cells] = False
        known = set(self._members)
        self._children |= {
            cell: value for cell, value in zip(cells.tolist(), np.array(values), strict=True) if cell not in known
        }
        if len(self._children) < self.population:
            return
        values = np.array(list(self._children.values()))
        everyone = np.concatenate([self._values, values]) if self._members else values
        cells_of_all = [*self._members, *self._children]
        fitness = _fitness(everyone)
        best = np.lexsort((-fitness[:, 1], fitness[:, 0]))[: self.population]
        self._members, self._values, self._fitness = [cells_of_all[i] for i in best], everyone[best], fitness[best]
        self._children = {}

    def _parent(self) -> int:
        first, second = self.rng.integers(len(self._members), size=2).tolist()
        (rank, crowding), (other_rank, other_crowding) = self._fitness[first], self._fitness[second]
        wins = rank < other_rank or (rank == other_rank and crowding >= other_crowding)
        return int(self._members[first if wins else second])

    def _child(self) -> int:
        for _ in range(_TRIES):
            parent, other = self._parent(), self._parent()
            codes = np.where(self.rng.random(self.space.n_positions) < 0.5, *self.space.codes[[parent, other]])
            child = int(self.space.find(codes.astype(np.int64)[None] @ self.space.place_values)[0])
            if child < 0 or self.rng.random() < self.mutation:
                near = self.space.neighbours(parent if child < 0 else child)
                child = int(self.rng.choice(near)) if len(near) else parent
            if self._open[child]:
                return child
        return int(self.rng.choice(np.flatnonzero(self._open)))


def _fitness(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of the front of each point, 0 for the best, and its crowding distance; shape (n, 2)."""
    import moocore

    ranks = moocore.pareto_rank(values, maximise=True)
    crowding = np.zeros(len(values))
    for rank in np.unique(ranks):
        members = np.flatnonzero(ranks == rank)
        for column in values[members].T:
            order = np.argsort(column, kind="stable")
            span = column[order[-1]] - column[order[0]]
            gaps = np.full(len(members), np.inf)
            if len(members) > 2 and span > 0:
                gaps[1:-1] = (column[order[2:]] - column[order[:-2]]) / span
            elif len(members) > 2:
                gaps[1:-1] = 0.0
            crowding[members[order]] += gaps
    return np.column_stack([ranks, crowding])


@SEARCHERS.register("pymoo-nsga2")
class PymooNSGA2(WithoutReplacement):
    """NSGA-II of pymoo on one categorical variable a position (Blank and Deb, IEEE Access 2020).

    pymoo's genetic algorithm for mixed variables with its rank and crowding survival, all else by its defaults. What
    it proposes again is answered from memory, so that each evaluation is a new architecture; what is no architecture,
    or may not be proposed, gets the worst values of its generation. While a generation waits for values, and after 32
    generations without anything new, random architectures are proposed. Needs the extra ``objectives``.

    Parameters
    ----------
    population : int, default 20
        pymoo's own default, 50 for mixed variables, is a third of a usual budget here.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("pymoo-nsga2", "nb201/cifar10+train_seconds", evaluations=30, seed=0))
    30
    """

    objectives = "several"

    def __init__(self, space: SearchSpace, rng: np.random.Generator, *, population: int = 20) -> None:
        super().__init__(space, rng)
        self.population = check_int("population", population, 2, 1_000_000)
        with needing("pymoo-nsga2", "objectives"):
            from pymoo.algorithms.moo.nsga2 import RankAndCrowdingSurvival
            from pymoo.core.mixed import MixedVariableGA
            from pymoo.core.problem import Problem
            from pymoo.core.variable import Choice
        variables = {str(i): Choice(options=list(range(n))) for i, n in enumerate(space.n_choices)}
        self._problem = Problem(vars=variables, n_obj=2)
        self._algorithm = MixedVariableGA(pop_size=self.population, survival=RankAndCrowdingSurvival())
        self._algorithm.setup(self._problem, termination=("n_gen", 2**62), seed=int(rng.integers(2**31)), verbose=False)
        self._values: dict[int, NDArray[np.float64]] = {}
        self._legal = self._open.copy()
        self._generation: Any = None
        self._cells: list[int] = []
        self._queue: list[int] = []

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose what pymoo asks for and is not known."""
        self._require_open(n)
        for _ in range(_GENERATIONS):
            self._go_on()
            if self._queue or self._generation is not None:
                break
        proposals, self._queue = [cell for cell in self._queue if self._open[cell]], []
        proposals, self._queue = proposals[:n], proposals[n:]
        self._open[proposals] = False
        fill = self._sample_open(n - len(proposals)) if len(proposals) < n else np.empty(0, np.int32)
        return np.array([*proposals, *fill.tolist()], np.int32)

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Remember the values; a generation of which all is known goes back to pymoo."""
        self._open[cells] = False
        self._values |= dict(zip(cells.tolist(), np.array(values), strict=True))

    def _go_on(self) -> None:
        """Give a generation back where all of it is known, and take the next one."""
        if self._generation is None:
            self._generation = self._algorithm.ask()
            chosen = [[individual.X[str(i)] for i in range(self.space.n_positions)] for individual in self._generation]
            self._cells = self.space.find(np.array(chosen, np.int64) @ self.space.place_values).tolist()
            unknown = [cell for cell in self._cells if cell >= 0 and self._open[cell]]
            self._queue = list(dict.fromkeys(unknown))
        waiting = any(cell >= 0 and self._legal[cell] and cell not in self._values for cell in self._cells)
        if waiting or self._queue or not self._values:  # of nothing that is known no value is the worst
            return
        known = [self._values.get(cell) for cell in self._cells]
        there = np.array([value for value in known if value is not None] or list(self._values.values()))
        self._problem.n_obj = there.shape[1]
        worst = there.min(axis=0)
        self._generation.set("F", -np.array([worst if value is None else value for value in known]))
        self._algorithm.tell(infills=self._generation)
        self._generation = None

    def restrict(self, cells: NDArray[np.int32]) -> bool:
        """Treat the other architectures as impossible."""
        super().restrict(cells)
        self._legal = self._open.copy()
        return True
