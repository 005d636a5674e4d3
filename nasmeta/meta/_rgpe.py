"""Ensembles of source processes, weighted by how well they rank the target's observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nasmeta.gaussian_process import (
    GaussianProcess,
    count_model,
    inverse_of,
    log_expected_improvement,
)
from nasmeta.meta._arrays import (
    AnyFloats,
    Architectures,
    Arrays,
    Facts,
    Floats,
    Floats32,
    Packed,
    Prediction,
)
from nasmeta.meta._transfer_search import JointGPSearch, SourceGPSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, standardised


@dataclass(frozen=True)
class RGPESettings:
    """Settings of `rgpe`; ``reports/meta/gp`` and ``reports/transfer`` have results with them."""

    slope: float = 0.5  # weight of a source that ranks best in every bootstrap sample
    samples: int = 100
    fewest_labels: int = 3  # with fewer observations, all sources have the same weight
    worse_than: float = (
        0.95  # quantile of the target process's losses above which a source gets no weight
    )
    of_a_source: int = 200  # labels that its process is conditioned on, in `rgpe-vanilla`


RGPE = RGPESettings()


def ranking_losses(predictions: Floats, labels: Floats, times: Floats32) -> Floats:
    """Count the ordered pairs that each prediction ranks wrongly in each bootstrap sample.

    Parameters
    ----------
    predictions : ndarray, shape (n_predictions, n)
    labels : ndarray, shape (n,)
    times : ndarray of float32, shape (n_samples, n)
        How often each sample contains each label.

    Returns
    -------
    ndarray of float64, shape (n_predictions, n_samples)
    """
    order = np.sign(labels[:, None] - labels)
    wrong = np.sign(predictions[:, :, None] - predictions[:, None]) != order
    losses: Floats = np.einsum("psn,sn->ps", times @ wrong.astype(np.float32), times).astype(
        np.float64
    )
    return losses


def ranking_shares(
    sources: AnyFloats, process: GaussianProcess, labels: Floats, rng: np.random.Generator
) -> Floats:
    """Return the mean shares of the best ranking over bootstrap samples, (n_sources + 1,).

    The last one is that of the target's own process, which predicts each label from the others
    (Rasmussen and Williams 2006, equation 5.12).
    """
    n = len(labels)
    inverse = inverse_of(process.factor)
    left_out = labels - (inverse @ labels) / np.diag(inverse)
    times = rng.multinomial(n, np.full(n, 1 / n), size=RGPE.samples).astype(np.float32)
    losses = ranking_losses(np.vstack([sources, left_out]), labels, times)
    losses[:-1][np.median(losses[:-1], axis=1) > np.quantile(losses[-1], RGPE.worse_than)] = np.inf
    best = losses == losses.min(axis=0)
    shares: Floats = (best / best.sum(axis=0)).mean(axis=1)
    return shares


class RGPESearch(JointGPSearch):
    """Bayesian optimisation with source processes, weighted by how well they rank the target's observations.

    The weight of a source is half the share of bootstrap samples of the observations in which its
    process has the fewest wrongly ordered pairs, among the sources and the target's process, which
    predicts each observation from the others. A source whose median loss exceeds the 95 % quantile
    of that process's losses gets no weight. After Feurer, Letham and Bakshy, "Scalable
    meta-learning for Bayesian optimization" (ICML AutoML workshop 2018).

    The published method averages the posteriors of all members (see `VanillaRGPESearch`). Here the
    weighted sum of the sources' posterior means is the prior mean of the target's process, so each
    observation corrects it. Initial design, kernel and sources of another space are as in
    `MultiTaskGPSearch`.

    Parameters
    ----------
    n_initial : int, default 5
        Size of the initial design.
    features : sequence of str, optional
        Features that the kernel compares, see `nasmeta.spaces.SearchSpace.feature`; by default the
        space's ``kernel_features``.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> len(nm.search("rgpe", "nb201/cifar100", sources=few, evaluations=10))
    10
    """

    def _weights(self, labels: Floats) -> Floats:
        sources = self._models.standard_means[:, self._gp.architectures]
        if len(labels) < RGPE.fewest_labels:
            return np.full(len(sources), RGPE.slope / len(sources))
        weights: Floats = RGPE.slope * ranking_shares(sources, self._gp, labels, self.rng)[:-1]
        return weights


class VanillaRGPESearch(SourceGPSearch):
    """Ranking-weighted Gaussian process ensemble as published (Feurer, Letham and Bakshy, ICML AutoML workshop 2018).

    There is one process per source and one of the target. The posterior mean is the weighted sum of
    their means, the variance the sum of their variances, weighted by the squares of the weights.
    The weights are the shares of bootstrap samples as in `RGPESearch`; members that rank equally
    well share a sample.

    Kernel and fit are those of `GPSearch`; labels are standardised instead of ranked. The process
    of a source is conditioned on at most 200 of its labels, drawn at random.

    Parameters
    ----------
    n_initial : int, default 3
        Random architectures before the ensemble proposes.
    features : sequence of str, optional
        Features that the kernel compares, see `nasmeta.spaces.SearchSpace.feature`; by default the
        space's ``kernel_features``.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> len(nm.search("rgpe-vanilla", "nb201/cifar100", sources=few, evaluations=10))
    10
    """

    traces = "statistical"  # the fits to sources end at hyperparameters that depend on rounding

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        n_initial: int = 3,
        features: Sequence[str] | None = None,
    ) -> None:
        super().__init__(space, rng, n_initial=n_initial, features=features)
        self._weights = np.empty(0)

    def _learn(self, sources: list[SourceTask]) -> dict[str, Floats32]:
        """Return mean and deviation of each source's process, both of shape (n_sources, n_architectures)."""
        means, stds = zip(*map(self._posterior_of, sources), strict=True)
        return {"means": np.asarray(means, np.float32), "stds": np.asarray(stds, np.float32)}

    def _posterior_of(self, source: SourceTask) -> Prediction:
        """Return posterior mean and deviation of a source, both of shape (n_architectures,)."""
        kept = np.random.default_rng(len(source)).permutation(len(source))[: RGPE.of_a_source]
        gp = GaussianProcess(count_model(self.space, self.features))
        for architecture in source.architectures[kept].tolist():
            gp.add(architecture)
        labels = standardised(source.utilities[kept])
        gp.fit(labels)
        return gp.posterior(labels)

    def _pack(self) -> Packed:
        return self._require_meta_model(), {}

    def _unpack(self, arrays: Arrays, facts: Facts) -> Arrays:
        return {"means": arrays["means"], "stds": arrays["stds"]}

    def ask(self, n: int = 1) -> Architectures:
        """Propose random architectures, then those with the highest expected improvement of the ensemble."""
        self._require_meta_model()
        return super().ask(n)

    def _labels(self) -> Floats:
        return standardised(self._values) if self._values else np.empty(0)

    def _refit(self, labels: Floats) -> None:
        """Fit the target's process to labels (n,), then weight all processes."""
        super()._refit(labels)
        means = self._require_meta_model()["means"]
        if len(labels) < RGPE.fewest_labels:
            self._weights = np.r_[np.full(len(means), 1 / len(means)), 0.0]
        else:
            self._weights = ranking_shares(
                means[:, self._gp.architectures], self._gp, labels, self.rng
            )

    def _score(self, gp: GaussianProcess, mean: Floats, std: Floats, labels: Floats) -> Floats:
        """Return the log expected improvement of the ensemble, shape (n_architectures,)."""
        learned = self._require_meta_model()
        *weights, own = self._weights
        together: Floats = weights @ learned["means"] + own * mean
        if not len(labels):
            return together
        variance = np.square(weights) @ learned["stds"] ** 2 + own**2 * std**2
        return log_expected_improvement(together, np.sqrt(variance), labels.max())
