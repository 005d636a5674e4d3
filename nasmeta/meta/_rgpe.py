"""Ensembles of source processes, weighted by how well they rank what the target has shown; also as published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._model_archive import check_array
from nasmeta.meta._source_guided import SourceGuidedSearch
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

_SLOPE = 0.5  # of the target's ranks on a source that ranks best in every sample
_SAMPLES = 100
_WORSE_THAN = 0.95  # share of the own model's losses above which a source is left out
_OF_A_SOURCE = 200  # labels that its process is conditioned on


def ranking_losses(
    predictions: Sequence[NDArray[np.float64]], labels: NDArray[np.float64], times: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return how many ordered pairs each prediction, (n,), has in the wrong order, shape (n_predictions, n_samples).

    `times`, (n_samples, n), says how often each sample has each of the observed labels, (n,).
    """
    order = np.sign(labels[:, None] - labels)
    losses = np.empty((len(predictions), len(times)))
    for loss, predicted in zip(losses, predictions, strict=True):
        wrong = np.sign(predicted[:, None] - predicted) != order
        loss[:] = np.einsum("sn,sn->s", times @ wrong.astype(np.float32), times)
    return losses


def ranking_shares(
    sources: NDArray[np.floating], process: CellGP, labels: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Return who ranks best in samples of the labels, (n_sources + 1, n_samples), and how often each label is drawn.

    The last row is the target's own process, which predicts each label from the others (Rasmussen and Williams 2006,
    equation 5.12).
    """
    n, noise = len(labels), process.hyperparameters.noise
    inverse = np.linalg.inv(process.observed_covariance().astype(np.float64) + noise * np.eye(n))
    left_out = labels - (inverse @ labels) / np.diag(inverse)
    times = rng.multinomial(n, np.full(n, 1 / n), size=_SAMPLES).astype(np.float32)
    losses = ranking_losses([*sources, left_out], labels, times)
    losses[:-1][np.median(losses[:-1], axis=1) > np.quantile(losses[-1], _WORSE_THAN)] = np.inf
    best = losses == losses.min(axis=0)
    return best / best.sum(axis=0), times


@SEARCHERS.register("rgpe")
class RGPESearch(SourceGuidedSearch):
    """Bayesian optimisation with source processes that are weighted by their ranking of the target's values.

    A source's weight is the share of bootstrap samples of the target's observations in which its process has the
    fewest pairs in the wrong order, among the sources and the target's own process, which predicts each observation
    from the others. A source whose median loss is above the 95 % quantile of the own process's has no weight. After
    Feurer, Letham and Bakshy, "Scalable meta-learning for Bayesian optimization" (ICML AutoML workshop 2018).

    Theirs averages the posteriors of all members. Here the weighted sum of the sources' posterior means is the prior
    mean of the target's process, so that each observation corrects it. All else is as in `MultiTaskGPSearch`: the
    beginning, the kernel, and sources of another space.

    Parameters
    ----------
    n_initial : int, default 5
        Evaluations that the joint process over cells and tasks chooses.
    features : sequence of str, optional
        What is compared, see `nasmeta.spaces.SearchSpace.feature`; the space's ``kernel_features`` where left out.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> len(nm.search("rgpe", "nb201/cifar100", sources=few, evaluations=10))
    10
    """

    def _weights(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._weights_with_and_without(labels)[0]

    def _weights_with_and_without(self, labels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the sources' weights, shape (n_sources,), and those without each observation, shape (n, n_sources).

        The weights without an observation are those of the bootstrap samples that have not drawn it.
        """
        sources = self._source_means[:, self._gp.cells]
        n = len(labels)
        if n < 3:
            before = np.full(len(sources), _SLOPE / len(sources))
            return before, np.tile(before, (n, 1))
        shares, times = ranking_shares(sources, self._gp, labels, self.rng)
        weights: NDArray[np.float64] = _SLOPE * shares.mean(axis=1)[:-1]
        undrawn = times == 0
        without = _SLOPE * (shares[:-1] @ undrawn / np.maximum(undrawn.sum(axis=0), 1)).T
        return weights, np.where(undrawn.any(axis=0)[:, None], without, weights)


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
