"""A Gaussian process on the target whose prior the sources gave: any mean and any covariance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.special import ndtr

from nasmeta.errors import ArchitectureError

__all__ = ["TargetProcess", "matched_labels"]

_JITTER = 1e-6


class TargetProcess:
    """Exact Gaussian process whose posterior is kept for every cell of a space.

    As `nasmeta.predictors.CellGP`, but the prior covariance is that of a process which has seen the sources, so it is
    no function of distances.

    Parameters
    ----------
    covariance : callable
        Returns the prior covariances of a cell with all cells, float32, shape (n_cells,).
    variance : ndarray of float32, shape (n_cells,)
        Prior variance of every cell.
    mean : ndarray of float32, shape (n_cells,)
        Prior mean.
    noise : float
        Variance of the noise of one observation.
    """

    def __init__(
        self,
        covariance: Callable[[int], NDArray[np.float32]],
        variance: NDArray[np.float32],
        mean: NDArray[np.float32],
        noise: float,
    ) -> None:
        self._covariance, self.mean, self.noise = covariance, mean, noise
        self.cells: list[int] = []
        self._rows = np.empty((16, len(variance)), dtype=np.float32)
        self._factor = np.zeros((16, 16))
        self.variance = variance.astype(np.float32)

    def __len__(self) -> int:
        return len(self.cells)

    def add(self, cell: int) -> None:
        """Observe one more cell; its label is given to `posterior`."""
        if cell in self.cells:
            raise ArchitectureError(f"Cell {cell} is observed already.")
        n = len(self.cells)
        if n == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            factor = np.zeros((2 * n, 2 * n))
            factor[:n, :n] = self._factor
            self._factor = factor
        left = self._rows[:n, cell].copy()
        row = self._covariance(cell).astype(np.float32)
        row -= left @ self._rows[:n]
        pivot = np.sqrt(max(float(row[cell]), 0.0) + self.noise + _JITTER)
        row /= np.float32(pivot)
        self._rows[n], self._factor[n, :n], self._factor[n, n] = row, left, pivot
        self.cells.append(cell)
        self.variance -= row * row

    def forget_last(self, n: int) -> None:
        """Take back the last `n` observations."""
        for _ in range(n):
            self.cells.pop()
            row = self._rows[len(self.cells)]
            self.variance += row * row

    def posterior(self, labels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the posterior mean and standard deviation of the function at every cell.

        Parameters
        ----------
        labels : ndarray of float64, shape (n,)
            Of the observed cells, in the order in which they were added.

        Returns
        -------
        mean, deviation : ndarray of float64, shape (n_cells,)
        """
        n = len(self.cells)
        deviation = np.sqrt(np.maximum(self.variance, 1e-12)).astype(np.float64)
        weights = solve_triangular(self._factor[:n, :n], labels - self.mean[self.cells], lower=True, check_finite=False)
        mean = (weights.astype(np.float32) @ self._rows[:n]).astype(np.float64) + self.mean
        return mean, deviation


def matched_labels(
    values: NDArray[np.float64], mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Put values of an unknown unit on the scale of a prediction: their ranks' quantiles in the prediction's mixture.

    Where nothing is predicted (mean 0, deviation 1 everywhere) these are the normal scores of the ranks.

    Parameters
    ----------
    values, mean, deviation : ndarray of float64, shape (n,)
        Observed values, and what was predicted at their cells, noise included.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    from scipy.stats import rankdata

    n = len(values)
    if not n:
        return np.empty(0)
    grid = np.linspace((mean - 4 * deviation).min(), (mean + 4 * deviation).max(), 400)
    share = ndtr((grid[:, None] - mean) / deviation).mean(axis=1)
    return np.interp((rankdata(values) - 0.5) / n, share, grid)
