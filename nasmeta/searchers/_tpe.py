"""Tree-structured Parzen estimators, maximised exactly over the space."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int, check_number
from nasmeta.searchers._base import WithoutReplacement
from nasmeta.spaces import Position, SearchSpace

_PAIRS_FOR_ONE = 16  # products of two parts that take as long as one architecture alone
_LARGEST_TABLE, _BLOCK = 512, 256  # rows that a processor's cache holds


class TPESearch(WithoutReplacement):
    """Tree-structured Parzen estimator: maximise the density of good architectures relative to the others.

    Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter optimization", NeurIPS 2011, in the form that
    Watanabe, "Tree-structured Parzen estimator", 2023, calls multivariate, as in Optuna: one kernel per architecture, a
    product over the positions. It draws no candidates: the ratio of the densities is computed for the whole space, and
    no architecture is proposed twice. On an ordered position, the kernel halves with each step from its choice.

    Parameters
    ----------
    n_initial : int, default 10
        Random architectures before the model is used.
    top : float, default 0.1
        Share of good architectures.
    most : int, default 25
        Largest number of good architectures.
    prior_weight : float, default 1
        Weight of the uniform distribution among the kernels, and their width.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("tpe", "nb201/cifar10", evaluations=60, seed=0)
    >>> len(run)
    60
    """

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        n_initial: int = 10,
        top: float = 0.1,
        most: int = 25,
        prior_weight: float = 1.0,
    ) -> None:
        super().__init__(space, rng)
        self.n_initial = check_int("n_initial", n_initial)
        self.top = check_number("top", top, most=1)
        self.most = check_int("most", most)
        self.prior_weight = check_number("prior_weight", prior_weight, 1e-6, 1_000)
        self._choice_kernels = [_choice_kernel(position) for position in space.positions]
        self._parts = _parts(space)
        self._place = np.arange(space.size)
        first, second = self._parts[0], self._parts[-1]
        self._in_pairs = len(self._parts) == 2 and len(first.codes) * len(second.codes) <= _PAIRS_FOR_ONE * space.size
        if self._in_pairs:
            self._place = first.places * len(second.codes) + second.places

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the open architectures with the largest ratio; one estimate per batch."""
        self._require_open(n)
        if len(self._observed) < self.n_initial:
            return self._sample_open(n)
        ratio = self._log_ratio()
        return np.array([self._take_best(ratio) for _ in range(n)], np.int32)

    def _log_ratio(self) -> NDArray[np.float64]:
        """Return the log ratio of the densities of good and other architectures, shape (size,)."""
        cells, values = self._labelled()
        n_good = min(max(int(np.ceil(self.top * len(cells))), 1), self.most)
        order = np.argsort(-values, kind="stable")
        good, other = cells[order[:n_good]], cells[order[n_good:]]
        ratio = np.log(self._density(good)) - np.log(self._density(other))
        return ratio[self._place].round(9)  # independent of the order of sums

    def _density(self, cells: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the density of kernels at these architectures and of the uniform one, by `_place`."""
        smooth = self.prior_weight / max(len(cells) + 1, 1)
        weights = np.append(np.ones(len(cells)), self.prior_weight)
        kernels = []
        for choice_kernel, codes in zip(self._choice_kernels, self.space.codes[cells].T, strict=True):
            around = choice_kernel + smooth
            kernel = np.full((len(around), len(weights)), 1 / len(around))  # the last one uniform
            kernel[:, :-1] = (around / around.sum(axis=0))[:, codes]
            kernels.append(kernel)
        first, *others = [_product(kernels[part.of], part.codes, len(weights)) for part in self._parts]
        first *= weights / weights.sum()
        if self._in_pairs:
            return (first @ others[0].T).ravel()
        density = np.empty(self.space.size)
        for start in range(0, len(density), _BLOCK):
            block = slice(start, start + _BLOCK)
            product = first[self._parts[0].places[block]]
            for table, part in zip(others, self._parts[1:], strict=True):
                product *= table[part.places[block]]
            density[block] = product.sum(axis=1)
        return density


def _choice_kernel(position: Position) -> NDArray[np.float64]:
    """Return the unsmoothed kernel: probability of each choice (rows) given its centre (columns)."""
    n = len(position.choices)
    if not position.ordered:
        return np.eye(n)
    return np.asarray(0.5 ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))))


class _Part(NamedTuple):
    """Consecutive positions: their distinct codes, and the index of each architecture among them."""

    of: slice
    codes: NDArray[np.integer]
    places: NDArray[np.int64]


@lru_cache(maxsize=4)
def _parts(space: SearchSpace) -> list[_Part]:
    """Return parts of consecutive positions, each with at most 512 combinations or one position."""
    starts, product = [0], 1
    for position, n in enumerate(space.n_choices):
        product *= n
        if product > _LARGEST_TABLE and position > starts[-1]:
            starts.append(position)
            product = n
    ends = [*starts[1:], space.n_positions]
    return [_part(space, slice(*ends)) for ends in zip(starts, ends, strict=True)]


def _part(space: SearchSpace, of: slice) -> _Part:
    """Return a part, its codes in lexicographic order."""
    worth = np.cumprod([1, *space.n_choices[of][:0:-1]])[::-1][: of.stop - of.start]
    ranks = space.codes[:, of].astype(np.int64) @ worth
    _, rows, places = np.unique(ranks, return_index=True, return_inverse=True)
    return _Part(of, space.codes[rows, of], places.ravel())


def _product(kernels: list[NDArray[np.float64]], codes: NDArray[np.integer], width: int) -> NDArray[np.float64]:
    """Return the products of kernels over some positions at codes, shape (n_codes, n_kernels)."""
    if len(codes) == np.prod([len(kernel) for kernel in kernels]):  # all combinations, in this order
        return reduce(lambda done, kernel: (done[:, None] * kernel).reshape(-1, width), kernels, np.ones((1, width)))
    product = np.ones((len(codes), width))
    for kernel, column in zip(kernels, codes.T, strict=True):
        product *= kernel[column]
    return product
