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
    EXPONENTIAL,
    Hyperparameters,
    Kernel,
    KernelPrior,
    Model,
    Objective,
    Pairs,
    Prior,
    count_model,
    fit,
)
from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Floats32, Integers, Packed
from nasmeta.spaces import SearchSpace, codes_by_level, from_content, move_cells, to_content
from nasmeta.tasks import SourceTask, normal_scores


@dataclass(frozen=True)
class JointSettings:
    """Settings of the joint process of `rgpe`, `multi-task-gp` and `meta`.

    ``reports/meta/gp`` has results with them and the tasks of the choice.
    """

    # of the prior, shared, own, lengthscales, noise
    medians: tuple[float, ...] = (
        0.4,
        0.1,
        3.0,
        0.02,
    )
    stds: tuple[float, ...] = (1.0, 1.5, 1.0, 1.0)  # of the logarithms
    fit_on: int = 400  # labels of all sources that the marginal likelihood is maximised on
    condition_on: int = 1200  # labels of all sources that the process is conditioned on, at O(n³)
    of_one: int = 400  # the most of them from one source


JOINT = JointSettings()


def joint_kernel(n_features: int) -> Kernel:
    r"""Return the covariance between task s at architecture x and task t at x'.

    .. math:: k((x, s), (x', t)) = \sum_j (v_j + [s = t] w_j) \exp(-d_j(x, x') / \ell_j)

    The last dimension is 1 for two labels of one task, else 0. The variances are first the shared
    variances v, then each task's own variances w.
    """
    task = n_features
    shared = tuple((i,) for i in range(n_features))
    own = tuple((i, task) for i in range(n_features))
    return Kernel((*shared, *own), (*(EXPONENTIAL,) * n_features, None))


def joint_prior(n_features: int) -> Prior:
    """Return the prior of the hyperparameters of `joint_kernel`."""
    sizes = (n_features, n_features, n_features, 1)
    return Prior(np.log(np.repeat(JOINT.medians, sizes)), np.repeat(JOINT.stds, sizes))


def joint_pairs(model: Model, architectures: Sequence[Architectures]) -> Pairs:
    """Return the pairs of labels of several tasks; `architectures` has one array of indices per task."""
    every = np.concatenate(architectures)
    task = np.repeat(np.arange(len(architectures)), [len(of_task) for of_task in architectures])
    same_task = task[:, None] == task
    distances = [dimension.among(every) for dimension in model.inputs.dimensions]
    return Pairs.of(np.stack([*distances, same_task]).astype(np.int64))


def fit_joint(
    model: Model, architectures: Sequence[Architectures], labels: Sequence[Floats]
) -> Hyperparameters:
    """Maximise the joint log marginal likelihood of the tasks' labels plus the log density of a weak prior, by L-BFGS.

    For each task, `architectures` and `labels` have shape (n,), with indices in the model's space.
    Labels have about zero mean and unit variance; tasks need no architecture in common. With one
    task the likelihood cannot separate shared from own variance, and the prior decides.
    """
    n_features = len(model.inputs.dimensions)
    pairs = joint_pairs(model, architectures)
    objective = Objective(
        joint_kernel(n_features), pairs, [np.concatenate(labels)], joint_prior(n_features)
    )
    return fit(objective, iterations=40)


