"""Many tasks of few sources: what the two networks practise on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta._cell_columns import further_features, position_feature
from nasmeta.predictors import CellGP, CellKernel, Hyperparameters, fit_hyperparameters, normal_scores, weak_prior
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Augmentation, EpisodeSampler, SourceTask

GREED = 0.3  # difference of scores that is worth a factor of e in what the search network is to propose
_CONDITION_ON = 500  # labels of a source with gaps that its process is conditioned on
_LARGEST_DEVIATION = 2.0  # where sources have nothing in common


def completed_scores(source: SourceTask, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a score for every cell, float64, shape (n_cells,): where a label is missing, that of a Gaussian process.

    The process is fitted to the labels that are there, at most 500 of them.
    """
    scores = np.full(source.space.size, np.nan)
    scores[source.cells] = normal_scores(source.utilities)
    if len(source) == source.space.size:
        return scores
    kernel = CellKernel(source.space)
    centre, _ = weak_prior(len(kernel.features))
    process = CellGP(kernel, Hyperparameters.from_logarithms(centre))
    few = source.cells
    if len(few) > _CONDITION_ON:
        few = rng.choice(few, _CONDITION_ON, replace=False)
    for cell in few.tolist():
        process.add(cell)
    labels = scores[few]
    if len(few) > 1:
        process.set_hyperparameters(
            fit_hyperparameters(process.observed_distances(), [labels], process.hyperparameters)
        )
    mean, _ = process.posterior(labels)
    return np.where(np.isnan(scores), mean, scores)


@cache
def _structure(space: SearchSpace) -> list[NDArray[np.float32]]:
    """Return features of all cells, each float32, shape (n_cells, …): choices, pairs of them, and other counts."""
    edges = space.feature(position_feature(space)).counts
    first, second = np.triu_indices(edges.shape[1], 1)
    parts = [edges, edges[:, first] * edges[:, second]]
    parts += [space.feature(name).counts for name in further_features(space)]
    vary = [part[:, part.min(axis=0) < part.max(axis=0)].astype(np.float32) for part in parts]
    return [part for part in vary if part.shape[1]]


class PracticeTasks:
    """Draw tasks: a source or a mixture of sources, a random function of the cell's structure, and noise.

    The mixture is what tasks share. The random function is what a new task may have of its own: it is linear in edges
    (or the choices of another space), pairs of them, live paths and other counts that kernels compare. How large it is
    changes from task to task, from a tenth of the largest to the largest, uniformly in logarithms as for the noise; the
    largest is twice what the sources differ by among themselves, at least `std`, and `std` with one source. So a
    network has to read from the context how far the sources can be trusted.
    """

    def __init__(
        self,
        space: SearchSpace,
        sources: Sequence[SourceTask],
        rng: np.random.Generator,
        std: float = 0.5,
        noise: float = 0.3,
    ) -> None:
        scores = np.stack([completed_scores(source, rng) for source in sources])
        cells = np.arange(space.size, dtype=np.int32)
        complete = [replace(source, cells=cells, utilities=own) for source, own in zip(sources, scores, strict=True)]
        self._sampler = EpisodeSampler(complete, support=1, query=1, augment=Augmentation(mixture=0.5))
        self.std, self.noise = std, noise
        if len(sources) > 1:
            differences = np.sqrt(np.maximum(0.0, 2 - 2 * np.corrcoef(scores)))[np.triu_indices(len(sources), 1)]
            self.std = max(std, min(_LARGEST_DEVIATION, 2 * float(differences.max())))
        self._parts = _structure(space)

    def sample(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return the scores of all cells in a new task, float32, shape (n_cells,)."""
        _, labels = self._sampler.full_task(rng)  # of all cells, in their order
        n_cells = len(labels)
        own = np.zeros(n_cells, dtype=np.float32)
        for part, share in zip(self._parts, rng.dirichlet(np.ones(len(self._parts))), strict=True):
            values = part @ rng.standard_normal(part.shape[1], dtype=np.float32)
            own += np.sqrt(share) * (values - values.mean()) / values.std()
        labels = labels + _log_uniform(rng, self.std) * own / own.std()
        labels += _log_uniform(rng, self.noise) * rng.standard_normal(n_cells)
        return normal_scores(labels).astype(np.float32)


def _log_uniform(rng: np.random.Generator, high: float) -> float:
    return float(high * np.exp(rng.uniform(np.log(0.1), 0.0)))
