"""Bayesian optimisation with an ensemble of neural networks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from itertools import islice, pairwise

import numpy as np
from numpy.random import Generator

from nasmeta.adam import Adam
from nasmeta.arrays import Architectures, Array, Floats, Floats32
from nasmeta.checks import check_int
from nasmeta.searchers._searcher import WithoutReplacement
from nasmeta.spaces import SearchSpace

_CANDIDATES = 100
_SAMPLED = 1_000
_MEMBERS, _LAYERS, _WIDTH = 5, 3, 20  # networks, hidden layers, units
_EPOCHS, _LEARNING_RATE, _EPSILON = 150, 0.01, 1e-8
_ROUND = 10  # proposals per training


class BananasSearch(WithoutReplacement):
    """Ensemble of perceptrons on path encodings; Thompson sampling among mutants of the best architectures.

    White, Neiswanger and Savani, "BANANAS: Bayesian optimization with neural architectures for
    neural architecture search", AAAI 2021. The networks are trained for every ten proposals.
    Candidates are the open one-edit neighbours of the best architectures, best first. Each has one
    draw from a normal distribution with the mean and the deviation of the networks, and the largest
    draws are proposed. In a space without paths, the inputs are its other counts, such as one-hot
    choices.

    Settings are those of the authors' code (naszilla) except that three hidden layers instead of
    ten, and one batch instead of 32 rows, take a tenth of the time.

    Parameters
    ----------
    n_initial : int, default 10
        Random architectures before the model is used.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("bananas", "nb201/cifar10", evaluations=30, seed=0)
    >>> len(run)
    30
    """

    needs_list = False
    traces = "statistical"  # float32 sums of the networks

    def __init__(
        self,
        space: SearchSpace,
        rng: Generator,
        *,
        n_initial: int = 10,
    ) -> None:
        super().__init__(space, rng)
        self.n_initial = check_int("n_initial", n_initial, 2)
        self._round: list[int] = []  # remaining proposals, the next one last

    @cached_property
    def _most(self) -> Array:
        """The largest count in each column; in a large space, among 1,000 random architectures."""
        every = (
            np.arange(self.space.size)
            if not self.space.is_large
            else self.space.sample(_SAMPLED, np.random.default_rng(0), replace=True)
        )
        return np.asarray(np.maximum(self.space.features(every).max(axis=0), 1))

    def _inputs(self, architectures: Architectures) -> Floats32:
        """Return live paths, or in a space without paths its other counts, scaled to at most 1."""
        if "paths" in self.space.feature_names:
            return self.space.features(architectures, ["paths"]).astype(np.float32)
        return np.asarray(self.space.features(architectures) / self._most, dtype=np.float32)

    def ask(self, n: int = 1) -> Architectures:
        """Propose the next architectures of the round; train for a new one after its end."""
        self._require_open(n)
        return self._each_from(self._next, n)

    def _next(self) -> int:
        while self._round and not self._open[self._round[-1]]:
            self._round.pop()  # observed in the meantime
        if not self._round:
            self._round = self._new_round()
        return self._round.pop()

    def _new_round(self) -> list[int]:
        if len(self._observed) < self.n_initial:
            return [self._random_open()]
        pool = self._pool()
        predicted = self._trained().predict(self._inputs(pool))
        draws = self.rng.normal(predicted.mean(axis=0), predicted.std(axis=0))
        best: list[int] = pool[np.argsort(draws, kind="stable")][-_ROUND:].tolist()
        return best

    def _pool(self) -> Architectures:
        """Return the open neighbours of the best architectures, best first, completed by random ones."""
        best_first = sorted(self._observed, key=lambda architecture: -self._observed[architecture])
        near = (
            architecture
            for best in best_first
            for architecture in self.space.neighbours(best).tolist()
        )
        around = (architecture for architecture in near if self._open[architecture])
        candidates = list(islice(dict.fromkeys(islice(around, 10 * _CANDIDATES)), _CANDIDATES))
        if len(candidates) < _ROUND and self.space.is_large:
            candidates += [self._random_open() for _ in range(_ROUND - len(candidates))]
        elif len(candidates) < _ROUND:
            others = np.setdiff1d(np.flatnonzero(self._open), candidates)
            n = min(_ROUND - len(candidates), len(others))
            candidates += self.rng.choice(others, size=n, replace=False).tolist()
        return np.array(candidates, self.space.index_type)

    def _trained(self) -> PathNetworks:
        architectures, values = self._labelled()
        inputs = self._inputs(architectures)
        networks = PathNetworks(inputs.shape[1], _MEMBERS, _LAYERS, _WIDTH, self.rng)
        spread = values.std()
        scores = (values - values.mean()) / (spread if spread > 0 else 1.0)
        return networks.fit(inputs, scores, _EPOCHS, _LEARNING_RATE)


class PathNetworks:
    """Perceptrons that differ in their initial weights; every weight has a leading axis for the network."""

    def __init__(
        self, n_inputs: int, members: int, layers: int, width: int, rng: Generator
    ) -> None:
        pairs = list(pairwise([n_inputs, *[width] * layers, 1]))
        shapes = [(members, n_in, n_out) for n_in, n_out in pairs] + [
            (members, 1, n_out) for _, n_out in pairs
        ]
        # All in one vector, so that a step of Adam is a few operations.
        self._parameters = np.zeros(sum(map(math.prod, shapes)), np.float32)
        self._gradient = np.zeros_like(self._parameters)
        views = _views(self._parameters, shapes)
        self.weights, self.biases = views[: len(pairs)], views[len(pairs) :]
        self._gradients = _views(self._gradient, shapes)
        for weight, (n_in, _) in zip(self.weights, pairs, strict=True):
            weight[:] = rng.standard_normal(weight.shape, np.float32) * math.sqrt(2 / n_in)

    def fit(self, inputs: Array, scores: Array, epochs: int, learning_rate: float) -> PathNetworks:
        """Minimise the mean absolute error by Adam, all rows in each step; inputs (n, n_inputs), scores (n,)."""
        rows, targets = inputs.astype(np.float32), scores.astype(np.float32)[:, None]
        adam = Adam([self._parameters], _EPSILON)
        for _ in range(epochs):
            self._differentiate(rows, targets)
            adam.step([self._gradient], learning_rate)
        return self

    def _differentiate(self, rows: Floats32, targets: Floats32) -> None:
        """Set the gradient of the sum of the networks' mean absolute errors."""
        layers, n = self._forward(rows), len(self.weights)
        back = np.sign(layers[-1] - targets) / np.float32(len(targets))
        for i in range(n - 1, -1, -1):
            np.matmul(layers[i].swapaxes(-1, -2), back, out=self._gradients[i])
            back.sum(axis=1, keepdims=True, out=self._gradients[n + i])
            if i:
                back = (back @ self.weights[i].swapaxes(1, 2)) * (layers[i] > 0)

    def predict(self, inputs: Array) -> Floats:
        """Return the predictions of each network, shape (members, n)."""
        return self._forward(inputs.astype(np.float32))[-1][:, :, 0].astype(np.float64)

    def _forward(self, rows: Floats32) -> list[Floats32]:
        """Return the rows, the outputs of each hidden layer (members, n, width), and the predictions."""
        layers = [rows]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            layers.append(layers[-1] @ weight + bias)
            if len(layers) <= len(self.weights):
                np.maximum(layers[-1], 0, out=layers[-1])
        return layers


def _views(vector: Floats32, shapes: Sequence[tuple[int, ...]]) -> list[Floats32]:
    """Return consecutive parts of a vector in these shapes."""
    parts = np.split(vector, np.cumsum([math.prod(shape) for shape in shapes])[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
