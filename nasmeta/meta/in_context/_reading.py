"""Inputs of the transformer: predictions of experts, and similarity to the labelled architectures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky
from scipy.linalg.lapack import dtrtri

from nasmeta.meta._arrays import Floats, Floats32
from nasmeta.predictors import CellKernel, make_predictor
from nasmeta.predictors._gaussian_process import Hyperparameters
from nasmeta.spaces import SearchSpace

LENGTHS = ((0.4, 1.2, 4.0), (1.0, 3.0, 9.0))  # of typical distances: of count features, of encodings
_MOST_COUNT = 8  # columns with larger numbers are standardised
_SAMPLE = 300

_NOISES = (0.01, 0.1, 0.5)
_SCALES = (0.1, 0.8)  # variances of the residuals of the sources' mean
_SHARPNESS = 2.0  # of the weights of sources by agreement with the labels


class Similarity:
    """Means of exponential kernels over groups of features, at several lengthscales.

    One kind is `CellKernel`. The other compares the groups of input columns of the predictor ``gp`` by L2 distance,
    divided by the median distance.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.kernel = CellKernel(space)
        n = len(self.kernel.features)
        self._counts = [
            Hyperparameters(np.full(n, 1 / n), length * self.kernel.typical_lengthscales, 0.0) for length in LENGTHS[0]
        ]
        gp = make_predictor("gp", space=space)
        table = gp[:-1].fit([0], [0.0]).transform(np.arange(space.size))
        sizes = gp[-1].groups or [table.shape[1]]
        some = np.random.default_rng(0).choice(space.size, min(_SAMPLE, space.size), replace=False)
        self._groups = [_scaled(part, some) for part in np.split(table, np.cumsum(sizes)[:-1], axis=1)]

    def between(self, cells: NDArray[np.integer], others: NDArray[np.integer]) -> list[list[Floats32]]:
        """Return the similarities by kind and lengthscale, each of shape (n_cells, n_others)."""
        codes = self.kernel.codes_between(cells, others)
        by_counts = [self.kernel.covariance(codes, one) for one in self._counts]
        by_encoding = [np.zeros(codes.shape, np.float32) for _ in LENGTHS[1]]
        for group in self._groups:
            distances = _distances(group[cells], group[others])
            for total, length in zip(by_encoding, LENGTHS[1], strict=True):
                total += np.exp(distances * np.float32(-1 / length)) / np.float32(len(self._groups))
        return [by_counts, by_encoding]


