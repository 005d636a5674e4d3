"""Encoders and predictors on spaces that nobody has registered: each fits, or says in one sentence why it cannot."""

from __future__ import annotations

import copy
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau
from sklearn.base import clone

from nasmeta.errors import ArchitectureError, SettingError
from nasmeta.predictors import (
    ENCODERS,
    isomorph_split,
    load_predictor,
    make_encoder,
    make_predictor,
    move_to_space,
    save_predictor,
)
from nasmeta.spaces import CellSpace, SearchSpace, get_space, reference_space
from nasmeta.testing import EXAMPLE_SPACES, example_space

SPACES = EXAMPLE_SPACES
CELLS = SPACES[:2]
EVERYWHERE = ("adjacency", "counts", "one-hot")
ON_CELLS = (*EVERYWHERE, "graph", "live-paths", "operation-counts", "paths")  # cost needs formulas, which none has
NETWORKS = ("gnn", "mlp", "transformer")
QUICK: dict[str, dict[str, Any]] = {
    "ridge": {},
    "gp": {},
    "random-forest": {"n_estimators": 40},
    "xgboost": {"n_estimators": 60, "n_members": 2},
    "ensemble": {"members": ["gp", "ridge"]},
    "mlp": {"max_epochs": 12, "n_members": 2},
    "gnn": {"max_epochs": 10, "n_members": 2},
    "transformer": {"max_epochs": 20, "n_members": 2},
}


@cache
def smooth_values(name: str) -> np.ndarray:
    """Return a made-up value of each architecture: a sum over positions, and one product; of cells, over live edges."""
    space = example_space(name)
    if isinstance(space, CellSpace):
        worth = np.linspace(-0.5, 1.0, space.n_operations)[space.digits] * (1 + 0.1 * np.arange(space.n_edges))
        return (worth * space.live_edges).sum(axis=1) + 0.5 * space.live_edges[:, 0] + 60
    x = space.codes / (np.array(space.n_choices) - 1)
    return np.cos(2.5 * x + np.arange(space.n_positions)).sum(axis=1) + 0.3 * x[:, 0] * x[:, -1] + 60


# -- encoders ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", sorted(set(ENCODERS) - {"columns"}))
def test_encoders_encode_or_say_which_do(name: str, space: str) -> None:
    own = example_space(space)
    encoder = make_encoder(name, own)
    if name not in (ON_CELLS if space in CELLS else EVERYWHERE):
        with pytest.raises(SettingError, match=rf"encoder {name} .* {space}, .*Possible there: adjacency, .*one-hot"):
            encoder.transform([0])
        return
    rows = own.sample(200, np.random.default_rng(0))
    features = encoder.fit_transform(rows)
    names = encoder.get_feature_names_out()
    assert features.shape == (200, len(names)) == (200, len(set(names)))
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(encoder.transform(own.to_string(rows)), features)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clone(encoder))).transform(rows), features)
    np.testing.assert_array_equal(copy.deepcopy(encoder).transform(rows), features)
    canonical = make_encoder(name, own, canonical=True).transform(rows)
    np.testing.assert_array_equal(canonical, encoder.transform(own.canonical(rows)))
    with pytest.raises(ArchitectureError, match=own.noun):
        encoder.transform([own.size])


def test_choices_and_levels_by_hand() -> None:
    space = example_space("mixed")
    at = space.index_of({"layers": 3, "width": 64, "act": "tanh", "norm": "none", "dropout": 0.5, "pool": "max",
                         "residual": True})  # fmt: skip
    frame = make_encoder("counts", space).set_output(transform="pandas").transform([at])
    found = frame.iloc[0]
    ones = {"layers=3", "width=64", "act=tanh", "norm=none", "dropout=0.5", "pool=max", "residual=True"}
    levels = {"layers": 2 / 3, "width": 2 / 3, "dropout": 1.0}
    assert found[sorted(ones)].eq(1).all()
    assert found.drop([*ones, *levels]).eq(0).all()
    assert found[list(levels)].to_dict() == pytest.approx(levels)
    assert make_encoder("adjacency", space).transform([at]).tolist() == [[3, 3, 2, 1, 4, 1, 2]]


def test_a_choice_of_two_kinds_of_positions_has_two_names() -> None:
    kinds = {"a": ["x", "y"], "b": ["x", "y"], "c": ["x", "z"], "d": ["x", "z"]}
    names = make_encoder("operation-counts", SearchSpace("own", kinds)).get_feature_names_out()
    assert names.tolist() == ["n_x", "n_y", "n_x_2", "n_z"]


def test_the_graph_of_five_nodes_by_walking() -> None:
    space = example_space("five-nodes")
    assert isinstance(space, CellSpace)
    frame = make_encoder("graph", space).set_output(transform="pandas").transform(np.arange(space.size))
    assert list(frame.columns).count("in_degree_4_conv") == 1
    for cell in range(0, space.size, 1171):
        digits = space.digits[cell]
        routes = [route for route in space.paths if digits[list(route)].all()]
        live = {edge for route in routes for edge in route}
        found = frame.iloc[cell]
        assert found["live_edges"] == len(live)
        assert found["live_paths"] == len(routes)
        assert found["depth"] == max(map(len, routes), default=0)
        assert found["live_inner_nodes"] == len({node for edge in live for node in space.edges[edge]} & {1, 2, 3})
        only = [len(route) for route in routes if (digits[list(route)] == 2).all()]
        assert found["shortest_conv_path"] == min(only, default=5)
        assert found["most_conv_on_path"] == max(((digits[list(route)] == 2).sum() for route in routes), default=0)


