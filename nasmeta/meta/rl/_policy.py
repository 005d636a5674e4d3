"""What a policy sees, and the recurrent one in NumPy: search needs no torch, a step takes less than a millisecond."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

# What a policy reads of the cell that an action leads to ...
ACTION_FEATURES = (
    "prior",  # its score on the sources (0 where nothing is known)
    "prior below the best untried",
    "is new",
    "value",  # standardised, where it was evaluated; else 0
    "value below the best",
    "local surprise",  # how much better than their prior the similar cells were
    "predicted gain",  # prior and local surprise, above the best value
    "evidence",  # how many similar cells were evaluated
    "best untried neighbour's prior below the best untried",
    "is a jump",
    "edges that differ from the best cell",
    "in use",  # the move is possible
)
# ... and of the walk as a whole; the features of the action taken last follow.
WALK_FEATURES = (
    "last was better",
    "last was new",
    "last value below the best",
    "value here",
    "best value",
    "surprise here",
    "surprise at the best",
    "spread of surprises",
    "size of surprises",
    "evaluations",
    "best untried neighbour's prior",
    "the same beside the best cell",
    "best untried prior",
    "evaluations since an improvement",
    "free moves in a row",
    "is at the best",
)


class View(NamedTuple):
    """What a policy sees of n walks with a actions each: edges times operations, and last the jump."""

    walk: NDArray[np.float32]  # (n, len(WALK_FEATURES))
    actions: NDArray[np.float32]  # (n, a, len(ACTION_FEATURES))
    possible: NDArray[np.bool_]  # (n, a)
    targets: NDArray[np.int32]  # (n, a): the cell that each action leads to

    def without(self, cells: Collection[int]) -> View:
        """Return the same where no action that leads to one of these cells is possible."""
        if not cells:
            return self
        return self._replace(possible=self.possible & ~np.isin(self.targets, list(cells)))

    def of(self, rows: NDArray[np.bool_]) -> View:
        """Return what is seen of some of the walks."""
        return View._make(part[rows] for part in self)


_IMPOSSIBLE = np.float32(-1e9)


@dataclass
class Memory:
    """What a policy carries from step to step: hidden state (n, hidden), features of the last actions (n, features)."""

    hidden: NDArray[np.float32]
    last_action: NDArray[np.float32]

    @classmethod
    def of(cls, n: int, hidden: int) -> Memory:
        """Return the memory of n searches that begin."""
        return cls(np.zeros((n, hidden), np.float32), np.zeros((n, len(ACTION_FEATURES)), np.float32))

    def of_some(self, rows: NDArray[np.bool_]) -> Memory:
        """Return the memory of some of the searches."""
        return Memory(self.hidden[rows], self.last_action[rows])


@dataclass(frozen=True)
class Policy:
    """A gated recurrent unit over the walk, and a score for each action from memory and the action's features.

    As every action is scored by the same weights, one policy serves spaces with other operations.
    """

    weights: Mapping[str, NDArray[np.float32]]  # as torch names them

    @property
    def hidden(self) -> int:
        """Size of the hidden state."""
        return len(self.weights["of_memory.bias"])

    def draw(
        self, view: View, memory: Memory, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Draw an action for each search, and return with it the logarithm of its probability; both of shape (n,)."""
        scores = self.logits(view, memory)
        chosen = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
        rows = np.arange(len(scores))
        memory.last_action = view.actions[rows, chosen]
        top = scores.max(axis=1)
        spread = np.log(np.exp(scores - top[:, None]).sum(axis=1))
        return chosen, (scores[rows, chosen] - top - spread).astype(np.float32)

    def logits(self, view: View, memory: Memory) -> NDArray[np.float32]:
        """Return the score of each action, float32, shape (n, a), and move the memory on."""
        w, size = self.weights, self.hidden
        inputs = np.concatenate([view.walk, memory.last_action], axis=1)
        ahead = inputs @ w["recurrent.weight_ih_l0"].T + w["recurrent.bias_ih_l0"]
        back = memory.hidden @ w["recurrent.weight_hh_l0"].T + w["recurrent.bias_hh_l0"]
        reset, update = np.split(expit(ahead[:, : 2 * size] + back[:, : 2 * size]), 2, axis=1)
        fresh = np.tanh(ahead[:, 2 * size :] + reset * back[:, 2 * size :])
        memory.hidden = (1 - update) * fresh + update * memory.hidden
        from_memory = memory.hidden @ w["of_memory.weight"].T + w["of_memory.bias"]
        mixed = np.maximum(from_memory[:, None] + view.actions @ w["of_action.weight"].T, 0)
        scores = mixed @ w["score.weight"][0] + view.actions @ w["direct.weight"][0]
        return np.where(view.possible, scores, _IMPOSSIBLE).astype(np.float32)
