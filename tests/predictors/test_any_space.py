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
    reference_space,
    save_predictor,
)
from nasmeta.spaces import CellSpace, SearchSpace, get_space

SPACES = ("six-ops", "five-nodes", "sizes", "mixed", "sample")
CELLS = SPACES[:2]
ONLY_CELLS = ("cost", "graph", "live-paths", "paths")  # and cost only where there are formulas
QUICK: dict[str, dict[str, Any]] = {
    "ridge": {},
    "gp": {},
    "random-forest": {"n_trees": 40},
    "xgboost": {"rounds": 60, "n_members": 2},
    "ensemble": {"members": ["gp", "ridge"]},
    "mlp": {"max_epochs": 40, "n_members": 2},
    "gnn": {"max_epochs": 30, "n_members": 2},
    "transformer": {"max_epochs": 30, "n_members": 2},
}


@cache
def space_named(name: str) -> SearchSpace:
    if name == "six-ops":
        return CellSpace(name, ["none", "skip_connect", "conv_1x1", "conv_3x3", "conv_5x5", "pool"])
    if name == "five-nodes":
        return CellSpace(name, ["none", "skip_connect", "conv"], n_nodes=5)
    if name == "sizes":
        return SearchSpace(name, {f"layer{i}": [8, 16, 24, 32, 40, 48, 56, 64] for i in range(5)})
    if name == "mixed":
        choices: dict[str, list[Any]] = {
            "layers": [1, 2, 3, 4],
            "width": [16, 32, 64, 128],
            "act": ["relu", "tanh", "gelu"],
            "norm": ["none", "batch", "layer"],
            "dropout": [0.0, 0.1, 0.2, 0.5],
            "pool": ["max", "mean"],
            "residual": [False, True],
        }
        return SearchSpace(name, choices, valid=lambda frame: (frame.layers > 1) | ~frame.residual.astype(bool))
    return SearchSpace.from_frame(get_space("nb201").to_frame().sample(500, random_state=0), name=name)


@cache
def smooth_values(name: str) -> np.ndarray:
    """Return a made-up value of each architecture: a sum over positions, and one product."""
    space = space_named(name)
    x = space.codes / (np.array(space.n_choices) - 1)
    return np.cos(2.5 * x + np.arange(space.n_positions)).sum(axis=1) + 0.3 * x[:, 0] * x[:, -1] + 60


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", sorted(set(ENCODERS) - {"columns"}))
def test_encoders_encode_or_say_which_do(name: str, space: str) -> None:
    own = space_named(space)
    encoder = make_encoder(name, own)
    if (name in ONLY_CELLS and space not in CELLS) or name == "cost" or (name, space) == ("operation-counts", "sizes"):
        if name == "operation-counts":
            assert "operations" not in own.feature_names
        with pytest.raises(SettingError, match=rf"encoder {name} .* {space},.*Possible there: .*counts.*one-hot"):
            encoder.transform([0])
        return
    if (name, space) == ("operation-counts", "mixed"):
        pytest.skip("see below")
    rows = own.sample(200, np.random.default_rng(0))
    features = encoder.fit_transform(rows)
    names = encoder.get_feature_names_out()
    assert features.shape == (200, len(names)) == (200, len(set(names)))
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(encoder.transform(own.to_string(rows)), features)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(clone(encoder))).transform(rows), features)
    assert make_encoder(name, own, canonical=True).transform(rows).shape == features.shape
