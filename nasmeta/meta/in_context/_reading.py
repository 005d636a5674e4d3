"""What the transformer reads of each cell: predictions by sources and processes, and how near the known cells are."""

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
_MOST_COUNT = 8  # larger numbers are measurements, which are standardised
_SAMPLE = 300

_NOISES = (0.01, 0.1, 0.5)
_SCALES = (0.1, 0.8)  # variances of what the sources leave unsaid
_SHARPNESS = 2.0  # of the preference for sources that agree with the known values


class Similarity:
    """Means of exponential kernels over groups of features, at several lengths, so of any number of features.

    One kind is that of `CellKernel`; the other compares the groups of columns that the predictor ``gp`` reads by their
    L2 distance over its median.
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
        """Return for each kind the similarities at each length, all of shape (n_cells, n_others)."""
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
# Nothing; processes of the labels alone and around the sources, by kind of similarity; the sources' mean; the closest.
EXPERTS = 1 + 2 * _KINDS + 2
SIMILARITIES = sum(map(len, LENGTHS))
INPUTS = (EXPERTS - 1 + 2 + 3 * _KINDS) + (EXPERTS + 5)  # of a cell, and of all


class SourceView(NamedTuple):
    """What the sources say, whatever their number and order."""

    each: Floats32  # (n_sources, n_cells)
    mean: Floats32  # (n_cells,), with a deviation of 1
    spread: Floats32  # (n_cells,)
    agreement: float  # share of the sources' variance that their mean has
    proxies: Floats32  # (n_proxies, n_cells): zero-cost, where a space has some

    @classmethod
    def of(cls, scores: NDArray[np.floating], proxies: NDArray[np.floating] | None = None) -> SourceView:
        """Sum up scores, shape (n_sources, n_cells)."""
        each = np.asarray(scores, np.float32)
        each = each - each.mean(axis=1, keepdims=True)
        mean, variance = each.mean(axis=0), float(each.var(axis=1).mean())
        deviation = float(mean.std())
        agreement = deviation**2 / variance if variance > 0 else 0.0
        scaled = mean / deviation if deviation > 1e-6 else 0 * mean
        beside = each[:0] if proxies is None else np.asarray(proxies, np.float32)
        return cls(each, scaled, each.std(axis=0), agreement, beside)


class Reading(NamedTuple):
    """A target's n known cells and the q that are asked for, as the transformer reads them."""

    known: Floats32  # (n, INPUTS): predictions at a known cell are made without its own label
    errors: Floats32  # (n, EXPERTS): the label minus what each expert predicts
    asked: Floats32  # (q, INPUTS)
    experts: Floats32  # (q, EXPERTS): predictions at the cells that are asked for
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
    """Return what is read of a target, from its known, (n,), and asked, (q,), columns of the view of the sources.

    Scores, (n,), are the labels of the known ones, with mean 0 and deviation about 1; cells, (n_cells,), say which cell
    of the space each column of the view is.
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
    apart = [[part - np.eye(n, dtype=np.float32) for part in kind] for kind in among]  # a cell is not near to itself
    return Reading(
        _tokens(sources, known, left_out, apart, whole),
        errors.astype(np.float32),
        _tokens(sources, asked, predicted, across, whole),
        predicted.astype(np.float32),
        np.stack([part for kind in among for part in kind], axis=2),
        np.stack([part for kind in across for part in kind], axis=2),
    )


def _closest(sources: SourceView, known: NDArray[np.integer], scores: Floats) -> Floats32:
    """Return the mean of the sources weighed by their correlation with the known values, shape (n_cells,)."""
    each = sources.each
    if len(known) < 2:
        return sources.mean
    seen = each[:, known] - each[:, known].mean(axis=1, keepdims=True)
    agreed = seen @ (scores - scores.mean()) / (np.linalg.norm(seen, axis=1) * np.linalg.norm(scores) + 1e-6)
    weights = np.exp(_SHARPNESS * np.sqrt(len(known)) * (agreed - agreed.max()))
    found = (weights / weights.sum()).astype(np.float32) @ each
    return np.asarray(found / max(float(found.std()), 1e-6))


class _Mixture(NamedTuple):
    """Processes weighed by their likelihood: weights (c,), K⁻¹ labels (c, n), labels predicted without them (n,)."""

    weights: Floats
    solved: Floats
    left_out: Floats


def _mixture(covariances: Floats, labels: Floats) -> _Mixture:
    """Weigh processes of covariance (c, n, n), noise included."""
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
    """Return predictions of processes that know no source: of the known without their labels, of the others."""
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
    """Return the same of processes around what the sources say, with a slope and weights of the sources.

    Where there are proxies, the likelihood decides how much is heard of them: each process is there without and with.
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
    """Return the inputs of some cells, shape (n, INPUTS)."""
    said = [*predicted[:, 1:].T, sources.mean[columns], sources.spread[columns]]
    for _, medium, far in near:
        said += [medium.max(axis=1, initial=0.0), far.max(axis=1, initial=0.0), np.log1p(medium.sum(axis=1))]
    return np.hstack([np.stack(said, axis=1), np.tile(whole, (len(columns), 1))]).astype(np.float32)
