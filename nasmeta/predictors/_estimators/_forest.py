"""Random forest with a deviation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int
from nasmeta.predictors._estimators._base import ScaledRegressor

_SMALLEST_VARIANCE = 1e-12  # trees that agree on pure leaves would claim certainty


@dataclass(eq=False, repr=False)
class ForestRegressor(ScaledRegressor):
    """Random forest (Breiman 2001), with the deviation of Hutter et al. (Artificial Intelligence 2014, sec. 4.3.2).

    The variance is the variance of the trees' means plus the mean variance in their leaves.

    Parameters
    ----------
    n_estimators : int, default 100
        Trees.
    max_features : float, int or "sqrt", default 0.5
        Share or number of columns that a split chooses from.
    min_samples_leaf : int, default 1
        Minimum number of labels in a leaf.
    labels : {"value", "rank"}, default "value"
        Learn the values themselves, or normal scores of ranks.
    random_state : int, default 0
    n_jobs : int, default 1

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import ForestRegressor
    >>> X = np.arange(60.0)[:, None]
    >>> mean, deviation = ForestRegressor(n_estimators=20).fit(X, X[:, 0]).predict([[10.0]], return_std=True)
    >>> mean.shape, bool(deviation[0] > 0)
    ((1,), True)
    """

    n_estimators: int = 100
    max_features: float | str = 0.5
    min_samples_leaf: int = 1
    labels: str = "value"
    random_state: int = 0
    n_jobs: int | None = 1

    def _fit(self, X: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
        from sklearn.ensemble import RandomForestRegressor

        model = RandomForestRegressor(
            n_estimators=check_int("n_estimators", self.n_estimators),
            max_features=self.max_features,
            min_samples_leaf=self.min_samples_leaf,
            random_state=check_int("random_state", self.random_state, 0, 2**32 - 1),
            n_jobs=self.n_jobs,
        )
        self.trees_ = [tree.tree_ for tree in model.fit(X, scores).estimators_]

    def _predict(
        self, X: NDArray[np.float64], return_std: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        rows = X.astype(np.float32)  # the precision of scikit-learn's trees
        leaves = [(tree, tree.apply(rows)) for tree in self.trees_]
        values = np.stack([tree.value[leaf, 0, 0] for tree, leaf in leaves], axis=1)
        if not return_std:
            return values.mean(axis=1), None
        within = np.stack([np.maximum(tree.impurity[leaf], 0) for tree, leaf in leaves], axis=1)  # rounding: −1e-17
        variance = values.var(axis=1) + within.mean(axis=1)
        return values.mean(axis=1), np.sqrt(np.maximum(variance, _SMALLEST_VARIANCE))
