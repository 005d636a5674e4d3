"""Learned search spaces: pruning to the architectures that are promising on the sources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from nasmeta.errors import SettingError
from nasmeta.meta._arrays import Architectures, Floats
from nasmeta.meta._source_scores import groups_of
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Augmentation, SourceTask, Task, checked_sources, normal_scores

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class SpaceSettings:
    """Settings of `LearnedSpace`; ``reports/meta/spaces`` has results with them and the tasks of the choice."""

    fewest_labels: int = 20  # of a source
    # of a source's best architectures; cross-validation selects one
    shares: tuple[float, ...] = (0.01, 0.003, 0.03)
    ridge: float = 0.1
    iterations: int = 150
    noise: float = 0.1  # standard deviation, of the copies of a left-out source's normal scores
    copies: int = 8


SPACE = SpaceSettings()


# Many targets have the same sources, so fits are cached: 256 of them need at most 32 MB.
_MOST_FITS = 256
_fits: dict[tuple[str, float, str], Floats] = {}


@cache
def _design(space: SearchSpace) -> csr_matrix[np.float64]:
    """Return indicators of the choices and pairs of choices in each architecture, shape (size, n_weights)."""
    from scipy.sparse import csr_matrix

    codes = space.codes.astype(np.int64)
    columns = []  # of each choice and pair in each architecture, (size,) each
    n_weights = 0
    for position, n_choices in enumerate(space.n_choices):
        columns.append(n_weights + codes[:, position])
        n_weights += n_choices
    for first, second in combinations(range(space.n_positions), 2):
        pairs = codes[:, first] * space.n_choices[second] + codes[:, second]
        columns.append(n_weights + pairs)
        n_weights += space.n_choices[first] * space.n_choices[second]
    indices = np.stack(columns, axis=1)
    starts = np.arange(0, indices.size + 1, len(columns))
    indicators = np.ones(indices.size)
    return csr_matrix((indicators, indices.ravel(), starts), shape=(space.size, n_weights))


def fit_log_linear(source: SourceTask, share: float) -> Floats:
    r"""Fit a log-linear distribution to a source's best architectures; return log probabilities of (n_architectures,).

    The fit maximises :math:`\sum_i w_i \log p_\theta(x_i)` minus a ridge penalty over :math:`\theta`. The weights
    :math:`w_i` of the labelled architectures fall exponentially with their rank, to 1/e after the best `share`.
    :math:`p_\theta` is normalised over the labelled architectures, so their random choice causes no bias.
    """
    key = (source.space.sha256, share, source.sha256)
    if key not in _fits:
        if len(_fits) == _MOST_FITS:
            _fits.clear()
        _fits[key] = _fit(source, share)
    return _fits[key]


def _fit(source: SourceTask, share: float) -> Floats:
    """Return the log probabilities of `fit_log_linear`, shape (n_architectures,), by L-BFGS."""
    from scipy.optimize import minimize

    design = _design(source.space)
    labelled = design[source.architectures]
    transposed = labelled.T.tocsr()
    ranks = np.argsort(np.argsort(-source.utilities, kind="stable"))  # 0 is the best
    weights = np.exp(-ranks / (share * len(source)))
    wanted = transposed @ (weights / weights.sum())  # the weighted mean of the indicators

    def loss(theta: Floats) -> tuple[float, Floats]:
        r"""Return the penalised negative log likelihood of weights of shape (n_weights,), and its gradient.

        With the indicators :math:`\phi(x)`, it is
        :math:`\log \sum_j \exp \theta^T \phi(x_j) - \sum_i w_i \theta^T \phi(x_i) + \lambda |\theta|^2 / 2`.
        """
        score = np.asarray(labelled @ theta)
        highest = score.max()  # the exponentials are relative to it, so they cannot overflow
        odds = np.exp(score - highest)
        total = odds.sum()
        value = highest + np.log(total) - wanted @ theta + 0.5 * SPACE.ridge * (theta @ theta)
        return float(value), transposed @ (odds / total) - wanted + SPACE.ridge * theta

    start = np.zeros(design.shape[1])
    optimum = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": SPACE.iterations}
    )
    score = np.asarray(design @ optimum.x)
    log_probability: Floats = score - np.logaddexp.reduce(score)
    return log_probability


@dataclass(frozen=True, eq=False)
class LearnedSpace:
    r"""A distribution over architectures learned from sources, and the most probable fraction of the space.

    A log-linear distribution is fitted to the best architectures of each source, with a weight for
    each choice and each pair of choices. The result is the mean of the sources' geometric mean,
    which is high if all sources agree, and their arithmetic mean, which keeps the preferences of
    any single source. Leave-one-source-out cross-validation with label noise chooses the share of
    best architectures.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import LearnedSpace
    >>> sources, target = nm.task_distribution("nb201").leave_out("cifar10")
    >>> learned = LearnedSpace.learn(target[0].space, sources, fraction=0.05)
    >>> kept = np.isin(target[0].optimal_architectures, learned.architectures)
    >>> len(learned.architectures), bool(kept.all())
    (782, True)
    """

    space: SearchSpace
    fraction: float  # of the architectures to keep
    log_probability: Floats  # shape (n_architectures,)

    @classmethod
    def learn(
        cls, space: SearchSpace, sources: Iterable[SourceTask | Task], fraction: float = 0.1
    ) -> LearnedSpace:
        """Learn from the signals of source tasks.

        Parameters
        ----------
        space : SearchSpace
        sources : iterable of SourceTask or Task
            Sources of another space contribute the architectures that both spaces have.
        fraction : float, default 0.1
            Of the architectures to keep, above 0 and at most 1.

        Returns
        -------
        LearnedSpace
        """
        if not 0 < fraction <= 1:
            raise SettingError("fraction", fraction, "a number above 0 and at most 1")
        labelled = labelled_in(space, sources, cls.__name__)
        rng = np.random.default_rng(0)  # the copies are part of the method, not of a run
        best = [_best_of_copies(source, rng) for source in labelled]
        candidates, errors = [], []
        for share in SPACE.shares:
            log_p = np.stack([fit_log_linear(source, share) for source in labelled])
            candidates.append(log_p)
            errors.append(_mean_log_position(_left_out_positions(labelled, log_p, best)))
        chosen = candidates[int(np.argmin(errors))]
        return cls(space, fraction, _combined(chosen))

    @cached_property
    def order(self) -> Architectures:
        """All architectures, the most probable first, int32, shape (n_architectures,)."""
        return np.argsort(-self.log_probability, kind="stable").astype(np.int32)

    @property
    def architectures(self) -> Architectures:
        """The kept architectures, the most probable first, int32."""
        return self.order[: int(np.ceil(self.fraction * self.space.size))]


def labelled_in(
    space: SearchSpace, sources: Iterable[SourceTask | Task], who: str
) -> list[SourceTask]:
    """Return the sources' labels in one space; a SettingError if fewer than 20 of a source are in it.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import labelled_in
    >>> [len(source) for source in labelled_in(nm.get_space("tnb101"), [nm.get_task("nb201/cifar10")], "an example")]
    [4096]
    """
    moved = checked_sources(who, sources, space, move=True)
    for source in moved:
        if len(source) < SPACE.fewest_labels:
            what = f"number of labels of source {source.name} in {space.name}"
            raise SettingError(what, len(source), f"at least {SPACE.fewest_labels}")
    return moved


def _combined(log_p: Floats) -> Floats:
    """Return the mean of the geometric and arithmetic means of (n_sources, n_architectures) distributions, in logs."""
    geometric = log_p.mean(axis=0)
    geometric -= np.logaddexp.reduce(geometric)
    arithmetic = np.exp(log_p).mean(axis=0)
    both: Floats = np.log((np.exp(geometric) + arithmetic) / 2 + 1e-300)
    return both


def _mean_log_position(positions: Sequence[Floats]) -> float:
    """Return the mean over groups of the mean log position; 0 without a group."""
    if not positions:
        return 0.0
    return float(np.mean([np.log(of_group).mean() for of_group in positions]))


def _left_out_positions(
    sources: Sequence[SourceTask], log_p: Floats, best: Sequence[Architectures]
) -> list[Floats]:
    """Return the positions of each left-out source's best architectures in the order of the others, as fractions.

    Sources that share a dataset or device are left out together and are treated as one.
    """
    by_group: dict[int, list[Floats]] = {}
    for group, source, architectures in zip(groups_of(sources), sources, best, strict=True):
        rest = [set(source.held_out).isdisjoint(other.held_out) for other in sources]
        if any(rest):
            score = _combined(log_p[rest])
            not_above = np.searchsorted(np.sort(score), score[architectures], side="right")
            n_above = score.size - not_above
            by_group.setdefault(group, []).append((n_above + 0.5) / score.size)
    return [np.concatenate(positions) for positions in by_group.values()]


def _best_of_copies(source: SourceTask, rng: np.random.Generator) -> Architectures:
    """Return the best architecture of each noisy copy of a source, shape (n_copies,)."""
    scores = normal_scores(source.utilities)
    augmentation = Augmentation(noise=SPACE.noise)
    best = np.empty(SPACE.copies, np.int32)
    for copy in range(SPACE.copies):
        noisy = augmentation.combined([scores], rng)
        best[copy] = source.architectures[noisy.argmax()]
    return best
