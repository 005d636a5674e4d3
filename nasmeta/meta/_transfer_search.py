"""The core of Gaussian-process searchers with sources: initial design, prior mean, conditioning, packing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from nasmeta.gaussian_process import GaussianProcess, GridPosterior, weak_prior
from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Packed
from nasmeta.meta._joint_process import SourceModels, joint_space
from nasmeta.meta._quantile_matching import matched_labels
from nasmeta.searchers import GPSearch, MetaSearcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, Task

BETA = 0.5  # posterior standard deviations in the upper confidence bound


class SourceGPSearch(GPSearch, MetaSearcher):
    """Base of Gaussian-process searchers with a meta-model.

    The class `model` has the class methods ``learn(space, sources, features)`` and
    ``unpack(space, features, arrays, facts)``, and its objects have ``pack() -> (arrays, facts)``.
    """

    model: ClassVar[Any]
    search_settings: ClassVar[tuple[str, ...]] = ("n_initial",)
    learns_in_place = True
    _on_excerpt = False

    @cached_property
    def _members(self) -> list[GaussianProcess]:
        return [self._gp]

    def tell_failures(self, architectures: Architectures, values: Floats) -> None:
        """Observe the substitute values."""
        self.tell(architectures, values)

    def _learn(self, sources: list[SourceTask]) -> Any:
        return self.model.learn(self.space, sources, self.features)

    def _pack(self) -> Packed:
        arrays, facts = self._require_meta_model().pack()
        return arrays, facts

    def _unpack(self, arrays: Arrays, facts: Facts) -> Any:
        return self.model.unpack(self.space, self.features, arrays, facts)


class JointGPSearch(SourceGPSearch):
    """Base of searchers whose prior mean is a weighted sum of the sources' posterior means.

    The first `n_initial` architectures maximise the upper confidence bound of the joint process
    over (architecture, task), conditioned on the labels of the sources and on the observations.
    Afterwards the search is that of `nasmeta.searchers.GPSearch` with another prior mean.
    Hyperparameters are fitted to the target's observations. Their prior has the lengthscale 3 for
    all features; `GPSearch` has longer ones for features with larger distances.
    """

    model: ClassVar[Any] = SourceModels
    crosses_spaces: ClassVar[bool] = True

    @abstractmethod
    def _weights(self, labels: Floats) -> Floats:
        """Return the weight of each source's mean in the target's prior mean, shape (n_sources,)."""

    @classmethod
    def check_sources(
        cls, space: SearchSpace, sources: Iterable[SourceTask | Task]
    ) -> list[SourceTask]:
        """Return the labels of the sources; their spaces must match the searched one."""
        labelled = super().check_sources(space, sources)
        if not space.is_large:
            joint_space(space, labelled)
        return labelled

    @property
    def _models(self) -> SourceModels:
        models: SourceModels = self._require_meta_model()
        return models

    def ask(self, n: int = 1) -> Architectures:
        """Propose architectures by the joint process in the initial design, then as `GPSearch` does."""
        if len(self._values) < self.n_initial and self._has_open(n):
            return np.array(self._first_architectures(n), dtype=np.int32)
        return super().ask(n)

    def _first_architectures(self, n: int) -> list[int]:
        """Return `n` maximisers of the upper confidence bound of the joint process.

        It is conditioned on the observations, on the scale of the prior, and on its own mean for
        the batch's earlier proposals.
        """
        process = GridPosterior(self._models, self._models.mean)
        observed = self._gp.architectures
        std = np.sqrt(np.maximum(self._models.variance[observed], 0) + self._models.noise)
        mean = self._models.mean[observed].astype(np.float64)
        labels = matched_labels(np.array(self._values), mean, std.astype(np.float64))
        for architecture in observed:
            process.add(architecture)
        for _ in range(n):
            mean, deviation = process.posterior(labels)
            score = mean + BETA * deviation
            score[~self._open] = -np.inf
            architecture = int(score.argmax())
            self._mark(architecture)
            process.add(architecture)
            labels = np.r_[labels, mean[architecture]]
        return process.architectures[-n:]

    def _refit(self, labels: Floats) -> None:
        """Weight the sources again at each step; refit hyperparameters as often as `GPSearch` does."""
        mean = (self._weights(labels) @ self._models.standard_means).astype(np.float32)
        observed = self._gp.architectures
        if observed:
            mean -= mean[observed].mean()  # labels are ranks among the observed architectures
        self._gp.mean = mean
        if self._is_due(len(labels)):
            self._fitted_at = len(labels)
            self._gp.fit(
                labels - mean[observed], weak_prior(len(self._gp.hyperparameters.variances))
            )
