"""Extrapolation of learning curves: exact where the family is right, and better than baselines on real ones."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from nasmeta.errors import LabelError, SettingError, UnknownNameError
from nasmeta.prediction import learning_curve_benchmark
from nasmeta.predictors import CURVE_METHODS, LearningCurveRegressor
from nasmeta.tables import fetch


def made_up(n: int = 40, n_epochs: int = 60, seed: int = 0) -> np.ndarray:
    """Return curves that rise as a power of the epoch, at different rates, with noise."""
    rng = np.random.default_rng(seed)
    heights, rates = rng.uniform(60, 95, size=(n, 1)), rng.uniform(0.4, 1.2, size=(n, 1))
    return heights - 50 * np.arange(1, n_epochs + 1) ** -rates + 0.2 * rng.normal(size=(n, n_epochs))


@pytest.mark.parametrize("method", ["gaussian", "gains", "power", "ridge", "trees"])
def test_methods_beat_the_last_value_where_curves_still_rise(method: str) -> None:
    curves = made_up()
    model = LearningCurveRegressor(method).fit(curves[:30])
    predicted, deviation = model.predict(curves[30:, :15], 60, return_std=True)
    baseline = np.abs(curves[30:, 14] - curves[30:, 59]).mean()
    assert np.abs(predicted - curves[30:, 59]).mean() < 0.7 * baseline
    assert (deviation > 0).all()


def test_the_power_family_is_exact_on_a_power() -> None:
    epochs = np.arange(1, 51)
    curves = np.array([80 - 30.0 / epochs, 90 - 60.0 * epochs**-0.5, 70 - 20.0 / epochs])
    predicted = LearningCurveRegressor("power").fit(curves).predict(curves[:, :10], 50)
    np.testing.assert_allclose(predicted, curves[:, 49], atol=1e-6)


def test_the_gaussian_is_that_of_the_textbook() -> None:
    """Against conditioning with the whole covariance matrix."""
    curves, k, epoch, r = made_up(30, 20), 6, 20, 8
    mean = curves.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(curves.T, bias=True))
    values, vectors = values[::-1], vectors[:, ::-1]
    noise = values[r:].sum() / (20 - r)
    covariance = vectors[:, :r] * values[:r] @ vectors[:, :r].T
    seen = covariance[:k, :k] + noise * np.eye(k)
    expected = mean[-1] + covariance[-1, :k] @ np.linalg.solve(seen, (curves[0, :k] - mean[:k]))
    variance = covariance[-1, -1] + noise - covariance[-1, :k] @ np.linalg.solve(seen, covariance[:k, -1])
    found, deviation = LearningCurveRegressor("gaussian").fit(curves).predict(curves[:1, :k], epoch, return_std=True)
    assert found[0] == pytest.approx(expected)
    assert deviation[0] == pytest.approx(np.sqrt(variance))


@pytest.mark.parametrize("method", ["last-value", "mean-curve"])
def test_errors_are_predictions_of_left_out_curves_minus_their_values(method: str) -> None:
    curves, k = made_up(9, 20), 6
    rest = [np.delete(curves, i, axis=0) for i in range(len(curves))]
    predicted = [CURVE_METHODS[method](r, c[None, :k], 20)[0][0] for r, c in zip(rest, curves, strict=True)]
    errors = CURVE_METHODS[method](curves, curves[:, :k], 20)[1]
    np.testing.assert_allclose(errors, predicted - curves[:, -1])


def test_nothing_after_the_beginning_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect.getmodule(LearningCurveRegressor), "_TREES", 10)
    curves = made_up()
    for method in CURVE_METHODS:
        model = LearningCurveRegressor(method).fit(curves[:30])
        one, two = (model.predict(curves[30 : 30 + n, :10], 40)[0] for n in (1, 10))
        assert one == pytest.approx(two), method  # nor other rows


def test_auto_is_the_median_of_the_best_of_the_cross_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect.getmodule(LearningCurveRegressor), "_TREES", 10)
    monkeypatch.setattr(inspect.getmodule(LearningCurveRegressor), "_COMPARED_AT", (0.25, 0.5))
    curves = made_up(30, 40)
    model = LearningCurveRegressor().fit(curves, groups=np.arange(30) // 2)
    assert {len(names) for names in model.methods_.values()} == {3}
    predicted, deviation = model.predict(curves[:, :20], 40, return_std=True)
    single = [LearningCurveRegressor(name).fit(curves).predict(curves[:, :20], 40) for name in model.methods_[20]]
    np.testing.assert_array_equal(predicted, np.median(single, axis=0))
    assert (deviation > 0).all()


def test_impossible_epochs_and_curves() -> None:
    curves = made_up(10, 20)
    model = LearningCurveRegressor("ridge").fit(curves)
    for epoch in (5, 21):
        with pytest.raises(SettingError):
            model.predict(curves[:, :5], epoch)
    with pytest.raises(LabelError):
        LearningCurveRegressor().fit(np.where(np.arange(200).reshape(10, 20) == 22, np.nan, curves))
    with pytest.raises(UnknownNameError):
        LearningCurveRegressor("ridges").fit(curves)


@pytest.mark.slow
def test_real_curves_are_predicted_better_than_by_baselines(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect.getmodule(LearningCurveRegressor), "_TREES", 30)
    monkeypatch.setattr(inspect.getmodule(LearningCurveRegressor), "_COMPARED_AT", (0.25, 0.5))
    fetch("nb201-curves")
    for k, best in ((20, "trees"), (100, "ridge")):
        frame = learning_curve_benchmark(beginnings=(k,), methods=["last-value", "mean-curve", best])
        errors = frame.set_index("method")["mean_absolute_error"]
        assert errors[best] < 0.5 * errors[["last-value", "mean-curve"]].min()
        assert frame["coverage_90"].between(0.8, 1).all()
    frame = learning_curve_benchmark(beginnings=(50, 100), methods=["trees", "last-value", "auto"])
    found = frame.pivot(index="method", columns="seen_epochs")
    assert (found["mean_absolute_error"].loc["auto"] < found["mean_absolute_error"].loc["trees"]).all()
    assert (found["kendall_tau"].loc["auto"] > found["kendall_tau"].loc["last-value"]).all()
