"""Tree-structured Parzen estimators."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.random import Generator

from nasmeta.arrays import Architectures, Floats, Integers
from nasmeta.checks import check_int, check_number
from nasmeta.searchers._searcher import WithoutReplacement
from nasmeta.spaces import RANGE_STEPS, Position, SearchSpace

_PAIRS_FOR_ONE = 16  # products of two halves that take as long as one architecture alone
_BLOCK = 1024  # architectures whose kernels fit into a processor's cache
_MOST_GOOD = 25
_DRAWN = 64  # candidates in a large space
_HALVINGS = 12  # of the kernel over a whole range


class TPESearch(WithoutReplacement):
    """Tree-structured Parzen estimator: maximise the density of good architectures relative to the others.

    Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter optimization", NeurIPS
    2011, in the form that Watanabe, "Tree-structured Parzen estimator", 2023, calls multivariate,
    as in Optuna: one kernel per architecture, a product over the positions. The ratio of the
    densities is computed for the whole space or, if it is large, for 64 draws from the density of
    good architectures; no architecture is proposed twice. On an ordered position, the kernel halves
    with each step from its choice, on a range with each twelfth of its length.

    Parameters
    ----------
    n_initial : int, default 10
        Random architectures before the model is used.
    top : float, default 0.1
        Share of good architectures, which are at most 25.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("tpe", "nb201/cifar10", evaluations=60, seed=0)
    >>> len(run)
    60
    """

    needs_list = False

    def __init__(
        self,
        space: SearchSpace,
        rng: Generator,
        *,
        n_initial: int = 10,
        top: float = 0.1,
    ) -> None:
        super().__init__(space, rng)
        self.n_initial = check_int("n_initial", n_initial)
        self.top = check_number("top", top, most=1)
        if space.is_large:
            return
        (left, rows), (right, columns) = _halves(space)
        self._in_pairs = len(left) * len(right) <= _PAIRS_FOR_ONE * space.size
        # Index of each architecture in the densities: those of all pairs of halves, or of the
        # architectures.
        self._place = rows * len(right) + columns if self._in_pairs else np.arange(space.size)

    def ask(self, n: int = 1) -> Architectures:
        """Propose the open architectures with the largest ratio; one estimate per batch."""
        self._require_open(n)
        if len(self._observed) < self.n_initial:
            return self._sample_open(n)
        if self.space.is_large:
            return self._best_drawn(n)
        log_ratio = self._log_ratio()
        return np.array([self._take_best(log_ratio) for _ in range(n)], np.int32)

    def _log_ratio(self) -> Floats:
        """Return the log ratio of the densities of good and other architectures, shape (size,)."""
        good, others = self._halved()
        log_ratio = np.log(self._density(good)) - np.log(self._density(others))
        return np.asarray(log_ratio[self._place].round(9))  # independent of the order of sums

    def _halved(self) -> tuple[Architectures, Architectures]:
        """Return the good architectures and the others."""
        architectures, values = self._labelled()
        best_first = architectures[np.argsort(-values, kind="stable")]
        n_good = int(np.ceil(self.top * len(architectures)))
        n_good = min(max(n_good, 1), _MOST_GOOD)
        return best_first[:n_good], best_first[n_good:]

    def _best_drawn(self, n: int) -> Architectures:
        """Propose the open draws from the density of good architectures with the largest ratios."""
        good, others = (self._kernels(half) for half in self._halved())
        n_kernels = good[0].shape[1]
        centres = self.rng.integers(n_kernels, size=_DRAWN)
        codes = np.empty((_DRAWN, self.space.n_positions), np.int64)
        for position, kernel in enumerate(good):
            # The number of cumulative probabilities below a uniform number is a draw of the kernel.
            cumulative = kernel.cumsum(axis=0)[:-1, centres]  # (n_choices - 1, _DRAWN)
            codes[:, position] = (self.rng.random(_DRAWN) > cumulative).sum(axis=0)
        ranks = self.space.conditions.reduced(codes) @ self.space.place_values
        drawn = np.unique(self.space.find(ranks))
        drawn = drawn[drawn >= 0]
        if len(drawn):
            drawn = drawn[self._open[drawn]]
        drawn_codes = self.space.codes_of(drawn)
        log_ratio = _log_density(good, drawn_codes) - _log_density(others, drawn_codes)
        best = drawn[np.argsort(-log_ratio, kind="stable")[:n]]
        self._open[best] = False
        return np.concatenate([best, self._each_from(self._random_open, n - len(best))])

    def _kernels(self, architectures: Architectures) -> list[Floats]:
        """Return the kernels of each position at some architectures and a uniform one, each (n_choices, n_kernels)."""
        n_kernels = len(architectures) + 1
        kernels = []
        centres = self.space.codes_of(architectures)
        for position, codes in zip(self.space.positions, centres.T, strict=True):
            around = _choice_kernel(position, codes) + 1 / n_kernels
            kernel = np.full((len(around), n_kernels), 1 / len(around))  # the last one uniform
            kernel[:, :-1] = around / around.sum(axis=0)
            kernels.append(kernel)
        return kernels

    def _density(self, architectures: Architectures) -> Floats:
        """Return the density of kernels at the given architectures and a uniform one, by `_place`."""
        kernels = self._kernels(architectures)
        n_kernels = len(architectures) + 1
        (left, rows), (right, columns) = _halves(self.space)
        n_left = left.shape[1]
        # A product over all positions is a product of those over either half: (n_codes, n_kernels) each.
        first = _products(kernels[:n_left], left, n_kernels) / n_kernels
        second = _products(kernels[n_left:], right, n_kernels)
        if self._in_pairs:
            return np.asarray((first @ second.T).ravel())
        density = np.empty(self.space.size)
        for start in range(0, len(density), _BLOCK):
            block = slice(start, start + _BLOCK)
            density[block] = (first[rows[block]] * second[columns[block]]).sum(axis=1)
        return density


def _choice_kernel(position: Position, centres: Integers) -> Floats:
    """Return the unsmoothed kernel: probability of each choice (rows) given the codes of centres (columns)."""
    levels = position.levels
    if not position.ordered:
        return np.asarray(np.equal.outer(levels, centres), np.float64)
    per_level = _HALVINGS / RANGE_STEPS if position.scale else 1.0
    halvings = 0.5 ** (per_level * np.arange(levels[-1] + 1))  # by the distance in levels
    distances = np.abs(np.subtract.outer(levels, levels[centres]))
    return np.asarray(halvings[distances])


@lru_cache(maxsize=4)
def _halves(space: SearchSpace) -> list[tuple[Integers, Integers]]:
    """Return the distinct codes of either half of the positions, and the row of each architecture among them."""
    halves = np.array_split(space.codes, 2, axis=1)
    return [_distinct(half) for half in halves]


def _distinct(codes: Integers) -> tuple[Integers, Integers]:
    """Return the distinct rows of codes, and the index of each row among them."""
    if not codes.shape[1]:
        return codes[:1], np.zeros(len(codes), np.intp)
    rows, inverse = np.unique(codes, axis=0, return_inverse=True)
    return rows, inverse.ravel()


def _log_density(kernels: list[Floats], codes: Integers) -> Floats:
    """Return the logarithm of the mean over kernels at codes, shape (n_codes,)."""
    n_kernels = kernels[0].shape[1]
    return np.asarray(np.log(_products(kernels, codes, n_kernels).mean(axis=1)))


def _products(kernels: list[Floats], codes: Integers, n_kernels: int) -> Floats:
    """Return the products of kernels over some positions at codes, shape (n_codes, n_kernels)."""
    products = np.ones((len(codes), n_kernels))
    for kernel, column in zip(kernels, codes.T, strict=True):
        products *= kernel[column]
    return products
