"""The regressors against textbook formulas and libraries, and what a predictor on real labels reaches."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

import nasmeta as nm
from nasmeta.errors import LabelError, SettingError, UnknownNameError
from nasmeta.predictors import (
    PREDICTORS,
    ColumnEncoder,
    EnsembleRegressor,
    ForestRegressor,
    GPRegressor,
    PredictorEntry,
    RidgeRegressor,
    XGBoostRegressor,
    isomorph_split,
    make_encoder,
    make_predictor,
    move_to_space,
    normal_scores,
)
from nasmeta.predictors._labels import LabelScale
from nasmeta.spaces import get_space

SPACE = get_space("nb201")
CELL = "one-hot+live-paths+operation-counts"


@pytest.fixture(scope="module")
def accuracies() -> np.ndarray:
    """CIFAR-100 validation accuracies of all cells."""
    from nasmeta.tables import load_table

    address: dict[str, Any] = {"metric": "accuracy", "split": "valid", "epochs": 200, "seed": "mean"}
    return np.asarray(
        load_table("nb201").query(np.arange(SPACE.n_cells), dataset="cifar100", release="NATS-tss v1.0", **address)
    )


# -- labels ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["rank", "value"])
def test_label_scale_keeps_order_and_comes_back(kind: str) -> None:
    y = np.random.default_rng(0).gamma(1.0, 5.0, size=60).round(1)
    scale = LabelScale.fit(y, kind)
    np.testing.assert_allclose(scale.to_labels(scale.to_scores(y)), y)
    at = np.linspace(-9, 9, 500)
    assert (np.diff(scale.to_labels(at)) > 0).all(), "strictly, far outside too: no ties are made"
    if kind == "rank":
        np.testing.assert_allclose(scale.to_scores(y), normal_scores(y))
    else:
        np.testing.assert_allclose(scale.to_scores(y), (y - y.mean()) / y.std())


def test_deviation_of_labels_is_exact_where_the_map_is_linear() -> None:
    y = np.array([1.0, 4.0, 10.0])
    deviation = LabelScale.fit(y, "value").deviation_of_labels(np.zeros(2), np.array([0.5, 1.0]))
    np.testing.assert_allclose(deviation, y.std() * np.array([0.5, 1.0]))


# -- Gaussian process ------------------------------------------------------------------------------------------------
def test_gp_equals_the_textbook() -> None:
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(0)
    cells = SPACE.sample(70, rng)
    y = rng.normal(size=70)
    model = make_predictor("gp", encoder=CELL, labels="value").fit(cells, y)
    gp = model.steps[-1][1]
    assert gp.sizes_ == [30, 40, 5]
    every, h = make_encoder(CELL).transform(np.arange(SPACE.n_cells)), gp.hyperparameters_
    parts = np.split(every, [30, 70], axis=1)
    cross = sum(
        variance * np.exp(-cdist(part[cells], part) / lengthscale)
        for part, variance, lengthscale in zip(parts, h.variances, h.lengthscales, strict=True)
    )
    inverse = np.linalg.inv(cross[:, cells] + (h.noise + 1e-6) * np.eye(70))
    scores = (y - y.mean()) / y.std()
    mean = y.mean() + y.std() * (cross.T @ inverse @ scores)
    variance = h.prior_variance + h.noise - np.einsum("ij,jk,ki->i", cross.T, inverse, cross)
    predicted, deviation = model.predict(np.arange(SPACE.n_cells), return_std=True)
    np.testing.assert_allclose(predicted, mean, atol=1e-3)
    np.testing.assert_allclose(deviation, y.std() * np.sqrt(variance), rtol=2e-3)


def test_gp_distances() -> None:
    from scipy.spatial.distance import cdist

    from nasmeta.predictors._estimators._gp import _distance

    rng = np.random.default_rng(0)
    for a, b in (
        (rng.integers(0, 5, (20, 6)), rng.integers(0, 8, (9, 6))),
        (rng.normal(size=(20, 3)), rng.normal(size=(9, 3))),
        (np.zeros((4, 2)), np.zeros((3, 2))),
    ):
        a, b = a.astype(float), b.astype(float)
        np.testing.assert_allclose(_distance(a, b), cdist(a, b), rtol=1e-5, atol=1e-5)


def test_gp_does_not_mind_the_unit_of_a_measurement() -> None:
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=50), rng.integers(0, 3, 50)]
    y = X[:, 0] + X[:, 1]
    first = GPRegressor(groups=[1, 1]).fit(X, y).predict(X)
    scaled = X * [1000.0, 1.0]
    np.testing.assert_allclose(GPRegressor(groups=[1, 1]).fit(scaled, y).predict(scaled), first, rtol=1e-4)


# -- forest, boosting, ensembles -------------------------------------------------------------------------------------
def test_forest_equals_scikit_learn_and_its_deviation_the_definition() -> None:
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 5)), rng.normal(size=80)
    at = rng.normal(size=(30, 5))
    model = ForestRegressor(15, min_samples_leaf=3, labels="value", random_state=4).fit(X, y)
    scores = (y - y.mean()) / y.std()
    theirs = RandomForestRegressor(15, min_samples_leaf=3, max_features=0.5, random_state=4).fit(X, scores)
    mean, deviation = model.predict(at, return_std=True)
    np.testing.assert_allclose(mean, y.mean() + y.std() * theirs.predict(at))
    of_trees = np.stack([tree.predict(at) for tree in theirs.estimators_])
    inside = np.stack([tree.tree_.impurity[tree.apply(at)] for tree in theirs.estimators_])
    np.testing.assert_allclose(deviation, y.std() * np.sqrt(of_trees.var(axis=0) + inside.mean(axis=0)))


def test_one_booster_knows_no_deviation() -> None:
    X = np.arange(30.0)[:, None]
    with pytest.raises(SettingError, match="n_members"):
        XGBoostRegressor(n_estimators=5).fit(X, X[:, 0]).predict(X, return_std=True)


@pytest.mark.parametrize("average", ["mean", "rank"])
def test_ensemble_averages(average: str) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.gamma(1.0, size=60)
    members = [("ridge", RidgeRegressor()), ("forest", ForestRegressor(n_estimators=10))]
    model = EnsembleRegressor(members, average).fit(X, y)
    each = [member.fit(X, y).predict(X, return_std=True) for _, member in members]
    means, deviations = (np.stack(part) for part in zip(*each, strict=True))
    predicted, deviation = model.predict(X, return_std=True)
    if average == "mean":
        np.testing.assert_allclose(predicted, means.mean(axis=0))
        expected = np.sqrt(means.var(axis=0) + (deviations**2).mean(axis=0))
        np.testing.assert_allclose(deviation, expected, rtol=1e-5)  # bisected
    else:
        scale = LabelScale.fit(y, "rank")
        np.testing.assert_allclose(predicted, scale.to_labels(scale.to_scores(means).mean(axis=0)))
        assert (deviation > 0).all()


def test_ensemble_of_a_predictor_without_deviation() -> None:
    model = make_predictor("ensemble", members="ridge + xgboost").fit(np.arange(40), np.arange(40.0))
    mean, deviation = model.predict([50, 51], return_std=True)
    assert mean.shape == deviation.shape == (2,)
    assert (deviation > 0).all()


# -- by name ---------------------------------------------------------------------------------------------------------
def test_names_settings_and_errors() -> None:
    assert set(PREDICTORS) >= {"ridge", "gp", "random-forest", "xgboost", "mlp", "gnn", "transformer", "ensemble"}
    assert make_predictor("xgboost", seed=5, n_estimators=7).steps[-1][1].get_params()["random_state"] == 5
    with pytest.raises(UnknownNameError, match="Did you mean 'xgboost'"):
        make_predictor("xgbost")
    with pytest.raises(UnknownNameError, match="encoder 'two-hot'"):
        make_predictor("ridge", encoder="two-hot")
    with pytest.raises(UnknownNameError, match="space"):
        make_predictor("ridge", space="nb301")
    with pytest.raises(SettingError, match=r"no setting 'depht'.*max_depth"):
        make_predictor("xgboost", depht=3)
    with pytest.raises(UnknownNameError, match="predictor"):
        make_predictor("ensemble", members=["gp", "oracle"])
    assert PredictorEntry(RidgeRegressor, "one-hot").load() is RidgeRegressor


def test_settings_are_checked_in_fit() -> None:
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10.0)
    for wrong in (
        GPRegressor(groups=[1]),
        GPRegressor(fit_on=1),
        GPRegressor(labels="log"),
        ForestRegressor(n_estimators=0),
        XGBoostRegressor(n_estimators=2.5),
        XGBoostRegressor(subsample=-1.0),
        XGBoostRegressor(n_members=True),
        EnsembleRegressor(average="median"),
    ):
        with pytest.raises(SettingError):
            wrong.fit(X, y)
    with pytest.raises(LabelError, match=r"y\[3\] = nan"):
        RidgeRegressor().fit(X, np.where(y == 3, np.nan, y))
    with pytest.raises(LabelError, match="constant"):
        RidgeRegressor().fit(X, np.ones(10))
    with pytest.raises(LabelError, match="not 1"):
        RidgeRegressor().fit(X[:1], y[:1])


def test_import_is_light() -> None:
    code = "import nasmeta.predictors, sys; print([m for m in ('sklearn', 'xgboost', 'torch') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


# -- real labels -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "least"), [("gp", 0.84), ("xgboost", 0.84)])
def test_order_of_unseen_networks_and_speed(accuracies: np.ndarray, name: str, least: float) -> None:
    train, test = isomorph_split("nb201", n_train=781, rng=np.random.default_rng(0))
    cells = np.arange(SPACE.n_cells)
    make_predictor(name).fit(train[:20], accuracies[train[:20]]).predict(cells)  # imports and tables

    def run() -> tuple[float, np.ndarray]:
        start = time.process_time()
        predicted = make_predictor(name).fit(train, accuracies[train]).predict(cells)
        return time.process_time() - start, predicted

    (first, predicted), (second, _) = run(), run()
    assert min(first, second) < 2.0, "1 s on a core of its own"
    assert kendalltau(predicted[test], accuracies[test]).statistic > least


def test_a_model_moves_to_the_other_space(accuracies: np.ndarray) -> None:
    train = SPACE.sample(300, np.random.default_rng(0))
    predictor = make_predictor("ensemble", members="gp+ridge").fit(train, accuracies[train])
    moved = move_to_space(predictor, "tnb101")
    tnb101 = get_space("tnb101")
    cells = np.arange(0, tnb101.n_cells, 7)
    same = np.asarray(SPACE.from_digits(tnb101.digits[cells]))
    np.testing.assert_allclose(moved.predict(cells), predictor.predict(same), rtol=1e-6)
    assert spearmanr(moved.predict(cells), accuracies[same]).statistic > 0.8
    with_columns = make_predictor("ridge", encoder=ColumnEncoder(np.arange(15625.0)))
    with pytest.raises(SettingError, match="columns for the cells of nb201"):
        move_to_space(with_columns, "tnb101")


@pytest.mark.parametrize("name", ["ridge", "gp", "random-forest", "xgboost", "ensemble"])
@pytest.mark.parametrize("y", [[70.0, 80.0], [70.0, 70.0, 80.0], [1e-9, 2e-9, 3e9]])
def test_hardly_any_labels(name: str, y: list[float]) -> None:
    predicted = make_predictor(name).fit(np.arange(len(y)), y).predict(np.arange(50))
    assert np.isfinite(predicted).all()


@pytest.mark.parametrize("labels", ["value", "rank"])
def test_xgboost_says_what_its_columns_bring(labels: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    y = 3 * X[:, 2] + X[:, 0]
    with pytest.raises(AttributeError, match="not fitted"):
        _ = XGBoostRegressor().feature_importances_
    model = XGBoostRegressor(n_estimators=100, colsample_bytree=1.0, labels=labels, n_members=2).fit(X, y)
    importances = model.feature_importances_
    assert importances.sum() == pytest.approx(1)
    assert importances.argsort()[::-1][:2].tolist() == [2, 0]
    added = model.shap_values(X)
    scores = model.label_scale_.to_scores(model.predict(X)) if labels == "value" else None
    if scores is not None:
        np.testing.assert_allclose(added.sum(axis=1), scores, atol=1e-4)
    assert np.abs(added[:, :-1]).mean(axis=0).argmax() == 2
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).feature_importances_, importances)


def test_importances_have_names_in_a_pipeline() -> None:
    task = nm.get_task("nb201/cifar10")
    cells = np.arange(0, 15625, 100)
    pipeline = make_predictor("xgboost", n_estimators=30).fit(cells, task.values[cells])
    assert len(pipeline[:-1].get_feature_names_out()) == len(pipeline[-1].feature_importances_)
