"""One Gaussian process over (architecture, task), conditioned on the labels of the sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular

from nasmeta.gaussian_process import (
    JITTER,
    CellKernel,
    ChainRule,
    ExactPosterior,
    Hyperparameters,
    Prior,
    maximise_posterior,
)
from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Floats32, Integers, Packed
from nasmeta.spaces import SearchSpace, codes_by_level, from_content, move_cells, to_content
from nasmeta.tasks import SourceTask, normal_scores


@dataclass(frozen=True)
class JointSettings:
    """Settings of the joint process of `rgpe`, `multi-task-gp` and `meta`.

    ``reports/meta/gp`` has results with them and the tasks of the choice.
    """

    medians: tuple[float, ...] = (0.4, 0.1, 3.0, 0.02)  # of the prior, in the order of `JointHyperparameters`
    stds: tuple[float, ...] = (1.0, 1.5, 1.0, 1.0)  # of the logarithms
    fit_on: int = 400  # labels of all sources that the marginal likelihood is maximised on
    condition_on: int = 1200  # labels of all sources that the process is conditioned on, at O(n³)
    of_one: int = 400  # the most of them from one source


JOINT = JointSettings()


_BLOCK = 2**14  # architectures of the target whose covariances are computed at once


@dataclass(frozen=True)
class JointHyperparameters:
    r"""Hyperparameters of the covariance between task s at architecture x and task t at x'.

    .. math:: k((x, s), (x', t)) = \sum_j (v_j + [s = t] w_j) \exp(-d_j(x, x') / \ell_j)
    """

    shared: Floats  # the variances v, shape (n_features,)
    own: Floats  # the variances w, shape (n_features,)
    lengthscales: Floats  # (n_features,)
    noise: float  # variance of one observation

    def of(self, variances: Floats) -> Hyperparameters:
        """Return the hyperparameters of a part of the covariance, or of a sum of parts."""
        return Hyperparameters(variances, self.lengthscales, self.noise)

    @property
    def logarithms(self) -> Floats:
        """Logarithms of all hyperparameters, shape (3 * n_features + 1,): shared, own, lengthscales, noise."""
        logarithms: Floats = np.log(np.r_[self.shared, self.own, self.lengthscales, self.noise])
        return logarithms

    @classmethod
    def from_logarithms(cls, logarithms: Floats) -> JointHyperparameters:
        """Inverse of `logarithms`."""
        shared, own, lengthscales = np.exp(logarithms[:-1]).reshape(3, -1)
        return cls(shared, own, lengthscales, float(np.exp(logarithms[-1])))


def joint_prior(n_features: int) -> Prior:
    """Return mean and standard deviation of the logarithms of `JointHyperparameters`."""
    sizes = (n_features, n_features, n_features, 1)
    return np.log(np.repeat(JOINT.medians, sizes)), np.repeat(JOINT.stds, sizes)


@dataclass(frozen=True, eq=False)
class JointKernel:
    """The covariance of labels of several tasks, for `maximise_posterior`."""

    distances: Floats  # (n_features, n, n)
    same: Floats  # (n, n): 1 for two labels of one task, else 0

    def __call__(self, logarithms: Floats) -> tuple[Floats, ChainRule]:
        """Return the covariance of all labels, noise included, shape (n, n), and its chain rule."""
        h = JointHyperparameters.from_logarithms(logarithms)
        variances = h.shared[:, None, None] + h.own[:, None, None] * self.same
        decay = np.exp(-self.distances / h.lengthscales[:, None, None])
        parts = variances * decay

        def chain_rule(by_covariance: Floats) -> Floats:
            """Return the gradient by the logarithms, shape (3 * n_features + 1,)."""
            slope = by_covariance * decay
            by_length = (by_covariance * parts * self.distances).sum(axis=(1, 2)) / h.lengthscales
            by_shared = h.shared * slope.sum(axis=(1, 2))
            by_own = h.own * (slope * self.same).sum(axis=(1, 2))
            gradient: Floats = np.r_[by_shared, by_own, by_length, h.noise * np.trace(by_covariance)]
            return gradient

        return parts.sum(axis=0) + h.noise * np.eye(len(self.same)), chain_rule


def fit_joint(
    kernel: CellKernel, architectures: Sequence[Architectures], labels: Sequence[Floats]
) -> JointHyperparameters:
    """Maximise the joint log marginal likelihood of the tasks' labels plus the log density of a weak prior, by L-BFGS.

    For each task, `architectures` and `labels` have shape (n,), with indices in the kernel's space. Labels have about
    zero mean and unit variance; tasks need no architecture in common. With one task the likelihood
    cannot separate shared from own variance, and the prior decides.
    """
    every = np.concatenate(architectures)
    task = np.repeat(np.arange(len(architectures)), [len(of_task) for of_task in architectures])
    distances = kernel.distances(kernel.codes_between(every, every)).astype(np.float64)
    models = [(JointKernel(distances, (task[:, None] == task).astype(np.float64)), [np.concatenate(labels)])]
    fitted = maximise_posterior(models, joint_prior(len(kernel.features)), iterations=40)
    return JointHyperparameters.from_logarithms(fitted)


class TargetProcess(ExactPosterior):
    """Exact Gaussian process of a new task, whose prior is the posterior of `SourceModels`."""

    def __init__(self, models: SourceModels) -> None:
        super().__init__(models.variance.copy(), models.mean)
        self.models, self.noise = models, models.hyperparameters.noise

    def _prior_covariance(self, architecture: int) -> Floats32:
        return self.models.covariance(architecture)

    def _label_variance(self, architecture: int, left: Floats32, row: Floats32) -> float:
        return max(float(row[architecture]), 0.0) + self.noise + JITTER


def joint_space(target: SearchSpace, sources: Sequence[SourceTask]) -> tuple[SearchSpace, list[Architectures]]:
    """Return a space that contains all architectures of the target and the sources, and the sources' architectures.

    It is one of these spaces, if possible. Otherwise the labelled architectures become architectures of the target's
    positions, see `nasmeta.spaces.codes_by_level`.
    """
    spaces = tuple(dict.fromkeys([target, *(source.space for source in sources)]))
    for space in spaces:
        if all(_contains(space, other) for other in spaces):
            return space, [source.in_space(space).architectures for source in sources]
    codes = [codes_by_level(source.space.codes[source.architectures], source.space, target) for source in sources]
    joint = target.with_codes(np.unique(np.concatenate([target.codes, *codes]), axis=0))
    return joint, [np.asarray(joint.from_codes(of_source), np.int32) for of_source in codes]


@lru_cache(maxsize=64)
def _contains(space: SearchSpace, other: SearchSpace) -> bool:
    return bool(move_cells(np.arange(other.size), other, space)[1].all())


@dataclass(frozen=True)
class SourceModels:
    """A process over (architecture, task), conditioned on the labels of the sources."""

    target: SearchSpace
    joint: SearchSpace  # contains the architectures of the target and of all sources
    features: tuple[str, ...]  # of the kernel
    hyperparameters: JointHyperparameters
    architectures: tuple[Architectures, ...]  # of each source, in the joint space
    labels: tuple[Floats, ...]  # their normal scores

    def __getstate__(self) -> dict[str, Any]:
        """Omit cached arrays."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def learn(cls, space: SearchSpace, sources: Sequence[SourceTask], features: Sequence[str]) -> SourceModels:
        """Fit one process over (architecture, task) to the labels of the sources.

        A label is the normal score of its rank in its task. Of many labels, the best half and an even sample of the
        others are used: at most 400 per source and 1,200 in total.

        Parameters
        ----------
        space : SearchSpace
            The target's space.
        sources : sequence of SourceTask
        features : sequence of str
            Count features that the kernel compares.

        Returns
        -------
        SourceModels
        """
        used = [_used(source, min(JOINT.of_one, JOINT.condition_on // len(sources))) for source in sources]
        joint, architectures = joint_space(space, used)
        labels = [source.utilities for source in used]
        kernel = CellKernel(joint, _features_in(joint, features))
        few = []
        for moved, scores in zip(architectures, labels, strict=True):
            even = _evenly(len(moved), max(3, JOINT.fit_on // len(sources)))
            few.append((moved[even], scores[even]))
        hyperparameters = fit_joint(kernel, *zip(*few, strict=True))
        return cls(space, joint, kernel.features, hyperparameters, tuple(architectures), tuple(labels))._computed()

    def pack(self) -> Packed:
        """Return arrays and facts for a file, without what `unpack` can compute."""
        arrays: dict[str, NDArray[Any]] = {
            "cells": np.concatenate(self.architectures),
            "labels": np.concatenate(self.labels),
            "sizes": np.array([len(architectures) for architectures in self.architectures]),
            "logarithms": self.hyperparameters.logarithms,
        }
        return arrays, {"joint": to_content(self.joint)}

    @classmethod
    def unpack(cls, target: SearchSpace, features: Sequence[str], arrays: Arrays, facts: Facts) -> SourceModels:
        """Return the models that `pack` described."""
        joint = from_content(facts["joint"])
        joint = target if joint == target else joint
        ends = np.cumsum(arrays["sizes"])[:-1]
        return cls(
            target,
            joint,
            _features_in(joint, features),
            JointHyperparameters.from_logarithms(arrays["logarithms"]),
            tuple(np.split(arrays["cells"], ends)),
            tuple(np.split(arrays["labels"], ends)),
        )._computed()

    def _computed(self) -> SourceModels:
        """Compute the cached arrays, which takes seconds, before the search."""
        _ = self._posterior
        return self

    @cached_property
    def kernel(self) -> CellKernel:
        """The kernel on the joint space."""
        return CellKernel(self.joint, self.features)

    @cached_property
    def target_architectures(self) -> Architectures:
        """Indices of the target's architectures in the joint space, int32, shape (n_architectures,)."""
        return move_cells(np.arange(self.target.size), self.target, self.joint)[0]

    @cached_property
    def _parts(self) -> list[slice]:
        """The labels of each source among those of all sources."""
        ends = np.cumsum([0, *map(len, self.architectures)]).tolist()
        return [slice(first, end) for first, end in pairwise(ends)]

    @cached_property
    def _posterior(self) -> tuple[Floats32, Floats, Floats]:
        """`rows`, and the posterior means of the shared part, (n_architectures,), and of the sources' own parts.

        The last array has one row per source; all are conditioned on the labels of all sources.
        """
        known, h = np.concatenate(self.architectures), self.hyperparameters
        codes = self.kernel.codes_between(known, known)
        covariance = self.kernel.covariance(codes, h.of(h.shared)).astype(np.float64)
        for part in self._parts:
            covariance[part, part] += self.kernel.covariance(codes[part, part], h.of(h.own))
        covariance[np.diag_indices(len(known))] += h.noise
        factor = cholesky(covariance, lower=True)
        weights = cho_solve((factor, True), np.concatenate(self.labels))
        half = factor.astype(np.float32)
        rows = np.empty((len(known), self.target.size), dtype=np.float32)
        shared, own = np.zeros(self.target.size), np.empty((len(self.architectures), self.target.size))
        for first in range(0, self.target.size, _BLOCK):
            some = slice(first, first + _BLOCK)
            codes = self.kernel.codes_between(known, self.target_architectures[some])
            block = self.kernel.covariance(codes, h.of(h.shared))
            for row, part in zip(own, self._parts, strict=True):
                shared[some] += weights[part] @ block[part]
                row[some] = weights[part] @ self.kernel.covariance(codes[part], h.of(h.own))
            rows[:, some] = solve_triangular(half, block, lower=True, overwrite_b=True)
        return rows, shared, own

    @property
    def rows(self) -> Floats32:
        """L⁻¹ K(source labels, architectures of a new task), shape (n_labels, n_architectures)."""
        return self._posterior[0]

    @property
    def means(self) -> Floats32:
        """Posterior mean of each source's function in the target's space, shape (n_sources, n_architectures)."""
        _, shared, own = self._posterior
        return (shared + own).astype(np.float32)

    @cached_property
    def standard_means(self) -> Floats32:
        """The same, standardised over all architectures."""
        means = self.means
        means -= means.mean(axis=1, keepdims=True)
        standard: Floats32 = means / means.std(axis=1, keepdims=True)
        return standard

    @property
    def mean(self) -> Floats32:
        """Prior mean of a new task: the posterior mean of the shared part, shape (n_architectures,)."""
        return self._posterior[1].astype(np.float32)

    @cached_property
    def variance(self) -> Floats32:
        """Prior variance of a new task at each architecture, shape (n_architectures,)."""
        explained = np.einsum("ij,ij->j", self.rows, self.rows)
        return np.asarray(self._one_task.prior_variance - explained, dtype=np.float32)

    @property
    def _one_task(self) -> Hyperparameters:
        """Hyperparameters of the function of one task."""
        return self.hyperparameters.of(self.hyperparameters.shared + self.hyperparameters.own)

    def covariance(self, architecture: int) -> Floats32:
        """Return the prior covariance of a new task between one architecture and all, shape (n_architectures,)."""
        codes = self.kernel.codes(int(self.target_architectures[architecture]))[self.target_architectures]
        return self.kernel.covariance(codes, self._one_task) - self.rows[:, architecture] @ self.rows


def _features_in(joint: SearchSpace, features: Sequence[str]) -> tuple[str, ...]:
    """Return the features, or those of the joint space's kernel if it lacks one of them."""
    return tuple(features) if set(features) <= set(joint.feature_names) else joint.kernel_features


def _used(source: SourceTask, most: int) -> SourceTask:
    """Return the normal scores of the best half of `most` labels and an even sample, by rank, of the others."""
    scores = normal_scores(source.utilities)
    order = np.argsort(-scores, kind="stable")
    if len(order) > most:
        best, others = order[: most // 2], order[most // 2 :]
        order = np.r_[best, others[_evenly(len(others), most - len(best))]]
    return replace(source, architectures=source.architectures[order], utilities=scores[order])


def _evenly(n: int, most: int) -> Integers:
    return np.asarray(np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.intp)))
