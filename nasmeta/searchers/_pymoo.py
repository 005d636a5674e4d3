"""NSGA-II of pymoo as a searcher."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import needing
from nasmeta.searchers._base import SEARCHERS, WithoutReplacement
from nasmeta.spaces import SearchSpace

_GENERATIONS = 32  # in a row of which nothing has to be evaluated


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
