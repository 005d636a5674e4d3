"""Where evaluations succeed, learnt from those that did and those that failed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from nasmeta.predictors import CellGP, CellKernel, Hyperparameters, fit_hyperparameters, weak_prior

_REFIT_GROWTH = 1.2


class Feasibility:
    """The chance that the evaluation of an architecture succeeds, by a Gaussian process on 1 (did) and -1 (failed).

    Least-squares classification (Rasmussen and Williams, "Gaussian processes for machine learning", section 6.5), to
    multiply an expected improvement with (Gelbart, Snoek and Adams, "Bayesian optimization with unknown constraints",
    UAI 2014).
    """

    def __init__(self, kernel: CellKernel) -> None:
        self._prior = weak_prior(len(kernel.features), kernel.typical_lengthscales)
        self._gp = CellGP(kernel, Hyperparameters.from_logarithms(self._prior[0]))
        self._labels: list[float] = []
        self._fitted_at = 0

    def add(self, cells: Iterable[int], *, succeeded: bool) -> None:
        """Learn of evaluations; an architecture counts once."""
        for cell in cells:
            if cell not in self._gp.cells:
                self._gp.add(cell)
                self._labels.append(1.0 if succeeded else -1.0)

    def log_chance(self) -> NDArray[np.float64]:
        """Return the logarithm of the chance of each architecture, shape (size,)."""
        labels = np.array(self._labels)
        if len(labels) > 1 and len(labels) >= self._fitted_at * _REFIT_GROWTH:
            self._fitted_at = len(labels)
            distances = self._gp.observed_distances()
            found = fit_hyperparameters(distances, [labels], self._gp.hyperparameters, self._prior)
            self._gp.set_hyperparameters(found)
        mean, std = self._gp.posterior(labels)
        return log_ndtr(mean / np.sqrt(std**2 + self._gp.hyperparameters.noise))
