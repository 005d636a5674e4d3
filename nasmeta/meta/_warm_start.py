"""Initial architectures that complement each other on the source tasks."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from nasmeta.meta._arrays import Architectures, Floats
from nasmeta.meta._learned_space import labelled_in
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Augmentation, EpisodeSampler, SourceTask, Task

_MIXTURES = 64  # random mixtures of the sources


def warm_start_architectures(
    space: SearchSpace,
    sources: Iterable[SourceTask | Task],
    n: int,
    *,
    costs: ArrayLike | None = None,
    allowed: Architectures | None = None,
) -> Architectures:
    """Choose initial architectures greedily, each by its gain on the source tasks given those chosen before.

    The value of a set on a task is minus the logarithm of the best rank in the set. Each choice
    maximises the increase of the mean value over the sources and over random mixtures of them (half
    of the weight), per unit of cost if `costs` are given. So the second architecture is good on
    tasks for which the first is not. Wistuba, Schilling and Schmidt-Thieme ("Learning
    hyperparameter optimization initializations", DSAA 2015) optimise a differentiable relaxation of
    the same objective. Sources of another space contribute the architectures that both spaces have.

    Parameters
    ----------
    space : SearchSpace
    sources : iterable of SourceTask or Task
    n : int
        Number of architectures; fewer are returned if fewer are labelled.
    costs : array-like of float, shape (size,), optional
        Positive cost of each architecture.
    allowed : ndarray of int32, optional
        Architectures to choose from; by default all.

    Returns
    -------
    ndarray of int32

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import warm_start_architectures
    >>> sources, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> architectures = warm_start_architectures(target[0].space, sources, 5)
    >>> len(set(architectures.tolist())), bool(target[0].values[architectures].max() > 73)
    (5, True)
    """
    labelled = labelled_in(space, sources, "A warm start")
    prices = np.ones(space.size)
    if costs is not None:
        prices[:] = costs
    worth = _log_ranks(space, labelled)  # (n_tasks, size)
    candidates = np.any(np.isfinite(worth), axis=0)
    if allowed is not None:
        candidates &= np.isin(np.arange(space.size), allowed)
    weights = np.full(len(worth), 1.0 / len(labelled))
    weights[len(labelled) :] = 1.0 / _MIXTURES
    worth = np.nan_to_num(worth)  # without a label on a task, an architecture adds nothing there
    covered = np.zeros(len(worth))  # the value of the chosen set on each task
    chosen: list[int] = []
    while len(chosen) < n and candidates.any():
        gain = weights @ np.maximum(worth - covered[:, None], 0.0) / prices
        # If no architecture adds anything, the best on average comes next.
        score = gain + 1e-9 * (weights @ worth)
        architecture = int(np.where(candidates, score, -np.inf).argmax())
        chosen.append(architecture)
        candidates[architecture] = False
        covered = np.maximum(covered, worth[:, architecture])
    return np.array(chosen, dtype=np.int32)


def _log_ranks(space: SearchSpace, sources: list[SourceTask]) -> Floats:
    """Return minus the logarithm of each relative rank on each source and mixture, shape (n_tasks, size), or NaN."""
    tasks = [(source.architectures, source.utilities) for source in sources]
    if len(sources) > 1:
        sampler = EpisodeSampler(sources, support=1, query=1, augment=Augmentation(mixture=1.0))
        rng = np.random.default_rng(0)  # the mixtures are part of the method, not of a run
        tasks += [sampler.full_task(rng) for _ in range(_MIXTURES)]
    worth = np.full((len(tasks), space.size), np.nan)
    for row, (architectures, utilities) in zip(worth, tasks, strict=True):
        ranks = 1 + np.argsort(np.argsort(-utilities, kind="stable"))  # 1 is the best
        row[architectures] = np.log(len(ranks) / ranks)
    return worth
