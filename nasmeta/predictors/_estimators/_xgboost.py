"""Gradient boosting by XGBoost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasmeta.checks import check_int, check_number
from nasmeta.errors import SettingError
from nasmeta.predictors._estimators._base import ScaledRegressor

_SMALLEST_DEVIATION = 1e-6


@dataclass(eq=False, repr=False)
class XGBoostRegressor(ScaledRegressor):
    """Gradient boosting (Chen and Guestrin, KDD 2016) on one thread; several seeds give a deviation.

    Parameters
    ----------
    n_estimators : int, default 300
        Trees per member.
    learning_rate : float, default 0.05
    max_depth : int, default 6
        Of a tree.
    subsample, colsample_bytree : float, default 0.8 and 0.5
        Shares of the rows and of the columns for one tree.
    n_members : int, default 1
        Boosters with different seeds. Their mean is the prediction; the deviation needs at least two.
    labels : {"value", "rank"}, default "value"
        Learn the values themselves, or normal scores of ranks.
    random_state : int, default 0
    n_jobs : int, default 1
        Threads; -1 or None for all.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import XGBoostRegressor
    >>> X = np.arange(60.0)[:, None]
    >>> model = XGBoostRegressor(n_estimators=50).fit(X, X[:, 0] ** 2)
    >>> model.predict([[10.0], [50.0]]).shape
    (2,)

    Each of ``model.boosters_`` is an ``xgboost.Booster``, with ``get_score`` for importances and
    ``predict(pred_contribs=True)`` for SHAP values.
    """

    n_estimators: int = 300
    learning_rate: float = 0.05
    max_depth: int = 6
    subsample: float = 0.8
    colsample_bytree: float = 0.5
    n_members: int = 1
    labels: str = "value"
    random_state: int = 0
    n_jobs: int | None = 1

    def _fit(self, X: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
        import xgboost

        n_trees = check_int("n_estimators", self.n_estimators)
        settings = {
            "eta": check_number("learning_rate", self.learning_rate),
            "max_depth": check_int("max_depth", self.max_depth),
            "subsample": check_number("subsample", self.subsample, most=1),
            "colsample_bytree": check_number("colsample_bytree", self.colsample_bytree, most=1),
            "tree_method": "hist",
            "nthread": None if self.n_jobs is None else check_int("n_jobs", self.n_jobs, least=-1, most=2**31 - 1),
            "verbosity": 0,
        }
        seed = check_int("random_state", self.random_state, least=0)
        data = xgboost.QuantileDMatrix(X, label=scores, nthread=settings["nthread"])
        self.boosters_ = [
            xgboost.train({**settings, "seed": seed + member}, data, num_boost_round=n_trees)
            for member in range(check_int("n_members", self.n_members))
        ]

    def _predict(
        self, X: NDArray[np.float64], return_std: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        predicted = np.stack([booster.inplace_predict(X) for booster in self.boosters_]).astype(np.float64)
        if not return_std:
            return predicted.mean(axis=0), None
        if len(predicted) < 2:
            raise SettingError("n_members", 1, "an integer of at least 2 for a deviation")
        return predicted.mean(axis=0), np.maximum(predicted.std(axis=0, ddof=1), _SMALLEST_DEVIATION)
