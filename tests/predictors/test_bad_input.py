"""Values that would teach a predictor nothing, or give wrong numbers, are refused."""

from __future__ import annotations

import numpy as np
import pytest

from nasmeta.errors import SettingError
from nasmeta.predictors import PREDICTORS, make_predictor


@pytest.mark.parametrize("name", sorted(PREDICTORS))
@pytest.mark.parametrize("n_labels", [29, 31])
def test_each_architecture_needs_a_label(name: str, n_labels: int) -> None:
    with pytest.raises(ValueError, match=f"30 rows, but {n_labels} labels") as caught:
        make_predictor(name).fit(np.arange(30), np.arange(float(n_labels)))
    assert isinstance(caught.value, SettingError)
