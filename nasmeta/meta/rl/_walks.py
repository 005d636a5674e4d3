"""Walks through the architectures of many tables at once: what is known, what a policy sees, where an action leads.

All in arrays with one row a walk, so that a step of 128 walks costs little more than a step of one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from nasmeta.meta._cell_columns import position_feature
from nasmeta.meta.rl._policy import View
from nasmeta.spaces import SearchSpace

_DECAY = 0.9  # of the weight of a cell, for each position (of cells an edge) that differs
_SHRINKAGE = 0.3  # weight of "no surprise" in the local mean
_FREE_MOVES = 4  # in a row, to cells that were evaluated
_TRIED = np.float32(-9.0)  # stands for the prior of a cell that was evaluated


@lru_cache(maxsize=8)
def moves_of(space: SearchSpace) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return where setting a position (of cells an edge) to a choice leads, and the architectures one-hot.

    Both have the shape (size, n_actions), an action for each choice of each position. A move leads to the architecture
    itself where the position has that choice already, or where the space has no such architecture.
    """
    codes, every = space.codes.astype(np.int64), np.arange(space.size, dtype=np.int32)
    one_hot = space.feature(position_feature(space)).counts.astype(np.float32)
    moves = np.empty(one_hot.shape, dtype=np.int32)
    ranks, column = codes @ space.place_values, 0
    for position, n in enumerate(space.n_choices):
        for choice in range(n):
            found = space.find(ranks + (choice - codes[:, position]) * space.place_values[position])
            moves[:, column] = np.where(found < 0, every, found)
            column += 1
    for table in (moves, one_hot):
        table.flags.writeable = False
    return moves, one_hot


@lru_cache(maxsize=8)
def _around(space: SearchSpace) -> NDArray[np.int32]:
    """Return the neighbours of all architectures, the first of them in place of those that others have more."""
    table = space.neighbour_table
    return np.where(table < 0, table[:, :1], table) if (table < 0).any() else table


