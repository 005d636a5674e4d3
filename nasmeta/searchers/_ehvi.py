"""Bayesian optimisation of several objectives: expected hypervolume improvement, and random scalarisations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nasmeta.checks import check_number
from nasmeta.errors import SettingError
from nasmeta.predictors import CellKernel, Hyperparameters, TrendGP, normal_scores, weak_prior
from nasmeta.searchers._base import SEARCHERS
from nasmeta.searchers._gp import GPSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import pareto_front

__all__ = ["EHVISearch", "expected_hypervolume_improvement"]

_BELOW = 0.3  # scores, from the lowest value to a reference below it
_LEAST = 1e-300
_SLACK = 0.1  # of the range of what was told, by which the reference lies beyond the worst value
_TAIL = 0.25  # share of the values, the lowest, whose distances do not count


def expected_hypervolume_improvement(
    mean: NDArray[np.float64],
    std: NDArray[np.float64],
    front: NDArray[np.float64],
    reference: NDArray[np.float64],
) -> NDArray[np.float64]:
    r"""Return by how much each candidate is expected to enlarge the hypervolume of a front; exact, higher is better.

    The objectives of a candidate are independent and normal. What the front does not dominate is cut into boxes, and in
    a box from :math:`l` to :math:`u` a candidate gains

    .. math:: \prod_j \left(E(Y_j - l_j)^+ - E(Y_j - u_j)^+\right)

    on average. Of two objectives the boxes are strips between neighbours of the front (Emmerich, Deutz and Klinkenberg,
    "Hypervolume-based expected improvement: monotonicity properties and exact computation", CEC 2011); of m they are
    slices of slices, at most about :math:`k^{m-1} / (m-1)!` for a front of k points.

    Mean and deviation of the candidates are of shape (n, m), the points of the front (k, m), the reference (m,); points
    that are dominated, or no better than the reference, are left out.

    >>> import numpy as np
    >>> from nasmeta.searchers import expected_hypervolume_improvement
    >>> sure = np.full((2, 2), 1e-9)  # then it is the improvement itself
    >>> candidates, front = np.array([[2.0, 2.0], [1.0, 1.0]]), np.array([[3.0, 1.0], [1.0, 3.0]])
    >>> expected_hypervolume_improvement(candidates, sure, front, np.zeros(2)).round(6)
    array([1., 0.])
    """
    mean, std, front, reference = (np.asarray(part, np.float64) for part in (mean, std, front, reference))
    m = len(reference)
    if mean.ndim != 2 or mean.shape != std.shape or mean.shape[1] != m or m < 2 or front.shape != (len(front), m):
        raise SettingError(
            f"mean and std must be of shape (n, m), front (k, m), reference (m,), m at least 2; they are {mean.shape}, "
            f"{std.shape}, {front.shape}, {reference.shape}."
        )
    front, levels = _staircase(front, reference)
    return _expected(front, levels, [_gains(mean[:, j], std[:, j], levels[j]) for j in range(m)])


def _staircase(
    front: NDArray[np.float64], reference: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Return what counts of a front, and the levels of each objective: its values there, after the reference."""
    front = front[(front > reference).all(axis=1)]
    front = front[pareto_front(front, ["max"] * len(reference))] if len(front) else front
    return front, [np.unique(np.append(column, bound)) for column, bound in zip(front.T, reference, strict=True)]


def _expected(
    front: NDArray[np.float64], levels: list[NDArray[np.float64]], gains: list[NDArray[np.floating]]
) -> NDArray[np.float64]:
    """Return the expected improvements, of what each objective exceeds its levels by on average, each (k_j, n)."""
    places = np.column_stack([np.searchsorted(own, column) for own, column in zip(levels, front.T, strict=True)])
    improvements: NDArray[np.float64] = np.maximum(_sliced(places, gains), 0.0)
    return improvements


