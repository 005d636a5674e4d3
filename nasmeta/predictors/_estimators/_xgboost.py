"""Gradient boosting by XGBoost, one or several seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from nasmeta.checks import check_int, check_number
from nasmeta.errors import SettingError
from nasmeta.predictors._booster import check_booster
from nasmeta.predictors._estimators._base import ScaledRegressor

_SMALLEST_DEVIATION = 1e-6


@dataclass(eq=False, repr=False)
class XGBoostRegressor(ScaledRegressor):
    """Gradient boosting (Chen and Guestrin, KDD 2016) on one thread; several seeds give a deviation.

    Parameters
    ----------
    n_estimators : int, default 300
        Trees of a member.
    learning_rate : float, default 0.05
    max_depth : int, default 6
        Of a tree.
    subsample, colsample_bytree : float, default 0.8 and 0.5
        Shares of the rows and of the columns that a tree is built from.
    n_members : int, default 1
        Boosters with different seeds, whose mean is predicted. The deviation is that between them, so it needs two.
    labels : {"value", "rank"}, default "value"
        Learn the values themselves, or normal scores of ranks.
    random_state : int, default 0
    n_jobs : int, default 1
        Threads; all where it is -1 or None.

    Examples
    --------
    >>> import numpy as np
    >>> from nasmeta.predictors import XGBoostRegressor
    >>> X = np.arange(60.0)[:, None]
    >>> model = XGBoostRegressor(n_estimators=50).fit(X, X[:, 0] ** 2)
    >>> model.predict([[10.0], [50.0]]).shape
    (2,)
    >>> model.feature_importances_
    array([1.])

    Each of ``model.boosters_`` is an ``xgboost.Booster``, which ``shap.TreeExplainer`` reads; `shap_values` needs no
    other package.
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
        try:
            self.boosters_ = [
                xgboost.train({**settings, "seed": seed + member}, data, num_boost_round=n_trees)
                for member in range(check_int("n_members", self.n_members))
            ]
        except xgboost.core.XGBoostError as reason:
            raise SettingError(f"XGBoost refuses: {str(reason).strip().splitlines()[-1]}") from reason

    def _predict(
        self, X: NDArray[np.float64], return_std: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        predicted = np.stack([booster.inplace_predict(X) for booster in self.boosters_]).astype(np.float64)
        if not return_std:
            return predicted.mean(axis=0), None
        if len(predicted) < 2:
            raise SettingError("One booster knows no deviation; XGBoostRegressor(n_members=5) does.")
        return predicted.mean(axis=0), np.maximum(predicted.std(axis=0, ddof=1), _SMALLEST_DEVIATION)

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """Share of the gain that splits by each column bring, float64, shape (n_features,), summing to 1.

        Of a pipeline, ``pipeline[:-1].get_feature_names_out()`` names the columns.
        """
        check_is_fitted(self)
        gain = np.zeros(self.n_features_in_)
        for booster in self.boosters_:
            for name, one in booster.get_score(importance_type="total_gain").items():
                gain[int(name.removeprefix("f"))] += one
        return gain / (gain.sum() or 1.0)

    def shap_values(self, X: Any) -> NDArray[np.float64]:
        """Return what each column adds to the prediction, by Shapley's rule over the trees (Lundberg et al., 2020).

        Parameters
        ----------
        X : array-like of float, shape (n, n_features)

        Returns
        -------
        ndarray of float64, shape (n, n_features + 1)
            The last one is the mean prediction; the sum of a row is the prediction on the scale of the scores, which
            are standardised labels, or normal scores of their ranks, see `labels`.

        Examples
        --------
        >>> import numpy as np
        >>> from nasmeta.predictors import XGBoostRegressor
        >>> X = np.arange(120.0).reshape(60, 2) % 7
        >>> model = XGBoostRegressor(n_estimators=50, colsample_bytree=1.0).fit(X, X[:, 1])
        >>> added = model.shap_values(X)
        >>> added.shape, bool(np.abs(added[:, 1]).mean() > np.abs(added[:, 0]).mean())
        ((60, 3), True)
        """
        import xgboost

        check_is_fitted(self)
        rows = xgboost.DMatrix(self._checked_rows(X), nthread=self.n_jobs)
        added = [booster.predict(rows, pred_contribs=True) for booster in self.boosters_]
        return np.asarray(np.mean(added, axis=0), dtype=np.float64)

    def _state(self) -> dict[str, Any]:
        return {"boosters": [bytes(booster.save_raw("ubj")) for booster in self.boosters_]}

    def _set_state(self, state: dict[str, Any]) -> None:
        import xgboost

        self.boosters_ = []
        for raw in state["boosters"]:
            check_booster(bytes(raw), self.n_features_in_)
            booster = xgboost.Booster({"nthread": self.n_jobs})
            booster.load_model(bytearray(raw))
            self.boosters_.append(booster)
