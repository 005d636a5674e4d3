"""Inputs of the transformer: predictions of experts, and similarity to the labelled architectures."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.linalg import cholesky
from scipy.linalg.lapack import dtrtri
from scipy.special import softmax

from nasmeta.gaussian_process import Hyperparameters, KernelPrior, count_model
from nasmeta.meta._arrays import AnyFloats, Architectures, Booleans, Floats, Floats32, Integers
from nasmeta.predictors import make_predictor
from nasmeta.spaces import SearchSpace

# Of typical distances: of count features, of encodings, of choices.
LENGTHS = ((0.4, 1.2, 4.0), (1.0, 3.0, 9.0), (0.5, 2.0, 8.0))
_MOST_COUNT = 8  # columns with larger numbers are standardised
_SAMPLE = 300

_NOISES = (0.01, 0.1, 0.5)
_SCALES = (0.1, 0.8)  # variances of the residuals of the sources' mean
_NO_WEIGHT = 0.01
_SHARPNESS = 2.0  # of the weights of sources by agreement with the labels


class Similarity:
    """Three kinds of exponential kernels, each at several lengthscales.

    The first is the kernel of `count_model`. The second is a mean over the groups of input columns
    of the predictor ``gp``, with L2 distances divided by their median. The third compares the
    numbers of each operation or, in spaces without operations, the choice of each position, with L1
    distances divided by their mean.
    """

    def __init__(self, space: SearchSpace) -> None:
        """Compute the columns that distances compare, and typical distances of 300 random architectures."""
        model = count_model(space)
        n = len(model.kernel.terms)
        typical = np.exp(model.prior.mean[n:-1])
        self._counts = list[KernelPrior]()
        for length in LENGTHS[0]:
            hyperparameters = Hyperparameters(np.full(n, 1 / n), length * typical, 0.0)
            self._counts.append(KernelPrior(model, hyperparameters))
        gp = make_predictor("gp", space=space)
        table = gp[:-1].fit([0], [0.0]).transform(np.arange(space.size))
        sizes = gp[-1].groups or [table.shape[1]]
        some = np.random.default_rng(0).choice(space.size, min(_SAMPLE, space.size), replace=False)
        self._groups = [
            _scaled(part, some) for part in np.split(table, np.cumsum(sizes)[:-1], axis=1)
        ]
        self._choices = _choices(space)
        self._mean_difference = np.float32(self._differences(some, some).mean() or 1.0)

    def between(self, architectures: Integers, others: Integers) -> Floats32:
        """Return the similarities by kind and lengthscale, shape (3, 3, n_architectures, n_others)."""
        similar = np.zeros((*np.shape(LENGTHS), len(architectures), len(others)), np.float32)
        by_counts, by_encoding, by_choice = similar
        for plane, prior in zip(by_counts, self._counts, strict=True):
            plane[:] = prior.covariance(architectures, others)
        for group in self._groups:
            distances = _distances(group[architectures], group[others])
            for plane, length in zip(by_encoding, LENGTHS[1], strict=True):
                plane += np.exp(distances * np.float32(-1 / length))
        by_encoding /= np.float32(len(self._groups))
        differences = self._differences(architectures, others) / self._mean_difference
        for plane, length in zip(by_choice, LENGTHS[2], strict=True):
            np.exp(differences * np.float32(-1 / length), out=plane)
        return similar

    def _differences(self, architectures: Integers, others: Integers) -> Floats32:
        """Return the sums of differences over all choices, shape (n_architectures, n_others)."""
        total = np.zeros((len(architectures), len(others)), np.float32)
        for column, unit in self._choices:
            differences = column[architectures, None] - column[others]
            total += np.abs(differences) * np.float32(1 / unit) if unit else differences != 0
        return total


def _choices(space: SearchSpace) -> list[tuple[Architectures, float]]:
    """Return counts of operations or choices, each column with its unit, or 0 if only equality matters."""
    if "operations" in space.kernel_features:
        return [(column.astype(np.int32), 1.0) for column in space.feature("operations").counts.T]
    pairs = zip(space.codes.T, space.positions, strict=True)
    return [
        (codes.astype(np.int32), float(codes.std()) * position.ordered) for codes, position in pairs
    ]


def _scaled(part: Floats, some: Integers) -> Floats32:
    """Return columns, shape (n_architectures, d), in units of the median distance of some rows."""
    if part.min() < 0 or part.max() > _MOST_COUNT or (part != np.round(part)).any():
        deviation = part.std(axis=0)
        part = (part - part.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    distances = _distances(part[some], part[some])
    apart = distances[distances > 0]
    return np.asarray(part / (float(np.median(apart)) if len(apart) else 1.0), np.float32)


def _distances(rows: AnyFloats, columns: AnyFloats) -> AnyFloats:
    """Return the Euclidean distances between rows (n, d) and columns (m, d), shape (n, m)."""
    squared = (rows**2).sum(axis=1)[:, None] + (columns**2).sum(axis=1) - 2 * rows @ columns.T
    distances: AnyFloats = np.sqrt(np.maximum(squared, 0, out=squared), out=squared)
    return distances


_KINDS = len(LENGTHS)
# Zero; processes of the labels alone and around the sources, by kind; all of these, weighted by
# evidence; the sources' mean, plain and weighted by correlation with the labels.
EXPERTS = 1 + 2 * _KINDS + 3
SIMILARITIES = np.size(LENGTHS)
INPUTS = (EXPERTS - 1 + 2 + 3 * _KINDS) + (EXPERTS + 5)  # of an architecture, and of the task


class SourceView(NamedTuple):
    """Summary of the sources."""

    each: Floats32  # (n_sources, n_architectures)
    mean: Floats32  # (n_architectures,), with a deviation of 1
    spread: Floats32  # (n_architectures,)
    agreement: float  # variance of the mean divided by the mean variance
    proxies: Floats32  # (n_proxies, n_architectures): zero-cost proxies, if the space has some

    @classmethod
    def of(cls, scores: AnyFloats, proxies: AnyFloats | None = None) -> SourceView:
        """Summarise scores, shape (n_sources, n_architectures)."""
        each = np.asarray(scores, np.float32)
        each = each - each.mean(axis=1, keepdims=True)
        mean, variance = each.mean(axis=0), float(each.var(axis=1).mean())
        deviation = float(mean.std())
        agreement = deviation**2 / variance if variance > 0 else 0.0
        scaled = mean / deviation if deviation > 1e-6 else 0 * mean
        of_proxies = each[:0] if proxies is None else np.asarray(proxies, np.float32)
        return cls(each, scaled, each.std(axis=0), agreement, of_proxies)


class Reading(NamedTuple):
    """Inputs of the transformer for n labelled architectures and q queries."""

    known: Floats32  # (n, INPUTS): leave-one-out predictions, with weights from all labels
    errors: Floats32  # (n, EXPERTS): the label minus each expert's leave-one-out prediction
    asked: Floats32  # (q, INPUTS)
    experts: Floats32  # (q, EXPERTS): predictions at the queries
    among: Floats32  # (n, n, SIMILARITIES)
    across: Floats32  # (q, n, SIMILARITIES)


class Context:
    """Labelled architectures of a target and the experts conditioned on them.

    Parameters
    ----------
    sources : SourceView
    known : ndarray of int, shape (n,)
        Columns of the view: the labelled architectures.
    scores : ndarray, shape (n,)
        Labels with mean 0 and standard deviation about 1.
    among : ndarray, shape (3, 3, n, n)
        Similarities of the labelled architectures, see `Similarity.between`.
    likely : list of ndarray of bool, optional
        Members of each mixture to use, as in `likely` of an earlier context; by default all.
    """

    def __init__(
        self,
        sources: SourceView,
        known: Integers,
        scores: Floats,
        among: Floats32,
        likely: list[Booleans] | None = None,
    ) -> None:
        """Condition each expert on the labels, and predict each label from the others."""
        self._sources, self._known, self._scores, self._among = sources, known, scores, among
        n = len(known)
        self._closest = _closest(sources, known, scores)
        self._left_out = np.zeros((n, EXPERTS))
        self._levels = []
        for column, values in ((-2, sources.mean), (-1, self._closest)):
            self._levels.append(float(values[known].mean()) if n else 0.0)
            self._left_out[:, column] = values[known] - self._levels[-1]
        self._mixtures: list[tuple[_Mixture, _Mixture]] = []
        self._contrasts = sources.each - sources.each.mean(axis=0) if n else sources.each
        if n:
            masks = iter(likely if likely is not None else [None] * (2 * _KINDS))
            self._prior = self._left_out[:, -2].copy()
            rows = self._contrasts[:, known], sources.proxies[:, known]
            evidence = np.empty((2, _KINDS))
            for kind in range(_KINDS):
                similar = among[kind].astype(np.float64)
                alone = _alone(similar, scores, next(masks))
                guided = _guided(similar, scores, self._prior, *rows, next(masks))
                self._mixtures.append((alone, guided))
                evidence[:, kind] = alone.evidence, guided.evidence
                self._left_out[:, 1 + kind] = alone.left_out
                self._left_out[:, 1 + _KINDS + kind] = self._prior + guided.left_out
            self._shares = softmax(evidence.ravel())
            self._left_out[:, -3] = self._left_out[:, 1:-3] @ self._shares

    @property
    def likely(self) -> list[Booleans]:
        """Masks of the members of each mixture with weights above 0.01."""
        return [mixture.weights > _NO_WEIGHT for pair in self._mixtures for mixture in pair]

    @property
    def errors(self) -> Floats:
        """Labels minus each expert's leave-one-out predictions, shape (n, EXPERTS)."""
        return self._scores[:, None] - self._left_out

    def experts(self, asked: Integers, across: Floats32) -> Floats:
        """Return the experts' predictions of q architectures, shape (q, EXPERTS).

        `across` has their similarities to the labelled ones, shape (3, 3, q, n).
        """
        predicted = np.zeros((len(asked), EXPERTS))
        for column, values, level in zip(
            (-2, -1), (self._sources.mean, self._closest), self._levels, strict=True
        ):
            predicted[:, column] = values[asked] - level
        if not self._mixtures:
            predicted[:, 1 + _KINDS : -2] = predicted[:, -2:-1]
            return predicted
        prior = predicted[:, -2].copy()
        contrasts = self._contrasts[:, self._known], self._contrasts[:, asked]
        proxies = self._sources.proxies[:, self._known], self._sources.proxies[:, asked]
        for kind, (alone, guided) in enumerate(self._mixtures):
            own = _of_lengths(alone)
            smooth, linear = _guided_parts(guided, self._prior, prior, contrasts, proxies)
            of_similarities = np.stack([own, smooth], axis=2).astype(np.float32)
            summed = (across[kind] @ of_similarities).sum(axis=0)
            predicted[:, 1 + kind] = summed[:, 0] + own.sum()
            predicted[:, 1 + _KINDS + kind] = summed[:, 1] + linear
        predicted[:, -3] = predicted[:, 1:-3] @ self._shares
        return predicted

    def reading(self, asked: Integers, predicted: Floats, across: Floats32) -> Reading:
        """Return the inputs of the transformer for q architectures, with predictions (q, EXPERTS)."""
        n, sources = len(self._known), self._sources
        counts = np.log1p(n) / 3, np.log1p(len(sources.each)) / 3
        whole = [
            *np.log(deviations_of(self.errors)).tolist(),
            *counts,
            sources.agreement,
            self._levels[0],
            sources.mean.any(),
        ]
        others = self._among - np.eye(n, dtype=np.float32)
        return Reading(
            _tokens(sources, self._known, self._left_out, others, whole),
            self.errors.astype(np.float32),
            _tokens(sources, asked, predicted, across, whole),
            predicted.astype(np.float32),
            _by_pair(self._among),
            _by_pair(across),
        )


