"""A Gaussian process on the target whose prior the sources gave: any mean and any covariance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nasmeta.predictors._gaussian_process import JITTER, ExactPosterior


class TargetProcess(ExactPosterior):
    """Exact Gaussian process whose posterior is kept for every cell of a space, of any prior covariance.

    As `nasmeta.predictors.CellGP`, but the prior covariance of a cell with all cells, (n_cells,), is that of a process
    which has seen the sources, so it is no function of distances.
    """

    def __init__(
        self,
        covariance: Callable[[int], NDArray[np.float32]],
        variance: NDArray[np.float32],
        mean: NDArray[np.float32],
        noise: float,
    ) -> None:
        super().__init__(variance.astype(np.float32), mean)
        self._covariance, self.noise = covariance, noise

    def _prior_covariance(self, cell: int) -> NDArray[np.float32]:
        return self._covariance(cell)

    def _label_variance(self, cell: int, left: NDArray[np.float32], row: NDArray[np.float32]) -> float:
        return max(float(row[cell]), 0.0) + self.noise + JITTER


def matched_labels(
    values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Put values of an unknown unit on the scale of a prediction: their ranks' quantiles in the prediction's mixture.

    Mean and deviation are what was predicted at their cells, noise included; all are of shape (n,). Where nothing is
    predicted (mean 0, standard deviation 1 everywhere) these are the normal scores of the ranks.
    """
    from scipy.stats import rankdata

    n = len(values)
    if not n:
        return np.empty(0)
    grid = np.linspace((mean - 4 * std).min(), (mean + 4 * std).max(), 400)
    share = ndtr((grid[:, None] - mean) / std).mean(axis=1)
    return np.interp((rankdata(values) - 0.5) / n, share, grid)
