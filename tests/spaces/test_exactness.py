"""What must come back exactly: the order of a space, the text of a choice, the code of a number."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from nasmeta.errors import SettingError
from nasmeta.spaces import SearchSpace
from nasmeta.tables import Table


def test_a_full_grid_keeps_its_order() -> None:
    rows = pd.MultiIndex.from_product(
        [[16, 32, 64], ["relu", "tanh"]], names=["width", "act"]
    ).to_frame(index=False)
    shuffled = (
        rows.assign(accuracy=np.arange(6) + 50.0).iloc[[4, 1, 5, 0, 3, 2]].reset_index(drop=True)
    )
    space = SearchSpace.from_frame(shuffled, ["width", "act"], "grid")
    assert space.is_complete
    assert pickle.loads(pickle.dumps(space)).codes.tolist() == space.codes.tolist()
    table = Table.from_frame(shuffled, space, name="grid")
    for one in (table, pickle.loads(pickle.dumps(table))):
        assert one.space == space
        for row in shuffled.itertuples():
            architecture = f"width={row.width},act={row.act}"
            assert one.query(architecture, dataset="grid", metric="accuracy") == row.accuracy
            assert one.space.to_string(row.Index) == architecture
    assert SearchSpace("grid", {"width": [16, 32, 64], "act": ["relu", "tanh"]}) != space


@pytest.mark.parametrize("choice", ["a, b", " a", "a ", "a,", "b=1", ",", "", "a=b, c=d", "x,y"])
def test_texts_of_choices_come_back(choice: str) -> None:
    space = SearchSpace("texts", {"first": [choice, "other"], "last": ["z", choice]})
    for architecture in range(space.size):
        assert space.index_of(space.to_string(architecture)) == architecture


@pytest.mark.parametrize("positions", [
    {"a=b": [1, 2]}, {"a,b": [1, 2]}, {" a": [1, 2]},
])  # fmt: skip
def test_strings_that_could_be_read_in_two_ways_are_refused(
    positions: dict[str, list[object]],
) -> None:
    with pytest.raises(SettingError):
        SearchSpace("unclear", positions)  # type: ignore[arg-type]
