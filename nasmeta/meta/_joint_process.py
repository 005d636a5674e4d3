"""One Gaussian process over (architecture, task), conditioned on the labels of the sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.gaussian_process import (
    EXPONENTIAL,
    Conditioned,
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

    # of the log-normal prior: shared variances, own variances, lengthscales, noise
    medians: tuple[float, ...] = (0.4, 0.1, 3.0, 0.02)
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
    medians = np.repeat(JOINT.medians, sizes)
    return Prior(mean=np.log(medians), std=np.repeat(JOINT.stds, sizes))


def joint_pairs(model: Model, architectures: Sequence[Architectures]) -> Pairs:
    """Return the pairs of labels of several tasks; `architectures` has one array of indices per task."""
    labelled = np.concatenate(architectures)  # (n,), of all tasks
    task = np.repeat(np.arange(len(architectures)), list(map(len, architectures)))
    same_task = task[:, None] == task
    distances = [dimension.among(labelled) for dimension in model.inputs.dimensions]
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
    objective = Objective(
        kernel=joint_kernel(n_features),
        pairs=joint_pairs(model, architectures),
        tasks=[np.concatenate(labels)],
        prior=joint_prior(n_features),
    )
    return fit(objective, iterations=40)


def joint_space(
    target: SearchSpace, sources: Sequence[SourceTask]
) -> tuple[SearchSpace, list[Architectures]]:
    """Return a space that contains all architectures of the target and the sources, and the sources' architectures.

    It is one of these spaces, if possible. Otherwise the labelled architectures become
    architectures of the target's positions, see `nasmeta.spaces.codes_by_level`.
    """
    spaces = dict.fromkeys([target, *(source.space for source in sources)])
    for space in spaces:
        if all(_contains(space, other) for other in spaces):
            return space, [source.in_space(space).architectures for source in sources]
    by_source = []  # codes at the target's positions, (n_labels, n_positions)
    for source in sources:
        codes = source.space.codes[source.architectures]
        by_source.append(codes_by_level(codes, source.space, target))
    codes = np.unique(np.concatenate([target.codes, *by_source]), axis=0)
    joint = target.with_codes(codes)
    return joint, [np.asarray(joint.from_codes(codes), np.int32) for codes in by_source]


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
        most = min(JOINT.of_one, JOINT.condition_on // len(sources))
        used = [_best_and_even(source, most) for source in sources]
        joint, architectures = joint_space(space, used)
        joint_features = _features_in(joint, features)
        fitted_architectures, fitted_labels = [], []
        for moved, source in zip(architectures, used, strict=True):
            even = _evenly(len(moved), max(3, JOINT.fit_on // len(sources)))
            fitted_architectures.append(moved[even])
            fitted_labels.append(source.utilities[even])
        model = count_model(joint, joint_features)
        return cls(
            target=space,
            joint=joint,
            features=joint_features,
            hyperparameters=fit_joint(model, fitted_architectures, fitted_labels),
            architectures=tuple(architectures),
            labels=tuple(source.utilities for source in used),
        )

    def pack(self) -> Packed:
        """Return arrays and facts for a file, without what `unpack` can compute."""
        arrays: dict[str, NDArray[Any]] = {
            "cells": np.concatenate(self.architectures),
            "labels": np.concatenate(self.labels),
            "sizes": np.array(list(map(len, self.architectures))),
            "logarithms": self.hyperparameters.logarithms,
        }
        return arrays, {"joint": to_content(self.joint)}

    @classmethod
    def unpack(
        cls, target: SearchSpace, features: Sequence[str], arrays: Arrays, facts: Facts
    ) -> SourceModels:
        """Return the models that `pack` described."""
        joint = from_content(facts["joint"])
        if joint == target:
            joint = target  # with its cached arrays
        joint_features = _features_in(joint, features)
        kernel = joint_kernel(len(joint_features))
        ends = np.cumsum(arrays["sizes"])[:-1]
        return cls(
            target=target,
            joint=joint,
            features=joint_features,
            hyperparameters=kernel.hyperparameters(arrays["logarithms"]),
            architectures=tuple(np.split(arrays["cells"], ends)),
            labels=tuple(np.split(arrays["labels"], ends)),
        )

    def __post_init__(self) -> None:
        """Compute the cached arrays, which takes seconds, before the search."""
        _ = self._posterior

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
    def _posterior(self) -> tuple[Floats32, Floats, Floats]:
        """`rows`, and the posterior means of the shared part, (n_architectures,), and of the sources' own parts.

        The last array has one row per source; all are conditioned on the labels of all sources.
        """
        labelled = np.concatenate(self.architectures)  # (n_labels,)
        bounds = np.cumsum([0, *map(len, self.architectures)])
        of_sources = [slice(first, end) for first, end in pairwise(bounds)]
        shared_part, own_part = self._part(self.shared), self._part(self.own)
        # C = k_shared + [s = t] k_own + σ² I between labels of tasks s and t, (n_labels, n_labels)
        covariance = shared_part.covariance(labelled, labelled).astype(np.float64)
        for part in of_sources:
            covariance[part, part] += own_part.covariance(labelled[part], labelled[part])
        conditioned = Conditioned.on(covariance, self.noise, np.concatenate(self.labels))
        weights = conditioned.weights  # C⁻¹ y, (n_labels,)
        # between labels and the target's architectures, (n_labels, n_architectures)
        rows = shared_part.covariance(labelled, self.target_architectures)
        shared_mean = weights @ rows
        own_means = np.empty((len(self.architectures), self.target.size))
        for source, part in enumerate(of_sources):
            covariances = own_part.covariance(labelled[part], self.target_architectures)
            own_means[source] = weights[part] @ covariances
        whitened = conditioned.whitened(rows.T)
        return np.asarray(whitened, np.float32), shared_mean, own_means

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
        in_joint = self._one_task.row(int(self.target_architectures[architecture]))
        return in_joint[self.target_architectures] - self.rows[:, architecture] @ self.rows


def _features_in(joint: SearchSpace, features: Sequence[str]) -> tuple[str, ...]:
    """Return the features, or those of the joint space's kernel if it lacks one of them."""
    if set(features) <= set(joint.feature_names):
        return tuple(features)
    return joint.kernel_features


def _best_and_even(source: SourceTask, most: int) -> SourceTask:
    """Return the normal scores of the best half of `most` labels and an even sample, by rank, of the others."""
    scores = normal_scores(source.utilities)
    order = np.argsort(-scores, kind="stable")
    if len(order) > most:
        best, others = order[: most // 2], order[most // 2 :]
        even = _evenly(len(others), most - len(best))
        order = np.concatenate([best, others[even]])
    return replace(source, architectures=source.architectures[order], utilities=scores[order])


def _evenly(n: int, most: int) -> Integers:
    """Return at most this many of the numbers below n, evenly spaced."""
    spaced = np.linspace(0, n - 1, min(n, most)).round()
    return np.asarray(np.unique(spaced.astype(np.intp)))
