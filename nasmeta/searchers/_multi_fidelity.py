"""The interface of searchers that choose the length of trainings."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError
from nasmeta.searchers._base import Searcher
from nasmeta.spaces import SearchSpace


class MultiFidelitySearcher(Searcher):
    """Base of searchers that propose architectures together with the epochs of their training.

    A run calls `begin` with the possible lengths, then `ask_at` and `tell_at`. Without `begin`, there is one length,
    and the searcher has `ask` and `tell` like any other.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator

    Attributes
    ----------
    fidelities : tuple of int
        Epochs, ascending; the last is the full length.

    Examples
    --------
    >>> from nasmeta.searchers import MultiFidelitySearcher
    >>> from nasmeta.spaces import get_space
    >>> class Shortest(MultiFidelitySearcher):
    ...     def ask_at(self, n=1):
    ...         return self.rng.integers(self.space.size, size=n), np.full(n, self.fidelities[0])
    ...
    ...     def tell_at(self, cells, epochs, values):
    ...         pass
    >>> searcher = Shortest(get_space("nb201"), np.random.default_rng(0))
    >>> searcher.begin((12, 200))
    >>> searcher.ask_at(3)[1].tolist()
    [12, 12, 12]
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        self.fidelities: tuple[int, ...] = (1,)

    def begin(self, fidelities: Sequence[int]) -> None:
        """Set the possible lengths of trainings, in epochs, before the first proposal."""
        if not fidelities or any(a >= b for a, b in pairwise(fidelities)):
            raise SettingError("fidelities", list(fidelities), "ascending epochs")
        self.fidelities = tuple(map(int, fidelities))

    def begin_with(self, cells: NDArray[np.int32]) -> bool:
        """Start with these architectures, if the searcher can; return whether it does.

        Called before the first proposal, after `restrict`. They start with a short training, like any other.
        """
        return False

    @abstractmethod
    def ask_at(self, n: int = 1) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Propose architectures and epochs, each int32, shape (n,).

        Raises
        ------
        SpaceExhaustedError
            If no architecture is left to propose.
        """

    @abstractmethod
    def tell_at(self, cells: NDArray[np.int32], epochs: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Observe values after the given epochs, all of shape (n,); higher is better."""

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose architectures for the only length."""
        return self.ask_at(n)[0]

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Observe values of full trainings."""
        self.tell_at(cells, np.full(len(cells), self.fidelities[-1], np.int32), values)
