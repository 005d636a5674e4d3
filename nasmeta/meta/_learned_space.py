"""Learned search spaces: the part of a space that sources say is worth searching."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SettingError, shown
from nasmeta.meta._cell_distribution import fit_log_linear, marginals, position_pairs
from nasmeta.meta._chance import ChanceOfBest
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import Augmentation, LabelNoise, SourceTask, Task, checked_sources, normal_scores

_SHARES = (0.003, 0.01, 0.03)  # of a source's cells that count as its best ones; chosen on the sources
_COPIES = 8  # noisy ones of each left-out source
_FEWEST_LABELS = 20
_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class LearnedSpace:
    r"""A distribution over cells learnt from sources, and the fraction of the cells that it prefers.

    For each source a log-linear distribution, with a weight for each operation of each edge and each pair of operations
    of two edges, is fitted to its best cells. The sources' distributions are combined in two ways, of which the
    result is the mean: their geometric mean, high where all sources agree, and their arithmetic mean, which keeps what
    any one of them prefers. How many of a source's cells count as its best is chosen by leaving out each source in
    turn; the same left-out sources, with label noise, say how far down the order a best cell stands, and from that
    comes `chance_of_best`.

    Attributes
    ----------
    space : SearchSpace
    fraction : float
        Kept share of the cells.
    log_probability : ndarray of float64, shape (n_cells,)
        Of the learnt distribution.
    chance : ChanceOfBest
        The chance as a function of the fraction.
    sources : tuple of str
        Names of the tasks that it was learnt from.
    labels : int
        Source labels that were used, all sources together.
    share : float
        Share of a source's labelled cells that count as its best ones.

    Examples
    --------
    >>> import nasmeta as nm
    >>> from nasmeta.meta import LearnedSpace
    >>> sources, target = nm.task_distribution("nb201").leave_out("cifar10")
    >>> learnt = LearnedSpace.learn(target[0].space, sources, fraction=0.05)
    >>> len(learnt.cells), bool(learnt.contains(target[0].optimal_cells).all()), learnt.chance_of_best > 0.8
    (782, True, True)
    >>> learnt.edge_probabilities.shape, learnt.pair_probabilities.shape
    ((6, 5), (15, 5, 5))
    """

    space: SearchSpace
    fraction: float
    log_probability: NDArray[np.float64]
    chance: ChanceOfBest
    sources: tuple[str, ...]
    labels: int
    share: float

    @classmethod
    def learn(
        cls,
        space: SearchSpace,
        sources: Iterable[SourceTask | Task],
        fraction: float = 0.1,
        *,
        noise: float | LabelNoise = 0.1,
    ) -> LearnedSpace:
        """Learn from source tasks.

        Parameters
        ----------
        space : SearchSpace
        sources : iterable of Task or SourceTask
            Of a task only the signal is seen. Those of another space count with the cells that both have.
        fraction : float, default 0.1
            Share of the cells that is kept, above 0 and at most 1.
        noise : float or LabelNoise, default 0.1
            Of a left-out source's normal scores, when the chance is calibrated.

        Raises
        ------
        SettingError
            Where the fraction is not possible, or there is no source that can be learnt from.
        """
        fraction = _checked_fraction(fraction)
        seen = labelled_in(space, sources, cls.__name__)
        scored = {share: np.stack([fit_log_linear(source, share) for source in seen]) for share in _SHARES}
        rng = np.random.default_rng(0)  # the copies are part of the method, not of a run
        best = [_best_of_copies(source, noise, rng) for source in seen]
        positions = {share: _left_out_positions(seen, scored[share], best) for share in _SHARES}
        share = min(
            _SHARES, key=lambda s: (np.mean([np.log(one).mean() for one in positions[s]] or [0.0]), abs(s - _SHARES[1]))
        )
        return cls(
            space=space,
            fraction=fraction,
            log_probability=_combined(scored[share]),
            chance=ChanceOfBest(positions[share]),
            sources=tuple(source.name for source in seen),
            labels=sum(len(source) for source in seen),
            share=share,
        )

    def keep(self, fraction: float) -> LearnedSpace:
        """Return the same distribution with another kept fraction."""
        return replace(self, fraction=_checked_fraction(fraction))

    @cached_property
    def order(self) -> NDArray[np.int32]:
        """All cells, the most probable first, int32, shape (n_cells,)."""
        return np.argsort(-self.log_probability, kind="stable").astype(np.int32)

    @property
    def cells(self) -> NDArray[np.int32]:
        """The kept cells, the most probable first, int32."""
        return self.order[: int(np.ceil(self.fraction * self.space.size))]

    def contains(self, cells: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which cells are kept, shape (n,)."""
        return np.isin(self.space.index_of(cells), self.cells)

    @property
    def chance_of_best(self) -> float:
        """Estimated chance that the best cell of a new task is among the kept ones; see `ChanceOfBest`."""
        return self.chance.at(self.fraction)

    @cached_property
    def edge_probabilities(self) -> NDArray[np.float64]:
        """Probability of each operation on each edge, or choice at each position, shape (n_edges, n_operations)."""
        return marginals(self.space, self.log_probability)[0]

    @cached_property
    def pair_probabilities(self) -> NDArray[np.float64]:
        """Probability of two operations on two edges, shape (n_pairs, n_operations, n_operations).

        The pairs are those of `edge_pairs`.
        """
        return marginals(self.space, self.log_probability)[1]

    @property
    def edge_pairs(self) -> tuple[tuple[int, int], ...]:
        """The pairs of positions, of cells edges, behind `pair_probabilities`."""
        return position_pairs(self.space)

    def __repr__(self) -> str:
        return (
            f"LearnedSpace({len(self.cells):,} of {self.space.size:,} cells of {self.space.name}, chance of the "
            f"best {self.chance_of_best:.2f}, from {', '.join(self.sources)})"
        )


