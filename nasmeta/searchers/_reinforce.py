"""Policy gradients with one independent categorical distribution per position: REINFORCE and PPO."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_number
from nasmeta.searchers._adam import Adam
from nasmeta.searchers._base import Searcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import normal_scores

_MOMENTUM = 0.9  # of the moving average of rewards
_FIRST_SPREAD = 1e-3  # of the initial logits
_REDRAWS = 8  # of combinations that are not architectures
_BATCH, _EPOCHS, _CLIP = 10, 4, 0.2


class Reinforce(Searcher):
    """Policy gradient (REINFORCE) on one categorical distribution per position, without meta-training.

    Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", Machine
    Learning 8, 1992, in the form that Dong and Yang use as a baseline in "NAS-Bench-201", ICLR 2020, after Zoph and Le,
    "Neural architecture search with reinforcement learning", ICLR 2017: the reward is the value itself, the baseline
    an exponential moving average that includes it, and Adam takes one step per value.

    A combination of choices that is not an architecture is drawn again, finally from the policy restricted to the
    architectures. A converged policy proposes known architectures, which are free; a run without new proposals ends.

    Parameters
    ----------
    learning_rate : float, default 0.01
        Of Adam, which makes the unit of the values irrelevant.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("reinforce", "nb201/cifar10", evaluations=100, seed=0)
    >>> len(run)
    100
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator, *, learning_rate: float = 0.01) -> None:
        super().__init__(space, rng)
        self.learning_rate = check_number("learning_rate", learning_rate, 0, 10)
        shape = (space.n_positions, max(space.n_choices))
        self._n_choices = np.array(space.n_choices)
        self._logits = _FIRST_SPREAD * rng.standard_normal(shape)
        self._logits[np.arange(shape[1]) >= self._n_choices[:, None]] = -np.inf  # not a choice
        self._adam = Adam([self._logits], self.learning_rate, float(np.finfo(np.float32).eps))
        self._rewards, self._weight = 0.0, 0.0  # numerator and denominator of the moving average
        self._probabilities = self._softmax()
        self._own_choice = np.eye(shape[1])

    def _softmax(self) -> NDArray[np.float64]:
        raised = np.exp(self._logits - self._logits.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
        return probabilities

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Draw a choice for every position."""
        cells = self._drawn(n)
        for _ in range(_REDRAWS):
            missing = cells < 0
            if not missing.any():
                return cells
            cells[missing] = self._drawn(int(missing.sum()))
        missing = cells < 0
        if missing.any():
            scores = self._logits[np.arange(self.space.n_positions), self.space.codes].sum(axis=1)
            weights = np.exp(scores - scores.max())
            cells[missing] = self.rng.choice(len(weights), size=int(missing.sum()), p=weights / weights.sum())
        return cells

    def _drawn(self, n: int) -> NDArray[np.int32]:
        """Return draws of the policy, -1 for combinations that are not architectures; int32, shape (n,)."""
        up_to = self._probabilities.cumsum(axis=1)[None, :, :-1]
        codes = (self.rng.random((n, self.space.n_positions, 1)) > up_to).sum(axis=2)
        np.minimum(codes, self._n_choices - 1, out=codes)  # the probabilities may sum to less than 1
        return self.space.find(codes @ self.space.place_values)

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Take one step of Adam for each value."""
        for codes, value in zip(self.space.codes[cells], values.tolist(), strict=True):
            self._rewards = _MOMENTUM * self._rewards + (1 - _MOMENTUM) * value
            self._weight = _MOMENTUM * self._weight + (1 - _MOMENTUM)
            advantage = value - self._rewards / self._weight
            self._descend(advantage * (self._probabilities - self._own_choice[codes]))

    def _descend(self, gradient: NDArray[np.float64]) -> None:
        """Take a step of Adam."""
        self._adam.step([gradient])
        self._probabilities = self._softmax()


class PPOSearch(Reinforce):
    """Proximal policy optimisation on one categorical distribution per position, without meta-training.

    Schulman, Wolski, Dhariwal, Radford and Klimov, "Proximal policy optimization algorithms", 2017, with the policy of
    `Reinforce`. After every 10 values, 4 steps of Adam maximise the clipped objective of these values. Their advantage
    is the normal score of their rank among all values of the search, so the unit of the values is irrelevant.

    Parameters
    ----------
    learning_rate : float, default 0.02

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("ppo", "nb201/cifar100", evaluations=40, seed=0)
    >>> len(run)
    40
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator, *, learning_rate: float = 0.02) -> None:
        super().__init__(space, rng, learning_rate=learning_rate)
        self._values: list[float] = []
        self._batch: list[int] = []
        self._proposed: dict[int, float] = {}  # probability with which an architecture was proposed

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Draw a choice for every position."""
        cells = super().ask(n)
        self._proposed |= zip(cells.tolist(), self._probability(self.space.codes[cells]).tolist(), strict=True)
        return cells

    def _probability(self, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
        return np.asarray(self._probabilities[np.arange(self.space.n_positions), codes].prod(axis=1))

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Collect values, and update the policy after each batch."""
        for cell, value in zip(cells.tolist(), values.tolist(), strict=True):
            self._values.append(value)
            self._batch.append(cell)
            if len(self._batch) == _BATCH:
                self._update(self.space.codes[self._batch], normal_scores(np.array(self._values))[-_BATCH:])
                self._batch = []

    def _update(self, codes: NDArray[np.uint8], advantages: NDArray[np.float64]) -> None:
        now = self._probability(codes)
        before = np.array([self._proposed.get(cell, p) for cell, p in zip(self._batch, now.tolist(), strict=True)])
        for _ in range(_EPOCHS):
            ratios = self._probability(codes) / before
            gradient = clipped_gradient(ratios, advantages)[:, None, None]
            self._descend((gradient * (self._probabilities - self._own_choice[codes])).mean(axis=0))


def clipped_gradient(ratios: NDArray[np.float64], advantages: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the derivative of the clipped objective by the log probability of each action, shape (n,).

    It is ratio times advantage, or 0 where the ratio has moved by more than 0.2 in the direction of the advantage.

    >>> clipped_gradient(np.array([1.5, 1.5, 0.5, 0.5]), np.array([1.0, -1.0, 1.0, -1.0])).tolist()
    [0.0, -1.5, 0.5, -0.0]
    """
    clipped = np.where(advantages > 0, ratios > 1 + _CLIP, ratios < 1 - _CLIP)
    return np.asarray(np.where(clipped, 0.0, ratios) * advantages)
