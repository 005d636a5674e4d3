"""Settings that make no sense are refused where the searcher is made."""

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
        ("evolution", {"population": True}),
        ("evolution", {"population": 10**30}),
        ("evolution", {"sample_size": 2.5}),
        ("gp", {"n_initial": 2.5}),
        ("gp", {"n_initial": -1}),
        ("gp", {"features": 5}),
        ("gp", {"features": []}),
        ("gp", {"features": "edges"}),
        ("gp", {"features": ["edges", "edges"]}),
        ("gp", {"features": ["colours"]}),
        ("meta-gp", {"beta": "abc"}),
        ("meta-gp", {"beta": None}),
        ("meta-gp", {"beta": float("nan")}),
        ("meta-gp", {"beta": float("inf")}),
        ("local-search", {"improvement": "best"}),
        ("reinforce", {"learning_rate": -1}),
        ("tpe", {"top": 1.5}),
        ("tpe", {"prior_weight": 0}),
        ("tpe", {"n_initial": 0}),
        ("bananas", {"members": 1}),
        ("bananas", {"learning_rate": 0}),
        ("bananas", {"candidates": 2.5}),
        ("reinforce", {"learning_rate": float("nan")}),
        ("reinforce", {"momentum": 1.0}),
        ("reinforce", {"momentum": "high"}),
    ],
)
def test_refused(name: str, settings: dict[str, object]) -> None:
    with pytest.raises(NasmetaError):
        SEARCHERS[name](get_space("nb201"), np.random.default_rng(0), **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings", "found"),
    [
        ("meta", {"members": "rgpe"}, {"members": ["rgpe"]}),
        ("meta", {"members": "rgpe, multi-task-gp"}, {"members": ["rgpe", "multi-task-gp"]}),
        ("gp", {"features": "edges,paths"}, {"features": ["edges", "paths"]}),
    ],
)
def test_names_may_be_a_text(name: str, settings: dict[str, str], found: dict[str, list[str]]) -> None:
    run = nm.search(name, "nb201/cifar10", evaluations=3, settings=settings)
    assert run.settings == found
    assert run.cells.tolist() == nm.search(name, "nb201/cifar10", evaluations=3, settings=found).cells.tolist()


def test_one_name_that_is_none_is_told() -> None:
    with pytest.raises(NasmetaError, match=r"Unknown member 'rgp'\. Did you mean 'rgpe'"):
        nm.search("meta", "nb201/cifar10", evaluations=3, settings={"members": "rgp"})
