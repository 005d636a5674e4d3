"""Scores of all architectures on all sources, on one scale, with leave-one-group-out summaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse.csgraph import connected_components

from nasmeta.gaussian_process import (
    Conditioned,
    KernelPrior,
    Objective,
    count_model,
    fit,
    weak_prior,
)
from nasmeta.meta._arrays import Architectures, Floats, Floats32
from nasmeta.meta._network_inputs import representatives
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, normal_scores

_FIT_ON, _CONDITION_ON = 200, 4096  # labels of a source for hyperparameters, and for the posterior
_FEWEST_COPIES = 30
_NOISY = 0.05  # labels with more noise, relative to the prior variance, are smoothed


def groups_of(sources: Sequence[SourceTask]) -> list[int]:
    """Return the group of each source, numbered from 0; sources with a common dataset or device are one group.

    >>> import nasmeta as nm
    >>> groups_of([nm.get_task(f"nb201/{name}").as_source() for name in ("cifar10", "cifar100", "cifar10#777")])
    [0, 1, 0]
    """
    names = list(dict.fromkeys(name for source in sources for name in source.held_out))
    held_out = np.array([np.isin(names, source.held_out) for source in sources])
    groups: list[int] = connected_components(held_out @ held_out.T, directed=False)[1].tolist()
    return groups


@dataclass(frozen=True, eq=False)
class SourceMatrix:
    """Scores of all architectures on all sources.

    Sources with a common dataset or device are a group. A source is predicted without its group, as
    a target is. Sources of different groups with the same name except for dataset or device, such
    as ``nb201/cifar10@12ep`` and ``nb201/cifar100@12ep``, have the same role.

    Attributes
    ----------
    scores : ndarray of float32, shape (n_tasks, n_architectures)
        Normal scores of the utilities. Unlabelled architectures, and all architectures of a source
        with noisy labels, get the posterior mean of a Gaussian process. Isomorphic cells (rule
        ``zero``) share their mean, to reduce label noise.
    groups, roles : tuple of int, one per task
        Role 0 is the most frequent one; a target has this role.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import SourceMatrix
    >>> sources = [nm.get_task(f"nb201/{dataset}").as_source() for dataset in ("cifar10", "cifar100")]
    >>> matrix = SourceMatrix.of(nm.get_space("nb201"), sources)
    >>> matrix.scores.shape, matrix.groups, matrix.roles
    ((2, 15625), (0, 1), (0, 0))
    """

    scores: Floats32
    groups: tuple[int, ...]
    roles: tuple[int, ...]

    @classmethod
    def of(cls, space: SearchSpace, sources: Sequence[SourceTask]) -> SourceMatrix:
        """Put sources on one scale and complete them."""
        rows: list[Floats] = [np.empty(0)] * len(sources)
        same_architectures: dict[bytes, list[int]] = {}
        for i, source in enumerate(sources):
            same_architectures.setdefault(source.architectures.tobytes(), []).append(i)
        for members in same_architectures.values():
            scores = np.stack([normal_scores(sources[i].utilities) for i in members])
            for i, row in zip(
                members, _completed(space, sources[members[0]].architectures, scores), strict=True
            ):
                rows[i] = _smoothed(space, row)
        groups = groups_of(sources)
        names = [_role(source) for source in sources]
        n_groups = Counter(name for _, name in dict.fromkeys(zip(groups, names, strict=True)))
        ranked = [name for name, _ in n_groups.most_common()]
        return cls(
            np.asarray(rows, np.float32), tuple(groups), tuple(ranked.index(name) for name in names)
        )

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(set(self.groups))

    def role_means(self, without: Collection[int] = ()) -> Floats:
        """Return the mean over the tasks of each role, without some groups, shape (n_roles, n_architectures).

        A role without tasks gets the mean of role 0, or zero if that has none either.
        """
        means = np.zeros((max(self.roles) + 1, self.scores.shape[1]))
        for role, mean in enumerate(means):
            members = self._members(role, without) or self._members(0, without)
            if members:
                mean[:] = self.scores[members].mean(axis=0, dtype=np.float64)
            if np.ptp(mean):
                mean[:] = normal_scores(mean)
        return means

    def spread(self, without: Collection[int] = ()) -> Floats:
        """Return the standard deviation over role 0's tasks without some groups, shape (n_architectures,)."""
        members = self._members(0, without)
        if not members:
            return np.zeros(self.scores.shape[1])
        deviations: Floats = self.scores[members].astype(np.float64).std(axis=0)
        return deviations

    def _members(self, role: int, without: Collection[int]) -> list[int]:
        pairs = enumerate(zip(self.roles, self.groups, strict=True))
        return [i for i, (its_role, group) in pairs if its_role == role and group not in without]


def _role(source: SourceTask) -> str:
    name = source.name
    for held in sorted(source.held_out, key=len, reverse=True):
        name = name.replace(held, "*")
    return name


def _noise_between_copies(
    space: SearchSpace, architectures: Architectures, scores: Floats
) -> float:
    """Return the pooled variance of labels among isomorphic architectures; 0 with fewer than 30 of them."""
    classes = np.unique(representatives(space, architectures), return_inverse=True)[1]
    sizes = np.bincount(classes)
    spare = int((sizes - 1).sum())
    if spare < _FEWEST_COPIES:
        return 0.0
    within = [row - (np.bincount(classes, row) / sizes)[classes] for row in scores]
    return float(np.mean([row @ row for row in within]) / spare)


def _smoothed(space: SearchSpace, scores: Floats) -> Floats:
    """Return the mean score over the architectures isomorphic to each."""
    _, members = np.unique(representatives(space), return_inverse=True)
    return (np.bincount(members, scores) / np.bincount(members))[members]


def _evenly(n: int, most: int) -> Architectures:
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int32))


def _completed(space: SearchSpace, architectures: Architectures, scores: Floats) -> Floats:
    """Extend scores of the same labelled architectures from (n_tasks, n) to (n_tasks, n_architectures).

    Missing or noisy labels are replaced by the posterior mean of a Gaussian process with common
    hyperparameters. Their prior is `weak_prior`, with a lengthscale of 3 for all features.
    """
    full = np.empty((len(scores), space.size))
    full[:, architectures] = scores
    complete = len(architectures) == space.size
    level = scores.mean(axis=1, keepdims=True)
    model = count_model(space)
    few = _evenly(len(architectures), _FIT_ON)
    few = few[np.argsort(architectures[few], kind="stable")]
    pairs = model.inputs.among(architectures[few])
    prior = weak_prior(len(model.inputs.dimensions))
    fitted = fit(
        Objective(model.kernel, pairs, list((scores - level)[:, few]), prior), iterations=20
    )
    fitted = replace(
        fitted, noise=max(fitted.noise, _noise_between_copies(space, architectures, scores))
    )
    precise = fitted.noise < _NOISY * fitted.variances.sum()
    if complete and precise:
        return full
    chosen = _evenly(len(architectures), _CONDITION_ON)
    known = architectures[chosen]
    process = KernelPrior(model, fitted)
    covariance = process.covariance(known, known).astype(np.float64)
    conditioned = Conditioned.on(covariance, fitted.noise, (scores - level)[:, chosen].T)
    full[:] = level + process.combined(known, conditioned.weights).T
    if precise:
        full[:, architectures] = scores
    return full
