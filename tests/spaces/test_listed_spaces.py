"""Spaces of listed rows: more combinations than 64 bits can number, and columns of many choices."""

import pickle

import numpy as np
import pandas as pd
import pytest

from nasmeta.errors import ArchitectureError, SettingError
from nasmeta.spaces import Position, SearchSpace
from nasmeta.tables import Table
from nasmeta.testing import example_space


def test_more_combinations_than_64_bits_can_number() -> None:
    space = example_space("wide")
    assert space.n_combinations == 5**30
    every = np.arange(space.size, dtype=np.int32)
    assert (space.from_codes(space.codes) == every).all()
    assert (space.index_of(space.to_string(every[:50])) == every[:50]).all()
    assert space.index_of(space.choices(1234)) == 1234
    absent = space.codes[7].copy()
    absent[3] = (absent[3] + 1) % 5
    with pytest.raises(ArchitectureError):
        space.from_codes(absent)
    assert pickle.loads(pickle.dumps(space)) == space


def test_a_table_of_thirty_integer_columns() -> None:
    frame = pd.DataFrame(example_space("wide").codes, columns=[f"c{i}" for i in range(30)])
    space = SearchSpace.from_frame(frame)
    accuracy = np.linspace(50, 90, 3000)
    shuffled = frame.assign(accuracy=accuracy).sample(frac=1, random_state=0)
    task = Table.from_frame(shuffled, space=space).task("accuracy")
    np.testing.assert_allclose(task.values, accuracy, rtol=1e-6)


def test_neighbours_of_listed_rows_are_all_that_differ_in_one_position() -> None:
    rows = np.unique(np.random.default_rng(0).integers(4, size=(300, 5)), axis=0)
    space = SearchSpace("rows", {f"p{i}": list("abcd") for i in range(5)}, architectures=rows)
    near = (rows[:, None] != rows[None]).sum(axis=2) == 1
    for i in np.flatnonzero(near.any(axis=1)):
        assert space.neighbours(int(i)).tolist() == np.flatnonzero(near[i]).tolist()


def test_columns_of_twenty_thousand_choices() -> None:
    """A scan of all choices for each look-up would take a minute."""
    n = 20_000
    rows = np.column_stack([np.arange(n), np.arange(n)[::-1]])
    space = SearchSpace("ids", {"one": list(range(n)), "other": [i / 7 for i in range(n)]}, architectures=rows)
    one, other = space.positions
    assert [one.code(choice) for choice in one.choices] == list(range(n))
    assert [other.code(str(choice)) for choice in other.choices] == list(range(n))
    assert len(space.neighbours(0)) == n - 1


def test_a_choice_is_given_as_a_value_or_as_its_text() -> None:
    position = Position("mixed", (1, 0.1, True, "False", "2"))
    for choice, code in ((1.0, 0), ("1", 0), (np.int8(1), 0), (np.float32(0.1), 1), (True, 2), ("True", 2), (2, 4)):
        assert position.code(choice) == code
    assert position.code(False) == 3
    for choice in (0, 0.1001, None):
        with pytest.raises(SettingError):
            position.code(choice)
