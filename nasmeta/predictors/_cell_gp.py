"""Exact Gaussian process over all architectures of a space, extended one observation at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack, solve_triangular

from nasmeta.errors import ArchitectureError, SettingError
from nasmeta.predictors._cell_kernel import CellKernel, Hyperparameters

__all__ = ["CellGP", "fit_hyperparameters", "weak_prior"]

_SMALLEST_NOISE = 1e-3  # cells that are alike in all features would make the covariance singular
_JITTER = 1e-6


def weak_prior(
    n_features: int, lengthscales: NDArray[np.float64] | float = 3.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return centre and standard deviation of the log-normal prior of the hyperparameters, for unit-variance labels.

    Variances around 0.5, lengthscales around 3 edits or those of `CellKernel.typical_lengthscales`, noise around 0.02,
    each within a factor of e.
    """
    lengths = np.broadcast_to(np.log(lengthscales), n_features)
    centre = np.r_[np.full(n_features, np.log(0.5)), lengths, np.log(0.02)]
    return centre, np.ones(2 * n_features + 1)


def _negative_log_posterior(
    logarithms: NDArray[np.float64],
    distances: NDArray[np.float64],
    tasks: Sequence[NDArray[np.float64]],
    prior: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> tuple[float, NDArray[np.float64]]:
    """Return minus the log marginal likelihood of the tasks minus the log prior, and its gradient.

    Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, equations 5.8 and 5.9.

    Parameters
    ----------
    logarithms : shape (2 * n_features + 1,)
    distances : shape (n_features, n, n)
    tasks : sequence of arrays of shape (n,)
        Labels of the same cells in each task, their means subtracted.
    prior : centre and standard deviation of the logarithms
    """
    n_features, n, _ = distances.shape
    variances, lengthscales = np.exp(logarithms[:n_features]), np.exp(logarithms[n_features:-1])
    noise = np.exp(logarithms[-1])
    parts = variances[:, None, None] * np.exp(-distances / lengthscales[:, None, None])
    covariance = parts.sum(axis=0)
    covariance[np.diag_indices(n)] += noise
    factor, failed = lapack.dpotrf(covariance, lower=True)
    if failed:
        return 1e25, np.zeros_like(logarithms)
    inverse, _ = lapack.dpotri(factor, lower=True)
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    value = len(tasks) * (np.log(np.diag(factor)).sum() + 0.5 * n * np.log(2 * np.pi))
    outer = len(tasks) * inverse
    for labels in tasks:
        weights = inverse @ labels
        value += 0.5 * labels @ weights
        outer = outer - np.outer(weights, weights)
    gradient = np.empty_like(logarithms)
    weighted = outer[None] * parts
    gradient[:n_features] = 0.5 * weighted.sum(axis=(1, 2))
    gradient[n_features:-1] = 0.5 * (weighted * distances).sum(axis=(1, 2)) / lengthscales
    gradient[-1] = 0.5 * np.trace(outer) * noise
    centre, spread = prior
    offset = (logarithms - centre) / spread
    return float(value + 0.5 * offset @ offset), gradient + offset / spread


def fit_hyperparameters(
    distances: NDArray[np.int64] | NDArray[np.float32],
    tasks: Sequence[NDArray[np.float64]],
    start: Hyperparameters | None = None,
    prior: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    iterations: int = 15,
) -> Hyperparameters:
    """Maximise the sum of the tasks' log marginal likelihoods plus the log prior.

    Parameters
    ----------
    distances : ndarray of int or float, shape (n_features, n, n)
        Between the observed cells.
    tasks : sequence of ndarray of float64, shape (n,)
        Labels of these cells in one or more tasks that share the hyperparameters, their means subtracted.
    start : Hyperparameters, optional
        Where the search begins; the centre of the prior where left out.
    prior : pair of ndarray, optional
        Centre and standard deviation of the logarithms; `weak_prior` where left out.
    iterations : int, default 15
        At most so many steps of L-BFGS.

    Returns
    -------
    Hyperparameters
    """
    from scipy.optimize import minimize

    if not tasks or any(not np.isfinite(labels).all() for labels in tasks):
        raise SettingError("Hyperparameters are fitted to at least one task, whose labels must be finite.")
    prior = weak_prior(len(distances)) if prior is None else prior
    begin = prior[0] if start is None else start.logarithms
    bounds = [(c - 6.0, c + 6.0) for c in prior[0]]
    bounds[-1] = (np.log(_SMALLEST_NOISE), bounds[-1][1])
    result = minimize(
        _negative_log_posterior,
        begin,
        args=(distances.astype(np.float64), tasks, prior),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": iterations},
    )
    return Hyperparameters.from_logarithms(result.x)


class CellGP:
    """Exact Gaussian process whose posterior is kept for every cell of a space.

    With L the Cholesky factor of the covariance of the n observed cells, the rows V = L⁻¹ K(observed, all) are kept.
    One more observation is one more row, so a step costs O(n * n_cells) and nothing is approximated.

    Parameters
    ----------
    kernel : CellKernel
    hyperparameters : Hyperparameters
    mean : ndarray of float, shape (n_cells,), optional
        Prior mean; zero where left out.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import CellGP, CellKernel, Hyperparameters
    >>> from nasmeta.spaces import get_space
    >>> hyperparameters = Hyperparameters(np.array([1.0]), np.array([3.0]), noise=0.01)
    >>> gp = CellGP(CellKernel(get_space("nb201"), ["edges"]), hyperparameters)
    >>> gp.add(0)
    >>> mean, deviation = gp.posterior(np.array([2.0]))
    >>> mean[0].round(3), deviation[0].round(3)
    (np.float64(1.98), np.float64(0.1))
    """

    def __init__(
        self, kernel: CellKernel, hyperparameters: Hyperparameters, mean: NDArray[np.floating] | None = None
    ) -> None:
        if len(hyperparameters.variances) != len(kernel.features):
            raise SettingError(
                f"The kernel has {len(kernel.features)} features ({', '.join(kernel.features)}), but the "
                f"hyperparameters are for {len(hyperparameters.variances)}."
            )
        self.kernel = kernel
        self.hyperparameters = hyperparameters
        self.mean = mean
        self.cells: list[int] = []
        n_cells = kernel.space.size
        self._codes = np.empty((16, n_cells), dtype=kernel.code_type)
        self._rows = np.empty((16, n_cells), dtype=np.float32)
        self._factor = np.zeros((16, 16))
        self._variance = np.full(n_cells, hyperparameters.prior_variance, dtype=np.float32)

    def __len__(self) -> int:
        return len(self.cells)

    def _grow(self) -> None:
        n = len(self.cells)
        if n == len(self._rows):
            self._codes = np.concatenate([self._codes, np.empty_like(self._codes)])
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            factor = np.zeros((2 * n, 2 * n))
            factor[:n, :n] = self._factor
            self._factor = factor

    def add(self, cell: int) -> None:
        """Observe one more cell; its label is given to `posterior`."""
        if cell in self.cells:
            raise ArchitectureError(f"Cell {cell} is observed already.")
        self._grow()
        n = len(self.cells)
        self._codes[n] = self.kernel.codes(cell)
        self.cells.append(cell)
        self._append_row(n)

    def _append_row(self, n: int) -> None:
        cell = self.cells[n]
        row = self.kernel.covariance(self._codes[n], self.hyperparameters)
        left = self._rows[:n, cell]  # = L⁻¹ k(observed, cell)
        pivot = self.hyperparameters.prior_variance + self.hyperparameters.noise + _JITTER
        pivot = float(np.sqrt(max(pivot - float(left @ left), _JITTER)))
        row -= left @ self._rows[:n]
        row /= np.float32(pivot)
        self._rows[n] = row
        self._factor[n, :n] = left
        self._factor[n, n] = pivot
        self._variance -= row * row

    def forget_last(self, n: int) -> None:
        """Take back the last `n` observations."""
        for _ in range(n):
            self.cells.pop()
            row = self._rows[len(self.cells)]
            self._variance += row * row

    @property
    def factor(self) -> NDArray[np.float64]:
        """Lower Cholesky factor of the covariance of the observations, shape (n, n)."""
        return self._factor[: len(self.cells), : len(self.cells)]

    def observed_distances(self) -> NDArray[np.int64]:
        """Return the distances between the observed cells, int64, shape (n_features, n, n)."""
        return self.kernel.distances(self._codes[: len(self.cells), self.cells])

    def observed_covariance(self) -> NDArray[np.float32]:
        """Return the prior covariances between the observed cells, without noise, float32, shape (n, n)."""
        return self.kernel.covariance(self._codes[: len(self.cells), self.cells], self.hyperparameters)

    def set_hyperparameters(self, hyperparameters: Hyperparameters) -> None:
        """Recompute the posterior with other hyperparameters."""
        self.hyperparameters = hyperparameters
        n = len(self.cells)
        rows = self.kernel.covariance(self._codes[:n], hyperparameters)
        covariance = rows[:, self.cells].astype(np.float64)
        covariance[np.diag_indices(n)] += hyperparameters.noise + _JITTER
        factor = np.linalg.cholesky(covariance)
        self._factor[:n, :n] = factor
        # rowsᵀ ← rowsᵀ L⁻ᵀ in place: the transpose is what Fortran wants, so nothing is copied.
        self._rows[:n] = blas.strsm(1.0, factor.astype(np.float32), rows.T, side=1, lower=1, trans_a=1, overwrite_b=1).T
        self._variance = hyperparameters.prior_variance - np.einsum("ij,ij->j", self._rows[:n], self._rows[:n])

    def posterior(self, labels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the posterior mean and standard deviation of the function at every cell.

        Parameters
        ----------
        labels : ndarray of float64, shape (n,)
            Labels of the observed cells, in the order in which they were added.

        Returns
        -------
        mean, deviation : ndarray of float64, shape (n_cells,)
        """
        n = len(self.cells)
        if labels.shape != (n,):
            raise SettingError(f"{n} cells are observed, but the labels have shape {labels.shape}.")
        residual = labels if self.mean is None else labels - self.mean[self.cells]
        weights = solve_triangular(self._factor[:n, :n], residual, lower=True, check_finite=False)
        mean = (weights.astype(np.float32) @ self._rows[:n]).astype(np.float64)
        if self.mean is not None:
            mean += self.mean
        return mean, np.sqrt(np.maximum(self._variance, 1e-12)).astype(np.float64)