def _gains(mean: NDArray[np.floating], std: NDArray[np.floating], levels: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return by how much values, shape (n,), exceed levels, shape (k,), on average: shape (k, n)."""
    z = (mean - levels[:, None].astype(mean.dtype)) / std
    gains: NDArray[np.floating] = np.exp(-0.5 * z * z)
    gains *= 1 / math.sqrt(2 * math.pi)
    gains += z * ndtr(z)
    np.maximum(gains, 0.0, out=gains)
    gains *= std
    return gains


def _sliced(places: NDArray[np.intp], gains: list[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Return the expectation for points at these places among the levels, the lowest of which is the reference."""
    *others, own = gains
    if not others:  # in one dimension it is what exceeds the best point
        beyond: NDArray[np.floating] = own[places[:, 0].max(initial=0)]
        return beyond
    total = np.zeros(own.shape[1])
    edges = [0, *np.unique(places[:, -1]).tolist()]
    for low, high in zip(edges, [*edges[1:], None], strict=True):
        above = places[:0, :-1] if high is None else places[places[:, -1] >= high, :-1]
        total += (own[low] if high is None else own[low] - own[high]) * _sliced(above, others)
    return total


@SEARCHERS.register("ehvi")
class EHVISearch(GPSearch):
    """A Gaussian process an objective; propose where the hypervolume is expected to grow most, of all architectures.

    Each process is that of `GPSearch` with a linear part, so that it reaches the ends of the front, where few values
    are. Its labels are the mean of normal scores, which no outlier moves, and of the values, their lowest quarter
    clipped, which tell how much better the best are: ranks within a sample that follows the front do not. The
    hypervolume is that of the values, scaled to the range of what was told: between the values of the front, labels are
    turned into values linearly, and above its best one as between the median and the best, divided by how many
    architectures share the best: one that many share is likely the end of the scale. The reference point lies a tenth
    of that range beyond the worst values.

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

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        n_initial: int = 5,
        features: Sequence[str] | None = None,
    ) -> None:
        super().__init__(space, rng, n_initial=n_initial, features=features)
        self._gps: list[TrendGP] = []
        self._vectors: list[NDArray[np.float64]] = []
        self._known: set[int] = set()

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Condition the processes on the values."""
        if not self._gps:
            kernel = CellKernel(self.space, self.features)
            start = Hyperparameters.from_logarithms(weak_prior(len(self.features), kernel.typical_lengthscales)[0])
            self._gps = [TrendGP(kernel, start) for _ in range(values.shape[1])]
        for cell, value in zip(cells.tolist(), np.array(values), strict=True):
            if cell not in self._known:
                self._known.add(cell)
                self._mark(cell)
                self._vectors.append(value)
                for gp in self._gps:
                    gp.add(cell)

    def _succeeded(self) -> Iterable[int]:
        return self._known

    def _most_promising(self, n: int) -> list[int]:
        if not self._gps:
            return [self._take_best(np.zeros(self.space.size)) for _ in range(n)]
        values = np.array(self._vectors)
        span = np.ptp(values, axis=0)
        values = (values - values.min(axis=0)) / np.where(span > 0, span, 1.0)
        labels = np.column_stack([_labels_of(column) for column in values.T])
        self._refit_all(labels)
        chosen: list[int] = []
        for _ in range(n):
            chosen.append(self._take_best(self._log_improvements(values, labels)))
            if len(chosen) < n:  # as if it had its mean
                pairs = zip(self._gps, labels.T, strict=True)
                means = np.array([gp.posterior(own)[0][chosen[-1]] for gp, own in pairs])
                known = [_by_rank(*both) for both in zip(labels.T, values.T, strict=True)]
                meant = [np.interp(z, x, y) for z, (x, y) in zip(means, known, strict=True)]
                values, labels = np.vstack([values, meant]), np.vstack([labels, means])
                for gp in self._gps:
                    gp.add(chosen[-1])
        for gp in self._gps:
            gp.forget_last(len(chosen) - 1)
        return chosen

    def _refit_all(self, labels: NDArray[np.float64]) -> None:
        if not self._is_due(len(labels)):
            return
        self._fitted_at = len(labels)
        for gp, own in zip(self._gps, labels.T, strict=True):
            gp.fit(own, weak_prior(len(self.features), gp.kernel.typical_lengthscales))

    def _log_improvements(self, values: NDArray[np.float64], labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of what each architecture is expected to add, shape (size,)."""
        front = values[pareto_front(values, ["max"] * values.shape[1])]
        reference = np.full(values.shape[1], -_SLACK)  # beyond the worst value that was told, which is 0
        front, levels = _staircase(front, reference)
        gains = []
        for gp, value, label, own in zip(self._gps, values.T, labels.T, levels, strict=True):
            mean, std = gp.posterior(label)
            std = np.sqrt(std**2 + gp.hyperparameters.noise)
            scores, slopes = _scores_at(own, label, value)
            beyond = _gains(mean.astype(np.float32), std.astype(np.float32), scores)  # the posterior's precision
            slopes = slopes[:, None].astype(np.float32)
            between = beyond * slopes  # of the value: what is gained from each level to the next
            between[:-1] -= beyond[1:] * slopes[:-1]
            gains.append(between[::-1].cumsum(axis=0)[::-1])
        return np.log(_expected(front, levels, gains) + _LEAST)


def _labels_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return labels in the order of values, shape (n,), half by ranks and half by distances; of unit variance."""
    ranks = normal_scores(values)
    clipped = np.maximum(values, np.quantile(values, _TAIL))
    if not clipped.std():
        return ranks
    labels: NDArray[np.float64] = ranks + (clipped - clipped.mean()) / clipped.std()
    labels /= labels.std()
    return labels


def _by_rank(
    labels: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return labels and values, each once, ascending."""
    order = np.unique(values, return_index=True)[1]
    return labels[order], values[order]


def _scores_at(
    levels: NDArray[np.float64], labels: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores of levels, both ascending, and by how much the value grows per score above each of them."""
    own, known = _by_rank(labels, values)
    scores = np.interp(levels, known, own)
    if levels[0] < known[0]:
        scores[0] -= _BELOW
    middle = len(own) // 2
    top = (known[-1] - known[middle]) / (own[-1] - own[middle]) if len(own) > middle + 1 else 1.0
    top /= (values == known[-1]).sum()  # what many share is likely the end of the scale
    return scores, np.append(np.diff(levels) / np.maximum(np.diff(scores), 1e-9), top)


@SEARCHERS.register("parego")
class ParEGO(GPSearch):
    """Expected improvement of an augmented Tchebycheff norm whose weights are drawn anew for each proposal.

    Knowles, "ParEGO: a hybrid algorithm with on-line landscape approximation for expensive multiobjective optimization
    problems", IEEE Transactions on Evolutionary Computation 2006. Objectives are scaled to the range of what was told;
    the process is that of `GPSearch`, on the normal scores of the norm's ranks.

    Parameters
    ----------
    n_initial, features
        As in `GPSearch`.
    augmentation : float, default 0.05
        The share of the weighted sum.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("parego", "nb201/cifar10+train_seconds", evaluations=20, seed=0))
    20
    """

    objectives = "several"

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        n_initial: int = 5,
        features: Sequence[str] | None = None,
        augmentation: float = 0.05,
    ) -> None:
        super().__init__(space, rng, n_initial=n_initial, features=features)
        self.augmentation = check_number("augmentation", augmentation, 0, 1)

    def _labels(self) -> NDArray[np.float64]:
        """Draw weights; return the normal scores of the norm under them, shape (n,)."""
        values = np.array(self._values)
        if not len(values):
            return np.empty(0)
        low, span = values.min(axis=0), np.ptp(values, axis=0)
        weights = self.rng.dirichlet(np.ones(values.shape[1]))
        losses = weights * (1 - (values - low) / np.where(span > 0, span, 1.0))
        return normal_scores(-(losses.max(axis=1) + self.augmentation * losses.sum(axis=1)))
