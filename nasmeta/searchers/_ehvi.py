"""Expected hypervolume improvement over all architectures of a space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nasmeta.errors import SettingError
from nasmeta.predictors import CellGP, CellKernel, Hyperparameters, fit_hyperparameters, normal_scores, weak_prior
from nasmeta.searchers._base import SEARCHERS
from nasmeta.searchers._gp import GPSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import pareto_front

__all__ = ["EHVISearch", "expected_hypervolume_improvement"]

_LEAST = 1e-300
MODE = {"scale": "rank", "ref": "all"}


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

    Parameters
    ----------
    mean, std : ndarray of float64, shape (n, m)
        Of each candidate and objective; deviations are positive.
    front : ndarray of float64, shape (k, m)
        Points that are there; those that are dominated, or no better than the reference, are left out.
    reference : ndarray of float64, shape (m,)

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    SettingError
        Where the shapes do not fit.

    Examples
    --------
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
    front = front[(front > reference).all(axis=1)]
    front = front[pareto_front(front, ["max"] * m)] if len(front) else front
    levels = [np.unique(np.append(column, bound)) for column, bound in zip(front.T, reference, strict=True)]
    places = np.column_stack([np.searchsorted(own, column) for own, column in zip(levels, front.T, strict=True)])
    gains = [_gains(mean[:, j], std[:, j], levels[j]) for j in range(m)]
    return np.maximum(_sliced(places, gains), 0.0)


def _gains(mean: NDArray[np.float64], std: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much values, shape (n,), exceed levels, shape (k,), on average: shape (k, n)."""
    z = (mean - levels[:, None]) / std
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    gains: NDArray[np.float64] = std * np.maximum(density + z * ndtr(z), 0.0)
    return gains


def _sliced(places: NDArray[np.intp], gains: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the expectation for points at these places among the levels, the lowest of which is the reference."""
    *others, own = gains
    if not others:  # in one dimension it is what exceeds the best point
        return own[places[:, 0].max(initial=0)]
    total = np.zeros(own.shape[1])
    edges = [0, *np.unique(places[:, -1]).tolist()]
    for low, high in zip(edges, [*edges[1:], None], strict=True):
        above = places[:0, :-1] if high is None else places[places[:, -1] >= high, :-1]
        total += (own[low] if high is None else own[low] - own[high]) * _sliced(above, others)
    return total


@SEARCHERS.register("ehvi")
class EHVISearch(GPSearch):
    """A Gaussian process an objective; propose where the hypervolume is expected to grow most.

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
    >>> bool(run.hypervolumes[-1] > 90)
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
        self._gps: list[CellGP] = []
        self._vectors: list[NDArray[np.float64]] = []
        self._known: set[int] = set()

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Condition the processes on the values."""
        if not self._gps:
            kernel = CellKernel(self.space, self.features)
            start, _ = weak_prior(len(self.features), kernel.typical_lengthscales)
            self._gps = [CellGP(kernel, Hyperparameters.from_logarithms(start)) for _ in range(values.shape[1])]
        for cell, value in zip(cells.tolist(), np.array(values), strict=True):
            if cell not in self._known:
                self._known.add(cell)
                self._mark(cell)
                self._vectors.append(value)
                for gp in self._gps:
                    gp.add(cell)

    def _most_promising(self, n: int) -> list[int]:
        if not self._gps:
            return [self._take_best(np.zeros(self.space.size)) for _ in range(n)]
        values = np.array(self._vectors)
        if MODE["scale"] == "rank":
            labels = np.column_stack([normal_scores(column) for column in values.T])
        else:
            spread = values.std(axis=0)
            labels = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        if self._is_due(len(labels)):
            self._fitted_at = len(labels)
            for gp, column in zip(self._gps, labels.T, strict=True):
                prior = weak_prior(len(self.features), gp.kernel.typical_lengthscales)
                found = fit_hyperparameters(gp.observed_distances(), [column], gp.hyperparameters, prior)
                gp.set_hyperparameters(found)
        chosen: list[int] = []
        for _ in range(n):
            means, deviations = self._predictions(labels)
            front = labels[pareto_front(labels, ["max"] * labels.shape[1])]
            if MODE["ref"] == "all":
                reference = labels.min(axis=0) - 0.1 * np.ptp(labels, axis=0)
            else:
                span = np.ptp(front, axis=0)
                reference = front.min(axis=0) - 0.1 * np.where(span > 0, span, np.ptp(labels, axis=0))
            score = np.log(expected_hypervolume_improvement(means, deviations, front, reference) + _LEAST)
            chosen.append(self._take_best(score))
            if len(chosen) < n:
                labels = np.vstack([labels, means[chosen[-1]]])
                for gp in self._gps:
                    gp.add(chosen[-1])
        for gp in self._gps:
            gp.forget_last(len(chosen) - 1)
        return chosen

    def _predictions(self, labels: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return means and deviations of the labels of all architectures, noise included, each of shape (size, m)."""
        found = [gp.posterior(column) for gp, column in zip(self._gps, labels.T, strict=True)]
        noise = np.array([gp.hyperparameters.noise for gp in self._gps])
        means, deviations = (np.column_stack(part) for part in zip(*found, strict=True))
        return means, np.sqrt(deviations**2 + noise)
