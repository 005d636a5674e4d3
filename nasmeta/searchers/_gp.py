"""Bayesian optimisation with a Gaussian process over architectures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.random import Generator
from scipy.special import log_ndtr, softmax

from nasmeta.arrays import Architectures, Floats
from nasmeta.checks import check_int
from nasmeta.gaussian_process import (
    GaussianProcess,
    count_model,
    has_position_model,
    log_expected_improvement,
    position_model,
)
from nasmeta.searchers._searcher import WithoutReplacement
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import normal_scores

_REFIT_GROWTH = 1.2
_REFIT_ALWAYS_BELOW = 20
_MOST_OBSERVED = 2_000  # fitting costs the third power of the number of observations
# Larger spaces have one process, and the expected improvement of a part of the architectures.
_LARGE = 2**17
_SCREENED = 2**14  # that part: those with the highest upper confidence bounds
_BEHIND = 1e9  # subtracted from the bounds of the others, so that they come last
_NO_WEIGHT = 0.01  # processes with less are ignored, to save time
_TAIL = 0.25  # lowest share of the values, which is clipped
_TIE = 1e-6  # scores closer than float32 resolves are ties, drawn from at random


def labels_of(values: Floats) -> Floats:
    """Return labels of unit variance, shape (n,): the mean of normal scores and standardised values."""
    ranks = normal_scores(values)
    clipped = np.maximum(values, np.quantile(values, _TAIL))
    if not clipped.std():
        return ranks
    labels: Floats = ranks + (clipped - clipped.mean()) / clipped.std()
    labels /= labels.std()
    return labels


class Feasibility:
    """The probability that an evaluation succeeds, from a Gaussian process on 1 (success) and -1 (failure).

    Least-squares classification (Rasmussen and Williams, "Gaussian processes for machine learning",
    section 6.5). It multiplies an expected improvement (Gelbart, Snoek and Adams, "Bayesian
    optimization with unknown constraints", UAI 2014).
    """

    def __init__(self, process: GaussianProcess) -> None:
        self._gp = process
        self._labels: list[float] = []
        self._known: set[int] = set()
        self._fitted_at = 0

    def add(self, architectures: Iterable[int], *, succeeded: bool) -> None:
        """Condition on evaluations, up to 2,000; an architecture is added once."""
        label = 1.0 if succeeded else -1.0
        for architecture in architectures:
            if architecture not in self._known and len(self._known) < _MOST_OBSERVED:
                self._known.add(architecture)
                self._gp.add(architecture)
                self._labels.append(label)

    def log_chance(self) -> Floats:
        """Return the logarithm of the probability for each architecture, shape (size,)."""
        labels = np.array(self._labels)
        if len(labels) > 1 and len(labels) >= self._fitted_at * _REFIT_GROWTH:
            self._fitted_at = len(labels)
            self._gp.fit(labels)
        mean, std = self._gp.posterior(labels)
        return log_ndtr(mean / np.sqrt(std**2 + self._gp.hyperparameters.noise))


class GPSearch(WithoutReplacement):
    """Bayesian optimisation with an exact Gaussian process; expected improvement is maximised over the whole space.

    The expected improvements of two processes are averaged, weighted by marginal likelihood times
    prior density relative to its maximum. The first has a sum of exponential kernels, one per count
    feature (for cells: operations per edge, live paths, operation counts); the second has a product
    of kernels with a lengthscale per position, which learns which positions matter: Matérn kernels
    of order 5/2 for ordered positions with at least three choices, which follow trends, and
    exponential kernels for others. Only the first is used if the features of the space do not
    contain its positions, with several objectives, and in spaces of more than 131,072
    architectures. In these spaces, expected improvement is computed only for the 16,384 highest
    upper confidence bounds. Values are replaced by normal scores of their ranks. On candidates of a
    large space, the second process is the only one, and its labels are those of `EHVISearch`, which
    keep distances between good values. Hyperparameters maximise the marginal likelihood under a
    weak prior. They are refitted in each call of `ask`; from 20 observations on, whenever their
    number has grown by 20 %. Expected improvement includes observation noise, because the tabulated
    value itself is the objective. If evaluations fail, the improvement is multiplied by the
    probability of success under another process (Gelbart, Snoek and Adams, "Bayesian optimization
    with unknown constraints", UAI 2014). After 2,000 observations the processes stay as they are,
    and the search proposes the remaining architectures in the order of their expected improvement.

    Related: Kandasamy et al. (NASBOT, NeurIPS 2018), Ru et al. (NAS-BOWL, ICLR 2021).

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator
    n_initial : int, default 5
        Number of random architectures before the model is used.
    features : sequence of str, optional
        Count features of the only kernel, see `nasmeta.spaces.SearchSpace.feature`; by default
        there are two kernels, one of them with the ``kernel_features`` of the space.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("gp", "nb201/cifar10", evaluations=30, seed=0)
    >>> len(run)
    30
    """

    def __init__(
        self,
        space: SearchSpace,
        rng: Generator,
        *,
        n_initial: int = 5,
        features: Sequence[str] | None = None,
    ) -> None:
        super().__init__(space, rng)
        self.n_initial = check_int("n_initial", n_initial, 0)
        self.features = space.kernel_features if features is None else tuple(features)
        self._one_kernel = features is not None
        self._values: list[float] = []
        self._n_asked = 0
        self._fitted_at = 0
        self._adopted: list[GaussianProcess] = []  # processes on other candidates
        self._feasibility: Feasibility | None = None  # once an evaluation failed
        self._final: tuple[Floats, Floats] | None = None  # labels and scores, once full

    @cached_property
    def _on_excerpt(self) -> bool:
        """Whether the process of positions is the only one: on candidates of a large space, with one objective."""
        one = self.objectives == "one" and not self._one_kernel
        return self.space.is_excerpt and one and has_position_model(self.space)

    @cached_property
    def _gp(self) -> GaussianProcess:
        if self._on_excerpt:
            return GaussianProcess(position_model(self.space, uniform=True))
        return GaussianProcess(count_model(self.space, self.features))

    @cached_property
    def _members(self) -> list[GaussianProcess]:
        """The two processes; only the first with several objectives."""
        one_objective = self.objectives == "one" and not self._one_kernel
        is_small = self.space.size <= _LARGE and not self._on_excerpt
        if not (one_objective and is_small and has_position_model(self.space)):
            return [self._gp]
        return [self._gp, GaussianProcess(position_model(self.space))]

    def ask(self, n: int = 1) -> Architectures:
        """Maximise expected improvement; within a batch, earlier proposals are assumed to return their mean."""
        self._require_open(n)
        proposals: list[int] = []
        while len(proposals) < n and self._n_asked < self.n_initial:
            architecture = int(self.rng.integers(self.space.size))
            if self._open[architecture]:
                self._mark(architecture)
                proposals.append(architecture)
        if len(proposals) < n:
            proposals += self._most_promising(n - len(proposals))
        return np.array(proposals, dtype=np.int32)

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Condition the process on the values, up to 2,000 of them."""
        if not self._values and len(architectures) > 1:
            self._tell_first(architectures[:_MOST_OBSERVED], values[:_MOST_OBSERVED])
        for architecture, value in zip(architectures.tolist(), values.tolist(), strict=True):
            self._mark(architecture)
            if len(self._gp) < _MOST_OBSERVED and architecture not in self._gp.architectures:
                for gp in self._members:
                    gp.add(architecture)
                self._values.append(value)

    def _tell_first(self, architectures: Architectures, values: Floats) -> None:
        """Condition the processes on many values at once."""
        different = np.sort(np.unique(architectures, return_index=True)[1])
        for gp, before in zip(self._members, self._adopted, strict=False):
            gp.set_hyperparameters(before.hyperparameters)
        self._adopted = []
        for gp in self._members:
            gp.extend(architectures[different].tolist())
        self._values += values[different].tolist()

    def adopt(self, before: Any) -> None:
        """Copy the hyperparameters of a search on other candidates."""
        if not before._values:
            return
        self._fitted_at = before._fitted_at
        self._adopted = before._members

    def tell_failures(self, architectures: Architectures, values: Floats) -> None:
        """Learn the probability of success."""
        if self._feasibility is None:
            self._feasibility = Feasibility(GaussianProcess(count_model(self.space, self.features)))
        self._feasibility.add(architectures.tolist(), succeeded=False)
        for architecture in architectures.tolist():
            self._mark(architecture)

    def _succeeded(self) -> Iterable[int]:
        """Return the architectures with an observed value."""
        return self._gp.architectures

    def _mark(self, architecture: int) -> None:
        self._n_asked += bool(self._open[architecture])
        self._open[architecture] = False

    def _labels(self) -> Floats:
        """Return the labels of the processes, shape (n,), or (n, members) if they differ."""
        if self._on_excerpt:
            return labels_of(np.array(self._values))
        return normal_scores(self._values)

    def _is_due(self, n: int) -> bool:
        """Return whether hyperparameters are refitted at this number of labels."""
        return n >= 2 and (n < _REFIT_ALWAYS_BELOW or n >= self._fitted_at * _REFIT_GROWTH)

    def _refit(self, labels: Floats) -> None:
        """Fit the hyperparameters of each process to its labels, if that is due."""
        if not self._is_due(len(labels)):
            return
        self._fitted_at = len(labels)
        by_process = np.broadcast_to(labels.T, (len(self._members), len(labels)))
        for gp, labels_of_process in zip(self._members, by_process, strict=True):
            gp.fit(labels_of_process)

    def _score(self, gp: GaussianProcess, mean: Floats, std: Floats, labels: Floats) -> Floats:
        """Return the logarithm of the expected improvement of each architecture under one process, shape (size,)."""
        if not len(labels):
            return mean
        with_noise = np.sqrt(std**2 + gp.hyperparameters.noise)
        if len(mean) <= _LARGE:
            return log_expected_improvement(mean, with_noise, labels.max())
        bounds = np.where(self._open, mean + 2 * std, -np.inf)
        highest = np.argpartition(bounds, -_SCREENED)[-_SCREENED:]
        score = bounds - _BEHIND
        score[highest] = log_expected_improvement(mean[highest], with_noise[highest], labels.max())
        return score

    def _process_weights(self, labels: Floats) -> Floats:
        """Return the weights of the processes, proportional to the exponentials of `GaussianProcess.log_evidence`."""
        evidence = np.array([gp.log_evidence(labels) for gp in self._members])
        weights = softmax(evidence)
        weights[weights < _NO_WEIGHT] = 0
        return np.asarray(weights / weights.sum(), np.float64)

    def _scores(self, labels: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the weighted averages of expected improvements, as logarithms, and of means, both of shape (size,)."""
        means = np.zeros(self.space.size)
        scores = []
        for gp, weight in zip(self._members, weights, strict=True):
            if weight:
                mean, std = gp.posterior(labels)
                scores.append(self._score(gp, mean, std, labels) + np.log(weight))
                means += weight * mean
        return reduce(np.logaddexp, scores), means

    def _take_best(self, score: Floats) -> int:
        """Return the open architecture with the highest score; ties are broken at random."""
        if self._feasibility is not None:
            self._feasibility.add(self._succeeded(), succeeded=True)
            score = score + self._feasibility.log_chance()
        score[~self._open] = -np.inf
        ties = np.flatnonzero(score >= score.max() - _TIE)
        architecture = int(ties[0]) if len(ties) == 1 else int(self.rng.choice(ties))
        self._mark(architecture)
        return architecture

    def _most_promising(self, n: int) -> list[int]:
        """Return the open architectures with the highest scores, one after another."""
        labels = self._labels()
        if len(self._gp) == _MOST_OBSERVED:
            return [self._take_best(self._final_score(labels).copy()) for _ in range(n)]
        self._refit(labels)
        chosen: list[int] = []
        weights = self._process_weights(labels)
        for _ in range(n):
            score, mean = self._scores(labels, weights)
            chosen.append(self._take_best(score))
            if len(chosen) < n:
                for gp in self._members:
                    gp.add(chosen[-1])
                labels = np.concatenate([labels, mean[chosen[-1:]]])
        for gp in self._members:
            gp.forget_last(len(chosen) - 1)
        return chosen

    def _final_score(self, labels: Floats) -> Floats:
        """Return the scores under the last posterior, which depend on the labels only."""
        if self._final is None or not np.array_equal(self._final[0], labels):
            self._refit(labels)
            self._final = labels, self._scores(labels, self._process_weights(labels))[0]
        return self._final[1]