def labelled_in(space: SearchSpace, sources: Iterable[SourceTask | Task], who: str) -> list[SourceTask]:
    """Return sources in one space, as far as it has their cells; a SettingError where these are too few."""
    moved = checked_sources(who, sources, space, move=True)
    for source in moved:
        if len(source) < _FEWEST_LABELS:
            raise SettingError(
                f"Source {source.name} has {len(source)} labelled cells of {space.name}; {_FEWEST_LABELS} are needed."
            )
    return moved


def _checked_fraction(fraction: float) -> float:
    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 < fraction <= 1:
        raise SettingError(f"fraction must be a number above 0 and at most 1, not {shown(fraction)}.")
    return float(fraction)


def _combined(log_p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the geometric and the arithmetic mean of (n_sources, n_cells) distributions, as logarithms."""
    geometric = log_p.mean(axis=0)
    arithmetic = np.exp(log_p).mean(axis=0)
    both: NDArray[np.float64] = np.log((np.exp(geometric - np.logaddexp.reduce(geometric)) + arithmetic) / 2 + _TINY)
    return both


def _left_out_positions(
    sources: Sequence[SourceTask], log_p: NDArray[np.float64], best: Sequence[NDArray[np.int32]]
) -> list[NDArray[np.float64]]:
    """Return at which fraction of the others' order the best cells of each left-out source stand.

    Sources that share a dataset or device are left out together, and count together as one.
    """
    found: dict[tuple[str, ...], list[NDArray[np.float64]]] = {}
    for source, cells in zip(sources, best, strict=True):
        rest = [set(source.held_out).isdisjoint(other.held_out) for other in sources]
        if any(rest):
            score = _combined(log_p[rest])
            order = np.sort(score)
            above = len(order) - np.searchsorted(order, score[cells], side="right")
            found.setdefault(source.held_out, []).append((above + 0.5) / len(order))
    return [np.concatenate(positions) for positions in found.values()]


def _best_of_copies(source: SourceTask, noise: float | LabelNoise, rng: np.random.Generator) -> NDArray[np.int32]:
    """Return the best cell of each noisy copy of a source."""
    scores, augment = normal_scores(source.utilities), Augmentation(noise=noise)
    return np.array([source.cells[np.argmax(augment.combined([scores], rng))] for _ in range(_COPIES)], np.int32)
