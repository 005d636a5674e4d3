"""Warm starts: which cells to evaluate first, chosen from the sources."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasmeta.checks import check_int
from nasmeta.errors import SettingError
from nasmeta.meta._learned_space import labelled_in
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Augmentation, EpisodeSampler, SourceTask, Task

_MIXTURES = 64


def warm_start_cells(
    space: SearchSpace,
    sources: Iterable[SourceTask | Task],
    n: int,
    *,
    costs: ArrayLike | None = None,
    allowed: NDArray[np.int32] | None = None,
    mixtures: int = _MIXTURES,
) -> NDArray[np.int32]:
    """Choose cells one after another, each for what it adds on the sources.

    A set of cells is worth, on a task, minus the logarithm of the best rank of its cells there; the mean over the
    sources and mixtures of them (with half the weight) is what each choice increases most, per unit of cost where there
    are `costs`. This is greedy coverage (Wistuba, Schilling and Schmidt-Thieme, "Learning hyperparameter optimization
    initializations", DSAA 2015, do the same with a differentiable loss), so the second cell is good where the first is
    not. Sources of another space count with the cells that both have.

    >>> import nasmeta as nm
    >>> sources, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> cells = warm_start_cells(target[0].space, sources, 5)
    >>> len(set(cells.tolist())), bool(target[0].values[cells].max() > 73)
    (5, True)
    """
    n = check_int("n", n, 1, space.size)
    seen = labelled_in(space, sources, "A warm start")
    prices = _checked_costs(space, costs)
    worth = _worth(space, seen, check_int("mixtures", mixtures, 0))
    open_cells = np.zeros(space.size, dtype=bool)
    open_cells[slice(None) if allowed is None else space.index_of(allowed)] = True
    open_cells &= np.isfinite(worth).any(axis=0)
    weights = np.full(len(worth), 1.0 / len(seen))
    if len(worth) > len(seen):
        weights[len(seen) :] = 1.0 / (len(worth) - len(seen))
    worth = np.where(np.isfinite(worth), worth, 0.0)  # where a task has no label, a cell adds nothing
    covered = np.zeros(len(worth))
    chosen: list[int] = []
    while len(chosen) < n and open_cells.any():
        gain = weights @ np.maximum(worth - covered[:, None], 0.0) / prices
        # Where nothing adds any more, what is best on the whole comes next.
        score = np.where(open_cells, gain + 1e-9 * (weights @ worth), -np.inf)
        cell = int(np.argmax(score))
        chosen.append(cell)
        open_cells[cell] = False
        covered = np.maximum(covered, worth[:, cell])
    return np.array(chosen, dtype=np.int32)


def _worth(space: SearchSpace, sources: list[SourceTask], mixtures: int) -> NDArray[np.float64]:
    """Return minus the log of each cell's rank on each source and mixture, shape (n_tasks, n_cells); NaN unlabelled."""
    tasks = [(source.cells, source.utilities) for source in sources]
    if len(sources) > 1:
        sampler = EpisodeSampler(sources, support=1, query=1, augment=Augmentation(mixture=1.0))
        rng = np.random.default_rng(0)  # the mixtures are part of the method, not of a run
        tasks += [sampler.full_task(rng) for _ in range(mixtures)]
    worth = np.full((len(tasks), space.size), np.nan)
    for row, (cells, utilities) in zip(worth, tasks, strict=True):
        ranks = np.empty(len(cells))
        ranks[np.argsort(-utilities, kind="stable")] = np.arange(1, len(cells) + 1)
        row[cells] = np.log(len(cells) / ranks)
    return worth


def _checked_costs(space: SearchSpace, costs: ArrayLike | None) -> NDArray[np.float64]:
    if costs is None:
        return np.ones(space.size)
    prices = np.asarray(costs, np.float64)
    if prices.shape != (space.size,) or not (np.isfinite(prices) & (prices > 0)).all():
        raise SettingError(f"costs must be {space.size:,} positive numbers, one a cell of {space.name}.")
    return prices