def deviations_of(errors: Floats) -> Floats:
    """Return root mean squares of errors, shape (n, n_experts), and of a prior error of 1."""
    return np.asarray(np.sqrt(((errors**2).sum(axis=0) + 1.0) / (len(errors) + 1)))


def read(
    similarity: Similarity,
    sources: SourceView,
    known: Integers,
    scores: Floats,
    asked: Integers,
    architectures: Integers,
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
    architectures : ndarray of int, shape (n_architectures,)
        Architecture of each column of the view.

    Returns
    -------
    Reading
    """
    across = similarity.between(architectures[asked], architectures[known])
    context = Context(
        sources, known, scores, similarity.between(architectures[known], architectures[known])
    )
    return context.reading(asked, context.experts(asked, across), across)


def _by_pair(similar: Floats32) -> Floats32:
    """Return similarities of shape (3, 3, n_architectures, n_others) in shape (n_architectures, n_others, 9)."""
    return np.ascontiguousarray(
        np.moveaxis(similar.reshape(SIMILARITIES, *similar.shape[2:]), 0, 2)
    )


def _closest(sources: SourceView, known: Integers, scores: Floats) -> Floats32:
    """Return the mean of the sources, weighted by correlation with the labels, shape (n_architectures,)."""
    each = sources.each
    if len(known) < 2:
        return sources.mean
    seen = each[:, known] - each[:, known].mean(axis=1, keepdims=True)
    agreed = (
        seen
        @ (scores - scores.mean())
        / (np.linalg.norm(seen, axis=1) * np.linalg.norm(scores) + 1e-6)
    )
    weights = np.exp(_SHARPNESS * np.sqrt(len(known)) * (agreed - agreed.max()))
    mean: Floats32 = (weights / weights.sum()).astype(np.float32) @ each
    return mean / max(float(mean.std()), 1e-6)


class _Mixture(NamedTuple):
    """Processes weighted by likelihood.

    Weights (c,), K⁻¹ labels (c, n), leave-one-out predictions (n,), log of the mean likelihood plus
    a constant of n.
    """

    weights: Floats
    solved: Floats
    left_out: Floats
    evidence: float


def _mixture(
    kernel: Callable[[int], Floats], n_kernels: int, labels: Floats, likely: Booleans | None
) -> _Mixture:
    """Weight processes, one per noise and kernel of shape (n, n); those that are not likely have weight zero."""
    count, n = len(_NOISES) * n_kernels, len(labels)
    solved, precision = np.zeros((count, n)), np.ones((count, n))
    likelihood, used = (
        np.full(count, -np.inf),
        np.ones(count, dtype=bool) if likely is None else likely,
    )
    for k in np.flatnonzero(used.reshape(-1, n_kernels).any(axis=0)):
        of_kernel = kernel(int(k))
        for i in (i for i in range(int(k), count, n_kernels) if used[i]):
            covariance = of_kernel.copy()
            covariance.flat[:: n + 1] += _NOISES[i // n_kernels]
            factor = cholesky(covariance, lower=True, check_finite=False)
            inverse = dtrtri(factor, lower=1)[0]
            solved[i] = inverse.T @ (inverse @ labels)
            precision[i] = np.einsum("ij,ij->j", inverse, inverse)
            likelihood[i] = -0.5 * solved[i] @ labels - np.log(np.diag(factor)).sum()
    evidence = np.logaddexp.reduce(likelihood)
    weights = np.exp(likelihood - evidence)
    left_out = weights @ (labels - solved / precision)
    return _Mixture(weights, solved, left_out, float(evidence - np.log(count)))


def _alone(among: Floats, scores: Floats, likely: Booleans | None) -> _Mixture:
    """Return processes without sources."""
    return _mixture(lambda k: among[k] + 1.0, len(among), scores, likely)  # with a constant


def _of_lengths(mixture: _Mixture) -> Floats:
    """Return the weight of each lengthscale and label in the predictions of `_alone`, shape (3, n)."""
    weighted = mixture.weights[:, None] * mixture.solved
    return np.asarray(weighted.reshape(len(_NOISES), -1, weighted.shape[1]).sum(axis=0))


def _guided(
    among: Floats,
    scores: Floats,
    prior: Floats,
    contrasts: Floats32,
    proxies: Floats32,
    likely: Booleans | None,
) -> _Mixture:
    """Return processes of the residuals of the sources' mean, with a slope and weights of the sources.

    If there are proxies, each process is included with and without them, and the likelihood weights
    both.
    """
    linear = 1.0 + np.outer(prior, prior) + 1 / len(contrasts) * (contrasts.T @ contrasts)
    of_proxies = 1 / max(1, len(proxies)) * (proxies.T @ proxies)
    parts = list(product(_shares(proxies), _SCALES, among))

    def kernel(k: int) -> Floats:
        share, scale, similar = parts[k]
        return np.asarray(linear + share * of_proxies + scale * similar)

    return _mixture(kernel, len(parts), scores - prior, likely)


def _shares(proxies: Floats32) -> tuple[float, ...]:
    return (0.0, 1.0) if len(proxies) else (0.0,)


def _guided_parts(
    mixture: _Mixture,
    prior: Floats,
    of_asked: Floats,
    contrasts: tuple[Floats32, Floats32],
    proxies: tuple[Floats32, Floats32],
) -> tuple[Floats, Floats]:
    """Return the parts of the predictions of `_guided`.

    The weight of each lengthscale and label, shape (3, n), and the part without similarities, shape
    (q,).
    """
    shares = _shares(proxies[0])
    parts = (len(_NOISES), len(shares), len(_SCALES), -1, len(prior))
    weighted = (mixture.weights[:, None] * mixture.solved).reshape(parts).sum(axis=0)
    of_share = weighted.sum(axis=(1, 2))
    total, of_proxies = of_share.sum(axis=0), np.tensordot(shares, of_share, 1)
    of_sources = (1 / len(contrasts[0]) * (contrasts[0] @ total)) @ contrasts[1]
    linear = of_asked * (1 + prior @ total) + of_sources + total.sum()
    linear = linear + (1 / max(1, len(proxies[0])) * (proxies[0] @ of_proxies)) @ proxies[1]
    return np.tensordot(_SCALES, weighted.sum(axis=0), 1), linear


def _tokens(
    sources: SourceView,
    columns: Integers,
    predicted: Floats,
    near: Floats32,
    whole: list[float],
) -> Floats32:
    """Return the inputs of some architectures, shape (n, INPUTS)."""
    medium, far = near[:, 1], near[:, 2]
    of_kinds = (
        medium.max(axis=2, initial=0.0),
        far.max(axis=2, initial=0.0),
        np.log1p(medium.sum(axis=2)),
    )
    by_kind = np.stack(of_kinds, axis=2).swapaxes(0, 1).reshape(len(columns), 3 * _KINDS)
    of_each = predicted[:, 1:], sources.mean[columns], sources.spread[columns], by_kind
    return np.column_stack([*of_each, np.tile(whole, (len(columns), 1))]).astype(np.float32)
