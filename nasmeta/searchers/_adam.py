"""Adam on NumPy arrays: for so few parameters, PyTorch would spend most of its time in calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasmeta.arrays import AnyFloats

_DECAY_OF_MEAN, _DECAY_OF_SQUARES = 0.9, 0.999  # the defaults of Kingma and Ba


class Adam:
    """Change arrays in place by steps of Adam (Kingma and Ba, ICLR 2015)."""

    def __init__(
        self, parameters: Sequence[AnyFloats], learning_rate: float, epsilon: float
    ) -> None:
        self._moments = [
            (array, np.zeros_like(array), np.zeros_like(array)) for array in parameters
        ]
        self._learning_rate, self._epsilon = learning_rate, epsilon
        self._n_steps = 0

    def step(self, gradients: Sequence[AnyFloats]) -> None:
        """Take a step against the gradients, one for each array."""
        self._n_steps += 1
        rate = self._learning_rate / (1 - _DECAY_OF_MEAN**self._n_steps)
        for (array, mean, squares), gradient in zip(self._moments, gradients, strict=True):
            mean += (1 - _DECAY_OF_MEAN) * (gradient - mean)
            squares += (1 - _DECAY_OF_SQUARES) * (gradient * gradient - squares)
            array -= (
                rate
                * mean
                / (np.sqrt(squares / (1 - _DECAY_OF_SQUARES**self._n_steps)) + self._epsilon)
            )
