"""Sources for learners: all their labels, or episodes with support and query labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.errors import SettingError
from nasmeta.spaces import SearchSpace, namesakes
from nasmeta.tasks._source_task import SourceTask
from nasmeta.tasks._task import Task

_MOST_MIXED = 3


def standardised(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values with mean 0 and deviation 1, or all 0 if they are equal.

    >>> standardised([1.0, 3.0])
    array([-1.,  1.])
    """
    values = np.asarray(values, dtype=np.float64)
    return np.asarray((values - values.mean()) / (values.std() or 1.0))


def normal_scores(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace values by standard normal quantiles of their ranks; ties share a rank.

    This label transform is invariant under monotone changes of the unit.

    >>> normal_scores([7.0, 9.0, 900.0]).round(2)
    array([-0.97,  0.  ,  0.97])
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(values)
    return ndtri((ranks - 0.5) / len(ranks))


def checked_sources(
    who: str,
    sources: Iterable[SourceTask | Task],
    space: SearchSpace | None = None,
    *,
    move: bool = False,
) -> list[SourceTask]:
    """Return the labelled architectures of sources, checked for a learner named `who`.

    They must be in `space`, if given; with `move`, architectures of other spaces are mapped to it
    as far as it has them. Of a task only the signal is used. A source needs at least two different
    labels.

    >>> import nasmeta as nm
    >>> [source.name for source in checked_sources("this example", nm.task_distribution("nb201"))]
    ['nb201/cifar10', 'nb201/cifar100', 'nb201/imagenet16-120']
    """
    seen = [source.as_source() if isinstance(source, Task) else source for source in sources]
    if not seen:
        raise SettingError(f"sources of {who}", [], "at least one")
    names = [source.name for source in seen]
    if len(set(names)) < len(names):
        raise SettingError(f"A source appears twice: {', '.join(names)}.")
    if space is not None and move:
        seen = [source.in_space(space) for source in seen]
    for source in seen:
        if space is not None and source.space != space:
            raise SettingError(
                f"Source {source.name} lives in space {source.space.name}, but {who} in {space.name}."
                f"{namesakes(source.space, space)}"
            )
        if np.ptp(source.utilities) == 0:
            raise SettingError(f"Source {source.name} has no two different labels.")
    return seen


@dataclass(frozen=True)
class Augmentation:
    """Changes of sampled tasks relative to their sources.

    Parameters
    ----------
    mixture : float, default 0
        Probability that a task is a convex mixture of two or three sources of one space, on their
        common architectures, with weights from a flat Dirichlet distribution.
    noise : float, default 0
        Standard deviation of the noise on each architecture's score.

    Examples
    --------
    >>> from nasmeta.tasks import Augmentation
    >>> Augmentation(mixture=0.5, noise=0.1)
    Augmentation(mixture=0.5, noise=0.1)
    """

    mixture: float = 0.0
    noise: float = 0.0

    def members(self, first: int, others: Sequence[int], rng: np.random.Generator) -> list[int]:
        """Draw the sources of a mixture: `first` and, with probability `mixture`, one or two of `others`."""
        if not others or not self.mixture or rng.random() >= self.mixture:
            return [first]
        more = min(len(others), int(rng.integers(1, _MOST_MIXED)))
        return [first, *rng.choice(np.asarray(others), more, replace=False).tolist()]

    def combined(
        self, scores: Sequence[NDArray[np.float64]], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return the labels of a new task from its members' scores, each of shape (n,), on common architectures."""
        mixed = scores[0]
        if len(scores) > 1:
            weights = rng.dirichlet(np.ones(len(scores))).tolist()
            weighted = [weight * score for weight, score in zip(weights, scores, strict=True)]
            mixed = standardised(np.sum(weighted, axis=0))  # keeps the scale of the noise
        if not self.noise:
            return mixed
        return mixed + self.noise * rng.standard_normal(len(mixed))


@dataclass(frozen=True, eq=False)
class Episode:
    """One sampled task: support labels to adapt to, and query labels to test on.

    Support, shape (k,), and queries, shape (q,), share no architecture. Labels are standardised
    within the whole sampled task; higher is better. `sources` are the names of the sources that the
    task is made of.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.tasks import EpisodeSampler
    >>> sampler = EpisodeSampler([nm.get_task("nb201/cifar10")], support=10, query=20)
    >>> episode = sampler.sample(np.random.default_rng(0))
    >>> len(episode.support_architectures), len(episode.query_labels), episode.sources
    (10, 20, ('nb201/cifar10',))
    """

    space: SearchSpace
    support_architectures: NDArray[np.int32]
    support_labels: NDArray[np.float64]
    query_architectures: NDArray[np.int32]
    query_labels: NDArray[np.float64]
    sources: tuple[str, ...]


class EpisodeSampler:
    """Draw tasks from sources, and support and query architectures of each task.

    Sources are drawn uniformly. Labels are normal scores of the ranks within all labelled
    architectures of the task, so tasks with different units can be mixed. Sources of several spaces
    are possible: an episode lies within one of them.

    Parameters
    ----------
    sources : iterable of Task or SourceTask
        Of a task only the signal is used.
    support : int or (int, int), default (5, 100)
        Number of support architectures. For a range, including its ends, the number is drawn
        uniformly on a logarithmic scale, because the first labels matter most.
    query : int, default 100
        Number of query architectures.
    augment : Augmentation, optional
        Creates many tasks from few; none by default.

    Raises
    ------
    SettingError
        If sources are empty, appear twice, or have too few or only equal labels.

    Examples
    --------
    >>> import numpy as np
    >>> import nasmeta as nm
    >>> from nasmeta.tasks import Augmentation, EpisodeSampler
    >>> sources, _ = nm.task_distribution("nb201").leave_out("cifar100")
    >>> sampler = EpisodeSampler(sources, support=10, query=50, augment=Augmentation(mixture=1.0))
    >>> episode = sampler.sample(np.random.default_rng(0))
    >>> episode.support_architectures.shape, episode.query_labels.shape, sorted(episode.sources)
    ((10,), (50,), ['nb201/cifar10', 'nb201/imagenet16-120'])
    >>> architectures, labels = sampler.full_task(np.random.default_rng(1))
    >>> len(architectures), bool(abs(labels.mean()) < 0.01)
    (15625, True)
    """

    def __init__(
        self,
        sources: Iterable[SourceTask | Task],
        *,
        support: int | tuple[int, int] = (5, 100),
        query: int = 100,
        augment: Augmentation | None = None,
    ) -> None:
        self.sources = tuple(checked_sources(type(self).__name__, sources))
        low, high = (support, support) if isinstance(support, int) else support
        self.support = (check_int("support", low), check_int("support", high))
        self.query = check_int("query", query)
        self.augment = augment or Augmentation()
        self._scores = [normal_scores(source.utilities) for source in self.sources]
        self._common: dict[
            tuple[int, ...], tuple[NDArray[np.int32], list[NDArray[np.float64]]]
        ] = {}

    def sample(self, rng: np.random.Generator) -> Episode:
        """Draw one episode."""
        members, architectures, labels = self._task(rng)
        n_support = self._draw_support(rng)
        rows = rng.choice(len(architectures), n_support + self.query, replace=False)
        support = rows[: -self.query]
        query = rows[-self.query :]
        space = self.sources[members[0]].space
        names = tuple(self.sources[member].name for member in members)
        return Episode(
            space,
            architectures[support],
            labels[support],
            architectures[query],
            labels[query],
            names,
        )

    def _draw_support(self, rng: np.random.Generator) -> int:
        """Draw the number of support labels, log-uniformly; without a draw if it is fixed."""
        low, high = self.support
        if low >= high:
            return min(low, high)
        exponent = rng.uniform(np.log(low), np.log(high + 1))
        return min(int(np.exp(exponent)), high)

    def sample_many(self, n: int, rng: np.random.Generator) -> list[Episode]:
        """Draw `n` episodes."""
        return [self.sample(rng) for _ in range(n)]

    def full_task(self, rng: np.random.Generator) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Draw one task with all its labels, to simulate a search on it.

        Returns
        -------
        ndarray of int32, shape (n,)
            The labelled architectures.
        ndarray of float64, shape (n,)
            Their labels.
        """
        _, architectures, labels = self._task(rng)
        return architectures, labels

    def _task(
        self, rng: np.random.Generator
    ) -> tuple[list[int], NDArray[np.int32], NDArray[np.float64]]:
        first = int(rng.integers(len(self.sources)))
        space = self.sources[first].space
        others = [
            i for i, source in enumerate(self.sources) if i != first and source.space == space
        ]
        members = self.augment.members(first, others, rng)
        architectures, scores = self._on_common_architectures(tuple(sorted(members)))
        if len(architectures) < self.support[1] + self.query:  # too few common architectures
            members = [first]
            architectures, scores = self._on_common_architectures((first,))
        if len(members) == 1 and not self.augment.noise:
            return members, architectures, scores[0]
        return members, architectures, normal_scores(self.augment.combined(scores, rng))

    def _on_common_architectures(
        self, members: tuple[int, ...]
    ) -> tuple[NDArray[np.int32], list[NDArray[np.float64]]]:
        """Return the architectures that all members have labelled, ascending, and each member's scores there."""
        if members not in self._common:
            architectures = reduce(np.intersect1d, [self.sources[i].architectures for i in members])
            scores = [self._scores[i][self.sources[i].rows_of(architectures)] for i in members]
            self._common[members] = architectures, scores
        return self._common[members]
