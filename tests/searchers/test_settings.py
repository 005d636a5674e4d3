"""Settings that make no sense are refused where the searcher is made."""

import numpy as np
import pytest

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
        ("meta-gp", {"optimism": "abc"}),
        ("meta-gp", {"optimism": None}),
        ("meta-gp", {"optimism": float("nan")}),
        ("meta-gp", {"optimism": float("inf")}),
        ("local-search", {"improvement": "best"}),
        ("reinforce", {"learning_rate": -1}),
        ("tpe", {"top": 1.5}),
        ("tpe", {"prior_weight": 0}),
        ("tpe", {"n_initial": 0}),
        ("bananas", {"members": 1}),
        ("bananas", {"learning_rate": 0}),
        ("bananas", {"candidates": 2.5}),
        ("ppo", {"update_every": 1}),
        ("ppo", {"discount": "high"}),
        ("reinforce", {"learning_rate": float("nan")}),
        ("reinforce", {"momentum": 1.0}),
        ("reinforce", {"momentum": "high"}),
    ],
)
def test_refused(name: str, settings: dict[str, object]) -> None:
    with pytest.raises(NasmetaError):
        SEARCHERS[name](get_space("nb201"), np.random.default_rng(0), **settings)
