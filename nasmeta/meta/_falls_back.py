"""A bandit between a learned policy and a Gaussian process without sources."""

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
_INITIAL = 5  # initial design; every second architecture is random, to reveal sources that mislead
_RATE = 0.3
_TRIES = 128  # consecutive duplicates of the policy
_LEAST = 0.05  # minimum probability of each arm, so that both are always explored


def arm_shares(values: Floats, arms: NDArray[np.int64], drawn: Floats) -> Floats:
    """Return the probability of each arm by Exp3 (Auer et al., SIAM J. Comput. 2002).

    The reward of a proposal is the share of earlier values that it exceeds, minus 0.5.

    Parameters
    ----------
    values : ndarray, shape (n,)
        In the order of observation.
    arms : ndarray of int, shape (n,)
        Arm of each proposal, -1 for the initial design.
    drawn : ndarray, shape (n,)
        Probability with which the arm was drawn.

    Returns
    -------
    ndarray of float64, shape (2,)
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
    """Bayesian optimisation that shares the space with a policy."""

    @property
    def n_left(self) -> int:
        """Number of architectures that have not been proposed."""
        return self._n_open - self._n_asked

    def take(self, cell: int) -> bool:
        """Mark an architecture as proposed; return whether it was not before."""
        is_new = not self._asked[cell]
        self._mark(cell)
        return is_new

    def draw(self) -> int:
        """Propose a random architecture."""
        cell = int(self.rng.choice(np.flatnonzero(~self._asked)))
        self._mark(cell)
        return cell


class FallsBackSearch(MetaSearcher):
    """Base of meta-searchers whose own proposals compete with those of `nasmeta.searchers.GPSearch`.

    Both observe all values. The initial design has five architectures; every second one is random, the others are the
    searcher's own. Afterwards one of the two makes each proposal, drawn with the probabilities of `arm_shares`. So the
    process makes most of them once its proposals are better. With ``falls_back=False``, all proposals after the design
    are the searcher's own.

    Attributes
    ----------
    notes : list of dict
        For each of the last proposals, its origin (``sources``, ``random`` or ``gp``) and, if it was drawn, the
        ``weights`` of both arms.
    """

    def __init__(
        self, space: SearchSpace, rng: np.random.Generator, *, falls_back: bool = True, **settings: Any
    ) -> None:
        super().__init__(space, rng, **settings)
        self.falls_back = check_bool("falls_back", falls_back)
        self._drawn: dict[int, tuple[int, float]] = {}  # arm of each proposal (-1: none) and its probability
        self._found: dict[int, float] = {}  # observed values, in their order

    @abstractmethod
    def _propose(self) -> int:
        """Propose an architecture by the learned policy."""

    @abstractmethod
    def _observe(self, cells: Cells, values: Floats) -> None:
        """Observe values of architectures from either arm; both of shape (n,)."""

    @cached_property
    def _partner(self) -> _Partner:
        return _Partner(self.space, self.rng, n_initial=0)

    def restrict(self, cells: Cells) -> bool:
        """Treat the other architectures as proposed."""
        return self._partner.restrict(cells)

    def ask(self, n: int = 1) -> Cells:
        """Propose architectures of the initial design, of the learned policy or of the Gaussian process."""
        if n > self._partner.n_left:
            raise SpaceExhaustedError(f"Fewer than {n} architectures of {self.space.name} have not been proposed.")
        proposals = [self._one_proposal() for _ in range(n)]
        self.notes = [note for _, note in proposals]
        return np.array([cell for cell, _ in proposals], dtype=np.int32)

    def tell(self, cells: Cells, values: Floats) -> None:
        """Pass the values to both."""
        for cell, value in zip(cells.tolist(), values.tolist(), strict=True):
            self._found.setdefault(cell, value)
        self._observe(cells, values)
        self._partner.tell(cells, values)

    def _one_proposal(self) -> tuple[int, Mapping[str, Any]]:
        """Return one proposal and its note."""
        note: dict[str, Any] = {}
        arm, share = -1, 1.0
        n_known = len(self._drawn.keys() | self._found.keys())
        if n_known < _INITIAL:
            by = "random" if n_known % 2 else "sources"
        elif not self.falls_back:
            by = "sources"
        else:
            pairs = [self._drawn.get(cell, (-1, 1.0)) for cell in self._found]
            arms, drawn = np.array(pairs).reshape(-1, 2).T
            shares = arm_shares(np.array(list(self._found.values())), arms.astype(np.int64), drawn)
            note["weights"] = dict(zip(_ARMS, shares.round(4).tolist(), strict=True))
            arm = int(self.rng.random() >= shares[0])
            by, share = _ARMS[arm], float(shares[arm])
        cell = self._of_policy() if by == "sources" else None
        if by == "sources" and cell is None:
            by, arm = "gp", -1
        if cell is None:
            cell = self._partner.draw() if by == "random" else int(self._partner.ask(1)[0])
        self._drawn[cell] = arm, share
        return cell, {"by": by, **note}

    def _of_policy(self) -> int | None:
        """Return a new proposal of the policy, or None after too many repeated ones."""
        for _ in range(_TRIES):
            try:
                cell = self._propose()
            except SpaceExhaustedError:
                return None
            if self._partner.take(cell):
                return cell
        return None
