"""pymoo's NSGA-II as a searcher."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from nasmeta.errors import needing
from nasmeta.searchers.peers._peer_search import PeerSearch, Suggestion
from nasmeta.spaces import SearchSpace


class PymooNSGA2(PeerSearch):
    """NSGA-II of pymoo with one variable per position (Blank and Deb, IEEE Access 2020).

    The genetic algorithm of pymoo for mixed variables with rank and crowding survival, and default settings. A range
    is a real variable from 0 to 1 on its scale, any other position is categorical. While a generation waits
    for values, random architectures are proposed. Needs the extra ``objectives``.

    Parameters
    ----------
    population : int, default 20
        The default of pymoo for mixed variables, 50, is a third of a usual budget here.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("pymoo-nsga2", "nb201/cifar10+train_seconds", evaluations=30, seed=0))
    30
    """

    objectives = "several"
    tries = 640  # 32 generations by default
    seeds = 2**31

    def __init__(self, space: SearchSpace, rng: Generator, *, population: int = 20) -> None:
        super().__init__(space, rng)
        self.population = population
        with needing("pymoo-nsga2", "objectives"):
            from pymoo.algorithms.moo.nsga2 import RankAndCrowdingSurvival
            from pymoo.core.mixed import MixedVariableGA
            from pymoo.core.problem import Problem
            from pymoo.core.variable import Choice, Real
        variables = {
            str(i): Real(bounds=(0.0, 1.0)) if p.scale else Choice(options=list(range(len(p.choices))))
            for i, p in enumerate(space.positions)
        }
        self._problem = Problem(vars=variables, n_obj=2)
        self._algorithm = MixedVariableGA(pop_size=self.population, survival=RankAndCrowdingSurvival())
        self._algorithm.setup(self._problem, termination=("n_gen", 2**62), seed=self._peer_seed, verbose=False)
        self._generation: Any = ()
        self._queue: list[Any] = []
        self._n_due = 0  # individuals of the generation without a value

    def _suggest(self) -> Suggestion | None:
        if not self._n_due:
            self._generation = self._algorithm.ask()
            self._queue, self._n_due = list(self._generation), len(self._generation)
        if not self._queue:
            return None
        individual = self._queue.pop(0)
        chosen = [individual.X[str(i)] for i in range(self.space.n_positions)]
        pairs = zip(self.space.positions, chosen, strict=True)
        return individual, [int(np.abs(p.places - x).argmin() if p.scale else x) for p, x in pairs]

    def _tell_peer(self, proposal: Any, architecture: int, value: Any) -> None:
        if proposal is None:
            return
        proposal.F, self._n_due = -np.array(value), self._n_due - 1
        if not self._n_due:
            self._problem.n_obj = len(value)
            self._algorithm.tell(infills=self._generation)
