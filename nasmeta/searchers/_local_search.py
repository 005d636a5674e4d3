"""Local search over one-edit neighbours."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures, Floats
from nasmeta.searchers._searcher import Searcher
from nasmeta.spaces import SearchSpace


class LocalSearch(Searcher):
    """Move to the first better neighbour until no neighbour is better, then restart at random.

    Neighbours (one position with another choice) are tried in random order. White, Nolen and Savani
    ("Exploring the loss landscape in neural architecture search", UAI 2021) show how strong this is
    on tabular benchmarks; first improvement is the variant of den Ottelander et al. ("Local search
    is a remarkably strong baseline for neural architecture search", EMO 2021).

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("local-search", "nb201/cifar10", evaluations=200, seed=0)
    >>> len(run)
    200
    """

    waits_for_values = True
    evaluates_all = False  # the neighbours, before it moves to the best

    def __init__(self, space: SearchSpace, rng: Generator) -> None:
        super().__init__(space, rng)
        self._restart()

    def _restart(self) -> None:
        """Propose a random architecture."""
        self._begin(None, -np.inf, [self._random()])

    def _move(self, architecture: int, value: float) -> None:
        """Move to an architecture and queue its neighbours."""
        self._begin(
            architecture, value, self.rng.permutation(self.space.neighbours(architecture)).tolist()
        )
        if not self._queue:  # alone in its space
            self._restart()

    def _begin(self, centre: int | None, value: float, queue: list[int]) -> None:
        self._centre, self._centre_value = centre, value
        self._queue, self._waiting = queue, set(queue)
        self._best_neighbour, self._best_neighbour_value = -1, -np.inf

    def ask(self, n: int = 1) -> Architectures:
        """Propose the next neighbours; random architectures complete a batch."""
        proposals = self._queue[:n]
        del self._queue[:n]
        while len(proposals) < n:
            proposals.append(self._random())
        return np.array(proposals, dtype=self.space.index_type)

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Move to a better neighbour; restart if no neighbour is better."""
        for architecture, value in zip(architectures.tolist(), values.tolist(), strict=True):
            if architecture not in self._waiting:
                continue  # completed a batch, or a neighbour of an earlier centre
            self._waiting.discard(architecture)
            if self._centre is None or (not self.evaluates_all and value > self._centre_value):
                self._move(architecture, value)
            else:
                if value > self._best_neighbour_value:
                    self._best_neighbour, self._best_neighbour_value = architecture, value
                if not self._waiting:
                    if self._best_neighbour_value > self._centre_value:
                        self._move(self._best_neighbour, self._best_neighbour_value)
                    else:
                        self._restart()


class FullLocalSearch(LocalSearch):
    """Local search that evaluates all neighbours before it moves to the best; see `LocalSearch`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("local-search-full", "nb201/cifar10", evaluations=30))
    30
    """

    evaluates_all = True
