"""The interface of searchers that choose how long a cell is trained."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import SettingError
from nasmeta.searchers._base import Searcher
from nasmeta.spaces import SearchSpace


class MultiFidelitySearcher(Searcher):
    """Propose cells together with the epochs that each is trained for.

    A run gives it the possible lengths of a training with `begin`, then calls `ask_at` and `tell_at`. Without `begin`
    there is one length, `ask` and `tell` are those of any searcher, and what is learnt from short trainings is missing.

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
        """Say how long trainings can be, before the first proposal.

        Parameters
        ----------
        fidelities : sequence of int
            Epochs, ascending.

        Raises
        ------
        SettingError
        """
        lengths = tuple(check_int("the length of a training", epochs, least=0) for epochs in fidelities)
        if not lengths or any(a >= b for a, b in pairwise(lengths)):
            raise SettingError(f"The lengths of trainings must ascend, not {list(lengths)}.")
        self.fidelities = lengths

    def begin_with(self, cells: NDArray[np.int32]) -> bool:
        """Take these cells as the first new ones, where the searcher can; return whether it does.

        Called before the first proposal, after `restrict`. Like any new cell they begin with a short training.
        """
        return False

    @abstractmethod
    def ask_at(self, n: int = 1) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Propose cells and epochs, each int32, shape (n,).

        Raises
        ------
        SpaceExhaustedError
            Where nothing is left to propose.
        """

    @abstractmethod
    def tell_at(self, cells: NDArray[np.int32], epochs: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Learn values of cells after so many epochs, all of shape (n,); higher is better."""

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose cells, all for the only length that is known."""
        return self.ask_at(n)[0]

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Learn values of full trainings."""
        self.tell_at(cells, np.full(len(cells), self.fidelities[-1], np.int32), values)
