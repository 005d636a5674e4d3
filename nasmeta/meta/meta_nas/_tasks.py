"""Many tasks of few sources: what the two networks practise on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasmeta.predictors import (
    CellGP,
    CellKernel,
    Hyperparameters,
    edge_one_hot,
    fit_hyperparameters,
    live_path_counts,
    normal_scores,
    operation_counts,
    weak_prior,
)
from nasmeta.spaces import CellSpace
from nasmeta.tasks import SourceTask

__all__ = ["PracticeTasks", "completed_scores"]

_CONDITION_ON = 500  # labels of a source with gaps that its process is conditioned on


def completed_scores(source: SourceTask, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a score for every cell, float64, shape (n_cells,): where a label is missing, that of a Gaussian process.

    The process is fitted to the labels that are there, at most 500 of them.
    """
    scores = np.full(source.space.n_cells, np.nan)
    scores[source.cells] = normal_scores(source.utilities)
    if len(source) == source.space.n_cells:
        return scores
    kernel = CellKernel(source.space, ("edges", "paths", "operations"))
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


class PracticeTasks:
    """Draws tasks: a mixture of sources, a random function of the cell's structure, and noise.

    The mixture is what tasks share. The random function is what a new task may have of its own: it is as smooth as a
    linear function of edges, pairs of edges, live paths and operation counts. How large it is changes from task to
    task, up to twice what the sources differ by among themselves, so that a network has to read from the context how
    far the sources can be trusted.

    Parameters
    ----------
    space : CellSpace
    sources : sequence of SourceTask
    rng : numpy.random.Generator
        Draws which labels complete a source with gaps.
    deviation : float
        Largest deviation of the random function where there is one source, and least where there are several.
    noise : float
        Largest deviation of the noise.
    """

    def __init__(
        self,
        space: CellSpace,
        sources: Sequence[SourceTask],
        rng: np.random.Generator,
        deviation: float = 0.5,
        noise: float = 0.3,
    ) -> None:
        self.scores = np.stack([completed_scores(source, rng) for source in sources])
        self.deviation, self.noise = deviation, noise
        n = len(sources)
        if n > 1:
            differences = np.sqrt(np.maximum(0.0, 2 - 2 * np.corrcoef(self.scores)))[np.triu_indices(n, 1)]
            self.deviation = max(deviation, min(2.0, 2 * float(differences.max())))
        edges = edge_one_hot(space).astype(np.float32)
        first, second = np.triu_indices(edges.shape[1], 1)
        parts = [edges, edges[:, first] * edges[:, second], live_path_counts(space), operation_counts(space)]
        self._parts = [part[:, part.std(axis=0) > 0].astype(np.float32) for part in parts]

    def sample(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return the scores of all cells in a new task, float32, shape (n_cells,)."""
        n, n_cells = self.scores.shape
        if rng.random() < 0.5:
            mixed = self.scores[rng.integers(n)].copy()
        else:
            mixed = rng.dirichlet(np.ones(n)) @ self.scores
        mixed /= mixed.std()
        own = np.zeros(n_cells, dtype=np.float32)
        for part, share in zip(self._parts, rng.dirichlet(np.ones(len(self._parts))), strict=True):
            values = part @ rng.standard_normal(part.shape[1], dtype=np.float32)
            own += np.sqrt(share) * (values - values.mean()) / values.std()
        low = self.deviation / 10
        mixed += np.exp(rng.uniform(np.log(low), np.log(self.deviation))) * own / own.std()
        mixed += np.exp(rng.uniform(np.log(self.noise / 10), np.log(self.noise))) * rng.standard_normal(n_cells)
        return normal_scores(mixed).astype(np.float32)
