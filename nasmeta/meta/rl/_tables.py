"""Tables to walk through in meta-training: a source as the task, what the other sources know as the prior."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta.rl._walks import moves_of
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, normal_scores

_RIDGE = 1.0
_BLOCK = 2**14  # cells whose pairs are held at once


def complete_scores(space: SearchSpace, source: SourceTask) -> NDArray[np.float32]:
    """Return a source's normal scores for all cells, float32, shape (n_cells,).

    Cells without a label get the prediction of a ridge regression on operations and pairs of operations.
    """
    scores = normal_scores(source.utilities)
    if len(source) == space.size:
        whole = np.empty(space.size, dtype=np.float32)
        whole[source.cells] = scores
        return whole
    _, one_hot = moves_of(space)
    seen = _pairs(one_hot[source.cells])
    penalty = _RIDGE * seen.shape[1] / one_hot.shape[1] / 2
    weights = seen.T @ np.linalg.solve(seen @ seen.T + penalty * np.eye(len(seen)), scores)
    whole = np.concatenate([_pairs(one_hot[i : i + _BLOCK]) @ weights for i in range(0, space.size, _BLOCK)])
    whole = whole.astype(np.float32)
    whole[source.cells] = scores
    return whole


def _pairs(one_hot: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return choices and pairs of choices, from shape (n, n_columns) to (n, n_features)."""
    shifted = [one_hot * np.roll(one_hot, shift, axis=1) for shift in range(1, one_hot.shape[1] // 2 + 1)]
    return np.concatenate([one_hot, *shifted], axis=1).astype(np.float64)


def prior_of(scores: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return what several sources know of each cell: the mean of their scores, as normal scores; shape (n_cells,)."""
    mean: NDArray[np.float64] = np.mean(np.stack(scores), axis=0, dtype=np.float64)
    return normal_scores(mean).astype(np.float32)


def sample_tables(
    space: SearchSpace,
    scores: Sequence[NDArray[np.float32]],
    n: int,
    rng: np.random.Generator,
    *,
    std: float = 0.2,
    noise: float = 0.3,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw n tasks, and for each what sources would know of it: values and priors, both float32, shape (n, n_cells).

    One source, drawn uniformly, is the task; the others are its sources, as in a leave-one-out evaluation (a single
    source is its own). The task deviates by random effects of single operations and of each cell, of random size, so
    that a policy meets tasks which agree with its sources more and less.
    """
    _, one_hot = moves_of(space)
    held = [prior_of([s for j, s in enumerate(scores) if j != i] or [scores[i]]) for i in range(len(scores))]
    values = np.empty((n, space.size), dtype=np.float32)
    priors = np.empty_like(values)
    for row in range(n):
        i = int(rng.integers(len(scores)))
        effects = rng.standard_normal(one_hot.shape[1], dtype=np.float32) / np.float32(np.sqrt(space.n_positions))
        task = scores[i] + rng.uniform(0, std) * (one_hot @ effects)
        task = task + rng.uniform(0, noise) * rng.standard_normal(space.size)
        values[row], priors[row] = normal_scores(task), held[i]
    return values, priors
