"""What `rgpe` and `multi-task-gp` share: a beginning from the sources, then a process of the target's own on them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nasmeta.meta._source_models import (
    SourceModels,
    check_ranked,
    joint_space,
    learn_source_models,
    pack_source_models,
    unpack_source_models,
)
from nasmeta.predictors import fit_hyperparameters
from nasmeta.predictors._gaussian_process import JITTER, ExactPosterior
from nasmeta.searchers import GPSearch, MetaSearcher
from nasmeta.tasks import SourceTask, Task


class TargetProcess(ExactPosterior):
    """Exact Gaussian process whose posterior is kept for every cell of a space, of any prior covariance.

    As `nasmeta.predictors.CellGP`, but the prior covariance of a cell with all cells, (n_cells,), is that of a process
    which has seen the sources, so it is no function of distances.
    """

    def __init__(
        self,
        covariance: Callable[[int], NDArray[np.float32]],
        variance: NDArray[np.float32],
        mean: NDArray[np.float32],
        noise: float,
    ) -> None:
        super().__init__(variance.astype(np.float32), mean)
        self._covariance, self.noise = covariance, noise

    def _prior_covariance(self, cell: int) -> NDArray[np.float32]:
        return self._covariance(cell)

    def _label_variance(self, cell: int, left: NDArray[np.float32], row: NDArray[np.float32]) -> float:
        return max(float(row[cell]), 0.0) + self.noise + JITTER


def matched_labels(
    values: NDArray[np.float64], mean: NDArray[np.float64], std: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Put values of an unknown unit on the scale of a prediction: their ranks' quantiles in the prediction's mixture.

    Mean and deviation are what was predicted at their cells, noise included; all are of shape (n,). Where nothing is
    predicted (mean 0, standard deviation 1 everywhere) these are the normal scores of the ranks.
    """
    from scipy.stats import rankdata

    n = len(values)
    if not n:
        return np.empty(0)
    grid = np.linspace((mean - 4 * std).min(), (mean + 4 * std).max(), 400)
    share = ndtr((grid[:, None] - mean) / std).mean(axis=1)
    return np.interp((rankdata(values) - 0.5) / n, share, grid)


BETA = 0.5  # deviations added to the mean of the joint process, as in meta-gp


def _computed(learnt: SourceModels) -> SourceModels:
    """Compute what follows from the labels: seconds with many, of the meta-training and not of the first step."""
    for part in ("rows", "means", "mean"):
        getattr(learnt, part)
    return learnt


class SourceGuidedSearch(GPSearch, MetaSearcher):
    """Base of searchers whose target process has a weighted sum of the sources' posterior means as its prior mean.

    The first `n_initial` cells maximise the upper confidence bound of the joint process over (cell, task), conditioned
    on the source labels and on what was observed since. Then the search is that of `nasmeta.searchers.GPSearch`, but
    for the prior mean: so hyperparameters, which describe the best cells and not all, come from the target.
    """

    crosses_spaces: ClassVar[bool] = True
    search_settings: ClassVar[tuple[str, ...]] = ("n_initial",)

    @abstractmethod
    def _weights(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weight of each source's mean in the target's prior mean, shape (n_sources,)."""

    def check_sources(self, sources: Iterable[SourceTask | Task]) -> list[SourceTask]:
        """Return the sources' labels, checked to be enough, and in spaces that fit this one."""
        seen = super().check_sources(sources)
        for source in seen:
            check_ranked(source)
        joint_space(self.space, [source.space for source in seen])
        return seen

    def _learn(self, sources: list[SourceTask]) -> Any:
        return _computed(learn_source_models(self.space, sources, self.features))

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return pack_source_models(self._require_meta_model())

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> Any:
        return _computed(unpack_source_models(self.space, self.features, arrays, facts))

    @property
    def _models(self) -> SourceModels:
        """What was learnt of the sources."""
        learnt: SourceModels = self._require_meta_model()
        return learnt

    @cached_property
    def _source_means(self) -> NDArray[np.float32]:
        """Posterior means of the sources, standardised over all cells, shape (n_sources, n_cells)."""
        means = self._models.means
        means = means - means.mean(axis=1, keepdims=True)
        standard: NDArray[np.float32] = means / means.std(axis=1, keepdims=True)
        return standard

    # -- the beginning ----------------------------------------------------------------------------------------------
    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose cells of the joint process while there are few values, then as `GPSearch` does."""
        if len(self._values) < self.n_initial and self._n_asked + n <= self._n_open:
            return self._first_cells(n)
        return super().ask(n)

    def _first_cells(self, n: int) -> NDArray[np.int32]:
        learnt = self._models
        process = TargetProcess(self._joint_covariance, self._joint_variance, learnt.mean, learnt.hyperparameters.noise)
        told = self._gp.cells
        known = np.sqrt(np.maximum(self._joint_variance[told], 0) + process.noise)
        labels = matched_labels(np.array(self._values), learnt.mean[told].astype(np.float64), known.astype(np.float64))
        for cell in told:
            process.add(cell)
        for _ in range(n):
            mean, deviation = process.posterior(labels)
            score = mean + BETA * deviation
            score[self._asked] = -np.inf
            cell = int(score.argmax())
            self._mark(cell)
            process.add(cell)
            labels = np.r_[labels, mean[cell]]
        return np.array(process.cells[-n:], dtype=np.int32)

    def _joint_covariance(self, cell: int) -> NDArray[np.float32]:
        learnt = self._models
        codes = learnt.kernel.codes(int(learnt.target_cells[cell]))[learnt.target_cells]
        one_task = learnt.kernel.covariance(codes, learnt.hyperparameters.of_one_task)
        return one_task - learnt.rows[:, cell] @ learnt.rows

    @cached_property
    def _joint_variance(self) -> NDArray[np.float32]:
        learnt = self._models
        explained = np.einsum("ij,ij->j", learnt.rows, learnt.rows)
        return np.asarray(learnt.hyperparameters.of_one_task.prior_variance - explained, dtype=np.float32)

    # -- the target's own process -----------------------------------------------------------------------------------
    def _refit(self, labels: NDArray[np.float64]) -> None:
        """Set the prior mean anew; hyperparameters as often as `GPSearch` does."""
        observed = self._gp.cells
        mean = (self._weights(labels) @ self._source_means).astype(np.float32)
        if observed:
            mean -= mean[observed].mean()  # labels are ranks among the observed cells
        self._gp.mean = mean
        if self._is_due(len(labels)):
            self._fitted_at, residuals = len(labels), labels - mean[observed]
            found = fit_hyperparameters(self._gp.observed_distances(), [residuals], self._gp.hyperparameters)
            self._gp.set_hyperparameters(found)
