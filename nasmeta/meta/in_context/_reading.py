"""Inputs of the transformer: predictions of experts, and similarity to the labelled architectures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        n_features = len(model.kernel.terms)
        typical = np.exp(model.prior.mean[n_features:-1])  # lengthscales, (n_features,)
        variances = np.full(n_features, 1 / n_features)
        self._counts = list[KernelPrior]()
        for length in LENGTHS[0]:
            hyperparameters = Hyperparameters(variances, length * typical, 0.0)
            self._counts.append(KernelPrior(model, hyperparameters))
        gp = make_predictor("gp", space=space)
        encodings = gp[:-1].fit([0], [0.0]).transform(np.arange(space.size))
        widths = gp[-1].groups or [encodings.shape[1]]
        groups = np.split(encodings, np.cumsum(widths)[:-1], axis=1)
        rng = np.random.default_rng(0)
        sample = rng.choice(space.size, min(_SAMPLE, space.size), replace=False)
        self._groups = [_scaled(group, sample) for group in groups]
        self._choices = _choices(space)
        self._mean_difference = np.float32(self._differences(sample, sample).mean() or 1.0)

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
            if unit:
                total += np.abs(differences) * np.float32(1 / unit)
            else:
                total += differences != 0
        return total


def _choices(space: SearchSpace) -> list[tuple[Architectures, float]]:
    """Return counts of operations or choices, each column with its unit, or 0 if only equality matters."""
    if "operations" in space.kernel_features:
        counts = space.feature("operations").counts
        return [(column.astype(np.int32), 1.0) for column in counts.T]
    choices = []
    for codes, position in zip(space.codes.T, space.positions, strict=True):
        unit = float(codes.std()) * position.ordered
        choices.append((codes.astype(np.int32), unit))
    return choices


def _scaled(columns: Floats, sample: Integers) -> Floats32:
    """Return columns, shape (n_architectures, d), in units of the median distance of some rows."""
    if columns.min() < 0 or columns.max() > _MOST_COUNT or (columns != np.round(columns)).any():
        deviations = columns.std(axis=0)
        deviations[deviations == 0] = 1.0
        columns = (columns - columns.mean(axis=0)) / deviations
    distances = _distances(columns[sample], columns[sample])
    positive = distances[distances > 0]
    median = 1.0
    if len(positive):
        median = float(np.median(positive))
    return np.asarray(columns / median, np.float32)


def _distances(rows: AnyFloats, columns: AnyFloats) -> AnyFloats:
    """Return the Euclidean distances between rows (n, d) and columns (m, d), shape (n, m)."""
    # |x - y|² = |x|² + |y|² - 2 xᵀy, which rounding can make negative
    squared = (rows**2).sum(axis=1)[:, None] + (columns**2).sum(axis=1) - 2 * rows @ columns.T
    distances: AnyFloats = np.sqrt(np.maximum(squared, 0, out=squared), out=squared)
    return distances


_KINDS = len(LENGTHS)
# Columns of the experts' predictions; column 0 is zero.
_ALONE = 1  # the first of the processes of the labels alone, by kind
_GUIDED = 1 + _KINDS  # the first of the processes around the sources' mean, by kind
_PROCESSES = slice(1, 1 + 2 * _KINDS)
_AVERAGE = 1 + 2 * _KINDS  # of the processes, weighted by evidence
_SOURCES = slice(
    2 + 2 * _KINDS, 4 + 2 * _KINDS
)  # means: plain, weighted by correlation with labels
EXPERTS = 4 + 2 * _KINDS
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
        scores = np.asarray(scores, np.float32)
        centred = scores - scores.mean(axis=1, keepdims=True)
        mean = centred.mean(axis=0)
        deviation = float(mean.std())
        variance = float(centred.var(axis=1).mean())
        return cls(
            each=centred,
            mean=mean / deviation if deviation > 1e-6 else np.zeros_like(mean),
            spread=centred.std(axis=0),
            agreement=deviation**2 / variance if variance > 0 else 0.0,
            proxies=centred[:0] if proxies is None else np.asarray(proxies, np.float32),
        )


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
        self._sources = sources
        self._known = known
        self._scores = scores
        self._among = among
        self._means = np.stack([sources.mean, _closest(sources, known, scores)])
        self._levels = np.zeros(2, np.float32)  # of both means over the labelled architectures
        self._left_out = np.zeros((len(known), EXPERTS))  # predictions of each label
        self._mixtures: list[_Mixture] = []  # for each kind without sources, then with them
        if len(known):
            labelled = self._means.take(known, axis=1)  # (2, n)
            self._levels = labelled.mean(axis=1)
            self._left_out[:, _SOURCES] = (labelled - self._levels[:, None]).T
            self._condition_processes(likely or [None] * (2 * _KINDS))

    def _condition_processes(self, likely: Sequence[Booleans | None]) -> None:
        scores, sources = self._scores, self._sources
        self._prior = self._left_out[:, _SOURCES.start].copy()  # (n,)
        self._contrasts = sources.each - sources.each.mean(axis=0)
        contrasts = self._contrasts[:, self._known]
        proxies = sources.proxies[:, self._known]
        evidence = np.empty((2, _KINDS))
        for kind in range(_KINDS):
            similar = self._among[kind].astype(np.float64)
            alone = _alone(similar, scores, likely[2 * kind])
            guided = _guided(similar, scores, self._prior, contrasts, proxies, likely[2 * kind + 1])
            self._mixtures += [alone, guided]
            evidence[:, kind] = alone.evidence, guided.evidence
            self._left_out[:, _ALONE + kind] = alone.left_out
            self._left_out[:, _GUIDED + kind] = self._prior + guided.left_out
        self._shares = softmax(evidence.ravel())  # of the processes, (2 * _KINDS,)
        self._left_out[:, _AVERAGE] = self._left_out[:, _PROCESSES] @ self._shares

    @property
    def likely(self) -> list[Booleans]:
        """Masks of the members of each mixture with weights above 0.01."""
        return [mixture.weights > _NO_WEIGHT for mixture in self._mixtures]

    @property
    def errors(self) -> Floats:
        """Labels minus each expert's leave-one-out predictions, shape (n, EXPERTS)."""
        return self._scores[:, None] - self._left_out

    def experts(self, asked: Integers, across: Floats32) -> Floats:
        """Return the experts' predictions of q architectures, shape (q, EXPERTS).

        `across` has their similarities to the labelled ones, shape (3, 3, q, n).
        """
        predicted = np.zeros((len(asked), EXPERTS))
        predicted[:, _SOURCES] = (self._means[:, asked] - self._levels[:, None]).T
        prior = predicted[:, _SOURCES.start].copy()
        if not self._mixtures:  # without labels the processes predict their prior means
            predicted[:, _GUIDED : _AVERAGE + 1] = prior[:, None]
            return predicted
        contrasts = self._contrasts[:, asked]
        proxies = self._sources.proxies[:, asked]
        for kind in range(_KINDS):
            alone, guided = self._mixtures[2 * kind : 2 * kind + 2]
            smooth, linear = self._guided_parts(guided, prior, contrasts, proxies)
            weights = np.stack([alone.label_weights, smooth], axis=2)  # (3, n, 2)
            summed = (across[kind] @ weights.astype(np.float32)).sum(axis=0)  # (q, 2)
            predicted[:, _ALONE + kind] = summed[:, 0] + alone.label_weights.sum()
            predicted[:, _GUIDED + kind] = summed[:, 1] + linear
        predicted[:, _AVERAGE] = predicted[:, _PROCESSES] @ self._shares
        return predicted

    def _guided_parts(
        self, mixture: _Mixture, prior: Floats, contrasts: Floats32, proxies: Floats32
    ) -> tuple[Floats, Floats]:
        """Return the parts of the predictions of `_guided` at q queries.

        They are the weight of each lengthscale and label, shape (3, n), and the part without
        similarities, shape (q,). `prior`, `contrasts` and `proxies` are those of the queries.
        """
        known, all_proxies = self._known, self._sources.proxies
        shares = _shares(proxies)
        shape = (len(shares), len(_SCALES), -1, len(known))
        weights = mixture.label_weights.reshape(shape)
        by_share = weights.sum(axis=(1, 2))  # (n_shares, n)
        total = by_share.sum(axis=0)  # (n,)
        of_proxies = np.tensordot(shares, by_share, 1)  # (n,)
        source_weights = 1 / len(contrasts) * (self._contrasts[:, known] @ total)
        proxy_weights = 1 / max(1, len(proxies)) * (all_proxies[:, known] @ of_proxies)
        linear = prior * (1 + self._prior @ total) + source_weights @ contrasts + total.sum()
        linear = linear + proxy_weights @ proxies
        return np.tensordot(_SCALES, weights.sum(axis=0), 1), linear

    def reading(self, asked: Integers, predicted: Floats, across: Floats32) -> Reading:
        """Return the inputs of the transformer for q architectures, with predictions (q, EXPERTS)."""
        n, sources = len(self._known), self._sources
        facts = (
            np.log1p(n) / 3,
            np.log1p(len(sources.each)) / 3,
            sources.agreement,
            self._levels[0],
            sources.mean.any(),
        )
        task = np.concatenate([np.log(deviations_of(self.errors)), facts])  # (EXPERTS + 5,)
        to_others = self._among - np.eye(n, dtype=np.float32)
        return Reading(
            known=_tokens(sources, self._known, self._left_out, to_others, task),
            errors=self.errors.astype(np.float32),
            asked=_tokens(sources, asked, predicted, across, task),
            experts=predicted.astype(np.float32),
            among=_by_pair(self._among),
            across=_by_pair(across),
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
    labelled = architectures[known]
    among = similarity.between(labelled, labelled)
    across = similarity.between(architectures[asked], labelled)
    context = Context(sources, known, scores, among)
    return context.reading(asked, context.experts(asked, across), across)


def _by_pair(similar: Floats32) -> Floats32:
    """Return similarities of shape (3, 3, n_architectures, n_others) in shape (n_architectures, n_others, 9)."""
    flat = similar.reshape(SIMILARITIES, *similar.shape[2:])
    return np.ascontiguousarray(np.moveaxis(flat, 0, 2))


def _closest(sources: SourceView, known: Integers, scores: Floats) -> Floats32:
    """Return the mean of the sources, weighted by correlation with the labels, shape (n_architectures,)."""
    if len(known) < 2:
        return sources.mean
    labelled = sources.each[:, known]  # (n_sources, n)
    centred = labelled - labelled.mean(axis=1, keepdims=True)
    covariances = centred @ (scores - scores.mean())
    norms = np.linalg.norm(centred, axis=1) * np.linalg.norm(scores)
    correlations = covariances / (norms + 1e-6)
    sharpness = _SHARPNESS * np.sqrt(len(known))
    weights = np.exp(sharpness * (correlations - correlations.max()))
    weights /= weights.sum()
    mean: Floats32 = weights.astype(np.float32) @ sources.each
    return mean / max(float(mean.std()), 1e-6)


class _Mixture(NamedTuple):
    """Processes weighted by likelihood, one per noise and kernel."""

    weights: Floats  # (n_noises, n_kernels)
    label_weights: Floats  # Σ weight · K⁻¹ y over the noises, (n_kernels, n)
    left_out: Floats  # leave-one-out predictions, (n,)
    evidence: float  # log of the mean likelihood plus a constant of n


def _mixture(
    kernel: Callable[[int], Floats], n_kernels: int, labels: Floats, likely: Booleans | None
) -> _Mixture:
    """Weight processes, one per noise and kernel of shape (n, n); those that are not likely have weight zero.

    The prediction of label i from the others is :math:`y_i - (K^{-1} y)_i / (K^{-1})_{ii}`
    (Rasmussen and Williams 2006, equation 5.12).
    """
    n = len(labels)
    shape = (len(_NOISES), n_kernels)
    if likely is None:
        likely = np.ones(shape, dtype=bool)
    solved = np.zeros((*shape, n))  # K⁻¹ y
    precision = np.ones((*shape, n))  # diagonal of K⁻¹
    likelihood = np.full(shape, -np.inf)
    for k in np.flatnonzero(likely.any(axis=0)):
        without_noise = kernel(int(k))
        for i in np.flatnonzero(likely[:, k]):
            covariance = without_noise.copy()
            covariance.flat[:: n + 1] += _NOISES[i]
            factor = cholesky(covariance, lower=True, check_finite=False)
            inverse = dtrtri(factor, lower=1)[0]  # of the factor
            solved[i, k] = inverse.T @ (inverse @ labels)
            precision[i, k] = np.einsum("ij,ij->j", inverse, inverse)
            likelihood[i, k] = -0.5 * solved[i, k] @ labels - np.log(np.diag(factor)).sum()
    evidence = np.logaddexp.reduce(likelihood.ravel())
    weights = np.exp(likelihood - evidence)
    predictions = labels - solved / precision
    return _Mixture(
        weights=weights,
        label_weights=(weights[..., None] * solved).sum(axis=0),
        left_out=weights.ravel() @ predictions.reshape(-1, n),
        evidence=float(evidence - np.log(weights.size)),
    )


def _alone(among: Floats, scores: Floats, likely: Booleans | None) -> _Mixture:
    """Return processes without sources."""
    return _mixture(lambda k: among[k] + 1.0, len(among), scores, likely)  # with a constant


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
    # K = 1 + p pᵀ + CᵀC / n_sources + share QᵀQ / n_proxies + scale k
    linear = 1.0 + np.outer(prior, prior) + 1 / len(contrasts) * (contrasts.T @ contrasts)
    of_proxies = 1 / max(1, len(proxies)) * (proxies.T @ proxies)
    members = list(product(_shares(proxies), _SCALES, among))

    def kernel(k: int) -> Floats:
        share, scale, similar = members[k]
        return np.asarray(linear + share * of_proxies + scale * similar)

    return _mixture(kernel, len(members), scores - prior, likely)


def _shares(proxies: Floats32) -> tuple[float, ...]:
    return (0.0, 1.0) if len(proxies) else (0.0,)


def _tokens(
    sources: SourceView, columns: Integers, predicted: Floats, similar: Floats32, task: Floats
) -> Floats32:
    """Return the inputs of q architectures, shape (q, INPUTS), with similarities (3, 3, q, n)."""
    medium, long = similar[:, 1], similar[:, 2]  # lengthscales, (n_kinds, q, n)
    nearest = medium.max(axis=2, initial=0.0)  # (n_kinds, q)
    nearest_long = long.max(axis=2, initial=0.0)
    density = np.log1p(medium.sum(axis=2))
    by_kind = np.stack([nearest, nearest_long, density], axis=2).swapaxes(0, 1)
    inputs = np.column_stack(
        [
            predicted[:, 1:],
            sources.mean[columns],
            sources.spread[columns],
            by_kind.reshape(len(columns), 3 * _KINDS),
            np.tile(task, (len(columns), 1)),
        ]
    )
    return inputs.astype(np.float32)
