"""A policy gradient with one independent categorical distribution per position."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from nasmeta.adam import Adam
from nasmeta.arrays import Architectures, Floats
from nasmeta.checks import check_number
from nasmeta.searchers._searcher import Searcher
from nasmeta.spaces import SearchSpace

_MOMENTUM = 0.9  # of the moving average of rewards
_FIRST_SPREAD = 1e-3  # of the initial logits
_REDRAWS = 8  # of combinations that are not architectures


class Reinforce(Searcher):
    """Policy gradient (REINFORCE) on one categorical distribution per position, without meta-training.

    Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement
    learning", Machine Learning 8, 1992, in the form that Dong and Yang use as a baseline in
    "NAS-Bench-201", ICLR 2020, after Zoph and Le, "Neural architecture search with reinforcement
    learning", ICLR 2017: the reward is the value itself, the baseline an exponential moving average
    that includes it, and Adam takes one step per value.

    A combination of choices that is not an architecture is drawn again, finally from the policy
    restricted to the architectures. A converged policy proposes known architectures, which are
    free; a run without new proposals ends.

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

    def __init__(self, space: SearchSpace, rng: Generator, *, learning_rate: float = 0.01) -> None:
        super().__init__(space, rng)
        self.learning_rate = check_number("learning_rate", learning_rate, 0, 10)
        shape = (space.n_positions, max(space.n_choices))
        self._n_choices = np.array(space.n_choices)
        self._logits = _FIRST_SPREAD * rng.standard_normal(shape)
        self._logits[np.arange(shape[1]) >= self._n_choices[:, None]] = -np.inf  # not a choice
        self._adam = Adam([self._logits], epsilon=float(np.finfo(np.float32).eps))
        self._rewards, self._weight = 0.0, 0.0  # numerator and denominator of the moving average
        self._probabilities = self._softmax()
        self._own_choice = np.eye(shape[1])

    def _softmax(self) -> Floats:
        raised = np.exp(self._logits - self._logits.max(axis=1, keepdims=True))
        probabilities: Floats = raised / raised.sum(axis=1, keepdims=True)
        return probabilities

    def ask(self, n: int = 1) -> Architectures:
        """Draw a choice for every position."""
        architectures = self._drawn(n)
        for _ in range(_REDRAWS):
            missing = architectures < 0
            if not missing.any():
                return architectures
            architectures[missing] = self._drawn(int(missing.sum()))
        missing = architectures < 0
        if missing.any() and self.space.is_large:
            architectures[missing] = self.space.sample(int(missing.sum()), self.rng, replace=True)
        elif missing.any():
            scores = self._logits[np.arange(self.space.n_positions), self.space.codes].sum(axis=1)
            weights = np.exp(scores - scores.max())
            architectures[missing] = self.rng.choice(
                len(weights), size=int(missing.sum()), p=weights / weights.sum()
            )
        return architectures

    def _drawn(self, n: int) -> Architectures:
        """Return draws of the policy, -1 for combinations that are not architectures; int32, shape (n,)."""
        up_to = self._probabilities.cumsum(axis=1)[None, :, :-1]
        codes = (self.rng.random((n, self.space.n_positions, 1)) > up_to).sum(axis=2)
        # the probabilities may sum to less than 1
        np.minimum(codes, self._n_choices - 1, out=codes)
        return self.space.find(self.space.conditions.reduced(codes) @ self.space.place_values)

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Take one step of Adam for each value."""
        for codes, value in zip(self.space.codes_of(architectures), values.tolist(), strict=True):
            self._rewards = _MOMENTUM * self._rewards + (1 - _MOMENTUM) * value
            self._weight = _MOMENTUM * self._weight + (1 - _MOMENTUM)
            advantage = value - self._rewards / self._weight
            gradient = advantage * (self._probabilities - self._own_choice[codes])
            self._adam.step([gradient], self.learning_rate)
            self._probabilities = self._softmax()
