"""Arguments of predictors are named as in scikit-learn and XGBoost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from nasmeta.code import estimator_digest
from nasmeta.predictors import (
    PREDICTORS,
    make_predictor,
)

CELLS = np.arange(0, 15625, 400)
Y = np.cos(CELLS / 900)
NEURAL = ("mlp", "gnn", "transformer")
QUICK: dict[str, dict[str, Any]] = {
    "xgboost": {"n_estimators": 5},
    "random-forest": {"n_estimators": 5},
    **{key: {"max_epochs": 2, "n_members": 2} for key in NEURAL},
}
# A setting of each, as scikit-learn's or the library's own users know it.
NATIVE: dict[str, dict[str, list[Any]]] = {
    "ridge": {"labels": ["rank", "value"]},
    "gp": {"labels": ["rank", "value"]},
    "random-forest": {"min_samples_leaf": [1, 4]},
    "xgboost": {"max_depth": [2, 4]},
    "ensemble": {"xgboost__regressor__n_estimators": [2, 4]},
    **{key: {"random_state": [0, 1]} for key in NEURAL},
}


def make(name: str, **settings: Any) -> Any:
    if name in NEURAL:
        pytest.importorskip("torch", reason="Needs the extra torch.")
    return make_predictor(name, **{**QUICK.get(name, {}), **settings})


@pytest.mark.parametrize("name", sorted(NATIVE))
def test_scikit_learn_clones_sets_and_searches(name: str) -> None:
    pipeline = make(name)
    assert name in PREDICTORS
    again = clone(pipeline)
    assert estimator_digest(again) == estimator_digest(pipeline)
    ((key, values),) = NATIVE[name].items()
    assert again[-1].set_params(**{key: values[0]}).get_params()[key] == values[0]
    grid = {f"regressor__{key}": values}
    search = GridSearchCV(pipeline, grid, cv=2, scoring="r2", error_score="raise").fit(CELLS, Y)
    assert search.best_params_[f"regressor__{key}"] in values
    assert search.predict(CELLS[:3]).shape == (3,)
