"""A policy that is trained during the search itself, by PPO, from nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SpaceExhaustedError, needing
from nasmeta.meta.rl._policy import View
from nasmeta.meta.rl._walks import Walks
from nasmeta.searchers import Searcher
from nasmeta.spaces import SearchSpace

if TYPE_CHECKING:
    from nasmeta.meta.rl._step_policy import StepPolicy


_UPDATE_EVERY = 16  # moves


@dataclass
class Move:
    """A move of the policy: what it saw, what it did, how likely that was, where it stood and where it went."""

    view: View
    action: int
    log_probability: float
    before: int
    after: int


class PPOSearch(Searcher):
    """Proximal policy optimisation within one search, without meta-training: the baseline of `meta-rl`.

    The same Markov decision process (set one edge, or jump to the best cell), and a small policy without memory that
    begins with random weights and is trained on the moves of the search itself (Schulman et al., 2017). The reward of
    a move is by how many standard deviations the new cell is better than the one before, by the ranks of all values
    seen so far; so the unit of the values does not matter.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("ppo", "nb201/cifar100", evaluations=40, seed=0)
    >>> len(run)
    40
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        self._walk = Walks(space, np.zeros((1, space.size), dtype=np.float32))
        self._pending: dict[int, Move | None] = {}
        self._moves: list[Move] = []
        self._learner: StepPolicy | None = None

    def _policy(self) -> StepPolicy:
        if self._learner is None:
            with needing("ppo", "torch"):
                from nasmeta.meta.rl._step_policy import StepPolicy
            self._learner = StepPolicy(self.space, int(self.rng.integers(2**31)))
        return self._learner

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Walk on to n cells that were not proposed yet; free moves over known cells lie between."""
        if int(self._walk.count[0]) + len(self._pending) + n > self.space.size:
            raise SpaceExhaustedError(f"Fewer than {n} cells of {self.space.name} have not been proposed.")
        return np.array([self._next() for _ in range(n)], dtype=np.int32)

    def _next(self) -> int:
        walk, policy = self._walk, self._policy()
        while walk.count[0]:
            view = walk.view().without(self._pending)
            if not view.possible.any():
                break
            scores = policy.scores(view, int(walk.here[0]))
            action = int((scores + self.rng.gumbel(size=len(scores))).argmax())
            cell = view.targets[:, action]
            likely = float(scores[action] - scores.max() - np.log(np.exp(scores - scores.max()).sum()))
            move = Move(view, action, likely, int(walk.here[0]), int(cell[0]))
            if walk.is_new(cell)[0]:
                self._pending[move.after] = move
                return move.after
            walk.stand(cell, np.zeros(1, dtype=bool))
            self._moves.append(move)
        # The first cell, or all that lies around is on its way.
        known = np.append(walk.tried(0), list(self._pending)).astype(np.int64)
        others = np.setdiff1d(np.arange(self.space.size), known)
        cell_at_random = int(self.rng.choice(others))
        self._pending[cell_at_random] = None
        return cell_at_random

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Learn values; from time to time the policy is updated."""
        for i in range(len(cells)):
            cell = cells[i : i + 1]
            move = self._pending.pop(int(cell[0]), None)
            new = self._walk.is_new(cell)
            if not new[0]:
                continue
            self._walk.evaluated(np.zeros(1, dtype=np.int64), cell, values[i : i + 1])
            self._walk.stand(cell, new)
            if move is not None:
                self._moves.append(move)
        if len(self._moves) >= _UPDATE_EVERY:
            scale = self._walk.standardised()[0]
            at = self._walk.position(0)
            gains = np.array([scale[at[m.after]] - scale[at[m.before]] for m in self._moves], dtype=np.float32)
            self._policy().learn(self._moves, gains, self.rng)
            self._moves = []
