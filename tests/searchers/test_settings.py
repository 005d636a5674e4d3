"""Constructors refuse impossible settings."""

import numpy as np
import pytest

from nasmeta.errors import NasmetaError
from nasmeta.searchers import SEARCHERS
from nasmeta.spaces import get_space


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("evolution", {"population": 0}),
        ("meta-gp", {"beta": float("nan")}),
        ("tpe", {"top": 1.5}),
        ("hyperband", {"eta": 1}),
        ("predictor", {"predictor": "xgbost"}),
        ("predictor", {"acquisition": "pi"}),
        ("predictor", {"options": {"depth_of_thought": 1}}),
        ("optuna", {"sampler": "TPSampler"}),
    ],
)
def test_refused(name: str, settings: dict[str, object]) -> None:
    if name == "optuna":
        pytest.importorskip("optuna")
    with pytest.raises(NasmetaError):
        SEARCHERS[name](get_space("nb201"), np.random.default_rng(0), **settings)
