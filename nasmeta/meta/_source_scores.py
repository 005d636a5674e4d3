"""Scores of all architectures on all sources, on one scale, with leave-one-group-out summaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from nasmeta.gaussian_process import (
    Conditioned,
    Hyperparameters,
    KernelPrior,
    Model,
    Objective,
    count_model,
    fit,
    weak_prior,
)
from nasmeta.meta._arrays import Architectures, Floats, Floats32, Integers
from nasmeta.meta._network_inputs import representatives
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, normal_scores

_FIT_ON = 200  # labels of a source that determine hyperparameters
_CONDITION_ON = 4096  # labels of a source that determine the posterior
_FEWEST_COPIES = 30  # isomorphic architectures that determine the noise of labels
_NOISY = 0.05  # labels with more noise, relative to the prior variance, are smoothed


def groups_of(sources: Sequence[SourceTask]) -> list[int]:
    """Return the group of each source, numbered from 0; sources with a common dataset or device are one group.

    >>> import nasmeta as nm
    >>> groups_of([nm.get_task(f"nb201/{name}").as_source() for name in ("cifar10", "cifar100", "cifar10#777")])
    [0, 1, 0]
    """
    names = np.concatenate([source.held_out for source in sources])
    # whether each source holds out each name, (n_sources, n_names)
    held_out = np.array([np.isin(names, source.held_out) for source in sources])
    _, groups = connected_components(held_out @ held_out.T, directed=False)
    numbers: list[int] = groups.tolist()
    return numbers


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
        scores = np.empty((len(sources), space.size), np.float32)
        same_architectures: dict[bytes, list[int]] = {}
        for i, source in enumerate(sources):
            same_architectures.setdefault(source.architectures.tobytes(), []).append(i)
        for members in same_architectures.values():
            labels = np.stack([normal_scores(sources[i].utilities) for i in members])
            completed = _completed(space, sources[members[0]].architectures, labels)
            for i, row in zip(members, completed, strict=True):
                scores[i] = _smoothed(space, row)
        groups = groups_of(sources)
        names = [_role(source) for source in sources]
        # how many groups have a role, not how many sources: copies of a dataset do not count
        group_and_role = dict.fromkeys(zip(groups, names, strict=True))
        frequencies = Counter(name for _, name in group_and_role)
        by_frequency = list(dict(frequencies.most_common()))
        roles = tuple(map(by_frequency.index, names))
        return cls(scores=scores, groups=tuple(groups), roles=roles)

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
    _, classes = np.unique(representatives(space, architectures), return_inverse=True)
    n_copies = len(classes) - len(np.unique(classes))
    if n_copies < _FEWEST_COPIES:
        return 0.0
    squares = []  # sums over the architectures
    for row in scores:
        deviations = row - _class_means(classes, row)
        squares.append(deviations @ deviations)
    return float(np.mean(squares) / n_copies)


def _class_means(classes: Integers, scores: Floats) -> Floats:
    """Return the mean score of each architecture's class, shape (n,)."""
    means: Floats = np.bincount(classes, scores) / np.bincount(classes)
    return means[classes]


def _smoothed(space: SearchSpace, scores: Floats) -> Floats:
    """Return the mean score over the architectures isomorphic to each."""
    _, classes = np.unique(representatives(space), return_inverse=True)
    return _class_means(classes, scores)


def _evenly(n: int, most: int) -> Architectures:
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.int32))


def _completed(space: SearchSpace, architectures: Architectures, scores: Floats) -> Floats:
    """Extend scores of the same labelled architectures from (n_tasks, n) to (n_tasks, n_architectures).

    Missing or noisy labels are replaced by the posterior mean of a Gaussian process with common
    hyperparameters.
    """
    model = count_model(space)
    level = scores.mean(axis=1, keepdims=True)
    labels = scores - level
    fitted = _fitted(model, architectures, labels)
    noise = max(fitted.noise, _noise_between_copies(space, architectures, scores))
    is_precise = noise < _NOISY * fitted.variances.sum()
    full = np.empty((len(scores), space.size))
    if len(architectures) < space.size or not is_precise:
        chosen = _evenly(len(architectures), _CONDITION_ON)
        known = architectures[chosen]
        process = KernelPrior(model, fitted)
        covariance = process.covariance(known, known).astype(np.float64)
        conditioned = Conditioned.on(covariance, noise, labels[:, chosen].T)
        full[:] = level + process.combined(known, conditioned.weights).T
    if is_precise:
        full[:, architectures] = scores
    return full


def _fitted(model: Model, architectures: Architectures, labels: Floats) -> Hyperparameters:
    """Return common hyperparameters of tasks with these labels, (n_tasks, n), of mean zero."""
    chosen = _evenly(len(architectures), _FIT_ON)
    chosen = chosen[np.argsort(architectures[chosen], kind="stable")]
    objective = Objective(
        kernel=model.kernel,
        pairs=model.inputs.among(architectures[chosen]),
        tasks=list(labels[:, chosen]),
        prior=weak_prior(len(model.inputs.dimensions)),
    )
    return fit(objective, iterations=20)
