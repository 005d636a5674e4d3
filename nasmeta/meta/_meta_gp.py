"""A Gaussian process whose mean function, kernel and noise are learnt over source tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import helmert

from nasmeta.checks import check_number
from nasmeta.meta._model_archive import check_array, checked_logarithms
from nasmeta.meta._scale import labels_like
from nasmeta.meta._source_models import learn_source_models
from nasmeta.predictors import CellGP, CellKernel, Hyperparameters, fit_hyperparameters, normal_scores, weak_prior
from nasmeta.predictors._gaussian_process import posterior_weights
from nasmeta.searchers import SEARCHERS, GPSearch, MetaSearcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_FEWEST_COMMON_CELLS = 20
_CONDITION_ON = 2000  # best common cells that the mean function is conditioned on: exact up to O(n³)
_BLOCK = 64  # of these, whose covariances with all cells are computed at once
_FIT_ON = 500  # of these, evenly spaced in rank, that the marginal likelihood is maximised on


@dataclass(frozen=True)
class MetaGP:
    """Prior of a new task, learnt from source tasks."""

    mean: NDArray[np.float64]  # of every cell's normal score, shape (n_cells,)
    hyperparameters: Hyperparameters  # of the deviation of a new task from that mean, and of the noise
    features: tuple[str, ...]
    sources: tuple[str, ...]
    labels: int  # of all sources together


def learn_meta_gp(space: SearchSpace, sources: Sequence[SourceTask], features: Sequence[str]) -> MetaGP:
    r"""Maximise the sum of the source tasks' log marginal likelihoods, then condition the mean on their labels.

    Task t of T scores cell x as :math:`z_t(x) = m(x) + g_t(x) + \varepsilon`, with a shared
    :math:`m \sim GP(\mu, k_m)`, deviations :math:`g_t \sim GP(0, k_g)` and noise of variance :math:`\sigma^2`. On
    cells that all tasks have labelled, an orthonormal change of basis splits the joint marginal likelihood into a sum
    of ordinary ones: the T - 1 contrasts between tasks are independent :math:`GP(0, k_g + \sigma^2)`, and the tasks'
    mean is :math:`GP(\mu, k_m + (k_g + \sigma^2) / T)`. The first give :math:`k_g` and :math:`\sigma^2`, the second
    gives :math:`k_m`. A new task then has the posterior mean of m as its prior mean, and its deviation from it is
    :math:`(1 + 1/T) k_g`, the share of m that the sources leave unknown counted as one more deviation over T.
    This is the hierarchical Gaussian process of multi-task learning (Rasmussen and Williams 2006, sec. 5.4.3) with the
    mean function learnt rather than given. With one source there is no contrast; its kernel then also stands for the
    deviation, which supposes a correlation of one half between tasks.
    Where fewer than 20 cells are labelled in all sources, there are no contrasts to take: then :math:`k_m` and
    :math:`k_g`, which have the same lengthscales, maximise the joint marginal likelihood of all labels, see
    `learn_source_models`, and the mean share of m's variance that its posterior keeps is added to :math:`k_g`.
    """
    common = reduce(np.intersect1d, [source.cells for source in sources])
    if len(common) < _FEWEST_COMMON_CELLS:
        return _of_joint_process(space, sources, features)
    scores = np.stack([normal_scores(source.utilities)[source.rows_of(common)] for source in sources])
    average = scores.mean(axis=0)
    best = np.argsort(-average, kind="stable")[:_CONDITION_ON]
    cells, scores, average = common[best], scores[:, best], average[best]
    n_tasks, level = len(sources), float(average.mean())

    kernel = CellKernel(space, features)
    codes = kernel.codes_between(cells, cells)
    every = max(1, len(cells) // _FIT_ON)
    few = kernel.distances(codes[::every, ::every])
    centre, _ = weak_prior(len(kernel.features))
    wide = (centre, np.full(len(centre), 2.0))  # thousands of labels speak for themselves
    shared = fit_hyperparameters(few, [average[::every] - level], prior=wide, iterations=40)
    if n_tasks > 1:
        contrasts = helmert(n_tasks) @ scores
        deviation = fit_hyperparameters(few, list(contrasts[:, ::every]), prior=wide, iterations=40)
    else:
        deviation = shared

    covariance = kernel.covariance(codes, shared).astype(np.float64)
    covariance += kernel.covariance(codes, deviation) / n_tasks
    weights = posterior_weights(covariance, deviation.noise / n_tasks, average - level)
    mean, every_cell = np.full(space.size, level), np.arange(space.size)
    for first in range(0, len(cells), _BLOCK):
        of_block = kernel.codes_between(cells[first : first + _BLOCK], every_cell)
        for of_cell, weight in zip(of_block, weights[first : first + _BLOCK].tolist(), strict=True):
            mean += weight * kernel.covariance(of_cell, shared)
    return MetaGP(
        mean=mean,
        hyperparameters=replace(deviation, variances=deviation.variances * (1 + 1 / n_tasks)),
        features=kernel.features,
        sources=tuple(source.name for source in sources),
        labels=sum(len(source) for source in sources),
    )


def _of_joint_process(space: SearchSpace, sources: Sequence[SourceTask], features: Sequence[str]) -> MetaGP:
    models = learn_source_models(space, sources, features)
    shared, own = models.hyperparameters.of_shared, models.hyperparameters.of_own
    explained = float(np.einsum("ij,ij->j", models.rows, models.rows).mean(dtype=np.float64))
    unknown = min(1.0, max(0.0, 1 - explained / shared.prior_variance))
    return MetaGP(
        mean=models.mean.astype(np.float64),
        hyperparameters=replace(own, variances=own.variances + unknown * shared.variances),
        features=models.features,
        sources=tuple(source.name for source in sources),
        labels=sum(len(source) for source in sources),
    )


def pack_meta_gp(learnt: MetaGP) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return arrays and facts for a file."""
    arrays = {"mean": learnt.mean, "logarithms": learnt.hyperparameters.logarithms}
    return arrays, {"sources": list(learnt.sources), "labels": learnt.labels}


