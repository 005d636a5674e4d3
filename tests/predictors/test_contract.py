"""Registered predictors keep the contract, and the contract notices those that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from contracts import PredictorContract
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.estimator_checks import parametrize_with_checks

from nasmeta.predictors import make_predictor
from nasmeta.predictors._estimators._ensemble import EnsembleRegressor
from nasmeta.predictors._estimators._gaussian_process import GPRegressor
from nasmeta.predictors._estimators._libraries import (
    ForestRegressor,
    PerceptronRegressor,
    RidgeRegressor,
    XGBoostRegressor,
)
from nasmeta.spaces import SearchSpace, get_space

SMALL = {
    "ridge": {},
    "gp": {},
    "random-forest": {"n_estimators": 30},
    "xgboost": {"n_estimators": 60, "n_members": 2},
    "ensemble": {"members": ["gp", "ridge"]},
    "mlp": {"n_members": 2},
}


def contract_of(name: str) -> type[PredictorContract]:
    def make(self: PredictorContract, space: str | SearchSpace, seed: int) -> Any:
        return make_predictor(name, space=space, seed=seed, **SMALL[name])

    return type(f"Test{name.title().replace('-', '')}", (PredictorContract,), {"make": make})


for _name in SMALL:
    _class = contract_of(_name)
    globals()[_class.__name__] = _class


class Mean(RegressorMixin, BaseEstimator):
    """Breaks the contract: it looks at no cell."""

    def fit(self, X: Any, y: Any) -> Mean:
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X: Any) -> np.ndarray:
        return np.full(len(X), self.mean_) + np.arange(len(X))


class MeanContract(PredictorContract):
    def make(self, space: str | SearchSpace, seed: int) -> Any:
        return Mean()


@pytest.mark.filterwarnings("ignore")  # a constant has no correlation
def test_the_contract_notices_who_does_not_learn() -> None:
    contract, space = MeanContract(), get_space("tnb101")
    with pytest.raises(AssertionError):
        contract.test_learns(space)
    with pytest.raises(AssertionError):
        contract.test_a_prediction_does_not_depend_on_its_neighbours(space)


def test_the_contract_needs_make() -> None:
    with pytest.raises(NotImplementedError):
        PredictorContract().fitted(get_space("tnb101"))


@parametrize_with_checks(
    [
        RidgeRegressor(),
        GPRegressor(),
        GPRegressor(labels="value"),
        ForestRegressor(n_estimators=10),
        XGBoostRegressor(n_estimators=20),
        PerceptronRegressor(n_members=2),
        EnsembleRegressor([("ridge", RidgeRegressor()), ("gp", GPRegressor())]),
    ]
)
def test_scikit_learn_accepts(estimator: Any, check: Any) -> None:
    check(estimator)
