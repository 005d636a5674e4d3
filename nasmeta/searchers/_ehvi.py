"""Bayesian optimisation of several objectives: expected hypervolume improvement."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nasmeta.arrays import Architectures, Floats
from nasmeta.gaussian_process import GaussianProcess, trend_model
from nasmeta.searchers._gp import GPSearch, labels_of
from nasmeta.tasks import pareto_front

_BELOW = 0.3  # scores, from the lowest value to a reference below it
_LEAST = 1e-300
_SLACK = 0.1  # share of the range between the worst value and the reference


def expected_hypervolume_improvement(
    mean: Floats,
    std: Floats,
    front: Floats,
    reference: Floats,
) -> Floats:
    r"""Return the exact expected hypervolume improvement of each candidate; higher is better.

    The objectives of a candidate are independent and normal. The region that the front does not
    dominate is cut into boxes, and in a box from :math:`l` to :math:`u` a candidate gains

    .. math:: \prod_j \left(E(Y_j - l_j)^+ - E(Y_j - u_j)^+\right)

    on average. For two objectives, the boxes are strips between neighbours of the front (Emmerich,
    Deutz and Klinkenberg, "Hypervolume-based expected improvement: monotonicity properties and
    exact computation", CEC 2011); for m objectives they are nested slices, at most about
    :math:`k^{m-1} / (m-1)!` for a front of k points.

    Mean and deviation of the candidates have shape (n, m), the points of the front (k, m), the
    reference (m,). Dominated points, and points not better than the reference, are ignored.

    >>> import numpy as np
    >>> sure = np.full((2, 2), 1e-9)  # without uncertainty
    >>> candidates, front = np.array([[2.0, 2.0], [1.0, 1.0]]), np.array([[3.0, 1.0], [1.0, 3.0]])
    >>> expected_hypervolume_improvement(candidates, sure, front, np.zeros(2)).round(6)
    array([1., 0.])
    """
    front, levels = _staircase(front, reference)
    gains = [_gains(*columns) for columns in zip(mean.T, std.T, levels, strict=True)]
    return _expected(front, levels, gains)


def _staircase(front: Floats, reference: Floats) -> tuple[Floats, list[Floats]]:
    """Return the points better than the reference, and the levels of each objective: the reference and their values."""
    front = front[(front > reference).all(axis=1)]
    if len(front):
        front = front[pareto_front(front, ["max"] * len(reference))]
    with_reference = np.vstack([front, reference])  # (k + 1, m)
    return front, [np.unique(column) for column in with_reference.T]


def _expected(front: Floats, levels: list[Floats], gains: list[NDArray[np.floating]]) -> Floats:
    """Return the expected improvements, given the gains of each objective over its levels, each (k_j, n)."""
    places = np.empty(front.shape, np.intp)  # of the front among the levels
    for objective, ascending in enumerate(levels):
        places[:, objective] = np.searchsorted(ascending, front[:, objective])
    improvements: Floats = np.maximum(_sliced(places, gains), 0.0)
    return improvements


def _gains(
    mean: NDArray[np.floating], std: NDArray[np.floating], levels: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return the mean excess of values, shape (n,), over levels, shape (k,); shape (k, n)."""
    # E(Y - l)^+ = σ (φ(z) + z Φ(z)) with z = (μ - l) / σ, for Y normal with mean μ and deviation σ.
    z = (mean - levels[:, None].astype(mean.dtype)) / std
    gains: NDArray[np.floating] = np.exp(-0.5 * z * z)
    gains *= 1 / math.sqrt(2 * math.pi)
    gains += z * ndtr(z)
    np.maximum(gains, 0.0, out=gains)
    gains *= std
    return gains


def _sliced(places: NDArray[np.intp], gains: list[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Return the expectation for points at these indices of the levels; level 0 is the reference."""
    *others, last = gains
    if not others:  # in one dimension, the excess over the best point
        beyond: NDArray[np.floating] = last[places[:, 0].max(initial=0)]
        return beyond
    total = np.zeros(last.shape[1])
    edges = [0, *np.unique(places[:, -1]).tolist()]
    # A slice of the last objective between neighbouring levels, times what the points that reach it leave open.
    for low, high in pairwise(edges):
        above = places[places[:, -1] >= high, :-1]
        total += (last[low] - last[high]) * _sliced(above, others)
    none_above = places[:0, :-1]
    total += last[edges[-1]] * _sliced(none_above, others)
    return total


class EHVISearch(GPSearch):
    """One Gaussian process per objective; maximise the expected hypervolume improvement over the whole space.

    Each process is that of `GPSearch` with a linear part, which extrapolates to the ends of the
    front. Its labels are the mean of normal scores, which are robust to outliers, and of
    standardised values, the lowest quarter clipped. The hypervolume refers to values scaled to the
    observed range. Labels are converted to values linearly between the values of the front; above
    its best value, with the slope between median and best, divided by the number of architectures
    that share the best value. The reference point lies a tenth of the range beyond the worst
    values.

    Parameters
    ----------
    space : SearchSpace
    rng : numpy.random.Generator
    n_initial : int, default 5
        Random architectures before the model is used.
    features : sequence of str, optional
        As in `GPSearch`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("ehvi", "nb201/cifar10+train_seconds", evaluations=30, seed=0)
    >>> bool(run.hypervolumes[-1] > 75)
    True
    """

    objectives = "several"

    def tell(self, architectures: Architectures, values: Floats) -> None:
        """Condition the processes on the values."""
        if not self._values:
            model = trend_model(self.space, self.features)
            self._members = [GaussianProcess(model) for _ in range(values.shape[1])]
            self._gp = self._members[0]
        super().tell(architectures, values)

    def _labels(self) -> Floats:
        """Return the labels of each process, shape (n, m)."""
        return np.column_stack([labels_of(column) for column in _scaled(self._values).T])

    def _most_promising(self, n: int) -> list[int]:
        if not self._values:
            return [self._take_best(np.zeros(self.space.size)) for _ in range(n)]
        return super()._most_promising(n)

    def _process_weights(self, labels: Floats) -> Floats:
        return np.ones(len(self._members))

    def _scores(self, labels: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the logarithms of the expected improvements, shape (size,), and the means of the labels, (size, m)."""
        values = _scaled(self._values)
        n_known, n_objectives = values.shape
        for label in labels[n_known:]:  # of proposals without a value
            known = [
                _by_rank(labels[:n_known, j], values[:n_known, j]) for j in range(n_objectives)
            ]
            assumed = [np.interp(label[j], *known[j]) for j in range(n_objectives)]
            values = np.vstack([values, assumed])
        front = values[pareto_front(values, ["max"] * values.shape[1])]
        reference = np.full(n_objectives, -_SLACK)  # beyond the worst observed value, which is 0
        front, levels = _staircase(front, reference)
        gains, means = [], []
        for j, gp in enumerate(self._members):
            mean, std = gp.posterior(labels[:, j])
            std = np.sqrt(std**2 + gp.hyperparameters.noise)
            scores, slopes = _scores_at(levels[j], labels[:, j], values[:, j])
            # The excess of the label over each level (k, size), in the precision of the posterior.
            beyond = _gains(mean.astype(np.float32), std.astype(np.float32), scores)
            slopes = slopes[:, None].astype(np.float32)
            # The value is linear between the levels: its gain from each level to the next, summed from above.
            between = beyond * slopes
            between[:-1] -= beyond[1:] * slopes[:-1]
            gains.append(between[::-1].cumsum(axis=0)[::-1])
            means.append(mean)
        return np.log(_expected(front, levels, gains) + _LEAST), np.column_stack(means)


def _scaled(values: list[Any]) -> Floats:
    """Return vectors of values, scaled to the observed range, shape (n, m)."""
    low, span = np.min(values, axis=0), np.ptp(values, axis=0)
    return np.asarray((np.array(values) - low) / np.where(span > 0, span, 1.0))


def _by_rank(labels: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return distinct labels and values, ascending."""
    distinct, first = np.unique(values, return_index=True)
    return labels[first], distinct


def _scores_at(levels: Floats, labels: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return the labels at ascending levels, and the slope of the value per label above each level."""
    known_labels, known_values = _by_rank(labels, values)
    scores = np.interp(levels, known_values, known_labels)
    if levels[0] < known_values[0]:
        scores[0] -= _BELOW
    slope_above = 1.0
    middle = len(known_values) // 2
    if len(known_values) > middle + 1:
        label_span = known_labels[-1] - known_labels[middle]
        slope_above = (known_values[-1] - known_values[middle]) / label_span
    n_best = (values == known_values[-1]).sum()
    slope_above /= n_best  # a shared best value is likely the end of the scale
    slopes = np.diff(levels) / np.maximum(np.diff(scores), 1e-9)
    return scores, np.append(slopes, slope_above)
