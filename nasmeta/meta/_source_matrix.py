"""Scores of all architectures on all sources, on one scale, with leave-one-group-out summaries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nasmeta.checks import check_choice
from nasmeta.errors import SettingError
from nasmeta.meta._arrays import Cells, Floats, Floats32
from nasmeta.meta._cell_columns import representatives
from nasmeta.meta._label_scale import COST_SCALES, SCALES, scored
from nasmeta.predictors import CellKernel, fit_hyperparameters, normal_scores
from nasmeta.predictors._gaussian_process import posterior_weights
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask

_FIT_ON, _CONDITION_ON = 200, 4096  # labels of a source for hyperparameters, and for the posterior
_FEWEST_COPIES = 30
_LARGEST_BLOCK = 2**26  # covariances computed at once
_NOISY = 0.05  # noise relative to the prior variance from which labels are smoothed


def groups_of(sources: Sequence[SourceTask]) -> list[int]:
    """Return the group of each source, numbered from 0; sources with a common dataset or device are one group.

    >>> import nasmeta as nm
    >>> names = ["nb201/cifar10", "nb201/cifar100", "nb201/cifar10@12ep"]
    >>> groups_of([nm.get_task(name).as_source() for name in names[:2]])
    [0, 1]
    """
    seen: list[set[str]] = []
    for source in sources:
        joined = set(source.held_out)
        apart = [group for group in seen if group.isdisjoint(joined)]
        seen = [*apart, joined.union(*(group for group in seen if not group.isdisjoint(joined)))]
    order: dict[int, int] = {}
    numbers = []
    for source in sources:
        which = next(i for i, group in enumerate(seen) if source.held_out[0] in group)
        numbers.append(order.setdefault(which, len(order)))
    return numbers


@dataclass(frozen=True, eq=False)
class SourceMatrix:
    """Scores of all architectures on all sources.

    Sources with a common dataset or device are a group. A source is predicted without its group, as a target is.
    Sources of different groups with the same name except for dataset or device, such as ``nb201/cifar10@12ep`` and
    ``nb201/cifar100@12ep``, have the same role.

    Attributes
    ----------
    scale : {"rank", "root", "log", "unit"}
        ``rank``: normal scores. ``root`` and ``log``: minus the square root of a cost over its geometric mean, and
        minus its logarithm, both centred. The default for costs (`nasmeta.tasks.SourceTask.is_cost`) is ``root``,
        because the latency of a new device is approximately a weighted sum of known ones, and its noise grows with the
        latency. ``unit``: utilities with mean 0 and variance 1, which keeps gaps between labels.
    scores : ndarray of float32, shape (n_tasks, n_cells)
        Unlabelled architectures, and all architectures of a source with noisy labels, get the posterior mean of a
        Gaussian process. Isomorphic cells (rule ``zero``) share their mean, to reduce label noise, except for costs.
    groups, roles : tuple of int, one per task
        Role 0 is the most frequent one; a target has this role.
    """

    scale: str
    scores: Floats32
    groups: tuple[int, ...]
    roles: tuple[int, ...]

    @classmethod
    def of(cls, space: SearchSpace, sources: Sequence[SourceTask], scale: str = "auto") -> SourceMatrix:
        """Put sources on one scale and complete them."""
        check_choice("scale", scale, ("auto", *SCALES))
        negative = all((source.utilities < 0).all() for source in sources)
        if scale in COST_SCALES and not negative:
            raise SettingError(f"The scale {scale} is for costs: utilities that are all negative.")
        costs = negative and all(source.is_cost for source in sources)
        scale = ("root" if costs else "rank") if scale == "auto" else scale
        rows: list[Floats] = [np.empty(0)] * len(sources)
        together: dict[bytes, list[int]] = {}
        for i, source in enumerate(sources):
            together.setdefault(source.cells.tobytes(), []).append(i)
        for members in together.values():
            scores = np.stack([scored(sources[i].utilities, scale) for i in members])
            for i, row in zip(members, _completed(space, sources[members[0]].cells, scores, scale), strict=True):
                rows[i] = row
        if scale not in COST_SCALES:
            rows = [_smoothed(space, row) for row in rows]
        groups = groups_of(sources)
        names = [_role(source) for source in sources]
        held_by = {name: len({g for g, other in zip(groups, names, strict=True) if other == name}) for name in names}
        ranked = sorted(held_by, key=lambda name: -held_by[name])
        return cls(scale, np.asarray(rows, np.float32), tuple(groups), tuple(ranked.index(name) for name in names))

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(set(self.groups))

    def principal(self, group: int) -> int:
        """Return the task of a group with the lowest role: the one to predict from other groups."""
        return min((i for i, own in enumerate(self.groups) if own == group), key=lambda i: self.roles[i])

    def role_means(self, without: Collection[int] = ()) -> Floats:
        """Return the mean over the tasks of each role, without some groups, shape (n_roles, n_cells).

        A role without tasks gets the mean of role 0, or zero if that has none either.
        """
        rows = []
        for role in range(max(self.roles) + 1):
            of_role = self._members(role, without) or self._members(0, without)
            rows.append(self.scores[of_role].mean(axis=0, dtype=np.float64) if of_role else np.zeros(self._n_cells))
        means = np.array(rows)
        if self.scale == "rank":
            means = np.array([normal_scores(row) if np.ptp(row) else row for row in means])
        return means

    def contrasts(self, without: Collection[int] = ()) -> Floats:
        """Return the deviations of role 0's tasks from their mean, without some groups, shape (n_others, n_cells)."""
        members = self._members(0, without)
        if len(members) < 2:
            return np.zeros((0, self._n_cells))
        rows = self.scores[members].astype(np.float64)
        found: Floats = rows - rows.mean(axis=0)
        return found

    def each(self, without: Collection[int] = ()) -> Floats:
        """Return deviations from the role's mean, then scores, of each source, shape (2 * n_tasks, n_cells).

        Both are divided by the square root of the number of sources. Rows of the groups `without` are 0.
        """
        rows = np.zeros((2, *self.scores.shape))
        kept = [i for i, group in enumerate(self.groups) if group not in without]
        for role in {self.roles[i] for i in kept}:
            members = self._members(role, without)
            own = self.scores[members].astype(np.float64)
            rows[0, members], rows[1, members] = own - own.mean(axis=0), own
        found: Floats = rows.reshape(-1, self._n_cells) / np.sqrt(max(1, len(kept)))
        return found

    @property
    def _n_cells(self) -> int:
        return int(self.scores.shape[1])

    def _members(self, role: int, without: Collection[int]) -> list[int]:
        pairs = zip(self.roles, self.groups, strict=True)
        return [i for i, (own, group) in enumerate(pairs) if own == role and group not in without]


