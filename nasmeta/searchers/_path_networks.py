"""The networks of BANANAS, trained side by side."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DECAY_OF_MEAN, _DECAY_OF_SQUARES, _EPSILON = 0.9, 0.999, 1e-8  # Adam's own defaults


class PathNetworks:
    """Perceptrons of one shape that differ in their first weights; every weight has a leading axis for the network.

    In NumPy: networks so small cost PyTorch several times more in calls than in arithmetic.
    `nasmeta.predictors.MLPEnsemble` (a ranking loss, early stopping) predicts better, at ten times the cost.
    """

    def __init__(self, n_inputs: int, members: int, layers: int, width: int, rng: np.random.Generator) -> None:
        shapes = list(pairwise([n_inputs, *[width] * layers, 1]))
        self._parameters = np.zeros(members * sum((a + 1) * b for a, b in shapes), np.float32)
        self._gradient = np.zeros_like(self._parameters)
        self.weights, self.biases = self._views(self._parameters, members, shapes)
        self._of_weights, self._of_biases = self._views(self._gradient, members, shapes)
        for weight, (n_in, _) in zip(self.weights, shapes, strict=True):
            weight[:] = rng.standard_normal(weight.shape, np.float32) * math.sqrt(2 / n_in)

    @staticmethod
    def _views(
        flat: NDArray[np.float32], members: int, shapes: list[tuple[int, int]]
    ) -> tuple[list[NDArray[np.float32]], list[NDArray[np.float32]]]:
        """Return weights (members, n_in, n_out) and biases (members, 1, n_out) of each layer within a vector."""
        weights, biases, end = [], [], 0
        for n_in, n_out in shapes:
            weights.append(flat[end : end + members * n_in * n_out].reshape(members, n_in, n_out))
            end += members * n_in * n_out
            biases.append(flat[end : end + members * n_out].reshape(members, 1, n_out))
            end += members * n_out
        return weights, biases

    def fit(self, inputs: NDArray[Any], scores: NDArray[Any], epochs: int, learning_rate: float) -> PathNetworks:
        """Minimise the mean absolute error by Adam, all rows in each step; inputs (n, n_inputs), scores (n,)."""
        rows, wanted = inputs.astype(np.float32), scores.astype(np.float32)[:, None]
        mean, squares = np.zeros_like(self._parameters), np.zeros_like(self._parameters)
        for step in range(1, epochs + 1):
            self._differentiate(rows, wanted)
            mean += (1 - _DECAY_OF_MEAN) * (self._gradient - mean)
            squares += (1 - _DECAY_OF_SQUARES) * (self._gradient * self._gradient - squares)
            size = np.sqrt(squares / np.float32(1 - _DECAY_OF_SQUARES**step)) + np.float32(_EPSILON)
            self._parameters -= np.float32(learning_rate / (1 - _DECAY_OF_MEAN**step)) * mean / size
        return self

    def _differentiate(self, rows: NDArray[np.float32], wanted: NDArray[np.float32]) -> None:
        """Set the gradient of the sum of the networks' mean absolute errors."""
        layers = self._forward(rows)
        back = np.sign(layers[-1] - wanted) / np.float32(len(wanted))
        for i in range(len(self.weights) - 1, -1, -1):
            np.matmul(layers[i].swapaxes(-1, -2), back, out=self._of_weights[i])
            back.sum(axis=1, keepdims=True, out=self._of_biases[i])
            if i:
                back = back @ self.weights[i].swapaxes(1, 2)
                back *= layers[i] > 0

    def predict(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the predictions of each network, shape (members, n)."""
        return self._forward(inputs.astype(np.float32))[-1][:, :, 0].astype(np.float64)

    def _forward(self, rows: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the rows, what each hidden layer makes of them (members, n, width), and the outputs."""
        layers = [rows]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            layers.append(layers[-1] @ weight + bias)
            if len(layers) <= len(self.weights):
                np.maximum(layers[-1], 0, out=layers[-1])
        return layers
