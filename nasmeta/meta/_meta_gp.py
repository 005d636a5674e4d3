"""A Gaussian process whose mean function, kernel and noise are learned over source tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np
from scipy.linalg import helmert

from nasmeta.checks import check_number
from nasmeta.gaussian_process import (
    Conditioned,
    GaussianProcess,
    Hyperparameters,
    KernelPrior,
    Model,
    Objective,
    Prior,
    count_model,
    fit,
    sum_of_exponentials,
    weak_prior,
)
from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Packed
from nasmeta.meta._joint_process import SourceModels
from nasmeta.meta._quantile_matching import labels_like
from nasmeta.meta._transfer_search import SourceGPSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, normal_scores


@dataclass(frozen=True)
class MetaGPSettings:
    """Settings of `meta-gp`; ``reports/transfer`` and ``reports/queries`` have results with them."""

    fewest_common: int = 20  # architectures that all sources have labelled
    # best common architectures that the mean function is conditioned on, at O(n³)
    condition_on: int = 2000
    fit_on: int = 500  # at least as many, evenly spaced in rank, determine the marginal likelihood
    # of the logarithms of hyperparameters: a weak prior, because there are many labels
    prior_std: float = 2.0


META_GP = MetaGPSettings()


@dataclass(frozen=True)
class MetaGP:
    """Prior of a new task, learned from source tasks."""

    mean: Floats  # of every architecture's normal score, shape (n_architectures,)
    hyperparameters: Hyperparameters  # of the deviation of a new task from that mean, and noise
    features: tuple[str, ...]
    sources: tuple[str, ...]
    labels: int  # of all sources together

    @classmethod
    def learn(
        cls, space: SearchSpace, sources: Sequence[SourceTask], features: Sequence[str]
    ) -> MetaGP:
        r"""Maximise the sum of the source tasks' log marginal likelihoods, then condition the mean on their labels.

        Task t of T scores architecture x as :math:`z_t(x) = m(x) + g_t(x) + \varepsilon`, with a shared
        :math:`m \sim GP(\mu, k_m)`, deviations :math:`g_t \sim GP(0, k_g)` and noise of variance :math:`\sigma^2`.
        On architectures that all tasks have labelled, an orthonormal change of basis splits the joint marginal
        likelihood into a sum of ordinary ones: the T - 1 contrasts between tasks are independent
        :math:`GP(0, k_g + \sigma^2)`, and the mean over the tasks is :math:`GP(\mu, k_m + (k_g + \sigma^2) / T)`. The
        contrasts give :math:`k_g` and :math:`\sigma^2`, the mean gives :math:`k_m`, if its small
        share :math:`k_g / T` is neglected. The prior mean of a new task is the
        posterior mean of m. Its deviation is :math:`(1 + 1/T) k_g`; the summand :math:`k_g / T` accounts for the
        uncertainty about m. This is the hierarchical Gaussian process of multi-task learning (Rasmussen and Williams
        2006, sec. 5.4.3) with a learned mean function. With one source there is no contrast, and :math:`k_m` replaces
        :math:`k_g`.

        If fewer than 20 architectures are labelled in all sources, :math:`k_m` and :math:`k_g`
        maximise the joint marginal likelihood of all labels (`SourceModels.learn`) with common
        lengthscales. The mean share of m's variance that its posterior keeps, times :math:`k_m`, is
        added to :math:`k_g`.

        The logarithms of hyperparameters have the prior means of `weak_prior`, with a lengthscale
        of 3 for all features, and the standard deviation ``META_GP.prior_std``.
        """
        described = tuple((source.name, source.sha256) for source in sources)
        key = (space.sha256, tuple(features), described)
        if key not in _learned:
            if len(_learned) == _MOST_LEARNED:
                _learned.clear()
            _learned[key] = cls._learn(space, sources, features)
        return _learned[key]

    @classmethod
    def _learn(
        cls, space: SearchSpace, sources: Sequence[SourceTask], features: Sequence[str]
    ) -> MetaGP:
        common = reduce(np.intersect1d, [source.architectures for source in sources])
        if len(common) < META_GP.fewest_common:
            models = SourceModels.learn(space, sources, features)
            features = models.features
            mean, deviation = _joint_prior(models)
        else:
            mean, deviation = _common_prior(count_model(space, features), sources, common)
        return cls(
            mean=mean,
            hyperparameters=deviation,
            features=tuple(features),
            sources=tuple(source.name for source in sources),
            labels=sum(map(len, sources)),
        )

    def pack(self) -> Packed:
        """Return arrays and facts for a file."""
        arrays = {"mean": self.mean, "logarithms": self.hyperparameters.logarithms}
        return arrays, {"sources": list(self.sources), "labels": self.labels}

    @classmethod
    def unpack(
        cls, space: SearchSpace, features: tuple[str, ...], arrays: Arrays, facts: Facts
    ) -> MetaGP:
        """Return the prior that `pack` described."""
        kernel = sum_of_exponentials(len(features))
        return cls(
            mean=arrays["mean"],
            hyperparameters=kernel.hyperparameters(arrays["logarithms"]),
            features=features,
            sources=tuple(facts["sources"]),
            labels=int(facts["labels"]),
        )

    def new_task(self, space: SearchSpace) -> GaussianProcess:
        """Return the process of a new task, without observations."""
        return GaussianProcess(count_model(space, self.features), self.hyperparameters, self.mean)


# Runs with other seeds have the same sources, and learning takes most of a short run.
_MOST_LEARNED = 16
_learned: dict[Any, MetaGP] = {}


def _joint_prior(models: SourceModels) -> tuple[Floats, Hyperparameters]:
    """Return mean, shape (n_architectures,), and hyperparameters of a new task, by the joint process."""
    # of the prior variance of m, by the labels of the sources
    explained = np.einsum("ij,ij->j", models.rows, models.rows).mean(dtype=np.float64)
    unknown = np.clip(1 - explained / models.shared.sum(), 0, 1)
    variances = models.own + unknown * models.shared
    return models.mean.astype(np.float64), replace(models.hyperparameters, variances=variances)


def _common_prior(
    model: Model, sources: Sequence[SourceTask], common: Architectures
) -> tuple[Floats, Hyperparameters]:
    """Return mean, shape (n_architectures,), and hyperparameters of a new task, by common labels."""
    n_tasks = len(sources)
    architectures, scores = _best_common(sources, common)
    average = scores.mean(axis=0)
    level = average.mean()
    shared, deviation = _fit_parts(model, architectures, scores, level)
    # m(x) = μ + k_m(x, X) C⁻¹ (z̄ - μ) with C = k_m + (k_g + σ² I) / T, the covariance of z̄
    shared_prior, deviation_prior = KernelPrior(model, shared), KernelPrior(model, deviation)
    covariance = shared_prior.covariance(architectures, architectures).astype(np.float64)
    covariance += deviation_prior.covariance(architectures, architectures) / n_tasks
    conditioned = Conditioned.on(covariance, deviation.noise / n_tasks, average - level)
    mean = level + shared_prior.combined(architectures, conditioned.weights)
    return mean, replace(deviation, variances=deviation.variances * (1 + 1 / n_tasks))


def _best_common(
    sources: Sequence[SourceTask], common: Architectures
) -> tuple[Architectures, Floats]:
    """Return the common architectures with the best mean scores, (n,), and all scores, (n_tasks, n)."""
    scores = np.empty((len(sources), len(common)))
    for task, source in enumerate(sources):
        scores[task] = normal_scores(source.utilities)[source.rows_of(common)]
    best_first = np.argsort(-scores.mean(axis=0), kind="stable")
    kept = best_first[: META_GP.condition_on]
    return common[kept], scores[:, kept]


def _fit_parts(
    model: Model, architectures: Architectures, scores: Floats, level: float
) -> tuple[Hyperparameters, Hyperparameters]:
    """Return the hyperparameters of k_m and of k_g, with the noise; scores have shape (n_tasks, n)."""
    n_tasks, n = scores.shape
    even = slice(None, None, max(1, n // META_GP.fit_on))
    pairs = model.inputs.among(architectures[even])
    means = weak_prior(len(model.inputs.dimensions)).mean
    prior = Prior(means, np.full(len(means), META_GP.prior_std))
    average = scores.mean(axis=0)[even] - level
    shared = fit(Objective(model.kernel, pairs, [average], prior), iterations=40)
    if n_tasks == 1:
        return shared, shared
    contrasts = helmert(n_tasks) @ scores  # (n_tasks - 1, n), independent, of covariance k_g + σ² I
    objective = Objective(model.kernel, pairs, list(contrasts[:, even]), prior)
    return shared, fit(objective, iterations=40)


class MetaGPSearch(SourceGPSearch):
    """Bayesian optimisation with a Gaussian process whose prior is learned over source tasks.

    `MetaGP` learns mean function, kernel and noise; the process is then conditioned on the target's
    observations, and the upper confidence bound is maximised over the whole space. Observed values
    may have any unit: their quantiles are matched to those of the prior mean at the same
    architectures. The first proposals have the highest prior mean.

    Parameters
    ----------
    beta : float, default 0.5
        Posterior standard deviations in the upper confidence bound.
    features : sequence of str, optional
        Features that the kernel compares, see `nasmeta.spaces.SearchSpace.feature`; by default the
        space's ``kernel_features``.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("meta-gp", "nb201/cifar100", evaluations=20, stop_at_optimum=True)
    >>> run.sources
    ('nb201/cifar10', 'nb201/imagenet16-120')
    """

    model = MetaGP
    search_settings = ("beta",)

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        beta: float = 0.5,
        features: Sequence[str] | None = None,
    ) -> None:
        super().__init__(space, rng, n_initial=0, features=features)
        self.beta = check_number("beta", beta)

    @cached_property
    def _gp(self) -> GaussianProcess:
        process: GaussianProcess = self._require_meta_model().new_task(self.space)
        return process

    def _labels(self) -> Floats:
        expected = self._require_meta_model().mean[self._gp.architectures]
        return labels_like(expected, self._values)

    def _score(self, gp: GaussianProcess, mean: Floats, std: Floats, labels: Floats) -> Floats:
        return mean + self.beta * std

    def _refit(self, labels: Floats) -> None:
        """Keep the hyperparameters learned from the sources."""