def _scaled(part: Floats, some: NDArray[np.integer]) -> Floats32:
    """Return a group of columns in units of the median distance of some rows."""
    if part.min() < 0 or part.max() > _MOST_COUNT or (part != np.round(part)).any():
        deviation = part.std(axis=0)
        part = (part - part.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    distances = _distances(part[some], part[some])
    apart = distances[distances > 0]
    return np.asarray(part / (float(np.median(apart)) if len(apart) else 1.0), np.float32)


def _distances(rows: NDArray[np.floating], columns: NDArray[np.floating]) -> NDArray[np.floating]:
    squared = (rows**2).sum(axis=1)[:, None] + (columns**2).sum(axis=1) - 2 * rows @ columns.T
    distances: NDArray[np.floating] = np.sqrt(np.maximum(squared, 0, out=squared), out=squared)
    return distances


_KINDS = len(LENGTHS)
# Zero; processes of the labels alone and around the sources, by kind; the sources' mean; the closest sources.
EXPERTS = 1 + 2 * _KINDS + 2
SIMILARITIES = sum(map(len, LENGTHS))
INPUTS = (EXPERTS - 1 + 2 + 3 * _KINDS) + (EXPERTS + 5)  # of an architecture, and of the task


class SourceView(NamedTuple):
    """Summary of the sources, independent of their number and order."""

    each: Floats32  # (n_sources, n_cells)
    mean: Floats32  # (n_cells,), with a deviation of 1
    spread: Floats32  # (n_cells,)
    agreement: float  # variance of the mean divided by the mean variance
    proxies: Floats32  # (n_proxies, n_cells): zero-cost proxies, if the space has some

    @classmethod
    def of(cls, scores: NDArray[np.floating], proxies: NDArray[np.floating] | None = None) -> SourceView:
        """Summarise scores, shape (n_sources, n_cells)."""
        each = np.asarray(scores, np.float32)
        each = each - each.mean(axis=1, keepdims=True)
        mean, variance = each.mean(axis=0), float(each.var(axis=1).mean())
        deviation = float(mean.std())
        agreement = deviation**2 / variance if variance > 0 else 0.0
        scaled = mean / deviation if deviation > 1e-6 else 0 * mean
        beside = each[:0] if proxies is None else np.asarray(proxies, np.float32)
        return cls(each, scaled, each.std(axis=0), agreement, beside)


class Reading(NamedTuple):
    """Inputs of the transformer for n labelled architectures and q queries."""

    known: Floats32  # (n, INPUTS): leave-one-out predictions
    errors: Floats32  # (n, EXPERTS): the label minus what each expert predicts
    asked: Floats32  # (q, INPUTS)
    experts: Floats32  # (q, EXPERTS): predictions at the queries
    among: Floats32  # (n, n, SIMILARITIES)
    across: Floats32  # (q, n, SIMILARITIES)


def read(
    similarity: Similarity,
    sources: SourceView,
    known: NDArray[np.integer],
    scores: Floats,
    asked: NDArray[np.integer],
    cells: NDArray[np.integer],
) -> Reading:
    """Return the inputs for a target.

    Parameters
    ----------
    similarity : Similarity
    sources : SourceView
    known, asked : ndarray of int, shapes (n,) and (q,)
        Columns of the view: labelled architectures and queries.
    scores : ndarray, shape (n,)
        Labels with mean 0 and standard deviation about 1.
    cells : ndarray of int, shape (n_cells,)
        Architecture of each column of the view.

    Returns
    -------
    Reading
    """
    n = len(known)
    among = similarity.between(cells[known], cells[known])
    across = similarity.between(cells[asked], cells[known])
    closest = _closest(sources, known, scores)
    left_out, predicted = np.zeros((n, EXPERTS)), np.zeros((len(asked), EXPERTS))
    levels = []
    for column, values in ((-2, sources.mean), (-1, closest)):
        levels.append(float(values[known].mean()) if n else 0.0)
        left_out[:, column] = values[known] - levels[-1]
        predicted[:, column] = values[asked] - levels[-1]
    if n:
        contrasts = sources.each - sources.each.mean(axis=0)
        linear = [(rows[:, known], rows[:, asked]) for rows in (contrasts, sources.proxies)]
        said, of_asked = left_out[:, -2].copy(), predicted[:, -2].copy()
        for kind, (own, others) in enumerate(zip(among, across, strict=True)):
            alone, guided = 1 + kind, 1 + _KINDS + kind
            left_out[:, alone], predicted[:, alone] = _alone(own, others, scores)
            left_out[:, guided], predicted[:, guided] = _guided(own, others, scores, said, of_asked, *linear)
    else:
        predicted[:, 1 + _KINDS : -2] = predicted[:, -2:-1]
    errors = scores[:, None] - left_out
    rms = np.sqrt(((errors**2).sum(axis=0) + 1.0) / (n + 1))
    several = (np.log1p(n) / 3, np.log1p(len(sources.each)) / 3, sources.agreement, levels[0], sources.mean.any())
    whole = [*np.log(rms).tolist(), *several]  # the same for all cells
    apart = [[part - np.eye(n, dtype=np.float32) for part in kind] for kind in among]  # without similarity to itself
    return Reading(
        _tokens(sources, known, left_out, apart, whole),
        errors.astype(np.float32),
        _tokens(sources, asked, predicted, across, whole),
        predicted.astype(np.float32),
        np.stack([part for kind in among for part in kind], axis=2),
        np.stack([part for kind in across for part in kind], axis=2),
    )


def _closest(sources: SourceView, known: NDArray[np.integer], scores: Floats) -> Floats32:
    """Return the mean of the sources, weighted by correlation with the labels, shape (n_cells,)."""
    each = sources.each
    if len(known) < 2:
        return sources.mean
    seen = each[:, known] - each[:, known].mean(axis=1, keepdims=True)
    agreed = seen @ (scores - scores.mean()) / (np.linalg.norm(seen, axis=1) * np.linalg.norm(scores) + 1e-6)
    weights = np.exp(_SHARPNESS * np.sqrt(len(known)) * (agreed - agreed.max()))
    found = (weights / weights.sum()).astype(np.float32) @ each
    return np.asarray(found / max(float(found.std()), 1e-6))


class _Mixture(NamedTuple):
    """Processes weighted by likelihood: weights (c,), K⁻¹ labels (c, n), leave-one-out predictions (n,)."""

    weights: Floats
    solved: Floats
    left_out: Floats


def _mixture(covariances: Floats, labels: Floats) -> _Mixture:
    """Weight processes with covariance (c, n, n), noise included."""
    solved, precision = np.empty(covariances.shape[:2]), np.empty(covariances.shape[:2])
    likelihood = np.empty(len(covariances))
    for i, covariance in enumerate(covariances):
        factor = cholesky(covariance, lower=True, check_finite=False)
        inverse = dtrtri(factor, lower=1)[0]
        solved[i] = inverse.T @ (inverse @ labels)
        precision[i] = (inverse**2).sum(axis=0)
        likelihood[i] = -0.5 * solved[i] @ labels - np.log(np.diag(factor)).sum()
    weights = np.exp(likelihood - likelihood.max())
    weights /= weights.sum()
    return _Mixture(weights, solved, weights @ (labels - solved / precision))


def _alone(among: list[Floats32], across: list[Floats32], scores: Floats) -> tuple[Floats, ...]:
    """Return leave-one-out predictions and predictions at queries, of processes without sources."""
    n = len(scores)
    kernels = np.stack(among).astype(np.float64) + 1.0  # with a constant
    found = _mixture(_with_noises(kernels), scores)
    of_length = (found.weights[:, None] * found.solved).reshape(len(_NOISES), len(kernels), n).sum(axis=0)
    predicted = sum(part @ own.astype(np.float32) for part, own in zip(across, of_length, strict=True))
    return found.left_out, predicted + of_length.sum()


def _guided(
    among: list[Floats32],
    across: list[Floats32],
    scores: Floats,
    said: Floats,
    of_asked: Floats,
    contrasts: tuple[Floats32, Floats32],
    proxies: tuple[Floats32, Floats32],
) -> tuple[Floats, ...]:
    """Return the same for processes around the sources' mean, with a slope and weights of the sources.

    If there are proxies, each process is included with and without them, and the likelihood weights both.
    """
    shares = (0.0, 1.0) if len(proxies[0]) else (0.0,)
    each, beside = 1 / len(contrasts[0]), 1 / max(1, len(proxies[0]))  # variances
    linear = 1.0 + np.outer(said, said) + each * (contrasts[0].T @ contrasts[0])
    smooth, of_proxies = np.stack(among).astype(np.float64), beside * (proxies[0].T @ proxies[0])
    kernels = [linear + share * of_proxies + scale * smooth for share in shares for scale in _SCALES]
    found = _mixture(_with_noises(np.concatenate(kernels)), scores - said)
    parts = (len(_NOISES), len(shares), len(_SCALES), len(smooth), len(scores))
    weighted = (found.weights[:, None] * found.solved).reshape(parts).sum(axis=0)
    of_share = weighted.sum(axis=(1, 2))
    total, heard = of_share.sum(axis=0), np.tensordot(shares, of_share, 1)
    of_length = np.tensordot(_SCALES, weighted.sum(axis=0), 1).astype(np.float32)
    predicted = sum(part @ own for part, own in zip(across, of_length, strict=True)) + total.sum()
    predicted = predicted + of_asked * (1 + said @ total) + (each * (contrasts[0] @ total)) @ contrasts[1]
    return said + found.left_out, predicted + (beside * (proxies[0] @ heard)) @ proxies[1]


def _with_noises(kernels: Floats) -> Floats:
    """Return each covariance with each noise, shape (n_noises * n_kernels, n, n)."""
    noise = np.multiply.outer(_NOISES, np.eye(kernels.shape[1]))
    return (kernels + noise[:, None]).reshape(-1, *kernels.shape[1:])


def _tokens(
    sources: SourceView,
    columns: NDArray[np.integer],
    predicted: Floats,
    near: list[list[Floats32]],
    whole: list[float],
) -> Floats32:
    """Return the inputs of some architectures, shape (n, INPUTS)."""
    said = [*predicted[:, 1:].T, sources.mean[columns], sources.spread[columns]]
    for _, medium, far in near:
        said += [medium.max(axis=1, initial=0.0), far.max(axis=1, initial=0.0), np.log1p(medium.sum(axis=1))]
    return np.hstack([np.stack(said, axis=1), np.tile(whole, (len(columns), 1))]).astype(np.float32)
