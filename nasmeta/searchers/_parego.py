"""ParEGO: Bayesian optimisation of several objectives by random scalarisations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_number
from nasmeta.predictors import normal_scores
from nasmeta.searchers._base import SEARCHERS
from nasmeta.searchers._gp import GPSearch
from nasmeta.spaces import SearchSpace


@SEARCHERS.register("parego")
class ParEGO(GPSearch):
    """Expected improvement of an augmented Tchebycheff norm whose weights are drawn anew for each proposal.

    Knowles, "ParEGO: a hybrid algorithm with on-line landscape approximation for expensive multiobjective optimization
    problems", IEEE Transactions on Evolutionary Computation 2006. Objectives are scaled to the range of what was told;
    the process is that of `GPSearch`, on the normal scores of the norm's ranks.

    Parameters
    ----------
    n_initial, features
        As in `GPSearch`.
    augmentation : float, default 0.05
        The share of the weighted sum.

    Examples
    --------
    >>> import nasmeta as nm
    >>> len(nm.search("parego", "nb201/cifar10+train_seconds", evaluations=20, seed=0))
    20
    """

    objectives = "several"

    def __init__(
        self,
        space: SearchSpace,
        rng: np.random.Generator,
        *,
        n_initial: int = 5,
        features: Sequence[str] | None = None,
        augmentation: float = 0.05,
    ) -> None:
        super().__init__(space, rng, n_initial=n_initial, features=features)
        self.augmentation = check_number("augmentation", augmentation, 0, 1)

    def _labels(self) -> NDArray[np.float64]:
        """Draw weights; return the normal scores of the norm under them, shape (n,)."""
        values = np.array(self._values)
        if not len(values):
            return np.empty(0)
        low, span = values.min(axis=0), np.ptp(values, axis=0)
        weights = self.rng.dirichlet(np.ones(values.shape[1]))
        losses = weights * (1 - (values - low) / np.where(span > 0, span, 1.0))
        return normal_scores(-(losses.max(axis=1) + self.augmentation * losses.sum(axis=1)))
