"""Asynchronous successive halving."""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np
from numpy.typing import NDArray

from nasmeta.searchers._base import SEARCHERS
from nasmeta.searchers._halving import Halving
from nasmeta.spaces import SearchSpace


class _Rung:
    """Values of one length of training, and which cells went up."""

    def __init__(self) -> None:
        self.values: dict[int, float] = {}
        self.best: list[tuple[float, int, int]] = []  # descending: (-value, order, cell)
        self.staying: list[tuple[float, int, int]] = []  # of these, the ones that have not gone up

    def add(self, cell: int, value: float) -> None:
        if cell not in self.values:
            self.values[cell] = value
            insort(self.best, (-value, len(self.values), cell))
            insort(self.staying, (-value, len(self.values), cell))

    def promoted(self, eta: int) -> int | None:
        """Let the best cell that has not gone up do so, where it is among the top share, and return it."""
        if self.staying and bisect_left(self.best, self.staying[0]) < len(self.best) // eta:
            return self.staying.pop(0)[2]
        return None


@SEARCHERS.register("asha")
class ASHA(Halving):
    """Asynchronous successive halving: promote a cell once it is among the best share of its rung so far.

    Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar, "A system for massively parallel
    hyperparameter tuning", MLSys 2020, algorithm 2. New cells are drawn without replacement, until all are drawn.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator
    eta : int, default 3
        One of `eta` cells goes up.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.searchers import ASHA
    >>> from nasmeta.spaces import get_space
    >>> searcher = ASHA(get_space("nb201"), np.random.default_rng(0))
    >>> searcher.begin([12, 200])
    >>> cells, epochs = searcher.ask_at(3)
    >>> searcher.tell_at(cells, epochs, np.array([88.0, 90.0, 89.0]))
    >>> best, longer = searcher.ask_at(2)
    >>> bool(best[0] == cells[1]), longer.tolist()
    (True, [200, 12])
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator, *, eta: int = 3) -> None:
        super().__init__(space, rng, eta=eta)
        self._rungs: dict[int, _Rung] = {}
        self._order: list[int] = space.sample(space.size, rng)[::-1].tolist()  # drawn from the end

    def restrict(self, cells: NDArray[np.int32]) -> bool:
        """Draw new cells from these only."""
        inside = set(cells.tolist())
        self._order = [cell for cell in self._order if cell in inside]
        return super().restrict(cells)

    def begin_with(self, cells: NDArray[np.int32]) -> bool:
        """Draw these cells first."""
        first = cells.tolist()
        self._order = [cell for cell in self._order if cell not in set(first)] + first[::-1]
        return True

    def _next(self) -> tuple[int, int]:
        """Return a promotion, the highest first, else a new cell for the shortest training."""
        for i in range(len(self.fidelities) - 2, -1, -1):
            rung = self._rungs.get(self.fidelities[i])
            cell = None if rung is None else rung.promoted(self.eta)
            if cell is not None:
                return cell, self.fidelities[i + 1]
        return self._order.pop() if self._order else self._sample_cell(), self.fidelities[0]

    def tell_at(self, cells: NDArray[np.int32], epochs: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Put values on their rungs."""
        for cell, length, value in zip(cells.tolist(), epochs.tolist(), values.tolist(), strict=True):
            self._rungs.setdefault(length, _Rung()).add(cell, value)
