"""Tree-structured Parzen estimators, maximised exactly over the space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import checked_number, checked_whole
from nasmeta.errors import SpaceExhaustedError
from nasmeta.searchers._base import SEARCHERS, Searcher
from nasmeta.spaces import CellSpace

__all__ = ["TPESearch"]


@SEARCHERS.register("tpe")
class TPESearch(Searcher):
    """Propose the cell that is most likely under the good cells seen, compared to the others.

    Bergstra, Bardenet, Bengio and Kégl, "Algorithms for hyper-parameter optimization", NeurIPS 2011, in the form that
    Watanabe, "Tree-structured Parzen estimator", 2023, calls multivariate and Optuna has: one kernel a cell, a product
    over the edges. Unlike these it draws no candidates: the ratio of the two densities is computed for every cell of
    the space, and no cell is proposed twice.

    Parameters
    ----------
    space : CellSpace
    rng : numpy.random.Generator
    initial : int, default 10
        Random cells before the model is used.
    top : float, default 0.1
        Share of the cells told that are good.
    most : int, default 25
        Good cells at most.
    prior_weight : float, default 1
        Weight of the uniform distribution among the kernels; it also says how wide these are.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("tpe", "nb201/cifar10", evaluations=60, seed=0)
    >>> len(run)
    60
    """

    def __init__(
        self,
        space: CellSpace,
        rng: np.random.Generator,
        *,
        initial: int = 10,
        top: float = 0.1,
        most: int = 25,
        prior_weight: float = 1.0,
    ) -> None:
        super().__init__(space, rng)
        self.initial = checked_whole("initial", initial, 1, 1_000_000)
        self.top = checked_number("top", top, most=1)
        self.most = checked_whole("most", most, 1, 1_000_000)
        self.prior_weight = checked_number("prior_weight", prior_weight, 1e-6, 1_000)
        self._told: dict[int, float] = {}
        self._open = np.ones(space.size, dtype=bool)
        # The place of a cell in a table of (first three edges) × (last three edges).
        base = space.n_operations ** np.arange(space.n_edges - 1, -1, -1)
        self._place = space.digits.astype(np.int64) @ base

    def restrict(self, cells: NDArray[np.int32]) -> bool:
        """Treat the other cells as proposed."""
        self._open[:] = False
        self._open[cells] = True
        return True

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the open cells of the largest ratio, ties at random; of a batch all by the same densities."""
        open_cells = np.flatnonzero(self._open)
        if len(open_cells) < n:
            raise SpaceExhaustedError(f"All cells of {self.space.name} that may be proposed have been.")
        if len(self._told) < self.initial:
            chosen = self.rng.choice(open_cells, size=n, replace=False)
            self._open[chosen] = False
            return chosen.astype(np.int32)
        ratio, proposals = self._log_ratio()[open_cells], np.empty(n, np.int32)
        for i in range(n):
            ties = np.flatnonzero(ratio == ratio.max())
            place = ties[0] if len(ties) == 1 else self.rng.choice(ties)
            proposals[i], ratio[place] = open_cells[place], -np.inf
        self._open[proposals] = False
        return proposals

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Add the values."""
        self._told.update(zip(cells.tolist(), values.tolist(), strict=True))
        self._open[cells] = False

    def _log_ratio(self) -> NDArray[np.float64]:
        """Return the log of the ratio of the densities of good and other cells, shape (n_cells,)."""
        cells = np.fromiter(self._told, np.int64, len(self._told))
        values = np.fromiter(self._told.values(), np.float64, len(self._told))
        n_good = min(max(int(np.ceil(self.top * len(cells))), 1), self.most)
        order = np.argsort(-values, kind="stable")
        good, other = cells[order[:n_good]], cells[order[n_good:]]
        ratio = np.log(self._density(good)) - np.log(self._density(other))
        rounded: NDArray[np.float64] = ratio[self._place].round(9)  # so that the order of a sum decides nothing
        return rounded

    def _density(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the density of kernels at these cells and of the uniform one, by place; shape (n_cells,)."""
        n_operations, n_edges = self.space.n_operations, self.space.n_edges
        smooth = self.prior_weight / max(len(cells) + 1, 1)
        kernels = np.full((n_edges, n_operations, len(cells) + 1), smooth)
        kernels[:, :, -1] = 1.0  # the uniform one
        edges, members = np.arange(n_edges)[:, None], np.arange(len(cells))[None, :]
        kernels[edges, self.space.digits[cells].T, members] += 1.0
        kernels /= kernels.sum(axis=1, keepdims=True)
        weights = np.append(np.ones(len(cells)), self.prior_weight)
        half = n_edges // 2
        first, last = (
            np.einsum("aw,bw,cw->abcw", *part, optimize=False).reshape(-1, len(cells) + 1)
            for part in (kernels[:half], kernels[half:])
        )
        density: NDArray[np.float64] = (first * (weights / weights.sum())) @ last.T
        return density.ravel()
