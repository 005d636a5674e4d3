"""Hierarchical Bayesian regression on the sources' scores, plus a structured Gaussian process."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from nasmeta.errors import SettingError, shown
from nasmeta.meta._arrays import Arrays, Cells, Facts, Floats, Packed, Prediction
from nasmeta.meta._cell_columns import (
    further_counts,
    live_choice_counts,
    live_choices,
    position_feature,
    proxy_scores,
    structure_columns,
)
from nasmeta.meta._label_scale import COST_SCALES, scored
from nasmeta.meta._meta_predictor import MetaPredictor
from nasmeta.meta._model_archive import check_array, checked_logarithms
from nasmeta.meta._source_matrix import SourceMatrix
from nasmeta.predictors._gaussian_process import JITTER, SumKernel, maximise_posterior
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_FIT_ON = 250  # labels of each left-out group for the fit of hyperparameters
_MOST_GROUPS = 8  # left out in turn, evenly spaced
_ITERATIONS = 40

# Grid of factors of the noise and of each block of the covariance on a target; spreads of their logarithms.
_FACTORS = {
    "rank": ((0.5, 1.0, 2.0, 4.0, 10.0, 30.0, 100.0), (0.25, 0.5, 1.0, 2.0)),
    "cost": (
        (0.001, 0.01, 0.1, 0.5, 2.0, 8.0, 30.0),  # noise: some devices are timed precisely
        (0.03, 0.1, 0.5, 2.0, 8.0),  # sources
        (0.03, 0.3, 3.0, 30.0),  # counts of operations
        (0.03, 0.3, 3.0, 30.0),  # operations edge by edge
    ),
}
_FACTOR_SPREADS = {"rank": (2.0, 1.0), "cost": (3.0, 3.0, 3.0, 3.0)}


@dataclass(frozen=True, eq=False)
class MetaLinearModel:
    """The meta-model of `MetaLinear`."""

    matrix: SourceMatrix
    logarithms: Floats  # of variances of linear parts, variances and lengthscales of smooth parts, noise


class _Parts:
    """The inputs of the kernel, without some groups."""

    def __init__(self, space: SearchSpace, matrix: SourceMatrix, without: Collection[int]) -> None:
        means = matrix.role_means(without)
        self.mean = means[0]
        contrasts = matrix.contrasts(without)
        scale = float(np.sqrt(max(1, len(contrasts))))
        others = means[1:] - means[0]
        self.linear: list[Floats] = [
            np.ones((space.size, 1)),
            means[:1].T,
            others.T if len(others) else np.zeros((space.size, 1)),
            contrasts.T / scale if len(contrasts) else np.zeros((space.size, 1)),
        ]
        self.smooth: list[Floats] = []
        if matrix.scale in COST_SCALES:  # a device also runs dead operations
            counted = "operations" in space.feature_names
            counts = space.feature("operations").counts if counted else further_counts(space)
            self.linear += [_centred(counts), _centred(space.feature(position_feature(space)).counts)]
            self.blocks = [0, 0, 0, 0, 1, 2]
            return
        self.blocks = [0] * (_N_LINEAR + _N_SMOOTH)
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


def _centred(table: NDArray[Any]) -> Floats:
    """Return centred columns, scaled so that the mean squared norm of the rows is 1."""
    centred: Floats = table - table.mean(axis=0, dtype=np.float64)
    centred /= np.sqrt((centred**2).sum(axis=1).mean()) or 1.0
    return centred


_N_LINEAR, _N_SMOOTH = 6, 4
# Prior means for unit-variance scores: shift, slope, other roles, contrasts, counts, proxies; then smooth parts.
_CENTRE = np.log(np.r_[0.1, 0.1, 0.1, 1.0, 0.01, 0.01, np.full(_N_SMOOTH, 0.03), np.full(_N_SMOOTH, 4.0), 0.02])
_CENTRES = {"rank": _CENTRE, "cost": np.log([0.05, 0.05, 0.05, 1.0, 0.02, 0.02, 0.01])}
_STD, _REACH = 2.0, 7.0  # prior deviation and bounds of the logarithms


def _kind(scale: str) -> str:
    return "cost" if scale in COST_SCALES else "rank"


def _distances(part: Floats, rows: Any, columns: Any) -> Floats:
    """Return L1 distances, shape (n_rows, n_columns)."""
    from scipy.spatial.distance import cdist

    return cdist(part[rows], part[columns], "cityblock")


def _kernels(parts: _Parts, logarithms: Floats) -> Iterator[tuple[int, float, Any, float | None]]:
    """Yield block, variance, columns and lengthscale (None for linear parts) of each part of the kernel."""
    columns = [*parts.linear, *parts.smooth]
    variances, lengths, _ = np.split(np.exp(logarithms), [len(columns), -1])
    return zip(parts.blocks, variances, columns, [*[None] * _N_LINEAR, *lengths], strict=True)


def _covariances(parts: _Parts, logarithms: Floats, rows: Any, columns: Any) -> Floats:
    """Return the blocks of the covariance, shape (n_blocks, n_rows, n_columns)."""
    total = np.zeros((max(parts.blocks) + 1, len(rows), len(columns)))
    for block, variance, part, length in _kernels(parts, logarithms):
        if length is None:
            total[block] += variance * (part[rows] @ part[columns].T)
        else:
            total[block] += variance * np.exp(-_distances(part, rows, columns) / length)
    return total


def _mixed_weights(covariances: Floats, residual: Floats, noise: float, kind: str) -> tuple[Floats, Floats, float]:
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
    factors = np.array(list(product(*_FACTORS[kind])))
    log_weights = -0.5 * ((np.log(factors) / _FACTOR_SPREADS[kind]) ** 2).sum(axis=1)
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
    scale : {"auto", "rank", "root", "log"}, default "auto"
        See `nasmeta.meta.SourceMatrix`.
    seed : int, default 0
        Of the labels for the fit of hyperparameters.
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

    def __init__(
        self, space: str | SearchSpace = "nb201", *, scale: str = "auto", seed: int = 0, blends: bool = True
    ) -> None:
        super().__init__(space, seed=seed, blends=blends)
        self.scale = scale

    def _meta_learn(self, sources: list[SourceTask]) -> MetaLinearModel:
        space = self.cell_space
        if self.scale == "unit":  # the spread of a target is unknown
            raise SettingError('scale must be "auto", "rank", "root" or "log", not "unit".')
        matrix = SourceMatrix.of(space, sources, self.scale)
        if matrix.scale in COST_SCALES:  # for example, each batch size of a device is a role that the target may have
            matrix = replace(matrix, roles=(0,) * len(matrix.roles))
        if matrix.n_groups < 2:
            return MetaLinearModel(matrix, _CENTRES[_kind(matrix.scale)].copy())
        rng = np.random.default_rng(self.seed)
        every = max(1, round(matrix.n_groups / _MOST_GROUPS))
        models = []
        for group in range(0, matrix.n_groups, every):
            task = matrix.principal(group)
            source = sources[task]
            chosen = np.sort(rng.choice(len(source), min(_FIT_ON, len(source)), replace=False))
            rows = source.cells[chosen]
            parts = _Parts(space, matrix, (group,))
            kernel = SumKernel(
                np.array([_distances(part, rows, rows) for part in parts.smooth]).reshape(-1, len(rows), len(rows)),
                np.array([part[rows] @ part[rows].T for part in parts.linear]),
                JITTER,
            )
            models.append((kernel, [scored(source.utilities, matrix.scale)[chosen] - parts.mean[rows]]))
        start = _CENTRES[_kind(matrix.scale)]
        prior = (start, np.full(len(start), _STD))
        bounds = [(mean - _REACH, mean + _REACH) for mean in start]
        logarithms = maximise_posterior(models, prior, _ITERATIONS, bounds=bounds, constant=False)
        return MetaLinearModel(matrix, logarithms)

    def _parts(self, learnt: MetaLinearModel) -> _Parts:
        if self._parts_of is None or self._parts_of[0] is not learnt:
            self._parts_of = (learnt, _Parts(self.cell_space, learnt.matrix, ()))
        return self._parts_of[1]

    def _expected(self, learnt: MetaLinearModel) -> Floats:
        expected: Floats = self._parts(learnt).mean
        return expected

    def _scale_kind(self, learnt: MetaLinearModel) -> str:
        return learnt.matrix.scale

    def _adapted(self, learnt: MetaLinearModel, cells: Cells, scores: Floats) -> Prediction:
        parts, logarithms = self._parts(learnt), learnt.logarithms
        everything = np.arange(self.cell_space.size)
        prior = np.zeros((max(parts.blocks) + 1, len(everything)))
        for block, v, part, length in _kernels(parts, logarithms):
            prior[block] += v * (np.einsum("ij,ij->i", part, part) if length is None else 1.0)
        mean, noise = parts.mean.copy(), float(np.exp(logarithms[-1]))
        variance: Floats = prior.sum(axis=0)
        if len(cells):
            kind = _kind(learnt.matrix.scale)
            shift = float(np.mean(scores - mean[cells])) if kind == "cost" else 0.0
            rows = _covariances(parts, logarithms, cells, everything)
            weights, factors, noise = _mixed_weights(rows[:, :, cells], scores - mean[cells] - shift, noise, kind)
            mean += shift + np.einsum("bi,bij->j", weights, rows)
            likeliest = np.tensordot(factors, rows, 1)
            among = likeliest[:, cells] + (noise + JITTER) * np.eye(len(cells))
            variance = factors @ prior - np.einsum("ij,ij->j", likeliest, cho_solve(cho_factor(among), likeliest))
        return mean, np.sqrt(np.maximum(variance, 1e-12) + noise)

    def _pack(self) -> Packed:
        learnt: MetaLinearModel = self.require_meta_model()
        matrix = learnt.matrix
        facts = {"scale": matrix.scale, "groups": list(matrix.groups), "roles": list(matrix.roles)}
        return {"scores": matrix.scores, "logarithms": learnt.logarithms}, facts

    def _unpack(self, arrays: Arrays, facts: Facts) -> MetaLinearModel:
        groups, roles = facts["groups"], facts["roles"]
        for numbers in (groups, roles):
            if len(numbers) != len(groups) or set(numbers) != set(range(len(set(numbers)))):
                raise ValueError(f"groups and roles number the sources from 0, not {shown(groups)} and {shown(roles)}")
        scores = check_array(arrays, "scores", np.float32, (len(groups), self.cell_space.size))
        logarithms = checked_logarithms(arrays, len(_CENTRES[_kind(str(facts["scale"]))]))
        matrix = SourceMatrix(str(facts["scale"]), scores, tuple(groups), tuple(roles))
        return MetaLinearModel(matrix, logarithms)
