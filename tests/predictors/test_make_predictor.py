"""Predictors by name, on registered and own spaces; as scikit-learn clones and searches them; moved between spaces."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from example_spaces import EXAMPLE_SPACES, example_space
from scipy.stats import kendalltau
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from nasmeta.errors import UnknownNameError
from nasmeta.predictors import (
    PREDICTORS,
    make_predictor,
)
from nasmeta.spaces import CellSpace, get_cell_space, move_cells

QUICK = {
    "ridge": {},
    "gp": {},
    "random-forest": {"n_estimators": 40},
    "xgboost": {"n_estimators": 60, "n_members": 2},
    "ensemble": {"members": ["gp", "ridge"]},
    "mlp": {"n_members": 2},
}
# A setting of each, as scikit-learn's or the library's users know it.
NATIVE = {
    "ridge": ("labels", ["rank", "value"]),
    "gp": ("labels", ["rank", "value"]),
    "random-forest": ("min_samples_leaf", [1, 4]),
    "xgboost": ("max_depth", [2, 4]),
    "ensemble": ("ridge__regressor__labels", ["rank", "value"]),
    "mlp": ("random_state", [0, 1]),
}


@pytest.mark.parametrize("name", PREDICTORS)
def test_scikit_learn_clones_sets_and_searches(name: str) -> None:
    architectures = np.arange(0, 15625, 400)
    pipeline = make_predictor(name, **QUICK[name])
    key, values = NATIVE[name]
    assert clone(pipeline)[-1].set_params(**{key: values[0]}).get_params()[key] == values[0]
    grid = {f"regressor__{key}": values}
    search = GridSearchCV(pipeline, grid, cv=2, scoring="r2", error_score="raise").fit(
        architectures, np.cos(architectures / 900)
    )
    assert search.best_params_[f"regressor__{key}"] in values
    assert search.predict(architectures[:3]).shape == (3,)
    for n_labels in (29, 31):
        with pytest.raises(ValueError, match="inconsistent"):
            pipeline.fit(np.arange(30), np.arange(float(n_labels)))


def test_seed_and_encoder_reach_the_regressor() -> None:
    assert make_predictor("xgboost", seed=5)[-1].random_state == 5
    space = example_space("mixed")
    regressor = make_predictor("gp", space=space)[-1]
    assert (
        regressor.groups
        == [len(space.feature(name).names) for name in space.feature_names]
        == [22, 3]
    )


@pytest.mark.parametrize(
    ("name", "settings", "error"),
    [
        ("xgbost", {}, UnknownNameError),
        ("ridge", {"encoder": "two-hot"}, UnknownNameError),
        ("ridge", {"space": "nb301"}, UnknownNameError),
        ("xgboost", {"depht": 3}, UnknownNameError),
        ("ensemble", {"members": ["gp", "oracle"]}, UnknownNameError),
    ],
)
def test_unknown_names_and_settings(name: str, settings: dict, error: type) -> None:
    with pytest.raises(error):
        make_predictor(name, **settings)


def test_import_is_light() -> None:
    code = "import nasmeta.predictors, sys; print([m for m in ('sklearn', 'xgboost', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- own spaces
def smooth_values(space: Any) -> np.ndarray:
    """Return a made-up value of each architecture: a sum over positions and a product; for cells, over live edges."""
    if isinstance(space, CellSpace):
        worth = np.linspace(-0.5, 1.0, space.n_operations)[space.digits] * (
            1 + 0.1 * np.arange(space.n_edges)
        )
        return (worth * space.live_edges).sum(axis=1) + 0.5 * space.live_edges[:, 0] + 60
    x = space.codes / (np.array(space.n_choices) - 1)
    return (
        np.cos(2.5 * x + np.arange(space.n_positions)).sum(axis=1) + 0.3 * x[:, 0] * x[:, -1] + 60
    )


@pytest.mark.slow
@pytest.mark.parametrize("space", EXAMPLE_SPACES)
@pytest.mark.parametrize("name", sorted(QUICK))
def test_a_hundred_labels_order_the_others(name: str, space: str) -> None:
    own = example_space(space)
    y, train = smooth_values(own), own.sample(100, np.random.default_rng(0))
    predictor = clone(make_predictor(name, space=own, **QUICK[name])).fit(train, y[train])
    rest = np.setdiff1d(np.arange(own.size), train)[::5]
    least = 0.3 if space == "wide" else 0.65  # 30 positions are many for 100 labels
    assert kendalltau(predictor.predict(rest), y[rest]).statistic > least
    mean, deviation = predictor.predict(rest[:50], return_std=True)
    assert (deviation > 0).all()
    for again in (copy.deepcopy(predictor), pickle.loads(pickle.dumps(predictor))):
        np.testing.assert_allclose(again.predict(own.to_string(rest[:50])), mean, rtol=1e-6)


def test_a_space_without_none_and_with_a_dead_end() -> None:
    own = CellSpace("mine", ["conv", "pool"], n_nodes=4, edges=[(0, 1), (1, 3), (0, 2), (0, 3)])
    rows = np.arange(own.size)
    for name in ("ridge", "gp"):
        assert np.isfinite(make_predictor(name, space=own).fit(rows, rows % 7).predict(rows)).all()


@pytest.mark.parametrize("name", ["ridge", "mlp"])
def test_the_same_cells_of_two_spaces_have_the_same_predictions(name: str) -> None:
    large, small = get_cell_space("nb201"), get_cell_space("tnb101")
    architectures = small.sample(50, np.random.default_rng(0))
    same = move_cells(architectures, small, large)[0]
    y = np.cos(np.arange(50.0))
    one, other = (make_predictor(name, space=space, **QUICK[name]) for space in (small, large))
    predicted = one.fit(architectures, y).predict(architectures)
    np.testing.assert_allclose(predicted, other.fit(same, y).predict(same), rtol=1e-5)
