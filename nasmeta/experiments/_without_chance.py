"""Runs in which nothing was random: the other seeds' runs are the same, and need not be computed again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SpaceExhaustedError
from nasmeta.runs import History
from nasmeta.searchers import Searcher
from nasmeta.spaces import SearchSpace

__all__ = ["Repeated", "is_without_chance"]


def is_without_chance(searcher: Searcher, fresh: np.random.Generator, history: History) -> bool:
    """Tell whether a run would be the same with any seed: its generator was never asked for anything.

    Parameters
    ----------
    searcher : Searcher
        After the run.
    fresh : numpy.random.Generator
        As the searcher got it at birth.
    history : History
        A run that ended because nothing new was proposed does not hold all that was proposed, and is not taken.
    """
    before, after = fresh.bit_generator, searcher.rng.bit_generator
    # The seed sequence of a generator that was made from none has no count of children.
    spawned = getattr(after.seed_seq, "n_children_spawned", 1)
    return history.stopped in ("budget", "optimum") and spawned == 0 and before.state == after.state


class Repeated(Searcher):
    """Propose the cells of a run again, one after the other.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator
    history : History
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator, history: History) -> None:
        super().__init__(space, rng)
        self._left = history.cells

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the next cells."""
        if len(self._left) < n:
            raise SpaceExhaustedError("The run that is repeated has ended.")
        asked, self._left = self._left[:n], self._left[n:]
        return asked

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Do nothing."""
