"""Labels of all units on one scale; warped, mixed between tasks, and with measured noise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_number
from nasmeta.errors import SettingError
from nasmeta.tasks._task import Task

_BINS = 20  # with equally many cells; one deviation is estimated per bin
_MOST_MIXED = 3


@dataclass(frozen=True, eq=False)
class LabelNoise:
    """The deviation of one seed's normal score from that of the cell, at each (ascending) level of the score.

    Linear between the levels, constant outside.

    >>> import numpy as np
    >>> LabelNoise(np.array([-1.0, 1.0]), np.array([0.3, 0.1])).at(np.array([0.0, 5.0]))
    array([0.2, 0.1])
    """

    scores: NDArray[np.float64]
    stds: NDArray[np.float64]

    def at(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the deviations at these scores, of the same shape."""
        return np.asarray(np.interp(scores, self.scores, self.stds))


def measure_label_noise(tasks: Iterable[Task]) -> LabelNoise:
    """Measure the difference between two seeds on source tasks, in normal scores.

    For each task with accuracies of NAS-Bench-201 after 200 epochs, the seeds 777 and 888 of its own dataset are
    ranked; half the mean squared difference is the variance of one seed, in 20 bins of equally many cells by their mean
    score. Only datasets of these tasks are read, so a target that is not among them stays unseen.

    >>> import nasmeta as nm
    >>> sources, _ = nm.task_distribution("nb201").leave_out("cifar10")
    >>> noise = measure_label_noise(sources)
    >>> bool(0 < noise.at(0.0) < 0.5)
    True
    """
    means, squares = [], []
    for task in dict.fromkeys(_with_seeds(tasks)):
        first, second = (
            Task(task.name, task.table_name, replace(task.signal, seed=seed)).values for seed in (777, 888)
        )
        both = ~(np.isnan(first) | np.isnan(second))
        one, other = normal_scores(first[both]), normal_scores(second[both])
        means.append((one + other) / 2)
        squares.append((one - other) ** 2 / 2)
    if not means:
        raise SettingError(
            "None of the tasks has single seeds to measure label noise on: pass accuracies of NAS-Bench-201 after 200 "
            "epochs, such as nb201/cifar100, or a number as the noise."
        )
    level, variance = np.concatenate(means), np.concatenate(squares)
    bins = np.array_split(np.argsort(level, kind="stable"), _BINS)
    return LabelNoise(
        np.array([level[one].mean() for one in bins]), np.sqrt(np.array([variance[one].mean() for one in bins]))
    )


def _with_seeds(tasks: Iterable[Task]) -> Iterable[Task]:
    column = "nb201", "accuracy", "valid", 200
    for task in tasks:
        s = task.signal
        if task.objective is None and (task.table_name, s.metric, s.split, s.epochs) == column:
            # One task per dataset: the seeds are the same, whichever of the columns the task has.
            yield Task(f"nb201/{s.dataset}", "nb201", replace(s, seed=777))


@dataclass(frozen=True)
class Augmentation:
    """Changes of sampled tasks relative to their sources.

    Parameters
    ----------
    warp : float, default 0
        Standard deviation of the two parameters of a random monotone map of a source's scores, ``z -> sinh(e^a
        asinh(z) + b)`` (the sinh-arcsinh of Jones and Pewsey, Biometrika 2009). It changes ranks only in mixtures, and
        labels only where these are not ranked anew (``EpisodeSampler(..., labels="value")``).
    mixture : float, default 0
        Probability that a task is a convex mixture of two or three sources of one space, on their common cells,
        with weights from a flat Dirichlet distribution.
    noise : float or LabelNoise, default 0
        Standard deviation of the noise on each cell's score: one number, or the result of `measure_label_noise`.

    Examples
    --------
    >>> from nasmeta.tasks import Augmentation
    >>> Augmentation(mixture=0.5, noise=0.1)
    Augmentation(warp=0.0, mixture=0.5, noise=0.1)
    """

    warp: float = 0.0
    mixture: float = 0.0
    noise: float | LabelNoise = 0.0

    def __post_init__(self) -> None:
        check_number("warp", self.warp)
        check_number("mixture", self.mixture, most=1.0)
        if not isinstance(self.noise, LabelNoise):
            check_number("noise", self.noise)

    @property
    def changes_all_labels(self) -> bool:
        """Whether labels change even without a mixture."""
        return self.warp > 0 or isinstance(self.noise, LabelNoise) or self.noise > 0

    def members(self, first: int, others: Sequence[int], rng: np.random.Generator) -> list[int]:
        """Draw the sources of a mixture: `first` and, with probability `mixture`, one or two of `others`."""
        if not others or not self.mixture or rng.random() >= self.mixture:
            return [first]
        more = min(len(others), int(rng.integers(1, _MOST_MIXED)))
        return [first, *rng.choice(np.asarray(others), more, replace=False).tolist()]

    def combined(self, scores: Sequence[NDArray[np.float64]], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the labels of a new task from its members' scores, each of shape (n,), on common cells."""
        warped = [self._warped(one, rng) for one in scores]
        if len(warped) == 1:
            mixed = warped[0]
        else:
            weights = rng.dirichlet(np.ones(len(warped)))
            mixed = np.sum([w * one for w, one in zip(weights.tolist(), warped, strict=True)], axis=0)
            mixed = standardised(mixed)  # so that the noise keeps its meaning
        if isinstance(self.noise, LabelNoise):
            mixed = mixed + self.noise.at(mixed) * rng.standard_normal(len(mixed))
        elif self.noise:
            mixed = mixed + self.noise * rng.standard_normal(len(mixed))
        return mixed

    def _warped(self, scores: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        if not self.warp:
            return scores
        stretch, shift = self.warp * rng.standard_normal(2)
        return standardised(np.sinh(np.exp(stretch) * np.arcsinh(scores) + shift))


def standardised(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values with mean 0 and deviation 1, or all 0 if they are equal."""
    values = np.asarray(values, dtype=np.float64)
    return np.asarray((values - values.mean()) / (values.std() or 1.0))


def normal_scores(values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace values by standard normal quantiles of their ranks; ties share a rank.

    This label transform is invariant under monotone changes of the unit.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(values)
    return ndtri((ranks - 0.5) / len(ranks))