def _role(source: SourceTask) -> str:
    name = source.name
    for held in sorted(source.held_out, key=len, reverse=True):
        name = name.replace(held, "*")
    return name


def _noise_between_copies(space: SearchSpace, cells: Cells, scores: Floats) -> float:
    """Return the pooled variance of labels among isomorphic cells; 0 with fewer than 30 of them."""
    classes = np.unique(representatives(space, cells), return_inverse=True)[1]
    sizes = np.bincount(classes)
    spare = int((sizes - 1).sum())
    if spare < _FEWEST_COPIES:
        return 0.0
    within = [row - (np.bincount(classes, row) / sizes)[classes] for row in scores]
    return float(np.mean([row @ row for row in within]) / spare)


def _smoothed(space: SearchSpace, scores: Floats) -> Floats:
    """Return the mean score over the cells isomorphic to each cell."""
    _, members = np.unique(representatives(space), return_inverse=True)
    return (np.bincount(members, scores) / np.bincount(members))[members]


def _completed(space: SearchSpace, cells: Cells, scores: Floats, scale: str) -> Floats:
    """Extend the scores of sources with the same labelled cells from (n_tasks, n) to (n_tasks, n_cells).

    Missing or noisy labels are replaced by the posterior mean of a Gaussian process with common hyperparameters.
    """
    complete = len(cells) == space.size
    if complete and scale in COST_SCALES:
        full = np.empty((len(scores), space.size))
        full[:, cells] = scores
        return full
    level = scores.mean(axis=1, keepdims=True)
    kernel = CellKernel(space)
    few = np.unique(np.linspace(0, len(cells) - 1, min(len(cells), _FIT_ON)).astype(int))
    few = few[np.argsort(cells[few], kind="stable")]
    among = kernel.distances(np.stack([kernel.codes(int(cell))[cells[few]] for cell in cells[few]]))
    fitted = fit_hyperparameters(among, list((scores - level)[:, few]), iterations=20)
    if scale not in COST_SCALES:
        fitted = replace(fitted, noise=max(fitted.noise, _noise_between_copies(space, cells, scores)))
    full = np.empty((len(scores), space.size))
    if complete and fitted.noise < _NOISY * fitted.prior_variance:
        full[:, cells] = scores
        return full
    n = min(len(cells), _CONDITION_ON)
    chosen = np.unique(np.linspace(0, len(cells) - 1, n).astype(int))
    known = cells[chosen]
    covariance = kernel.covariance(kernel.codes_between(known, known), fitted).astype(np.float64)
    weights = posterior_weights(covariance, fitted.noise, (scores - level)[:, chosen].T)
    at_once = max(1, _LARGEST_BLOCK // space.size)
    full[:] = level
    for first in range(0, len(chosen), at_once):
        some = slice(first, first + at_once)
        rows = np.stack([kernel.covariance(kernel.codes(int(cell)), fitted) for cell in known[some]])
        full += weights[some].T.astype(np.float32) @ rows
    if fitted.noise < _NOISY * fitted.prior_variance:
        full[:, cells] = scores
    return full
