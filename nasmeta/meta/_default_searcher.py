"""The default meta-searcher: processes with and without sources, weighted by their predictions of the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, ClassVar

import numpy as np

from nasmeta.checks import check_int
from nasmeta.gaussian_process import CellGP, log_expected_improvement, weak_prior
from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Floats32, Packed, of_prefix, with_prefix
from nasmeta.meta._joint_process import SourceModels
from nasmeta.meta._meta_gp import MetaGP
from nasmeta.meta._model_averaging import left_out_densities, predictive_weights
from nasmeta.meta._multi_task_gp import prior_of_weights, regression_weights
from nasmeta.meta._quantile_matching import labels_like
from nasmeta.meta._rgpe import RGPESearch
from nasmeta.meta._transfer_search import condition
from nasmeta.searchers import GPSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask


@dataclass(frozen=True)
class DefaultSettings:
    """Settings of `meta`; ``reports/transfer`` has results with them and the tasks of the choice."""

    beta: float = 0.5  # posterior standard deviations in the upper confidence bound of the initial design
    complete: float = 0.5  # minimum share of the space labelled by all sources for `MetaGP` to learn their mean
    apart: float = 0.3  # maximum variance of a task around that mean for ``meta-gp`` to be a member
    no_weight: float = 1e-3  # members with less are ignored, to save time


DEFAULT = DefaultSettings()


_PREFIX = "complete_"


@dataclass(frozen=True)
class DefaultMetaModel:
    """The joint process of the sources, and a `MetaGP` if at least half of the space has labels of all sources."""

    models: SourceModels
    complete: MetaGP | None
    reader: Any = None  # of `meta-nas`: its transformer and the inputs from the sources

    @classmethod
    def learn(cls, space: SearchSpace, sources: Sequence[SourceTask], features: Sequence[str]) -> DefaultMetaModel:
        """Learn both."""
        models = SourceModels.learn(space, sources, features)
        common = reduce(np.intersect1d, [source.architectures for source in sources])
        same_space = all(source.space == space for source in sources)
        complete = same_space and len(common) >= DEFAULT.complete * space.size
        return cls(models, MetaGP.learn(space, sources, features) if complete else None)

    def pack(self) -> Packed:
        """Return arrays and facts for a file."""
        arrays, facts = self.models.pack()
        if self.complete is not None:
            of_complete, facts["complete"] = self.complete.pack()
            arrays |= with_prefix(_PREFIX, of_complete)
        return arrays, facts

    @classmethod
    def unpack(cls, space: SearchSpace, features: tuple[str, ...], arrays: Arrays, facts: Facts) -> DefaultMetaModel:
        """Return the model that `pack` described."""
        complete = None
        if "complete" in facts:
            complete = MetaGP.unpack(space, features, of_prefix(_PREFIX, arrays), facts["complete"])
        return cls(SourceModels.unpack(space, features, arrays, facts), complete)

    @property
    def prior(self) -> SourceModels | MetaGP:
        """The prior of a new task: mean, hyperparameters, features."""
        return self.complete or self.models


class DefaultMetaSearch(RGPESearch):
    """The default meta-searcher: it follows the sources as long as the observations confirm them.

    Members are Gaussian processes of the target with different prior means: zero (``gp``), the sources weighted by how
    well they rank the observations (``rgpe``), or by regression (``multi-task-gp``). The leave-one-out predictions of
    the observations determine the weight of a member, see `predictive_weights`. The weighted mean of the members'
    expected improvements is maximised over the whole space.

    The initial design comes from the joint process over (architecture, task). If the architectures labelled by all
    sources are at least half of the space, it comes from the process of ``meta-gp``, which knows single
    architectures that were better than their neighbours on every source. If several sources agree, this process is a
    fourth member (``meta-gp``). Part of the design is random, because only random architectures can reveal that the
    sources mislead.

    Parameters
    ----------
    n_initial : int, default 5
        Size of the initial design.
    n_random : int, default 2
        Number of random architectures in it, at most half. They alternate with the sources' choices and end the design.
    features : sequence of str, optional
        Features that the kernel compares, see `nasmeta.spaces.SearchSpace.feature`; by default the space's
        ``kernel_features``.

    Attributes
    ----------
    notes : list of dict
        For each of the last proposals, its origin (``sources``, ``random`` or ``members``) and the member ``weights``.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> few = nm.task_distribution("nb201").leave_out("cifar100")[0].as_sources(50, np.random.default_rng(0))
    >>> run = nm.search("meta", "nb201/cifar100", sources=few, evaluations=10)
    >>> run.notes[0], list(run.notes[9]["weights"])
    ({'by': 'sources'}, ['gp', 'rgpe', 'multi-task-gp'])
    """

    model = DefaultMetaModel
    members: tuple[str, ...] = ("rgpe", "multi-task-gp", "meta-gp")  # in addition to ``gp``
    search_settings: ClassVar[tuple[str, ...]] = ("n_initial", "n_random")

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        n_initial: int = 5,
        n_random: int = 2,
        features: Sequence[str] | None = None,
    ) -> None:
        super().__init__(space, rng, n_initial=n_initial, features=features)
        self.n_random = min(check_int("n_random", n_random, 0), self.n_initial // 2)
        self.notes: list[Mapping[str, Any]] = []

    @property
    def _models(self) -> SourceModels:
        models: SourceModels = self._require_meta_model().models
        return models

    @property
    def _complete(self) -> Any:
        return self._require_meta_model().complete

    # -- initial design ---------------------------------------------------------------------------------------------
    def ask(self, n: int = 1) -> Architectures:
        """Propose the initial design, then the architectures with the highest expected improvement of the members."""
        first: list[int] = []
        self.notes = []
        if self._has_open(n):
            while len(first) < n and self._n_asked < self.n_initial:
                first.append(self._first_architecture())
        if len(first) < n:
            first += GPSearch.ask(self, n - len(first)).tolist()
        return np.array(first, dtype=np.int32)

    def _first_architecture(self) -> int:
        left = self.n_initial - 1 - self._n_asked
        if left % 2 or left >= 2 * self.n_random:
            return self._best_by_sources()
        self.notes.append({"by": "random"})
        architecture = int(self.rng.choice(np.flatnonzero(self._open)))
        self._mark(architecture)
        return architecture

    def _best_by_sources(self) -> int:
        """Return the maximiser of the upper confidence bound under the prior of a new task, given the observations."""
        self.notes.append({"by": "sources"})
        if self._complete is None:
            return self._first_architectures(1)[0]
        process = self._complete.new_task(self.space)
        for observed in self._gp.architectures:
            process.add(observed)
        mean, std = process.posterior(labels_like(self._complete.mean[process.architectures], self._values))
        return self._take_best(mean + DEFAULT.beta * std)

    # -- members ----------------------------------------------------------------------------------------------------
    @cached_property
    def _processes(self) -> dict[str, CellGP]:
        """The processes by member; the process of ``gp`` is also that of `GPSearch`."""
        processes = {"gp": self._gp}
        for name in self.members:
            if name != "meta-gp":
                processes[name] = CellGP(self._gp.kernel, self._gp.hyperparameters)
            elif self._complete is not None and self._complete.hyperparameters.variances.sum() <= DEFAULT.apart:
                processes[name] = self._complete.new_task(self.space)
        return processes

    @cached_property
    def _members(self) -> list[CellGP]:
        return list(self._processes.values())

    def _prior_mean(self, member: str, labels: Floats) -> Floats32 | None:
        """Return the prior mean of all architectures, shape (n_architectures,), given labels of shape (n,)."""
        if member == "gp":
            return None
        means = self._models.standard_means
        if member == "rgpe":
            weights, self._without = self._weights_with_and_without(labels)
        else:
            weights = regression_weights(means[:, self._gp.architectures], labels, self._processes[member].factor)
        return (weights @ means).astype(np.float32)

    def _scale(self, member: str, labels: Floats) -> tuple[Floats, float]:
        """Return the labels on the scale of a member, shape (n,), and their deviation divided by that of `labels`."""
        if member != "meta-gp":
            return labels, 1.0
        own = labels_like(self._complete.mean[self._gp.architectures], self._values)
        return own, float((own.std() or 1.0) / (labels.std() or 1.0))

    def _densities(self, member: str, labels: Floats) -> Floats:
        """Return the log density of each label under a member that has observed the others, shape (n,)."""
        factor, known = self._processes[member].factor, self._gp.architectures
        if member == "meta-gp":
            own, scale = self._scale(member, labels)
            return left_out_densities(factor, own, self._complete.mean[known]) + float(np.log(scale))
        if member == "gp":
            return left_out_densities(factor, labels, np.zeros(len(labels)))
        sources = self._models.standard_means[:, known].astype(np.float64)
        sources -= sources.mean(axis=1, keepdims=True)
        if member == "rgpe":
            return left_out_densities(factor, labels, self._without @ sources)
        mean, variance = prior_of_weights(len(sources))  # integrated out, so no weight depends on the label
        around = factor @ factor.T + variance * sources.T @ sources
        return left_out_densities(np.linalg.cholesky(around), labels, mean @ sources)

    def _take_improving(self, improvement: Floats) -> int:
        """Return the open architecture with the highest log expected improvement under the members, shape (size,)."""
        return self._take_best(improvement)

    def _most_promising(self, n: int) -> list[int]:
        """Return the maximisers of the members' average expected improvement; each member expects its mean for them."""
        labels = self._labels()
        if not len(labels):  # several workers, and no value yet
            return [self._best_by_sources() for _ in range(n)]
        refit = self._is_due(len(labels))
        if refit:
            self._fitted_at = len(labels)
        prior = weak_prior(len(self.features), self._gp.kernel.typical_lengthscales)
        for name, gp in self._processes.items():
            if name != "meta-gp":
                condition(gp, labels, self._prior_mean(name, labels), refit=refit, prior=prior)
        weights = predictive_weights(np.stack([self._densities(name, labels) for name in self._processes]), self.rng)
        note = {"by": "members", "weights": dict(zip(self._processes, weights.round(4).tolist(), strict=True))}
        weights[weights < DEFAULT.no_weight] = 0.0
        used = {name: w for name, w in zip(self._processes, weights / weights.sum(), strict=True) if w}
        own = {name: self._scale(name, labels) for name in used}
        chosen: list[int] = []
        for _ in range(n):
            scores, means = [], {}
            for name, (seen, scale) in own.items():
                gp = self._processes[name]
                means[name], std = gp.posterior(seen)
                std = np.sqrt(std**2 + gp.hyperparameters.noise)
                scores.append(log_expected_improvement(means[name], std, seen.max()) + np.log(used[name] / scale))
            chosen.append(self._take_improving(reduce(np.logaddexp, scores)))
            if len(chosen) < n:
                for name, mean in means.items():
                    own[name] = np.r_[own[name][0], mean[chosen[-1]]], own[name][1]
                    self._processes[name].add(chosen[-1])
        for name in used:
            self._processes[name].forget_last(n - 1)
        self.notes += [note] * n
        return chosen
