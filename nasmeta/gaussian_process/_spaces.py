"""The models of a search space: kernel, inputs and prior of its count features, or of its positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nasmeta.arrays import Floats, Floats32, Integers
from nasmeta.errors import SettingError
from nasmeta.gaussian_process._fit import Prior, weak_prior
from nasmeta.gaussian_process._inputs import Dimension, Inputs
from nasmeta.gaussian_process._kernels import EXPONENTIAL, MATERN_52, Kernel, sum_of_exponentials
from nasmeta.spaces import SearchSpace, binned, place_values

# in these features the distance is twice the number of different choices
_ONE_HOT = {
    "positions",
    "edges",
}
# features that determine the choice of each position
_OF_POSITIONS = {
    *_ONE_HOT,
    "levels",
    "steps",
}
_LENGTHSCALE = 3.0  # in the L1 distance of counts; one edit of an edge is a distance of 2
_LONG = 0.3  # share of the mean distance
_SHARE = 0.5  # prior median of the lengthscales, relative to the mean distance times the number of positions
_STD_EXPONENTIAL, _STD_MATERN = 0.7, 1.0  # of the logarithms of these lengthscales, a priori
_SLOPES = 0.5  # variance of a linear term, a priori


@dataclass(frozen=True, eq=False)
class Model:
    """A kernel, the points that it compares, and the prior of its hyperparameters.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.gaussian_process import Dimension, Inputs, sum_of_exponentials, weak_prior
    >>> width = Dimension(np.array([[0, 1, 2]]), np.arange(3), "difference", largest=2)
    >>> Model(sum_of_exponentials(1), Inputs((width,)), weak_prior(1)).inputs.bases
    (3,)
    """

    kernel: Kernel
    inputs: Inputs
    prior: Prior


@lru_cache(maxsize=16)
def count_dimension(space: SearchSpace, feature: str) -> Dimension:
    """Return the L1 distance of a count feature; one-hot features are compared by their choices."""
    counts = space.feature(feature).counts
    # A distance is at most the sum of the columns' ranges, and at most the sum of two sums.
    by_range = np.ptp(counts, axis=0).astype(np.int64).sum()
    by_sum = 2 * counts.sum(axis=1, dtype=np.int64).max()
    largest = int(min(by_range, by_sum))
    if feature in _ONE_HOT:
        choices = np.ascontiguousarray(binned(space.positions, space.codes).T)
        return Dimension(choices, np.arange(space.size), "choices", largest, unit=2)
    bases = (counts.max(axis=0).astype(np.int64) + 1).tolist()
    ranks = counts @ place_values(bases)  # one number per row sorts faster
    _, first, classes = np.unique(ranks, return_index=True, return_inverse=True)
    return Dimension(np.ascontiguousarray(counts[first].T), classes.ravel(), "difference", largest)


def count_model(space: SearchSpace, features: Sequence[str] | None = None) -> Model:
    r"""Return a sum of exponential kernels, each on the L1 distance between count features of two architectures.

    .. math:: k(x, x') = \sum_j v_j \exp(-\lVert \phi_j(x) - \phi_j(x') \rVert_1 / \ell_j)

    The exponential of a negative L1 distance is positive definite (a product of Laplace kernels),
    and so is the sum. The default features are the space's `kernel_features`. A priori, a
    lengthscale is 3, or 0.3 of the mean distance if this is larger: 9.6 for the edges of
    NAS-Bench-201, and far more for ordered positions with many levels.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> model = count_model(get_space("nb201"))
    >>> model.kernel.terms, model.inputs.bases
    (((0,), (1,), (2,)), (13, 9, 13))
    """
    features = tuple(space.kernel_features if features is None else features)
    if not features:
        raise SettingError(
            "features", features, f"at least one of {', '.join(space.feature_names)}"
        )
    lengthscales = []
    for feature in features:
        counts = space.feature(feature).counts
        lengthscales.append(max(_LENGTHSCALE, _LONG * _mean_distance(counts)))
    dimensions = tuple(count_dimension(space, feature) for feature in features)
    kernel = sum_of_exponentials(len(features))
    return Model(kernel, Inputs(dimensions), weak_prior(len(features), np.array(lengthscales)))


def trend_model(space: SearchSpace, features: Sequence[str] | None = None) -> Model:
    r"""Return `count_model` plus a linear term, which extrapolates beyond the observations.

    Exponential kernels return to the prior mean far from all observations, but a latency grows with
    each operation. The covariance of the linear term is :math:`s \, \phi(x)^T \phi(x')` (Rasmussen
    and Williams, "Gaussian Processes for Machine Learning", 2006, section 2.7), with :math:`\phi`
    the standardised counts. Each feature has the same share, and all of them have a squared length
    of 1 on average. The variance s is the first hyperparameter.

    Examples
    --------
    >>> from nasmeta.spaces import get_space
    >>> trend_model(get_space("nb201")).kernel.terms
    ((3,), (0,), (1,), (2,))
    """
    features = tuple(space.kernel_features if features is None else features)
    smooth = count_model(space, features)
    slopes = Dimension(_standardised(space, features).T, np.arange(space.size), "product")
    kernel = Kernel(((len(features),), *smooth.kernel.terms), (*smooth.kernel.correlations, None))
    prior = Prior(np.r_[np.log(_SLOPES), smooth.prior.mean], np.r_[1.0, smooth.prior.std])
    return Model(kernel, Inputs((*smooth.inputs.dimensions, slopes)), prior)


def has_position_model(space: SearchSpace) -> bool:
    """Return whether the kernel features of a space contain its positions.

    >>> from nasmeta.spaces import get_space
    >>> has_position_model(get_space("nb201")), has_position_model(get_space("graph"))
    (True, False)
    """
    return not _OF_POSITIONS.isdisjoint(space.kernel_features)


def position_model(space: SearchSpace, *, uniform: bool = False) -> Model:
    r"""Return a product of kernels, one per position with its own lengthscale, so positions can be irrelevant.

    .. math:: k(x, x') = v \prod_p k_p(d_p(x, x') / \ell_p)

    The distance :math:`d_p` is the difference of the levels of an ordered position, and 1 for
    different choices of an unordered one. The kernel :math:`k_p` is a Matérn kernel of order 5/2
    for ordered positions with at least three choices, which follows trends, and exponential for
    others. Lengthscales per position are "automatic relevance determination" (Rasmussen and
    Williams, "Gaussian Processes for Machine Learning", 2006, section 5.1). A priori they grow with
    the number of positions, so a typical covariance does not depend on that number (Hvarfner,
    Hellsten and Nardi, "Vanilla Bayesian optimization performs great in high dimensions", ICML
    2024).

    Parameters
    ----------
    space : SearchSpace
    uniform : bool, default False
        Whether prior lengthscales refer to architectures that have each choice equally often, not
        to those of `space`.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.spaces import get_space
    >>> prior = position_model(get_space("nb201")).prior
    >>> np.exp(prior.mean[1:-1]).round(2)  # half of 6 positions times a mean distance of 0.8
    array([2.4, 2.4, 2.4, 2.4, 2.4, 2.4])
    """
    dimensions, correlations, lengthscales, stds = [], [], [], []
    for position, column in zip(
        space.positions, space.codes.T.astype(np.intp, order="C"), strict=True
    ):
        levels = position.levels
        seen = np.arange(len(levels)) if uniform else column
        if position.ordered:
            largest = max(int(levels[-1]), 1)
            dimensions.append(Dimension(levels[None], column, "difference", largest))
            distance = _mean_distance(levels[seen, None])
        else:
            dimensions.append(Dimension(levels[None], column, "choices", largest=1))
            n_same = (np.bincount(seen) ** 2).sum()  # pairs of equal choices
            distance = 1 - float(n_same / len(seen) ** 2)
        is_smooth = position.ordered and len(position.choices) > 2
        correlations.append(MATERN_52 if is_smooth else EXPONENTIAL)
        stds.append(_STD_MATERN if is_smooth else _STD_EXPONENTIAL)
        lengthscales.append(_SHARE * space.n_positions * max(distance, 1 / len(seen)))
    kernel = Kernel((tuple(range(space.n_positions)),), tuple(correlations))
    prior = Prior(np.r_[0.0, np.log(lengthscales), np.log(0.02)], np.r_[1.0, stds, 1.0])
    return Model(kernel, Inputs(tuple(dimensions)), prior)


def _mean_distance(counts: Integers) -> float:
    """Return the mean L1 distance of all pairs of rows, shape (n, n_columns): the sum of 2 F (1 - F) over the levels.

    F is the distribution function of the levels of a column (Gini's mean difference).
    """
    levels = counts - counts.min(axis=0)
    columns, n_levels = counts.shape[1], int(levels.max()) + 1
    of_level = np.bincount(
        (levels + n_levels * np.arange(columns)).ravel(), minlength=n_levels * columns
    )
    below = of_level.reshape(columns, n_levels).cumsum(axis=1) / len(counts)
    return float((2 * below * (1 - below)).sum())


def _standardised(space: SearchSpace, features: Sequence[str]) -> Floats32:
    """Return standardised counts, float32, shape (size, n_counts); rows have a mean squared length of 1."""
    parts = list[Floats]()
    for feature in features:
        counts = space.feature(feature).counts.astype(np.float64)
        varied = counts[:, np.ptp(counts, axis=0) > 0]
        if varied.shape[1]:
            parts.append(
                (varied - varied.mean(axis=0)) / (varied.std(axis=0) * np.sqrt(varied.shape[1]))
            )
    if not parts:
        return np.zeros((space.size, 1), np.float32)
    inputs: Floats32 = (np.hstack(parts) / np.sqrt(len(parts))).astype(np.float32)
    return inputs