def joint_space(
    target: SearchSpace, sources: Sequence[SourceTask]
) -> tuple[SearchSpace, list[Architectures]]:
    """Return a space that contains all architectures of the target and the sources, and the sources' architectures.

    It is one of these spaces, if possible. Otherwise the labelled architectures become
    architectures of the target's positions, see `nasmeta.spaces.codes_by_level`.
    """
    spaces = tuple(dict.fromkeys([target, *(source.space for source in sources)]))
    for space in spaces:
        if all(_contains(space, other) for other in spaces):
            return space, [source.in_space(space).architectures for source in sources]
    codes = [
        codes_by_level(source.space.codes[source.architectures], source.space, target)
        for source in sources
    ]
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
    hyperparameters: Hyperparameters  # of `joint_kernel`
    architectures: tuple[Architectures, ...]  # of each source, in the joint space
    labels: tuple[Floats, ...]  # their normal scores

    def __getstate__(self) -> dict[str, Any]:
        """Omit cached arrays."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def learn(
        cls, space: SearchSpace, sources: Sequence[SourceTask], features: Sequence[str]
    ) -> SourceModels:
        """Fit one process over (architecture, task) to the labels of the sources.

        A label is the normal score of its rank in its task. Of many labels, the best half and an
        even sample of the others are used: at most 400 per source and 1,200 in total.

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
        used = [
            _used(source, min(JOINT.of_one, JOINT.condition_on // len(sources)))
            for source in sources
        ]
        joint, architectures = joint_space(space, used)
        labels = [source.utilities for source in used]
        used_features = _features_in(joint, features)
        model = count_model(joint, used_features)
        few = []
        for moved, scores in zip(architectures, labels, strict=True):
            even = _evenly(len(moved), max(3, JOINT.fit_on // len(sources)))
            few.append((moved[even], scores[even]))
        hyperparameters = fit_joint(model, *zip(*few, strict=True))
        return cls(
            space, joint, used_features, hyperparameters, tuple(architectures), tuple(labels)
        )._computed()

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
    def unpack(
        cls, target: SearchSpace, features: Sequence[str], arrays: Arrays, facts: Facts
    ) -> SourceModels:
        """Return the models that `pack` described."""
        joint = from_content(facts["joint"])
        joint = target if joint == target else joint
        used_features = _features_in(joint, features)
        kernel = joint_kernel(len(used_features))
        ends = np.cumsum(arrays["sizes"])[:-1]
        return cls(
            target,
            joint,
            used_features,
            kernel.hyperparameters(arrays["logarithms"]),
            tuple(np.split(arrays["cells"], ends)),
            tuple(np.split(arrays["labels"], ends)),
        )._computed()

    def _computed(self) -> SourceModels:
        """Compute the cached arrays, which takes seconds, before the search."""
        _ = self._posterior
        return self

    @property
    def shared(self) -> Floats:
        """Variances of the part that all tasks share, shape (n_features,)."""
        return self.hyperparameters.variances[: len(self.features)]

    @property
    def own(self) -> Floats:
        """Variances of each task's own part, shape (n_features,)."""
        return self.hyperparameters.variances[len(self.features) :]

    @property
    def noise(self) -> float:
        """Variance of the noise of one observation."""
        return self.hyperparameters.noise

    @cached_property
    def _model(self) -> Model:
        return count_model(self.joint, self.features)

    def _part(self, variances: Floats) -> KernelPrior:
        """Return a part of the covariance on the joint space, by its variances (n_features,)."""
        return KernelPrior(self._model, replace(self.hyperparameters, variances=variances))

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
        known = np.concatenate(self.architectures)
        shared_part, own_part = self._part(self.shared), self._part(self.own)
        covariance = shared_part.covariance(known, known).astype(np.float64)
        for part in self._parts:
            covariance[part, part] += own_part.covariance(known[part], known[part])
        covariance[np.diag_indices(len(known))] += self.noise
        factor = cholesky(covariance, lower=True)
        weights = cho_solve((factor, True), np.concatenate(self.labels))
        rows = shared_part.covariance(known, self.target_architectures)
        shared_mean = weights @ rows
        own_means = np.empty((len(self.architectures), self.target.size))
        for own_mean, part in zip(own_means, self._parts, strict=True):
            own_mean[:] = weights[part] @ own_part.covariance(
                known[part], self.target_architectures
            )
        solved = solve_triangular(factor.astype(np.float32), rows, lower=True, overwrite_b=True)
        return np.asarray(solved, np.float32), shared_mean, own_means

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
        return np.asarray(self.hyperparameters.variances.sum() - explained, dtype=np.float32)

    @cached_property
    def _one_task(self) -> KernelPrior:
        """The covariance of the function of one task."""
        return self._part(self.shared + self.own)

    def row(self, architecture: int) -> Floats32:
        """Return the prior covariance of a new task between one architecture and all, shape (n_architectures,)."""
        unconditioned = self._one_task.row(int(self.target_architectures[architecture]))[
            self.target_architectures
        ]
        return unconditioned - self.rows[:, architecture] @ self.rows


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
