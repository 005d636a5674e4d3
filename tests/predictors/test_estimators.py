"""The regressors against textbook formulas and libraries, and what a predictor on real labels reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

import nasmeta as nm
from nasmeta.predictors import isomorph_split, make_encoder, make_predictor
from nasmeta.predictors._estimators._ensemble import EnsembleRegressor
from nasmeta.predictors._estimators._gaussian_process import GPRegressor
from nasmeta.predictors._estimators._libraries import ForestRegressor, RidgeRegressor
from nasmeta.predictors._estimators._scaled import ScaledRegressor
from nasmeta.spaces import get_space
from nasmeta.tasks import normal_scores

SPACE = get_space("nb201")
CELL = "one-hot+live-paths+operation-counts"


# -- labels
class Echo(ScaledRegressor):
    """Predict the first column as a score."""

    def __init__(self, labels: str) -> None:
        self.labels = labels

    def _fit(self, X: Any, scores: Any) -> None:
        self.scores_ = scores

    def _predict(self, X: Any, return_std: bool) -> Any:
        return X[:, 0], None


@pytest.mark.parametrize("kind", ["rank", "value"])
def test_scores_keep_the_order_of_labels_and_come_back(kind: str) -> None:
    y = np.random.default_rng(0).gamma(1.0, 5.0, size=60).round(1)
    model = Echo(kind).fit(np.zeros((60, 1)), y)
    np.testing.assert_allclose(
        model.scores_, normal_scores(y) if kind == "rank" else (y - y.mean()) / y.std()
    )
    np.testing.assert_allclose(model.predict(model.scores_[:, None]), y)
    assert (np.diff(model.predict(np.linspace(-9, 9, 500)[:, None])) > 0).all(), (
        "strictly, far outside too"
    )


# -- Gaussian process
def test_gp_equals_the_textbook() -> None:
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(0)
    architectures = SPACE.sample(70, rng)
    y = rng.normal(size=70)
    model = make_predictor("gp", encoder=CELL, labels="value").fit(architectures, y)
    gp = model.steps[-1][1]
    assert gp.ends_.tolist() == [30, 70]
    every, h = make_encoder(CELL).transform(np.arange(SPACE.n_architectures)), gp.hyperparameters_
    parts = np.split(every, [30, 70], axis=1)
    cross = sum(
        variance * np.exp(-cdist(part[architectures], part) / lengthscale)
        for part, variance, lengthscale in zip(parts, h.variances, h.lengthscales, strict=True)
    )
    inverse = np.linalg.inv(cross[:, architectures] + (h.noise + 1e-6) * np.eye(70))
    scores = (y - y.mean()) / y.std()
    mean = y.mean() + y.std() * (cross.T @ inverse @ scores)
    variance = h.variances.sum() + h.noise - np.einsum("ij,jk,ki->i", cross.T, inverse, cross)
    predicted, deviation = model.predict(np.arange(SPACE.n_architectures), return_std=True)
    np.testing.assert_allclose(predicted, mean, atol=1e-3)
    np.testing.assert_allclose(deviation, y.std() * np.sqrt(variance), rtol=2e-3)


def test_gp_does_not_mind_the_unit_of_a_measurement() -> None:
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=50), rng.integers(0, 3, 50)]
    y = X[:, 0] + X[:, 1]
    first = GPRegressor(groups=[1, 1]).fit(X, y).predict(X)
    scaled = X * [1000.0, 1.0]
    np.testing.assert_allclose(
        GPRegressor(groups=[1, 1]).fit(scaled, y).predict(scaled), first, rtol=1e-4
    )


# -- forest, boosting, ensembles
def test_forest_equals_scikit_learn_and_its_deviation_the_definition() -> None:
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 5)), rng.normal(size=80)
    at = rng.normal(size=(30, 5))
    model = ForestRegressor(15, min_samples_leaf=3, labels="value", random_state=4).fit(X, y)
    scores = (y - y.mean()) / y.std()
    theirs = RandomForestRegressor(15, min_samples_leaf=3, max_features=0.5, random_state=4).fit(
        X, scores
    )
    mean, deviation = model.predict(at, return_std=True)
    np.testing.assert_allclose(mean, y.mean() + y.std() * theirs.predict(at))
    of_trees = np.stack([tree.predict(at) for tree in theirs.estimators_])
    inside = np.stack([tree.tree_.impurity[tree.apply(at)] for tree in theirs.estimators_])
    np.testing.assert_allclose(
        deviation, y.std() * np.sqrt(of_trees.var(axis=0) + inside.mean(axis=0))
    )


def test_ensemble_averages_normal_scores() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.gamma(1.0, size=60)
    members = [("ridge", RidgeRegressor()), ("forest", ForestRegressor(n_estimators=10))]
    model = EnsembleRegressor(members).fit(X, y)
    predicted, deviation = model.predict(X, return_std=True)
    means, deviations = (
        np.stack(part)
        for part in zip(
            *(one.fit(X, y).predict(X, return_std=True) for _, one in members), strict=True
        )
    )
    scale = model.label_scale_
    scores = scale.to_scores(means)
    np.testing.assert_allclose(predicted, scale.to_labels(scores.mean(axis=0)))
    within = np.square(
        [scale.deviation_of_scores(*one) for one in zip(scores, deviations, strict=True)]
    )
    expected = scale.deviation_of_labels(
        scores.mean(axis=0), np.sqrt(scores.var(axis=0) + within.mean(axis=0))
    )
    np.testing.assert_allclose(deviation, expected, rtol=1e-5)
    below = scale.deviation_of_labels(
        scores[0], scale.deviation_of_scores(scores[0], deviations[0])
    )
    np.testing.assert_allclose(below, deviations[0], rtol=1e-4)


def test_ensemble_of_a_predictor_without_deviation() -> None:
    model = make_predictor("ensemble", members=["ridge", "xgboost"]).fit(
        np.arange(40), np.arange(40.0)
    )
    mean, deviation = model.predict([50, 51], return_std=True)
    assert mean.shape == deviation.shape == (2,)
    assert (deviation > 0).all()


# -- real labels
@pytest.mark.parametrize("name", ["gp", "xgboost"])
def test_unseen_networks_are_ordered(name: str) -> None:
    accuracies = nm.get_task("nb201/cifar100").values
    train, test = isomorph_split("nb201", n_train=781, rng=np.random.default_rng(0))
    predicted = make_predictor(name).fit(train, accuracies[train]).predict(test)
    assert kendalltau(predicted, accuracies[test]).statistic > 0.84


@pytest.mark.parametrize("name", ["ridge", "gp", "random-forest", "xgboost", "ensemble"])
@pytest.mark.parametrize("y", [[70.0, 80.0], [70.0, 70.0, 80.0], [1e-9, 2e-9, 3e9]])
def test_hardly_any_labels(name: str, y: list[float]) -> None:
    predicted = make_predictor(name).fit(np.arange(len(y)), y).predict(np.arange(50))
    assert np.isfinite(predicted).all()
