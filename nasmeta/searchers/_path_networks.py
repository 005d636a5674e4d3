"""The networks of BANANAS, trained side by side."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["PathNetworks"]


class PathNetworks:
    """Perceptrons of one shape that differ in their first weights; every weight has a leading axis for the network.

    `nasmeta.predictors.MLPEnsemble` (a ranking loss, early stopping) predicts better, at several times the cost.

    Parameters
    ----------
    n_inputs, members, layers, width : int
    seed : int
        Of the first weights; PyTorch's global generator is not used.
    """

    def __init__(self, n_inputs: int, members: int, layers: int, width: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        sizes = [n_inputs, *[width] * layers, 1]
        self.weights = [torch.randn(members, a, b, generator=generator) * math.sqrt(2 / a) for a, b in pairwise(sizes)]
        self.biases = [torch.zeros(members, 1, b) for b in sizes[1:]]

    def fit(self, inputs: NDArray[Any], scores: NDArray[Any], epochs: int, learning_rate: float) -> PathNetworks:
        """Minimise the mean absolute error by Adam, all rows in each step; inputs (n, n_inputs), scores (n,)."""
        parameters = [*self.weights, *self.biases]
        for parameter in parameters:
            parameter.requires_grad_(True)
        optimiser = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
        wanted = torch.as_tensor(scores, dtype=torch.float32)
        rows = self._rows(inputs)
        for _ in range(epochs):
            optimiser.zero_grad()
            missed = (self._forward(rows) - wanted).abs().mean(dim=1).sum()
            missed.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        return self

    def predict(self, inputs: NDArray[Any]) -> NDArray[np.float64]:
        """Return the predictions of each network, shape (members, n)."""
        with torch.no_grad():
            return self._forward(self._rows(inputs)).numpy().astype(np.float64)

    def _rows(self, inputs: NDArray[Any]) -> Tensor:
        return torch.as_tensor(inputs, dtype=torch.float32).expand(len(self.weights[0]), -1, -1)

    def _forward(self, x: Tensor) -> Tensor:
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = torch.baddbmm(bias, x, weight).relu()
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])[..., 0]
