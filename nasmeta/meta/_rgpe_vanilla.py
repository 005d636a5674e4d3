"""RGPE as it was published: posteriors of source and target processes, averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._model_archive import check_array
from nasmeta.meta._rgpe import ranking_shares
from nasmeta.meta._source_models import FEWEST_LABELS, check_ranked
from nasmeta.predictors import (
    CellGP,
    CellKernel,
    Hyperparameters,
    fit_hyperparameters,
    log_expected_improvement,
    weak_prior,
)
from nasmeta.searchers import SEARCHERS, GPSearch, MetaSearcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, standardised

_OF_A_SOURCE = 200  # labels that its process is conditioned on


@dataclass(frozen=True)
class _Posteriors:
    """Mean and deviation of each source's process at all cells, both float32, shape (n_sources, n_cells)."""

    means: NDArray[np.float32]
    stds: NDArray[np.float32]


@SEARCHERS.register("rgpe-vanilla")
class VanillaRGPESearch(GPSearch, MetaSearcher):
    """Ranking-weighted Gaussian process ensemble as published (Feurer, Letham and Bakshy, ICML AutoML workshop 2018).

    Each source has a process of its own, and so has the target; the posterior is the weighted sum of theirs, with
    variances by the squares of the weights. These are the shares of bootstrap samples of `RGPESearch`, the package's
    variant, which corrects the sources' mean by each observation instead; members that rank as well share a sample.

    Kernel and fit are those of `GPSearch`; labels are standardised, not ranked. A process is conditioned on at most 200
    labels of its source, drawn at random.

    Parameters
    ----------
    n_initial : int, default 3
        Random cells before the ensemble is used.
    features : sequence of str, optional
        What is compared, see `nasmeta.spaces.SearchSpace.feature`; the space's ``kernel_features`` where left out.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> len(nm.search("rgpe-vanilla", "nb201/cifar100", sources=few, evaluations=10))
    10
    """

    search_settings = ("n_initial",)

    def __init__(
        self, space: SearchSpace, rng: np.random.Generator, *, n_initial: int = 3, features: Sequence[str] | None = None
    ) -> None:
        super().__init__(space, rng, n_initial=n_initial, features=features)
        self._weights = np.empty(0)

    def _learn(self, sources: list[SourceTask]) -> _Posteriors:
        found = [self._posterior_of(source) for source in sources]
        means, stds = zip(*found, strict=True)
        return _Posteriors(np.stack(means).astype(np.float32), np.stack(stds).astype(np.float32))

    def _posterior_of(self, source: SourceTask) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        check_ranked(source)
        kept = np.random.default_rng(len(source)).permutation(len(source))[:_OF_A_SOURCE]
        kernel, labels = CellKernel(self.space, self.features), standardised(source.utilities[kept])
        mean, _ = prior = weak_prior(len(self.features), kernel.typical_lengthscales)
        gp = CellGP(kernel, Hyperparameters.from_logarithms(mean))
        for cell in source.cells[kept].tolist():
            gp.add(cell)
        gp.set_hyperparameters(fit_hyperparameters(gp.observed_distances(), [labels], gp.hyperparameters, prior))
        return gp.posterior(labels)

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        learnt = self._require_meta_model()
        return {"means": learnt.means, "stds": learnt.stds}, {}

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> _Posteriors:
        means = check_array(arrays, "means", np.float32, (None, self.space.size))
        return _Posteriors(means, check_array(arrays, "stds", np.float32, means.shape))

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose random cells, then those of the highest expected improvement of the ensemble."""
        self._require_meta_model()
        return super().ask(n)

    def _labels(self) -> NDArray[np.float64]:
        return standardised(self._values) if self._values else np.empty(0)

    def _refit(self, labels: NDArray[np.float64]) -> None:
        """Fit the target's process, and weigh it and the sources'."""
        super()._refit(labels)
        learnt: _Posteriors = self._require_meta_model()
        n_sources = len(learnt.means)
        if len(labels) < FEWEST_LABELS:
            self._weights = np.r_[np.full(n_sources, 1 / n_sources), 0.0]
            return
        shares, _ = ranking_shares(learnt.means[:, self._gp.cells], self._gp, labels, self.rng)
        self._weights = shares.mean(axis=1)

    def _score(
        self, mean: NDArray[np.float64], std: NDArray[np.float64], labels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the log expected improvement of the ensemble, shape (n_cells,)."""
        learnt: _Posteriors = self._require_meta_model()
        weights = self._weights
        together: NDArray[np.float64] = weights[:-1] @ learnt.means + weights[-1] * mean
        variance = weights[:-1] ** 2 @ learnt.stds**2 + weights[-1] ** 2 * std**2
        if not len(labels):
            return together
        return log_expected_improvement(together, np.sqrt(variance), labels.max())
