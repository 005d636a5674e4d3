"""What a user may hand over by mistake ends in an error of the package, which is of scikit-learn's kind, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nasmeta.errors import NasmetaError, SettingError
from nasmeta.predictors import (
    PREDICTORS,
    ColumnEncoder,
    EnsembleRegressor,
    ForestRegressor,
    LearningCurveRegressor,
    MLPEnsemble,
    RidgeRegressor,
    XGBoostRegressor,
    isomorph_split,
    log_expected_improvement,
    make_encoder,
    make_predictor,
)

CELLS, Y = np.arange(30), np.cos(np.arange(30.0))
DEEP: list[Any] = []
for _ in range(2000):
    DEEP = [DEEP]
WRONG: tuple[Any, ...] = (None, "x", [[1], [2, 3]], DEEP, {"a": 1}, 10**5000, 1j)


@pytest.mark.parametrize("name", sorted(PREDICTORS))
@pytest.mark.parametrize("n_labels", [29, 31])
def test_each_architecture_needs_a_label(name: str, n_labels: int) -> None:
    with pytest.raises(ValueError, match=f"30 rows, but {n_labels} labels") as caught:
        make_predictor(name).fit(CELLS, np.arange(float(n_labels)))
    assert isinstance(caught.value, SettingError)


@pytest.mark.parametrize("name", ["ridge", "transformer"])
def test_rows_and_labels_of_another_kind(name: str) -> None:
    model = make_predictor(name, **({"max_epochs": 1} if name == "transformer" else {}))
    fitted = model.fit(CELLS, Y)
    for wrong in WRONG:
        for call in (lambda: model.fit(wrong, Y), lambda: model.fit(CELLS, wrong), lambda: fitted.predict(wrong)):  # noqa: B023
            with pytest.raises(NasmetaError):
                call()


def test_features_that_are_no_numbers() -> None:
    X = np.ones((30, 2))
    fitted = RidgeRegressor().fit(np.arange(60.0).reshape(30, 2), Y)
    for wrong in (*WRONG, np.ones(3), np.where(np.eye(30, 2) > 0, np.nan, X), [["a", "b"]] * 30):
        with pytest.raises(SettingError):
            RidgeRegressor().fit(wrong, Y)
        with pytest.raises(SettingError):
            fitted.predict(wrong)


@pytest.mark.parametrize(
    "make",
    [
        lambda wrong: RidgeRegressor(labels=wrong),
        lambda wrong: ForestRegressor(2, max_features="few" if wrong is None else wrong),
        lambda wrong: ForestRegressor(2, min_samples_leaf=wrong),
        lambda wrong: XGBoostRegressor(2, learning_rate=wrong),
        lambda wrong: XGBoostRegressor(2, n_jobs="all" if wrong is None else wrong),
        lambda wrong: MLPEnsemble(loss=wrong),
        lambda wrong: MLPEnsemble(device=wrong),
        lambda wrong: MLPEnsemble(learning_rate=wrong),
        lambda wrong: MLPEnsemble(validation_fraction=wrong),
        lambda wrong: EnsembleRegressor(3 if wrong is None else wrong),
        lambda wrong: EnsembleRegressor([("ridge", RidgeRegressor())], average=wrong),
    ],
)
def test_settings_of_regressors(make: Callable[[Any], Any]) -> None:
    for wrong in (*WRONG, np.zeros((2, 2)), float("nan")):
        with pytest.raises(SettingError):
            make(wrong).fit(np.arange(60.0).reshape(30, 2), Y)


@pytest.mark.parametrize("wrong", [*WRONG, np.zeros((2, 2))], ids=lambda value: type(value).__name__)
def test_functions(wrong: Any) -> None:
    rng, curves = np.random.default_rng(0), np.random.default_rng(0).random((12, 6))
    for call in (
        lambda: make_encoder([wrong]),
        lambda: make_encoder("one-hot", canonical=wrong).transform([1]),
        lambda: make_encoder("cost", dataset=wrong).transform([1]),
        lambda: ColumnEncoder(wrong).transform([1]),
        lambda: ColumnEncoder(np.zeros(15625), missing=wrong).transform([1]),
        lambda: isomorph_split("nb201", rng=wrong, n_train=5),
        lambda: log_expected_improvement(np.zeros(2), np.ones(2), wrong),
        lambda: LearningCurveRegressor(wrong).fit(curves),
        lambda: LearningCurveRegressor("ridge").fit(wrong),
        lambda: LearningCurveRegressor("ridge").fit(curves).predict(curves[:, :3], wrong),
    ):
        with pytest.raises(NasmetaError):
            call()
    with pytest.raises(NasmetaError):
        isomorph_split("nb201", rng=rng, n_train=5, cells=[[1], [2, 3]])
