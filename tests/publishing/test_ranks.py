"""The rank test of level 2 holds its limit if few runs differ."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nasmeta.publishing._audit import Audit, _compare


def _run(regret: float) -> Any:
    return SimpleNamespace(frame=lambda: pd.DataFrame({"regret": [regret]}))


@pytest.mark.parametrize(("regrets", "rejected"), [([1.0], False), ([1.0] * 10, True)])
def test_one_other_run_is_chance(regrets: list[float], rejected: bool) -> None:
    pair: Any = SimpleNamespace(
        config=SimpleNamespace(label="own"), histories=[_run(each) for each in regrets], run=lambda seed: _run(0.0)
    )
    done = Audit("own", 2)
    _compare([pair], done, np.zeros((1, 20), np.int64))
    assert bool(done.reasons) == rejected
