"""What must come back exactly: the order of a space, the text of a choice, the code of a number."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nasmeta.errors import SettingError
from nasmeta.spaces import CellSpace, SearchSpace
from nasmeta.tables import Table, load_table, remove_added


@pytest.fixture
def shuffled() -> pd.DataFrame:
    """A full grid in an order of its own."""
    rows = pd.MultiIndex.from_product([[16, 32, 64], ["relu", "tanh"]], names=["width", "act"]).to_frame(index=False)
    rows["accuracy"] = np.arange(6) + 50.0
    return rows.iloc[[4, 1, 5, 0, 3, 2]].reset_index(drop=True)


def test_a_full_grid_keeps_its_order(shuffled: pd.DataFrame) -> None:
    space = SearchSpace.from_frame(shuffled, ["width", "act"], "grid")
    table = Table.from_frame(shuffled, space, name="grid")
    assert space.is_complete
    assert pickle.loads(pickle.dumps(space)).codes.tolist() == space.codes.tolist()
    for one in (table, pickle.loads(pickle.dumps(table))):
        assert one.space == space
        for row in shuffled.itertuples():
            asked = f"width={row.width},act={row.act}"
            assert one.query(asked, dataset="grid", metric="accuracy") == row.accuracy
            assert one.space.to_string(row.Index) == asked
    lexicographic = SearchSpace("grid", {"width": [16, 32, 64], "act": ["relu", "tanh"]})
    assert lexicographic != space


def test_an_added_full_grid_keeps_its_order(
    shuffled: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASMETA_CACHE", str(tmp_path))
    space = SearchSpace.from_frame(shuffled, ["width", "act"], "grid")
    Table.from_frame(shuffled, space, name="grid").add("grid")
    try:
        found = load_table("grid").query("width=64,act=relu", dataset="grid", metric="accuracy")
    finally:
        remove_added("grid")
    assert found == 54.0


@pytest.mark.parametrize("choice", ["a, b", " a", "a ", "a,", "b=1", ",", "", "a=b, c=d", "x,y"])
def test_texts_of_choices_come_back(choice: str) -> None:
    space = SearchSpace("texts", {"first": [choice, "other"], "last": ["z", choice]})
    for architecture in range(space.size):
        assert space.index_of(space.to_string(architecture)) == architecture


@pytest.mark.parametrize("positions", [
    {"a=b": [1, 2]}, {"a,b": [1, 2]}, {" a": [1, 2]},
])  # fmt: skip
def test_strings_that_could_be_read_in_two_ways_are_refused(positions: dict[str, list[object]]) -> None:
    with pytest.raises(SettingError):
        SearchSpace("unclear", positions)  # type: ignore[arg-type]
    with pytest.raises(SettingError):
        CellSpace("unclear", ["none", "a|b"])
