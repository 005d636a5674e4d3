"""The search as a Markov decision process, on many tables of scores at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.meta.rl._policy import WALK_FEATURES, View
from nasmeta.meta.rl._walks import Walks, moves_of
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


NEW_COST = 0.03  # what an evaluation takes from the reward, in standard deviations of the task
REST_COST = 0.01  # what a step without one takes


class CellSearchEnvs:
    """n searches side by side, each on a table of its own, in arrays.

    State
        The current cell and what the search has seen (`Walks`).
    Action
        One for each search: of cells ``edge * n_operations + operation`` sets an edge of the current cell to an
        operation, and of any space there is an action for each choice of each position, one after the other; the last
        jumps to the best cell that still has a move to one not evaluated.
        An action that is not possible (`View.possible`) leaves all as it is, and costs a step without an evaluation.
    Reward
        The improvement of the best standardised value, less ``NEW_COST`` for an evaluation of a new cell and
        ``REST_COST`` for a step without one: without these, nothing would speak for finding the optimum soon but the
        discount.
    End
        The optimum is evaluated, or the evaluations or steps are used up.

    The tables `values` and what the sources know, `priors`, are of shape (n, n_cells); values are standardised, higher
    is better. The first cell is the best by the priors, any one, or one of the k best. An episode is cut off after so
    many evaluations or steps.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.meta.rl import CellSearchEnvs
    >>> from nasmeta.tasks import normal_scores
    >>> values = np.stack([normal_scores(task.values) for task in nm.task_distribution("nb201")])
    >>> envs = CellSearchEnvs(nm.get_space("nb201"), values)
    >>> view = envs.reset(np.random.default_rng(0))
    >>> view.actions.shape
    (3, 31, 12)
    >>> rewards, ended = envs.step(view.possible.argmax(axis=1))
    >>> rewards.shape, envs.walks.count
    ((3,), array([2, 2, 2]))
    """

    def __init__(
        self,
        space: SearchSpace,
        values: NDArray[np.floating],
        priors: NDArray[np.float32] | None = None,
        *,
        start: str | int = "random",
        evaluations: int = 100,
        steps: int = 400,
    ) -> None:
        self.space, self.values, self.start = space, values.astype(np.float64), start
        self.priors = np.zeros(values.shape, dtype=np.float32) if priors is None else priors
        self.evaluations, self.steps = evaluations, steps
        self.optimal = values.max(axis=1)
        self.optimum: NDArray[np.int32] = values.argmax(axis=1).astype(np.int32)
        self._rows = np.arange(len(values))

    def reset(self, rng: np.random.Generator) -> View:
        """Begin new searches: each evaluates its first cell."""
        n, rows = len(self.values), self._rows
        if isinstance(self.start, int):
            best = np.argpartition(-self.priors, self.start - 1, axis=1)[:, : self.start]
            drawn = best[rows, rng.integers(self.start, size=n)]
        else:
            drawn = rng.integers(self.space.size, size=n) if self.start == "random" else self.priors.argmax(axis=1)
        first = np.asarray(drawn, dtype=np.int32)
        self.walks = Walks(self.space, self.priors)
        self.walks.evaluated(rows, first, self.values[rows, first])
        self.walks.stand(first, np.ones(n, dtype=bool))
        self.best = self.values[rows, first].copy()
        self.found = self.best >= self.optimal
        self.ended = self.found.copy()
        self.step_count = 0
        self.seen = self.walks.view()
        return self.seen

    def _look(self) -> None:
        """See what the searches that have not ended see; for the others the last view stays."""
        live = np.flatnonzero(~self.ended)
        if len(live) == len(self.ended):
            self.seen = self.walks.view()
        elif len(live):
            fresh, old = self.walks.view(live), self.seen

            def updated(before: NDArray[Any], now: NDArray[Any]) -> NDArray[Any]:
                after = before.copy()
                after[live] = now
                return after

            self.seen = View(*map(updated, old, fresh))

    def step(self, actions: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Take one action in every search that has not ended; `seen` is what they see then.

        Returns
        -------
        rewards : ndarray of float64, shape (n,)
            0 for a search that had ended before.
        ended : ndarray of bool, shape (n,)
        """
        rows, walks, live = self._rows, self.walks, ~self.ended
        moves = live & self.seen.possible[rows, actions]
        cells = np.where(moves, self.seen.targets[rows, actions], walks.here).astype(np.int32)
        new = walks.is_new(cells) & moves
        which = rows[new]
        walks.evaluated(which, cells[which], self.values[which, cells[which]])
        walks.stand(cells, new)
        reached = np.where(new, self.values[rows, cells], self.best)
        rewards = np.where(live, np.maximum(reached - self.best, 0) - np.where(new, NEW_COST, REST_COST), 0.0)
        self.best = np.maximum(self.best, reached)
        self.step_count += 1
        self.found |= live & (self.best >= self.optimal)
        cut_off = (walks.count >= self.evaluations) | (self.step_count >= self.steps)
        self.ended = self.ended | self.found | cut_off
        self._look()
        return rewards, self.ended

    def secrets(self) -> NDArray[np.float32]:
        """Return what only a critic may know in training: where the optimum is, float32, shape (n, 5)."""
        rows, walks, codes = self._rows, self.walks, self.space.codes
        wanted = codes[self.optimum]
        return np.stack(
            [
                self.optimal - self.best,
                (codes[walks.best] != wanted).mean(axis=1),
                (codes[walks.here] != wanted).mean(axis=1),
                np.clip(
                    self.seen.walk[:, WALK_FEATURES.index("best untried prior")] - self.priors[rows, self.optimum],
                    -4,
                    4,
                ),
                self.best,
            ],
            axis=1,
        ).astype(np.float32)