def unpack_meta_gp(
    space: SearchSpace, features: tuple[str, ...], arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]
) -> MetaGP:
    """Return what `pack_meta_gp` described."""
    return MetaGP(
        mean=check_array(arrays, "mean", np.float64, (space.size,)),
        hyperparameters=Hyperparameters.from_logarithms(checked_logarithms(arrays, 2 * len(features) + 1)),
        features=features,
        sources=tuple(facts["sources"]),
        labels=int(facts["labels"]),
    )


@SEARCHERS.register("meta-gp")
class MetaGPSearch(GPSearch, MetaSearcher):
    """Bayesian optimisation with a Gaussian process whose prior is learnt over source tasks.

    Mean function, kernel and noise come from `learn_meta_gp`; the process is then conditioned on the target's
    observations, and the upper confidence bound is maximised exactly over all cells. The target's values may be in
    any unit: its observed values are put on the scale of the prior by matching their quantiles to those of the prior
    mean at the same cells. The first proposals are those of highest prior mean.

    The bound is the acquisition here, and expected improvement is not: see ``reports/queries``.

    Parameters
    ----------
    beta : float, default 0.5
        Posterior standard deviations that are added to the posterior mean.
    features : sequence of str, optional
        What is compared, see `nasmeta.spaces.SearchSpace.feature`; the space's ``kernel_features`` where left out.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("meta-gp", "nb201/cifar100", evaluations=20, stop_at_optimum=True)
    >>> run.sources
    ('nb201/cifar10', 'nb201/imagenet16-120')
    """

    search_settings = ("beta",)

    def __init__(
        self, space: SearchSpace, rng: np.random.Generator, *, beta: float = 0.5, features: Sequence[str] | None = None
    ) -> None:
        super().__init__(space, rng, n_initial=0, features=features)
        self.beta = check_number("beta", beta)

    def _learn(self, sources: list[SourceTask]) -> MetaGP:
        return learn_meta_gp(self.space, sources, self.features)

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return pack_meta_gp(self._require_meta_model())

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> MetaGP:
        return unpack_meta_gp(self.space, self.features, arrays, facts)

    @cached_property
    def _gp(self) -> CellGP:
        learnt: MetaGP = self._require_meta_model()
        return CellGP(CellKernel(self.space, learnt.features), learnt.hyperparameters, learnt.mean)

    def _labels(self) -> NDArray[np.float64]:
        learnt: MetaGP = self._require_meta_model()
        if not self._values:
            return np.empty(0)
        return labels_like(learnt.mean[self._gp.cells], self._values)

    def _score(
        self, mean: NDArray[np.float64], std: NDArray[np.float64], labels: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        return mean + self.beta * std

    def _refit(self, labels: NDArray[np.float64]) -> None:
        """Keep the hyperparameters that the sources taught."""