class Walks:
    """n walks, each through a table of its own, with what they have seen.

    Priors, (n, n_cells), are what the sources know of each cell: its standardised score, 0 where there are no sources.
    """

    def __init__(self, space: SearchSpace, priors: NDArray[np.float32]) -> None:
        n = len(priors)
        self.space = space
        self.moves, self._one_hot = moves_of(space)
        self._starts = np.cumsum([0, *space.n_choices[:-1]])  # of each position's columns
        self._position_of = np.repeat(np.arange(space.n_positions), space.n_choices)
        self._closeness = np.exp(-_DECAY * np.arange(space.n_positions + 1)[::-1]).astype(np.float32)
        self.priors = np.ascontiguousarray(priors, dtype=np.float32)
        self._knows = bool(np.ptp(self.priors) > 0)
        self.untried = self.priors.copy()  # far below any prior for cells that were evaluated
        self._top_cell = self.priors.argmax(axis=1)  # the best untried, kept up to date
        self._position = np.full((n, space.size), -1, dtype=np.int16)
        self._rows = np.arange(n)
        self.count = np.zeros(n, dtype=np.int64)
        self.here = np.full(n, -1, dtype=np.int32)
        # By order of evaluation: cell, value, prior, number of moves from it to cells not evaluated, one-hot code.
        self._cells = np.zeros((n, 0), dtype=np.int32)
        self._values = np.zeros((n, 0))
        self._priors_seen = np.zeros((n, 0), dtype=np.float32)
        self._unknown = np.zeros((n, 0), dtype=np.int32)
        self._codes = np.zeros((n, 0, self._one_hot.shape[1]), dtype=np.float32)
        self._grow(16)
        self.since_better = np.zeros(n, dtype=np.int64)
        self.free = np.zeros(n, dtype=np.int64)
        self._last_was_new = np.zeros(n, dtype=bool)

    def _grow(self, size: int) -> None:
        """Make room for so many evaluations."""

        def wider(array: NDArray[Any], fill: float) -> NDArray[Any]:
            room = np.full((len(array), size - array.shape[1], *array.shape[2:]), fill, dtype=array.dtype)
            return np.concatenate([array, room], axis=1)

        self._cells, self._values = wider(self._cells, 0), wider(self._values, np.inf)
        self._priors_seen, self._unknown = wider(self._priors_seen, np.inf), wider(self._unknown, 0)
        self._codes = wider(self._codes, 0)

    # -- what happens ---------------------------------------------------------------------------------------------
    def evaluated(self, rows: NDArray[np.int64], cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Record new values, one for each of these walks; any unit, higher is better."""
        if not len(rows):
            return
        at = self.count[rows]
        if at.max() >= self._cells.shape[1]:
            self._grow(2 * self._cells.shape[1])
        width = self._cells.shape[1]
        better = (np.where(np.arange(width) < at[:, None], self._values[rows], -np.inf)).max(axis=1) < values
        self.since_better[rows] = np.where(better, 0, self.since_better[rows] + 1)
        used = np.arange(width) < at[:, None]
        self._unknown[rows] -= (self.moves[self._cells[rows]] == cells[:, None, None]).sum(axis=2) * used
        self._cells[rows, at], self._values[rows, at] = cells, values
        self._priors_seen[rows, at] = self.priors[rows, cells]
        self._codes[rows, at] = self._one_hot[cells]
        self._position[rows, cells] = at
        self._unknown[rows, at] = (self._position[rows[:, None], self.moves[cells]] < 0).sum(axis=1)
        self.untried[rows, cells] = _TRIED
        self.count[rows] += 1

    def is_new(self, cells: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Tell for each walk whether this cell was not evaluated in it."""
        return self._position[self._rows, cells] < 0

    def stand(self, cells: NDArray[np.int32], new: NDArray[np.bool_]) -> None:
        """Go to these cells, evaluated all."""
        self.here = cells.astype(np.int32)
        self.free = np.where(new, 0, self.free + 1)
        self._last_was_new = new

    @property
    def best(self) -> NDArray[np.int32]:
        """The best cell of each walk so far; the first of equals."""
        used = np.arange(self._cells.shape[1]) < self.count[:, None]
        best: NDArray[np.int32] = self._cells[self._rows, np.where(used, self._values, -np.inf).argmax(axis=1)]
        return best

    # -- what is seen ---------------------------------------------------------------------------------------------
    def _top_untried(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the largest prior of the cells that these walks have not evaluated."""
        for row in rows[self._position[rows, self._top_cell[rows]] >= 0]:
            self._top_cell[row] = self.untried[row].argmax()
        top: NDArray[np.float32] = self.untried[rows, self._top_cell[rows]]
        return top

    def tried(self, row: int) -> NDArray[np.int32]:
        """Return the cells that one walk has evaluated, in their order."""
        return self._cells[row, : self.count[row]]

    def position(self, row: int) -> NDArray[np.int16]:
        """Return for each cell which evaluation of one walk it was, from 0 on; -1 where it was none."""
        positions: NDArray[np.int16] = self._position[row]
        return positions

    def standardised(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Return the values seen of these walks (all where left out), shape (n, evaluations), on the priors' scale.

        The r-th smallest value becomes the r-th smallest prior of the cells seen, so only the order of the values
        counts; without sources it becomes the normal quantile of its rank.
        """
        rows = self._rows if rows is None else rows
        count = self.count[rows]
        size = int(count.max())
        order = self._values[rows, :size].argsort(axis=1, kind="stable")
        used = np.arange(size) < count[:, None]
        if self._knows:
            quantiles = np.sort(self._priors_seen[rows, :size], axis=1)
        else:
            shares = (np.arange(size) + 0.5) / count[:, None]
            quantiles = ndtri(np.minimum(shares, 0.999)).astype(np.float32)
        matched = np.empty((len(order), size), dtype=np.float32)
        np.put_along_axis(matched, order, quantiles, axis=1)
        return np.where(used, matched, np.float32(0))

    def view(self, rows: NDArray[np.int64] | None = None) -> View:
        """Return what a policy sees of these walks; of all where left out."""
        rows = self._rows if rows is None else rows
        n, count = len(rows), self.count[rows]
        size = int(count.max())
        used = np.arange(size) < count[:, None]
        matched = self.standardised(rows)
        surprise = np.where(used, matched - np.where(used, self._priors_seen[rows, :size], 0), 0).astype(np.float32)
        cells, values, here = self._cells[rows, :size], self._values[rows, :size], self.here[rows]
        each = np.arange(n)
        best_at = np.where(used, values, -np.inf).argmax(axis=1)
        best, best_value = cells[each, best_at], matched[each, best_at]
        here_at = self._position[rows, here]

        # The jump leads to the best cell that still has an untried neighbour.
        is_open = used & (self._unknown[rows, :size] > 0)
        jump = cells[each, np.where(is_open, values, -np.inf).argmax(axis=1)]
        targets = np.concatenate([self.moves[here], jump[:, None]], axis=1)

        flat = rows[:, None] * self.space.size + targets
        at = self._position.ravel()[flat]
        tried = at >= 0
        prior = self.priors.ravel()[flat]
        value = np.where(tried, matched[each[:, None], np.maximum(at, 0)], np.float32(0))
        around = _around(self.space)[targets]
        beyond = self.untried.ravel()[rows[:, None, None] * self.space.size + around].max(axis=2)
        top = self._top_untried(rows)

        # Similar cells' surprise: a mean weighted by how many positions they share with the target.
        codes = self._codes[rows, :size]
        own = self._one_hot[here]
        shared = np.matmul(codes, own[:, :, None])[:, :, 0]
        same_choice = np.add.reduceat(codes * own[:, None, :], self._starts, axis=2)
        by_move = (shared[:, :, None] - same_choice)[:, :, self._position_of] + codes
        by_jump = np.matmul(codes, self._one_hot[jump][:, :, None])
        by_target = np.concatenate([by_move, by_jump], axis=2)
        weight = self._closeness[by_target.astype(np.int8)] * used[:, :, None]
        evidence = weight.sum(axis=1)
        local = np.matmul(surprise[:, None, :], weight)[:, 0] / (evidence + _SHRINKAGE)

        itself = targets == here[:, None]
        untried_move = ~tried & ~itself
        may_rest = (self.free[rows] < _FREE_MOVES)[:, None]
        possible = ~itself & (untried_move | may_rest)
        possible[:, -1] |= ~untried_move[:, :-1].any(axis=1) & is_open.any(axis=1)
        possible[:, -1] &= jump != here
        alike = np.matmul(self._one_hot[targets], self._one_hot[best][:, :, None])[:, :, 0]
        differs = 1 - alike / self.space.n_positions
        is_jump = np.zeros(targets.shape)
        is_jump[:, -1] = 1
        actions = [  # in the order of ACTION_FEATURES
            prior,
            np.maximum(prior - top[:, None], -4),
            ~tried,
            value,
            np.where(tried, np.maximum(value - best_value[:, None], -4), 0),
            local,
            np.clip(np.where(tried, value, prior + local) - best_value[:, None], -4, 4),
            np.log1p(evidence),
            np.maximum(beyond - top[:, None], -4),
            is_jump,
            differs,
            possible,
        ]
        here_value, total = matched[each, here_at], np.maximum(count, 1)
        last_was_new, since_better = self._last_was_new[rows], self.since_better[rows]
        walk = [  # in the order of WALK_FEATURES
            (since_better == 0) & last_was_new,
            last_was_new,
            np.maximum(here_value - best_value, -4),
            here_value,
            best_value,
            surprise[each, here_at],
            surprise[each, best_at],
            np.sqrt((surprise**2).sum(axis=1) / total),
            np.abs(surprise).sum(axis=1) / total,
            np.log1p(count) / 4,
            np.where(tried, -4, prior).max(axis=1),
            np.maximum(beyond[:, -1], -4),
            top,
            np.log1p(since_better) / 4,
            self.free[rows] / _FREE_MOVES,
            here == best,
        ]
        return View(_features(walk), _features(actions), possible, targets)


def _features(columns: list[NDArray[Any]]) -> NDArray[np.float32]:
    """Return features along a new last axis."""
    return np.stack([column.astype(np.float32) for column in columns], axis=-1)
