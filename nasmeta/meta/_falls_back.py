"""What meta-searchers with a learned policy share: a process without sources that takes over where they err."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_bool
from nasmeta.errors import SpaceExhaustedError
from nasmeta.meta._arrays import Cells, Floats
from nasmeta.searchers import GPSearch, MetaSearcher
from nasmeta.spaces import SearchSpace

_ARMS = ("sources", "gp")
_BEGINNING = 5  # evaluations that the sources and chance share: among favourites alone a contradiction cannot be seen
_RATE = 0.3
_TRIES = 128  # proposals of the policy in a row that may not be evaluated
_LEAST = 0.05  # share of each arm, so that the other is heard again where it would have become the better one


def arm_shares(values: Floats, arms: NDArray[np.int64], drawn: Floats) -> Floats:
    """Return the probability of each arm, by the ranks of what it found: Exp3 (Auer et al., SIAM J. Comput. 2002).

    The reward of a proposal is the share of the values before it that it exceeds, divided by the probability with which
    its arm was drawn. `arms` has -1 where none was drawn.
    """
    log_weights, before = [0.0] * len(_ARMS), list[float]()
    for i, (value, arm, share) in enumerate(zip(values.tolist(), arms.tolist(), drawn.tolist(), strict=True)):
        if arm >= 0:
            lower, upto = bisect_left(before, value), bisect_right(before, value)
            exceeded = lower / i + 0.5 * ((upto - lower) / i) if i else 0.5
            log_weights[arm] += _RATE * (exceeded - 0.5) / share
        insort(before, value)
    weights = np.exp(np.array(log_weights) - max(log_weights))
    return np.asarray((1 - len(_ARMS) * _LEAST) * weights / weights.sum() + _LEAST)


class _Partner(GPSearch):
    """Bayesian optimisation that leaves cells to others."""

    @property
    def n_left(self) -> int:
        """Cells that nobody has proposed."""
        return self._n_open - self._n_asked

    def is_open(self, cell: int) -> bool:
        """Say whether nobody has proposed it."""
        return not self._asked[cell]

    def take(self, cell: int) -> None:
        """Leave a cell to the other."""
        self._mark(cell)

    def draw(self) -> int:
        """Return any open cell."""
        cell = int(self.rng.choice(np.flatnonzero(~self._asked)))
        self._mark(cell)
        return cell


class FallsBackSearch(MetaSearcher):
    """Base of meta-searchers whose own proposals compete with those of `nasmeta.searchers.GPSearch`.

    Both are told all values. The first five cells are the searcher's own, but for every second one, which is drawn at
    random. Then each proposal is that of one of the two, drawn with the probabilities of `arm_shares`, so that sources
    which the target contradicts lose their say. Exp3's bound on the regret is one on the sum of the ranks, and says
    little at this rate; what the fall-back is worth is measured in ``reports/transfer``.

    Attributes
    ----------
    notes : list of dict, or None
        Who made each of the last proposals (``sources``, ``random``, ``gp``), and the ``weights`` of both; None where
        it does not fall back.
    """

    def __init__(
        self, space: SearchSpace, rng: np.random.Generator, *, falls_back: bool = True, **settings: Any
    ) -> None:
        super().__init__(space, rng, **settings)
        self.falls_back = check_bool("falls_back", falls_back)
        self._drawn: dict[int, tuple[int, float]] = {}  # of each proposal the arm and its probability, -1 for none
        self._found: dict[int, float] = {}  # what was told, in its order; a cell counts once

    @abstractmethod
    def _propose(self, n: int) -> Cells:
        """Propose n cells by what was learnt, shape (n,)."""

    @abstractmethod
    def _observe(self, cells: Cells, values: Floats) -> None:
        """Learn values of cells, whoever proposed them; both of shape (n,)."""

    @cached_property
    def _partner(self) -> _Partner:
        return _Partner(self.space, self.rng, n_initial=0)

    def restrict(self, cells: Cells) -> bool:
        """Treat the other cells as proposed, where it falls back."""
        return self.falls_back and self._partner.restrict(cells)

    def ask(self, n: int = 1) -> Cells:
        """Propose cells of the learned policy, or of the Gaussian process where its own have been found wanting."""
        if not self.falls_back:
            return self._propose(n)
        if n > self._partner.n_left:
            raise SpaceExhaustedError(f"Fewer than {n} cells of {self.space.name} have not been proposed.")
        proposed = [self._one() for _ in range(n)]
        self.notes = [said for _, said in proposed]
        return np.array([cell for cell, _ in proposed], dtype=np.int32)

    def tell(self, cells: Cells, values: Floats) -> None:
        """Tell both the values."""
        for cell, value in zip(cells.tolist(), values.tolist(), strict=True):
            self._found.setdefault(cell, value)
        self._observe(cells, values)
        if self.falls_back:
            self._partner.tell(cells, values)

    def _one(self) -> tuple[int, Mapping[str, Any]]:
        """Return a cell, and who proposes it."""
        said: dict[str, Any] = {}
        arm, share = -1, 1.0
        if len(self._drawn) < _BEGINNING:
            by = "random" if len(self._drawn) % 2 else "sources"
        else:
            told = [self._drawn.get(cell, (-1, 1.0)) for cell in self._found]
            arms, drawn = np.array([arm for arm, _ in told], dtype=np.int64), np.array([share for _, share in told])
            shares = arm_shares(np.fromiter(self._found.values(), np.float64, len(self._found)), arms, drawn)
            said["weights"] = dict(zip(_ARMS, shares.round(4).tolist(), strict=True))
            arm = int(self.rng.random() >= shares[0])
            by, share = _ARMS[arm], float(shares[arm])
        cell: int | None = None
        if by == "sources" and (cell := self._of_policy()) is None:
            by, arm = "gp", -1
        if by == "random":
            cell = self._partner.draw()
        elif cell is None:
            cell = int(self._partner.ask(1)[0])
        self._drawn[cell] = arm, share
        return cell, {"by": by, **said}

    def _of_policy(self) -> int | None:
        """Return a cell of the policy that may be evaluated and nobody has proposed; None where it finds none."""
        for _ in range(_TRIES):
            try:
                cell = int(self._propose(1)[0])
            except SpaceExhaustedError:
                return None
            if self._partner.is_open(cell):
                self._partner.take(cell)
                return cell
        return None
