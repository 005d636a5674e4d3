"""Transfer without a model: the order of the cells on the sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasmeta.errors import SpaceExhaustedError
from nasmeta.meta._model_archive import check_array
from nasmeta.searchers import SEARCHERS, MetaSearcher
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, standardised


@SEARCHERS.register("source-order")
class SourceOrder(MetaSearcher):
    """Cells in descending order of their mean z-score on the source tasks; no model at all.

    The baseline that every transfer method has to beat: where sources are known completely and agree with the target,
    sorting is hard to improve on. Cells without a label on any source come last, in random order. The order does not
    depend on the target, so nothing is learnt during the search.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("source-order", "nb201/cifar100", evaluations=50, stop_at_optimum=True)
    >>> len(run)
    4
    """

    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)
        self._order: NDArray[np.int32] | None = None
        self._asked = 0
        self._open = np.ones(space.size, dtype=bool)

    def _learn(self, sources: list[SourceTask]) -> NDArray[np.float64]:
        """Return the mean z-score of every cell, shape (n_cells,); NaN without a label."""
        total, labels = np.zeros(self.space.size), np.zeros(self.space.size)
        for source in sources:
            total[source.cells] += standardised(source.utilities)
            labels[source.cells] += 1
        return np.asarray(np.divide(total, labels, out=np.full(self.space.size, np.nan), where=labels > 0))

    def _pack(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {"scores": self._require_meta_model()}, {}

    def _unpack(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> NDArray[np.float64]:
        scores = check_array(arrays, "scores", np.float64, (self.space.size,), finite=False)
        if np.isinf(scores).any() or np.isnan(scores).all():
            raise ValueError("scores are infinite, or there is none")
        return scores

    def restrict(self, cells: NDArray[np.int32]) -> bool:
        """Leave the other cells out of the order."""
        self._open = np.isin(np.arange(self.space.size), cells)
        return True

    def ask(self, n: int = 1) -> NDArray[np.int32]:
        """Propose the next cells of the order."""
        if self._order is None:
            scores = self._require_meta_model()
            shuffled = self.space.sample(self.space.size, self.rng)
            # A stable sort keeps the shuffled order among equal and unlabelled cells.
            unlabelled_last = np.nan_to_num(-scores, nan=np.inf)
            self._order = shuffled[np.argsort(unlabelled_last[shuffled], kind="stable")]
            self._order = self._order[self._open[self._order]]
        if self._asked + n > len(self._order):
            raise SpaceExhaustedError(f"All {len(self._order):,} cells of {self.space.name} have been proposed.")
        self._asked += n
        return self._order[self._asked - n : self._asked]

    def tell(self, cells: NDArray[np.int32], values: NDArray[np.float64]) -> None:
        """Do nothing: the order is fixed."""
