"""Constructors refuse impossible settings."""

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.errors import NasmetaError
from nasmeta.searchers import SEARCHERS
from nasmeta.spaces import get_space


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("evolution", {"population": 0}),
        ("gp", {"n_initial": 2.5}),
        ("gp", {"features": ["colours"]}),
        ("meta-gp", {"beta": float("nan")}),
        ("tpe", {"top": 1.5}),
        ("bananas", {"n_initial": 1}),
        ("hyperband", {"eta": 1}),
        ("bohb", {"hpbandster_bandwidths": 1}),
        ("predictor", {"predictor": "xgbost"}),
        ("predictor", {"acquisition": "pi"}),
        ("predictor", {"options": {"depth_of_thought": 1}}),
        ("optuna", {"sampler": "CmaEsSampler"}),
    ],
)
def test_refused(name: str, settings: dict[str, object]) -> None:
    if name == "optuna":
        pytest.importorskip("optuna")
    with pytest.raises(NasmetaError):
        SEARCHERS[name](get_space("nb201"), np.random.default_rng(0), **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings", "found"),
    [
        ("meta", {"members": "rgpe, multi-task-gp"}, {"members": ["rgpe", "multi-task-gp"]}),
        ("gp", {"features": "edges,paths"}, {"features": ["edges", "paths"]}),
    ],
)
def test_names_may_be_a_text(name: str, settings: dict[str, str], found: dict[str, list[str]]) -> None:
    run = nm.search(name, "nb201/cifar10", evaluations=3, settings=settings)
    assert run.settings == found
    assert (
        run.architectures.tolist()
        == nm.search(name, "nb201/cifar10", evaluations=3, settings=found).architectures.tolist()
    )
