"""A log-linear distribution over architectures: a weight for each choice and each pair of choices."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_RIDGE = 0.1
_ITERATIONS = 150

# Many targets have the same sources: each is fitted once a process. 256 of them are 32 MB at most.
_MOST_KEPT = 256
_fitted: dict[tuple[str, float, str], NDArray[np.float64]] = {}


def position_pairs(space: SearchSpace) -> tuple[tuple[int, int], ...]:
    """Return the pairs of a space's positions."""
    return tuple(combinations(range(space.n_positions), 2))


@cache
def _design(space: SearchSpace) -> csr_matrix[np.float64]:
    """Return which weights of choices and pairs add up in each architecture, shape (size, n_weights)."""
    from scipy.sparse import csr_matrix

    codes = space.codes.astype(np.int64)
    columns, n_weights = [], 0
    for position, n in enumerate(space.n_choices):
        columns.append(n_weights + codes[:, position])
        n_weights += n
    for one, other in position_pairs(space):
        columns.append(n_weights + codes[:, one] * space.n_choices[other] + codes[:, other])
        n_weights += space.n_choices[one] * space.n_choices[other]
    positions = np.stack(columns, axis=1)
    starts = np.arange(0, positions.size + 1, positions.shape[1])
    return csr_matrix((np.ones(positions.size), positions.ravel(), starts), shape=(space.size, n_weights))


def fit_log_linear(source: SourceTask, share: float) -> NDArray[np.float64]:
    r"""Fit the distribution to the best cells of a source; return its log probability of all cells, shape (n_cells,).

    The maximum, over the weights :math:`\theta`, of :math:`\sum_i w_i \log p_\theta(x_i)` minus a ridge penalty. The
    weights :math:`w_i` of the labelled cells fall exponentially with their rank, to 1/e after their `share`, and
    :math:`p_\theta` is normalised over them, so few labels that were drawn at random lead to no wrong preference.
    """
    key = (source.space.sha256, share, source.sha256)
    if key not in _fitted:
        while len(_fitted) >= _MOST_KEPT:
            del _fitted[next(iter(_fitted))]
        _fitted[key] = _fit(source, share)
        _fitted[key].flags.writeable = False
    return _fitted[key]


def _fit(source: SourceTask, share: float) -> NDArray[np.float64]:
    from scipy.optimize import minimize

    design = _design(source.space)
    labelled = design[source.cells]
    transposed = labelled.T.tocsr()
    ranks = np.empty(len(source))
    ranks[np.argsort(-source.utilities, kind="stable")] = np.arange(len(source))
    weights = np.exp(-ranks / (share * len(source)))
    wanted = transposed @ (weights / weights.sum())

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        score = np.asarray(labelled @ theta)
        top = score.max()
        odds = np.exp(score - top)
        total = odds.sum()
        value = top + np.log(total) - wanted @ theta + 0.5 * _RIDGE * (theta @ theta)
        return float(value), transposed @ (odds / total) - wanted + _RIDGE * theta

    start = np.zeros(design.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ITERATIONS})
    score = np.asarray(design @ found.x)
    log_probability: NDArray[np.float64] = score - np.logaddexp.reduce(score)
    return log_probability


def marginals(
    space: SearchSpace, log_probability: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the choices' probabilities at each position, (n_positions, most), and each pair, (n_pairs, most, most).

    Where a position has fewer choices than another, 0 stands after the last.
    """
    expected = _design(space).T @ np.exp(log_probability)
    most, pairs, at = max(space.n_choices), position_pairs(space), sum(space.n_choices)
    single, double = np.zeros((space.n_positions, most)), np.zeros((len(pairs), most, most))
    for row, own in zip(single, np.split(expected[:at], np.cumsum(space.n_choices)[:-1]), strict=True):
        row[: len(own)] = own
    for block, (one, other) in zip(double, pairs, strict=True):
        shape = space.n_choices[one], space.n_choices[other]
        block[: shape[0], : shape[1]] = expected[at : at + shape[0] * shape[1]].reshape(shape)
        at += shape[0] * shape[1]
    return single, double
