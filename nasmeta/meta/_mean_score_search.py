"""Transfer without a model: the mean rank of architectures on the sources."""

from __future__ import annotations

import numpy as np

from nasmeta.meta._arrays import Architectures, Arrays, Facts, Floats, Packed
from nasmeta.searchers import MetaSearcher, RandomSearch
from nasmeta.spaces import SearchSpace
from nasmeta.tasks import SourceTask, standardised


class SourceOrder(RandomSearch, MetaSearcher):
    """Architectures in descending order of their mean z-score on the source tasks, without a model.

    This is the baseline for every transfer method: if sources are known completely and agree with
    the target, sorting is hard to improve on. Architectures without a label on any source come
    last, in random order. Nothing is learned during the search.

    Examples
    --------
    >>> import nasmeta as nm
    >>> run = nm.search("source-order", "nb201/cifar100", evaluations=50, stop_at_optimum=True)
    >>> len(run)
    4
    """

    objectives = "one"  # type: ignore[assignment]
    needs_list = True

    # without the settings of random search
    def __init__(self, space: SearchSpace, rng: np.random.Generator) -> None:
        super().__init__(space, rng)

    def _learn(self, sources: list[SourceTask]) -> Floats:
        """Return the mean z-score of every architecture, shape (n_architectures,); NaN without a label."""
        total, labels = np.zeros(self.space.size), np.zeros(self.space.size)
        for source in sources:
            total[source.architectures] += standardised(source.utilities)
            labels[source.architectures] += 1
        return np.asarray(
            np.divide(total, labels, out=np.full(self.space.size, np.nan), where=labels > 0)
        )

    def _pack(self) -> Packed:
        return {"scores": self._require_meta_model()}, {}

    def _unpack(self, arrays: Arrays, facts: Facts) -> Floats:
        return arrays["scores"]

    def ask(self, n: int = 1) -> Architectures:
        """Propose the next architectures of the order."""
        scores = self._require_meta_model()
        if not self._asked:
            # A stable sort keeps the random order among equal and unlabelled architectures.
            unlabelled_last = np.nan_to_num(-scores, nan=np.inf)
            self._order = self._order[np.argsort(unlabelled_last[self._order], kind="stable")]
        return super().ask(n)