def test_operations_of_nas_bench_201_in_another_order_are_encoded_alike() -> None:
    own = CellSpace("mine", ["avg_pool_3x3", "nor_conv_3x3", "none"])
    assert reference_space(own) == reference_space("tnb101") == get_space("nb201")
    rows = np.arange(0, own.size, 7)
    same = get_space("nb201").index_of(own.to_string(rows))
    for name in (*ON_CELLS, "cost"):
        np.testing.assert_array_equal(make_encoder(name, own).transform(rows), make_encoder(name).transform(same))
    for other in (
        CellSpace("mine", ["none", "skip_connect", "conv"]),  # another operation
        CellSpace("mine", ["none", "skip_connect"], skip=None),  # a skip that is none
        CellSpace("mine", ["none", "skip_connect"], n_nodes=3),  # another graph
    ):
        assert reference_space(other) is other


def test_a_space_without_none_and_with_a_dead_end() -> None:
    own = CellSpace("mine", ["conv", "pool"], n_nodes=4, edges=[(0, 1), (1, 3), (0, 2), (0, 3)])
    rows = np.arange(own.size)
    for name in ON_CELLS:
        assert np.isfinite(make_encoder(name, own).transform(rows)).all()
    for name in ("gnn", "transformer"):
        predictor = make_predictor(name, space=own, max_epochs=3, n_members=2).fit(rows, rows % 7)
        assert np.isfinite(predictor.predict(rows)).all()


# -- predictors ----------------------------------------------------------------------------------------------
# Networks on one space of cells and one of other positions stand for those on all.
EACH = [
    pytest.param(name, space, marks=() if name not in NETWORKS or space in ("six-ops", "mixed") else pytest.mark.slow)
    for name in sorted(QUICK)
    for space in SPACES
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "space"), EACH)
def test_a_hundred_labels_order_the_others(name: str, space: str, tmp_path: Path) -> None:
    own, y = example_space(space), smooth_values(space)
    if name == "gnn" and space not in CELLS:
        with pytest.raises(SettingError, match=rf"edges of cells, and {space} is no space of cells; the transformer"):
            make_predictor(name, space=own)
        return
    train = own.sample(100, np.random.default_rng(0))
    predictor = clone(make_predictor(name, space=own, **QUICK[name])).fit(train, y[train])
    predicted = predictor.predict(np.arange(own.size))
    assert predicted.shape == (own.size,)
    rest = np.setdiff1d(np.arange(own.size), train)[::5]
    least = 0.3 if space == "wide" else 0.65  # 30 positions are many for 100 labels
    assert kendalltau(predicted[rest], y[rest]).statistic > least
    mean, deviation = predictor.predict(rest[:50], return_std=True)
    assert (deviation > 0).all()
    few = own.to_string(rest[:50])
    for again in (
        load_predictor(save_predictor(predictor, tmp_path / "predictor.zip")),
        copy.deepcopy(predictor),
        pickle.loads(pickle.dumps(predictor)),
    ):
        np.testing.assert_allclose(again.predict(few), mean, rtol=1e-6)
    assert get_space(predictor[0].space if hasattr(predictor[0], "space") else own) is own


@pytest.mark.parametrize("space", SPACES)
def test_a_saved_predictor_knows_its_space(space: str, tmp_path: Path) -> None:
    own = example_space(space)
    predictor = make_predictor("ridge", "one-hot", own).fit([0, 1, 2], [1.0, 2.0, 3.0])
    loaded = load_predictor(save_predictor(predictor, tmp_path / "ridge.zip"))
    assert loaded[0].space == own


def test_a_gaussian_process_has_a_kernel_for_each_feature() -> None:
    space = example_space("mixed")
    regressor = make_predictor("gp", space=space)[-1]
    assert regressor.groups == [len(space.feature(name).names) for name in space.feature_names] == [22, 3]


def test_what_was_learnt_says_nothing_about_another_space() -> None:
    own = example_space("six-ops")
    fitted = make_predictor("ridge", space=own).fit(np.arange(20), np.arange(20.0))
    with pytest.raises(SettingError, match="six-ops"):
        move_to_space(fitted, "nb201")
    small = CellSpace("mine", ["none", "skip_connect", "nor_conv_3x3"])
    moved = move_to_space(make_predictor("gnn", space=small, max_epochs=2, n_members=2).fit([5, 700], [1, 2]), "nb201")
    assert np.isfinite(moved.predict([15_000])).all()
    with pytest.raises(SettingError, match=r"encoder graph .* sizes"):
        make_predictor("ridge", "graph", example_space("sizes")).fit([1, 2], [1, 2])


# -- splits --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("space", SPACES)
def test_no_network_is_on_both_sides(space: str) -> None:
    own, rng = example_space(space), np.random.default_rng(0)
    train, test = isomorph_split(own, n_train=100, rng=rng)
    assert len(train) == 100
    assert not set(own.canonical(train)) & set(own.canonical(test))
    train, test = isomorph_split(own, test_fraction=0.2, rng=rng)
    assert len(train) + len(test) == own.size
    if space not in CELLS:
        assert len(test) == pytest.approx(0.2 * own.size, abs=1)
        with pytest.raises(SettingError, match=f"{space} is no space of cells"):
            isomorph_split(own, n_train=100, rng=rng, rule="zero")


def test_a_rule_of_isomorphism_is_kept_to() -> None:
    own = SearchSpace("own", {"a": list(range(10)), "b": list(range(10))}, isomorphic=lambda codes: codes.sum(axis=1))
    train, test = isomorph_split(own, test_fraction=0.5, rng=np.random.default_rng(0))
    assert not set(own.codes[train].sum(axis=1)) & set(own.codes[test].sum(axis=1))
