"""Spaces of listed rows: more combinations than 64 bits can number, and columns of many choices."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from example_spaces import example_space

from nasmeta.errors import ArchitectureError, SettingError, UnknownNameError
from nasmeta.spaces import Position, SearchSpace, place_values
from nasmeta.tasks import Table


def test_more_combinations_than_64_bits_can_number() -> None:
    space = example_space("wide")
    assert space.n_combinations == 5**30
    assert place_values(space.n_choices)[:2].tolist() == [5874934615388537135, 2488343231644625809]
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


def test_a_column_of_many_numbers_is_a_range_with_its_exact_values() -> None:
    rng = np.random.default_rng(0)
    rates = np.exp(rng.uniform(-9, -2, 300))
    rates[1] = rates[0] * (1 + 1e-9)  # on one level of the grid
    frame = pd.DataFrame(
        {"lr": rates, "steps": rng.permutation(300), "depth": rng.integers(8, size=300)}
    )
    space = SearchSpace.from_frame(frame)
    lr, _, _ = space.positions
    assert [position.scale for position in space.positions] == ["log", "linear", None]
    assert lr.levels[lr.code(rates[0])] == lr.levels[lr.code(rates[1])]
    np.testing.assert_array_equal(space.to_frame()["lr"], rates)
    values = np.arange(300) / 3
    task = Table.from_frame(frame.assign(accuracy=values), space=space).task("accuracy")
    np.testing.assert_allclose(
        task.values[space.index_of(frame.to_dict("records"))], values, rtol=1e-6
    )
    changed = SearchSpace.from_frame(frame, scales={"lr": "linear", "steps": None}).positions
    assert [position.scale for position in changed] == ["linear", None, None]


@pytest.mark.parametrize(
    ("scale", "draw"),
    [
        # learning rates, of less than two decades
        (
            "log",
            lambda rng: 10 ** rng.uniform(-3, -1, 40),
        ),
        ("log", lambda rng: 10 ** rng.uniform(-6, -1, 40)),
        # label smoothing: .15, .23, .33
        (
            "linear",
            lambda rng: np.r_[0.6 * rng.beta(2, 3, 38), 0.001, 0.99],
        ),
        # beta1: .91, .99, .999
        (
            "linear",
            lambda rng: np.r_[1 - 10 ** rng.uniform(-4, -0.5, 39), 0.005],
        ),
        ("linear", lambda rng: rng.uniform(1, 200, 40)),
        ("linear", lambda rng: rng.uniform(-1, 1, 40)),
    ],
)
def test_extremes_alone_do_not_make_a_range_logarithmic(
    scale: str, draw: Callable[[Any], Any]
) -> None:
    for seed in range(20):
        frame = pd.DataFrame({"x": draw(np.random.default_rng(seed))})
        assert SearchSpace.from_frame(frame).positions[0].scale == scale


def test_a_frame_may_lack_the_choices_of_inactive_positions() -> None:
    conditions = {"momentum": {"optimiser": ["sgd"]}}
    choices = {"optimiser": ["adam", "sgd"], "momentum": [0.5, 0.9], "width": [8, 16]}
    space = SearchSpace("own", choices, conditions=conditions)
    frame = space.to_frame().assign(accuracy=range(6))
    assert frame["momentum"].isna().sum() == 2
    for other in (space, SearchSpace.from_frame(frame, list(choices), conditions=conditions)):
        assert Table.from_frame(frame, other).task("accuracy").values.tolist() == [*range(6)]
    frame.loc[3, "momentum"] = np.nan
    for build in (
        lambda: SearchSpace.from_frame(frame, list(choices)),
        lambda: Table.from_frame(frame, space),
    ):
        with pytest.raises(SettingError):
            build()
    with pytest.raises(UnknownNameError):
        SearchSpace.from_frame(frame, ["width"], conditions=conditions)


def test_neighbours_of_listed_rows_are_all_that_differ_in_one_position() -> None:
    rows = np.unique(np.random.default_rng(0).integers(4, size=(300, 5)), axis=0)
    space = SearchSpace("rows", {f"p{i}": list("abcd") for i in range(5)}, architectures=rows)
    near = (rows[:, None] != rows[None]).sum(axis=2) == 1
    for i in np.flatnonzero(near.any(axis=1)):
        assert space.neighbours(int(i)).tolist() == np.flatnonzero(near[i]).tolist()
    alone = SearchSpace(
        "alone",
        {"a": "xyz", "b": "xyz", "c": "xy"},
        architectures=[[0, 0, 0], [1, 1, 0], [2, 2, 1]],
    )
    assert alone.neighbours(np.arange(3)).tolist() == [[1, -1], [0, -1], [0, 1]]


def test_columns_of_twenty_thousand_choices() -> None:
    """A scan of all choices for each look-up would take a minute."""
    n = 20_000
    rows = np.column_stack([np.arange(n), np.arange(n)[::-1]])
    space = SearchSpace(
        "ids", {"one": list(range(n)), "other": [i / 7 for i in range(n)]}, architectures=rows
    )
    one, other = space.positions
    assert [one.code(choice) for choice in one.choices] == list(range(n))
    assert [other.code(str(choice)) for choice in other.choices] == list(range(n))
    assert len(space.neighbours(0)) == n - 1


def test_a_choice_is_given_as_a_value_or_as_its_text() -> None:
    position = Position("mixed", (1, 0.1, True, "False", "2"))
    for choice, code in (
        (1.0, 0),
        ("1", 0),
        (np.int8(1), 0),
        (np.float64(0.1), 1),
        (True, 2),
        ("True", 2),
        (2, 4),
    ):
        assert position.code(choice) == code
    assert position.code(False) == 3
    for choice in (0, 0.1001, None):
        with pytest.raises(SettingError):
            position.code(choice)
