"""A log-linear distribution over cells: one weight an operation of an edge, one a pair of operations of two edges."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from nasmeta.spaces import CellSpace, get_space
from nasmeta.tasks import SourceTask

__all__ = ["EDGE_PAIRS", "fit_log_linear", "marginals"]

_RIDGE = 0.1
_ITERATIONS = 150

# Many targets have the same sources: each is fitted once a process. 256 of them are 32 MB at most.
_MOST_KEPT = 256
_fitted: dict[tuple[str, float, str], NDArray[np.float64]] = {}

EDGE_PAIRS: tuple[tuple[int, int], ...] = tuple(combinations(range(6), 2))


@cache
def _design(name: str) -> csr_matrix[np.float64]:
    """Return which edge and pair weights add up in each cell, shape (n_cells, n_weights)."""
    space = get_space(name)
    digits, n_ops = space.digits.astype(np.int64), space.n_operations
    columns = [edge * n_ops + digits[:, edge] for edge in range(space.n_edges)]
    for k, (one, other) in enumerate(EDGE_PAIRS):
        offset = space.n_edges * n_ops + k * n_ops**2
        columns.append(offset + digits[:, one] * n_ops + digits[:, other])
    positions = np.stack(columns, axis=1)
    n_weights = space.n_edges * n_ops + len(EDGE_PAIRS) * n_ops**2
    starts = np.arange(0, positions.size + 1, positions.shape[1])
    return csr_matrix((np.ones(positions.size), positions.ravel(), starts), shape=(space.size, n_weights))


def fit_log_linear(source: SourceTask, share: float) -> NDArray[np.float64]:
    r"""Fit the distribution to the best cells of a source; return its log probability of all cells.

    The maximum, over the weights :math:`\theta`, of :math:`\sum_i w_i \log p_\theta(x_i)` minus a ridge penalty. The
    weights :math:`w_i` of the labelled cells fall exponentially with their rank, and :math:`p_\theta` is normalised
    over the labelled cells, so few labels that were drawn at random lead to no wrong preference.

    Parameters
    ----------
    source : SourceTask
    share : float
        Share of the labelled cells after which the weight has fallen to 1/e.

    Returns
    -------
    ndarray of float64, shape (n_cells,)
    """
    key = (source.space.name, share, source.sha256)
    if key not in _fitted:
        while len(_fitted) >= _MOST_KEPT:
            del _fitted[next(iter(_fitted))]
        _fitted[key] = _fit(source, share)
        _fitted[key].flags.writeable = False
    return _fitted[key]


def _fit(source: SourceTask, share: float) -> NDArray[np.float64]:
    design = _design(source.space.name)
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
    space: CellSpace, log_probability: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the operations' probabilities on each edge, (n_edges, n_ops), and each pair, (n_pairs, n_ops, n_ops)."""
    expected = _design(space.name).T @ np.exp(log_probability)
    n_ops, n_single = space.n_operations, space.n_edges * space.n_operations
    return expected[:n_single].reshape(-1, n_ops), expected[n_single:].reshape(-1, n_ops, n_ops)
