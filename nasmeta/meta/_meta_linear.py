"""Hierarchical Bayesian regression on the sources' scores, plus a structured Gaussian process."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from nasmeta.gaussian_process import JITTER, SumKernel, maximise_posterior
from nasmeta.meta._arrays import Arrays, Cells, Facts, Floats, Packed, Prediction
from nasmeta.meta._cell_columns import (
    further_counts,
    live_choice_counts,
    live_choices,
    position_feature,
    proxy_scores,
    structure_columns,
)
from nasmeta.meta._label_scale import scored
from nasmeta.meta._meta_predictor import MetaPredictor
from nasmeta.meta._source_matrix import SourceMatrix
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_FIT_ON = 250  # labels of each left-out group for the fit of hyperparameters
_MOST_GROUPS = 8  # left out in turn, evenly spaced
_ITERATIONS = 40

# Grid of factors of the noise and of each block of the covariance on a target; spreads of their logarithms.
_FACTORS = {
    "rank": ((0.5, 1.0, 2.0, 4.0, 10.0, 30.0, 100.0), (0.25, 0.5, 1.0, 2.0)),
    "root": (
        (0.001, 0.01, 0.1, 0.5, 2.0, 8.0, 30.0),  # noise: some devices are timed precisely
        (0.03, 0.1, 0.5, 2.0, 8.0),  # sources
        (0.03, 0.3, 3.0, 30.0),  # counts of operations
        (0.03, 0.3, 3.0, 30.0),  # operations edge by edge
    ),
}
_FACTOR_SPREADS = {"rank": (2.0, 1.0), "root": (3.0, 3.0, 3.0, 3.0)}
# Prior means for unit-variance scores: shift, slope, other roles, contrasts, counts, proxies (for costs: counts and
# operations edge by edge); four variances and four lengthscales of smooth parts (not for costs); noise.
_CENTRES = {
    "rank": np.log(np.r_[0.1, 0.1, 0.1, 1.0, 0.01, 0.01, np.full(4, 0.03), np.full(4, 4.0), 0.02]),
    "root": np.log([0.05, 0.05, 0.05, 1.0, 0.02, 0.02, 0.01]),
}
_STD, _REACH = 2.0, 7.0  # prior deviation and bounds of the logarithms


@dataclass(frozen=True, eq=False)
class MetaLinearModel:
    """The meta-model of `MetaLinear`."""

    matrix: SourceMatrix
    logarithms: Floats  # of variances of linear parts, variances and lengthscales of smooth parts, noise


class _Parts:
    """The inputs of the kernel, without some groups."""

    def __init__(self, space: SearchSpace, matrix: SourceMatrix, without: Collection[int] = ()) -> None:
        means = matrix.role_means(without)
        self.mean: Floats = means[0]
        contrasts = matrix.contrasts(without)
        shift = np.ones((space.size, 1))
        scaled = contrasts.T / np.sqrt(max(1, len(contrasts)))
        self.linear: list[Floats] = [shift, means[:1].T, (means[1:] - means[0]).T, scaled]
        self.smooth: list[Floats] = []
        if matrix.scale == "root":  # a device also runs dead operations
            counted = "operations" in space.feature_names
            counts = space.feature("operations").counts if counted else further_counts(space)
            self.linear += [_centred(counts), _centred(space.feature(position_feature(space)).counts)]
            self.blocks = [0, 0, 0, 0, 1, 2]
            return
        proxies, counts = proxy_scores(space), structure_columns(space)
        live = live_choice_counts(space)
        self.linear += [counts / np.sqrt(counts.shape[1]), proxies / np.sqrt(max(1, proxies.shape[1]))]
        spread = means.std() or 1.0
        self.smooth += [
            live_choices(space),
            further_counts(space),
            np.concatenate([means.T / spread, live], axis=1),
            np.concatenate([means.T / spread, proxies], axis=1),
        ]
        self.blocks = [0] * (len(self.linear) + len(self.smooth))

    def kernels(self, logarithms: Floats) -> Iterator[tuple[int, float, Floats, float | None]]:
        """Yield block, variance, columns and lengthscale (None for linear parts) of each part of the kernel."""
        columns = [*self.linear, *self.smooth]
        variances, lengths, _ = np.split(np.exp(logarithms), [len(columns), -1])
        return zip(self.blocks, variances, columns, [*[None] * len(self.linear), *lengths], strict=True)

    def covariances(self, logarithms: Floats, rows: Cells) -> Floats:
        """Return the blocks of the covariance with all architectures, shape (n_blocks, n_rows, n_cells)."""
        total = np.zeros((max(self.blocks) + 1, len(rows), len(self.mean)))
        for block, variance, part, length in self.kernels(logarithms):
            if length is None:
                total[block] += variance * (part[rows] @ part.T)
            else:
                total[block] += variance * np.exp(-_distances(part[rows], part) / length)
        return total


def _centred(table: NDArray[Any]) -> Floats:
    """Return centred columns, scaled so that the mean squared norm of the rows is 1."""
    centred: Floats = table - table.mean(axis=0, dtype=np.float64)
    centred /= np.sqrt((centred**2).sum(axis=1).mean()) or 1.0
    return centred


def _distances(rows: Floats, columns: Floats) -> Floats:
    """Return L1 distances, shape (n_rows, n_columns)."""
    from scipy.spatial.distance import cdist

    return cdist(rows, columns, "cityblock")


def _mixed_weights(covariances: Floats, residual: Floats, noise: float, scale: str) -> tuple[Floats, Floats, float]:
    """Average over factors of the noise and of the blocks of the covariance, shape (n_blocks, n, n).

    A target may be noisier than the sources or differ more from their mean. Each combination of factors is weighted by
    marginal likelihood times a log-normal prior around 1.

    Returns
    -------
    weights : ndarray, shape (n_blocks, n)
        The posterior mean is the sum over blocks of ``weights @ rows``.
    factors : ndarray, shape (n_blocks,)
        The most probable factors of the blocks.
    noise : float
        The most probable noise.
    """
    factors = np.array(list(product(*_FACTORS[scale])))
    log_weights = -0.5 * ((np.log(factors) / _FACTOR_SPREADS[scale]) ** 2).sum(axis=1)
    solved = np.empty((len(factors), len(residual)))
    for i, (of_noise, *of_blocks) in enumerate(factors):
        among = np.tensordot(of_blocks, covariances, 1) + (of_noise * noise + JITTER) * np.eye(len(residual))
        cholesky = cho_factor(among, lower=True, check_finite=False)
        solved[i] = cho_solve(cholesky, residual, check_finite=False)
        log_weights[i] -= 0.5 * float(residual @ solved[i]) + float(np.log(np.diag(cholesky[0])).sum())
    best = int(np.argmax(log_weights))
    shares = np.exp(log_weights - log_weights[best])
    weights = np.einsum("c,cb,ci->bi", shares / shares.sum(), factors[:, 1:], solved)
    return weights, factors[best, 1:], float(factors[best, 0]) * noise


class MetaLinear(MetaPredictor):
    r"""Weights on source tasks with a learned prior, plus a Gaussian process; adaptation in closed form.

    .. math:: z(x) = m(x) + \sum_j w_j \phi_j(x) + g(x) + \varepsilon

    m is the mean of the sources' scores. :math:`\phi` contains a shift, a slope, the sources' deviations from their
    mean, counts of operations and zero-cost proxies, with :math:`w_j \sim N(0, v)` for each kind of column. g is a
    process on live edges, live paths, scores, counts and proxies. Variances, lengthscales and noise maximise the sum of
    the sources' marginal likelihoods, each predicted from sources of other groups (datasets, devices). Hierarchical
    linear regression: Gelman et al., Bayesian Data Analysis, ch. 15. For costs, the scores are square roots, and counts
    of all operations and one-hot operations per edge replace proxies and g, because a device also runs dead operations.

    Parameters
    ----------
    space : str or SearchSpace, default "nb201"
    seed : int, default 0
    blends : bool, default True
        See `MetaPredictor`.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import MetaLinear
    >>> source, target = nm.task_distribution("nb201").leave_out("cifar100")
    >>> predictor = MetaLinear().meta_fit(source.as_sources(300, np.random.default_rng(0)))
    >>> cells = [3, 500, 7000, 9000, 12000]
    >>> predictor.fit(cells, target[0].values[cells]).predict([6111, 0]).shape
    (2,)
    """

    _parts_of: tuple[MetaLinearModel, _Parts] | None = None

    def _meta_learn(self, sources: list[SourceTask]) -> MetaLinearModel:
        space = self.cell_space
        matrix = SourceMatrix.of(space, sources)
        if matrix.scale == "root":  # for example, each batch size of a device is a role that the target may have
            matrix = replace(matrix, roles=(0,) * len(matrix.roles))
        centre = _CENTRES[matrix.scale]
        if matrix.n_groups < 2:
            return MetaLinearModel(matrix, centre.copy())
        rng = np.random.default_rng(self.seed)
        every = max(1, round(matrix.n_groups / _MOST_GROUPS))
        models = []
        for group in range(0, matrix.n_groups, every):
            source = sources[matrix.principal(group)]
            chosen = np.sort(rng.choice(len(source), min(_FIT_ON, len(source)), replace=False))
            rows = source.cells[chosen]
            parts = _Parts(space, matrix, (group,))
            distances = np.zeros((len(parts.smooth), len(rows), len(rows)))
            for i, part in enumerate(parts.smooth):
                distances[i] = _distances(part[rows], part[rows])
            products = np.array([part[rows] @ part[rows].T for part in parts.linear])
            residual = scored(source.utilities, matrix.scale)[chosen] - parts.mean[rows]
            models.append((SumKernel(distances, products, JITTER), [residual]))
        prior = (centre, np.full(len(centre), _STD))
        bounds = [(mean - _REACH, mean + _REACH) for mean in centre]
        return MetaLinearModel(matrix, maximise_posterior(models, prior, _ITERATIONS, bounds=bounds, constant=False))

    def _parts(self, learned: MetaLinearModel) -> _Parts:
        if self._parts_of is None or self._parts_of[0] is not learned:
            self._parts_of = (learned, _Parts(self.cell_space, learned.matrix))
        return self._parts_of[1]

    def _expected(self, learned: MetaLinearModel) -> Floats:
        return self._parts(learned).mean

    def _scale_kind(self, learned: MetaLinearModel) -> str:
        return learned.matrix.scale

    def _adapted(self, learned: MetaLinearModel, cells: Cells, scores: Floats) -> Prediction:
        parts, logarithms, scale = self._parts(learned), learned.logarithms, learned.matrix.scale
        prior = np.zeros((max(parts.blocks) + 1, self.cell_space.size))
        for block, v, part, length in parts.kernels(logarithms):
            prior[block] += v * (np.einsum("ij,ij->i", part, part) if length is None else 1.0)
        mean, noise = parts.mean.copy(), float(np.exp(logarithms[-1]))
        variance: Floats = prior.sum(axis=0)
        if len(cells):
            shift = float(np.mean(scores - mean[cells])) if scale == "root" else 0.0
            rows = parts.covariances(logarithms, cells)
            weights, factors, noise = _mixed_weights(rows[:, :, cells], scores - mean[cells] - shift, noise, scale)
            mean += shift + np.einsum("bi,bij->j", weights, rows)
            likeliest = np.tensordot(factors, rows, 1)
            among = likeliest[:, cells] + (noise + JITTER) * np.eye(len(cells))
            variance = factors @ prior - np.einsum("ij,ij->j", likeliest, cho_solve(cho_factor(among), likeliest))
        return mean, np.sqrt(np.maximum(variance, 1e-12) + noise)

    def _pack(self) -> Packed:
        learned: MetaLinearModel = self.require_meta_model()
        matrix = learned.matrix
        facts = {"scale": matrix.scale, "groups": list(matrix.groups), "roles": list(matrix.roles)}
        return {"scores": matrix.scores, "logarithms": learned.logarithms}, facts

    def _unpack(self, arrays: Arrays, facts: Facts) -> MetaLinearModel:
        matrix = SourceMatrix(facts["scale"], arrays["scores"], tuple(facts["groups"]), tuple(facts["roles"]))
        return MetaLinearModel(matrix, arrays["logarithms"])
