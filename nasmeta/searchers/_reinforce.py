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
        """Return the probability of each choice, shape (n_positions, n_choices)."""
        exponentials = np.exp(self._logits - self._logits.max(axis=1, keepdims=True))
        probabilities: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
        return probabilities

    def ask(self, n: int = 1) -> Architectures:
        """Draw a choice for every position."""
        architectures = self._drawn(n)
        for _ in range(_REDRAWS):
            missing = np.flatnonzero(architectures < 0)
            if not len(missing):
                return architectures
            architectures[missing] = self._drawn(len(missing))
        missing = np.flatnonzero(architectures < 0)
        if len(missing) and self.space.is_large:
            architectures[missing] = self.space.sample(len(missing), self.rng, replace=True)
        elif len(missing):
            architectures[missing] = self._drawn_among_all(len(missing))
        return architectures

    def _drawn_among_all(self, n: int) -> Architectures:
        """Return draws of the policy restricted to the architectures, shape (n,)."""
        positions = np.arange(self.space.n_positions)
        logits = self._logits[positions, self.space.codes].sum(axis=1)  # (size,)
        weights = np.exp(logits - logits.max())
        drawn: Architectures = self.rng.choice(len(weights), size=n, p=weights / weights.sum())
        return drawn

    def _drawn(self, n: int) -> Architectures:
        """Return draws of the policy, -1 for combinations that are not architectures; int32, shape (n,)."""
        # The number of cumulative probabilities below a uniform number is a draw of a choice.
        cumulative = self._probabilities.cumsum(axis=1)[:, :-1]  # (n_positions, n_choices - 1)
        uniform = self.rng.random((n, self.space.n_positions, 1))
        codes = (uniform > cumulative).sum(axis=2)
        codes = np.minimum(codes, self._n_choices - 1)  # the probabilities may sum to less than 1
        reduced = self.space.conditions.reduced(codes)
        return self.space.find(reduced @ self.space.place_values)

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Take one step of Adam for each value."""
        for codes, value in zip(self.space.codes_of(architectures), values.tolist(), strict=True):
            self._rewards = _MOMENTUM * self._rewards + (1 - _MOMENTUM) * value
            self._weight = _MOMENTUM * self._weight + (1 - _MOMENTUM)
            advantage = value - self._rewards / self._weight
            # The gradient of -log p(choice) by the logits is p - e, with e = 1 at the choice.
            gradient = advantage * (self._probabilities - self._own_choice[codes])
            self._adam.step([gradient], self.learning_rate)
            self._probabilities = self._softmax()
