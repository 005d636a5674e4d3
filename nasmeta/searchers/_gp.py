"""Bayesian optimisation with a Gaussian process over cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError, SpaceExhaustedError
from nasmeta.predictors import (
    CellGP,
    CellKernel,
    Hyperparameters,
    fit_hyperparameters,
    log_expected_improvement,
    normal_scores,
    weak_prior,
)
from nasmeta.searchers._base import SEARCHERS, Searcher
from nasmeta.spaces import CellSpace

__all__ = ["GPSearch"]

_REFIT_ALWAYS_BELOW = 20
_REFIT_GROWTH = 1.1


@SEARCHERS.register("gp")
class GPSearch(Searcher):
    """Gaussian process, expected improvement maximised exactly over all cells of the space.

    The kernel is a sum of exponential kernels on edges' operations, live paths and operation counts; labels are
    normal scores of ranks; hyperparameters maximise the marginal likelihood with a weak prior, again each time that
    the observations have grown by a tenth. Bayesian optimisation of cells with structured kernels: Kandasamy et al.
    (NASBOT, NeurIPS 2018), Ru et al. (NAS-BOWL, ICLR 2021).

    Parameters
    ----------
    space : CellSpace
    rng : numpy.random.Generator
    initial : int, default 10
        Random cells before the model is used.
    features : sequence of str, default ("edges", "paths", "operations")
        See `nasmeta.predictors.CellKernel`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("gp", "nb201/cifar10", evaluations=30, seed=0)
    >>> len(run)
    30
    """

    def __init__(
        self,
        space: CellSpace,
        rng: np.random.Generator,
        *,
        initial: int = 10,
        features: tuple[str, ...] = ("edges", "paths", "operations"),
    ) -> None:
        super().__init__(space, rng)
        if initial < 1:
            raise SettingError(f"initial must be at least 1, not {initial}.")
        self.initial = initial
        self.features = features
        centre, _ = weak_prior(len(features))
        self._gp = CellGP(CellKernel(space, features), Hyperparameters.from_logarithms(centre))
        self._values: list[float] = []
        self._asked = np.zeros(space.n_cells, dtype=bool)
        self._fitted_at = 0

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the cells of highest expected improvement; in a batch, each as if the former had its mean."""
        if self._asked.sum() + n > self.space.n_cells:
            raise SpaceExhaustedError(f"All {self.space.n_cells:,} cells of {self.space.name} have been proposed.")
        n_random = min(n, max(0, self.initial - int(self._asked.sum()))) if self._values else n
        proposals = [self._random() for _ in range(n_random)]
        if n_random < n:
            self._refit_when_due()
            proposals += self._best(n - n_random)
        return np.array(proposals, dtype=np.int32)

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Condition the process on the values."""
        for cell, value in zip(cells.tolist(), values.tolist(), strict=True):
            if cell not in self._gp.cells:
                self._asked[cell] = True
                self._gp.add(cell)
                self._values.append(value)

    def _random(self) -> int:
        while True:
            cell = int(self.rng.integers(self.space.n_cells))
            if not self._asked[cell]:
                self._asked[cell] = True
                return cell

    def _refit_when_due(self) -> None:
        n = len(self._values)
        if (
            n < max(_REFIT_ALWAYS_BELOW, self._fitted_at * _REFIT_GROWTH)
            and not self._fitted_at < n < _REFIT_ALWAYS_BELOW
        ):
            return
        self._fitted_at = n
        labels = normal_scores(self._values)
        start = self._gp.hyperparameters
        self._gp.set_hyperparameters(fit_hyperparameters(self._gp.observed_distances(), [labels], start))

    def _best(self, n: int) -> list[int]:
        labels = normal_scores(self._values)
        chosen: list[int] = []
        for _ in range(n):
            mean, deviation = self._gp.posterior(labels)
            score = log_expected_improvement(mean, deviation, labels.max())
            score[self._asked] = -np.inf
            ties = np.flatnonzero(score >= score.max() - 1e-9)
            cell = int(ties[0]) if len(ties) == 1 else int(self.rng.choice(ties))
            self._asked[cell] = True
            chosen.append(cell)
            if len(chosen) < n:
                self._gp.add(cell)
                labels = np.r_[labels, mean[cell]]
        self._gp.forget_last(len(chosen) - 1)
        return chosen
