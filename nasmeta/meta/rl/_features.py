"""What a policy sees of walks through cells: the names of the features, and the arrays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True)
class View:
    """What a policy sees of n walks with a actions each: edges times operations, and last the jump.

    Attributes
    ----------
    walk : ndarray of float32, shape (n, len(WALK_FEATURES))
    actions : ndarray of float32, shape (n, a, len(ACTION_FEATURES))
    possible : ndarray of bool, shape (n, a)
    targets : ndarray of int32, shape (n, a)
        The cell that each action leads to.
    """

    walk: NDArray[np.float32]
    actions: NDArray[np.float32]
    possible: NDArray[np.bool_]
    targets: NDArray[np.int32]

    def without(self, cells: Collection[int]) -> View:
        """Return the same where no action that leads to one of these cells is possible."""
        if not cells:
            return self
        return replace(self, possible=self.possible & ~np.isin(self.targets, list(cells)))

    def of(self, rows: NDArray[np.bool_]) -> View:
        """Return what is seen of some of the walks."""
        return View(self.walk[rows], self.actions[rows], self.possible[rows], self.targets[rows])
