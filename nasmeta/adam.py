"""Adam on NumPy arrays: for so few parameters, PyTorch would spend most of its time in calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nasmeta.arrays import AnyFloats

_DECAY_OF_MEAN = 0.9


class Adam:
    """Change arrays in place by steps of Adam (Kingma and Ba, ICLR 2015, algorithm 1).

    Parameters
    ----------
    parameters : sequence of ndarray
    epsilon : float
        Added to the root of the mean square.
    decay_of_squares : float, default 0.999
        β₂ of the paper; β₁, the decay of the mean, is 0.9.

    Examples
    --------
    >>> import numpy as np
    >>> parameters = np.array([1.0, -2.0])
    >>> adam = Adam([parameters], epsilon=1e-8)
    >>> adam.step([np.array([0.5, -3.0])], learning_rate=0.1)
    >>> parameters.round(3).tolist()
    [0.9, -1.9]
    """

    def __init__(
        self, parameters: Sequence[AnyFloats], epsilon: float, decay_of_squares: float = 0.999
    ) -> None:
        self._moments = [
            (array, np.zeros_like(array), np.zeros_like(array)) for array in parameters
        ]
        self._epsilon = epsilon
        self._decay_of_squares = decay_of_squares
        self._n_steps = 0

    def step(self, gradients: Sequence[AnyFloats], learning_rate: float) -> None:
        """Take a step against the gradients, one for each array."""
        self._n_steps += 1
        # Both moments start at zero, so they are divided by the sum of their weights.
        rate = learning_rate / (1 - _DECAY_OF_MEAN**self._n_steps)
        weight_of_squares = 1 - self._decay_of_squares**self._n_steps
        for (array, mean, squares), gradient in zip(self._moments, gradients, strict=True):
            mean += (1 - _DECAY_OF_MEAN) * (gradient - mean)
            squares += (1 - self._decay_of_squares) * (gradient * gradient - squares)
            array -= rate * mean / (np.sqrt(squares / weight_of_squares) + self._epsilon)
