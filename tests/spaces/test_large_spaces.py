"""Ranges, conditions and large spaces."""

import pickle

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from nasmeta.errors import ArchitectureError, SettingError
from nasmeta.spaces import Range, SearchSpace, from_content, to_content

OPTIMISER = {"momentum": {"optimiser": ["sgd"]}, "nesterov": {"momentum": [0.5, 0.9]}}


def mixed(levels: int | None = None) -> SearchSpace:
    """Return a space with every kind of position; without levels it is large."""
    return SearchSpace(
        "mixed",
        {
            "lr": Range(1e-5, 1e-1, log=True, levels=levels),
            "optimiser": ["adam", "sgd"],
            "momentum": [0.0, 0.5, 0.9],
            "nesterov": ["no", "yes"],
            "layers": Range(1, 24),
            "width": Range(16, 4096, log=True, levels=levels),
            "drop": Range(0.0, 0.5, levels=levels),
        },
        conditions=OPTIMISER,
        valid=lambda frame: frame.layers * frame.width < 50_000,
    )


@pytest.fixture(params=[None, 3], ids=["large", "enumerated"])
def space(request: pytest.FixtureRequest) -> SearchSpace:
    return mixed(request.param)


@pytest.mark.parametrize(
    ("given", "choices", "places"),
    [
        (Range(0.0, 1.0, levels=5), (0.0, 0.25, 0.5, 0.75, 1.0), [0, 25, 50, 74, 99]),
        (Range(1e-4, 1.0, log=True, levels=5), (1e-4, 1e-3, 1e-2, 1e-1, 1.0), [0, 25, 50, 74, 99]),
        (Range(1, 16, log=True, levels=5), (1, 2, 4, 8, 16), [0, 25, 50, 74, 99]),
        (Range(1, 4), (1, 2, 3, 4), [0, 33, 66, 99]),
    ],
)
def test_levels_are_equally_spaced_on_the_scale(
    given: Range, choices: tuple[float, ...], places: list[int]
) -> None:
    position = given.position("x", 100)
    assert position.choices == choices
    assert position.levels.tolist() == places
    assert position.ordered


def test_the_longest_edit_crosses_the_range() -> None:
    steps = [2**i for i in range(7)]
    assert sorted(Range(0, 64).position("x", 100).edits) == [
        *(-step for step in reversed(steps)),
        *steps,
    ]


def test_count_features_have_twelve_equal_parts() -> None:
    space = SearchSpace("x", {"lr": Range(1e-6, 1.0, log=True, levels=100)})
    parts = np.minimum(np.arange(100) * 12 // 99, 11)
    np.testing.assert_array_equal(space.feature("levels").counts[:, 0], parts)


def test_levels_fit_into_64_bits() -> None:
    space = SearchSpace("ten", {f"x{i}": Range(0.0, 1.0) for i in range(10)})
    assert set(space.n_choices) == {78}
    last = space.size - 1
    assert space.codes_of(last).tolist() == [77] * 10
    assert space.from_codes([77] * 10) == last == space.index_of(space.to_string(last))


def test_large_and_enumerated_spaces_answer_the_same_calls(space: SearchSpace) -> None:
    drawn = space.sample(50, np.random.default_rng(0))
    codes = space.codes_of(drawn)
    assert drawn.dtype == (np.int64 if space.is_large else np.int32)
    assert len(set(drawn.tolist())) == 50
    np.testing.assert_array_equal(space.from_codes(codes), drawn)
    np.testing.assert_array_equal(space.index_of(space.to_string(drawn)), drawn)
    assert [space.index_of(space.choices(a)) for a in drawn.tolist()] == drawn.tolist()
    frame = pd.DataFrame([space.choices(a) for a in drawn.tolist()])
    assert (frame.layers * frame.width < 50_000).all()
    assert frame.momentum.notna().equals(frame.optimiser == "sgd")
    assert frame.nesterov.notna().equals(frame.momentum > 0)
    np.testing.assert_array_equal(space.features(drawn), np.hstack([
        space.listed(drawn).feature(name).counts for name in space.kernel_features
    ]))  # fmt: skip


def test_neighbours_are_one_edit_away(space: SearchSpace) -> None:
    drawn = space.sample(30, np.random.default_rng(1))
    for architecture in drawn[:10].tolist():
        near = space.neighbours(architecture)
        own, codes = space.codes_of(architecture), space.codes_of(near)
        assert len(set(near.tolist())) == len(near)
        assert architecture not in near
        for row in codes:  # one position, and those that it makes inactive
            changed = np.flatnonzero(row != own)
            assert len(changed) == 1 or set(changed) <= {1, 2, 3}
        edits = {int(row[0] - own[0]) for row in codes if row[0] != own[0]}
        assert {abs(edit) for edit in edits} <= {1, 2, 4, 8, 16, 32, 64}
        assert any(architecture in space.neighbours(int(a)) for a in near)


def test_inactive_positions_have_code_0(space: SearchSpace) -> None:
    one = space.index_of("lr=1e-05,optimiser=adam,layers=1,width=16,drop=0.0")
    assert one == space.from_codes([0, 0, 2, 1, 0, 0, 0]) == space.from_codes([0, 0, 0, 0, 0, 0, 0])
    assert space.choices(one) == {
        "lr": 1e-5,
        "optimiser": "adam",
        "layers": 1,
        "width": 16,
        "drop": 0.0,
    }
    with pytest.raises(ArchitectureError):
        space.index_of("lr=1e-05,optimiser=sgd,layers=1,width=16,drop=0.0")  # without its momentum


def test_conditions_reduce_an_enumerated_space() -> None:
    space = SearchSpace("small", {"a": ["x", "y"], "b": [1, 2, 3], "c": [4, 5]}, conditions={
        "b": {"a": ["y"]}, "c": {"b": [2, 3]},
    })  # fmt: skip
    assert space.size == 1 + 1 + 2 * 2
    assert from_content(to_content(space)) == space
    assert space.to_frame().isna().sum().tolist() == [0, 1, 2]


def test_a_space_is_the_same_in_another_process(space: SearchSpace) -> None:
    read = pickle.loads(cloudpickle.dumps(space))
    drawn = space.sample(20, np.random.default_rng(0))
    assert read == space
    np.testing.assert_array_equal(read.neighbours(drawn), space.neighbours(drawn))
    np.testing.assert_array_equal(read.sample(20, np.random.default_rng(0)), drawn)


def test_samples_of_a_large_space_are_uniform() -> None:
    space = SearchSpace("net", {f"x{i}": Range(0, 9) for i in range(8)})
    codes = space.codes_of(space.sample(4_000, np.random.default_rng(0)))
    shares = np.stack([np.bincount(column, minlength=10) for column in codes.T]) / 4_000
    assert np.abs(shares - 0.1).max() < 5 * np.sqrt(0.09 / 4_000)


def test_listed_rows_with_ranges_have_neighbours_in_the_same_parts() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"lr": 10 ** rng.uniform(-5, -1, 600), "depth": rng.integers(1, 4, 600)})
    space = SearchSpace.from_frame(frame)
    position = space.positions[0]
    near = space.neighbours(0)
    bins, depths = position.bins[space.codes[:, 0]], space.codes[:, 1]
    expected = np.flatnonzero((bins == bins[0]) | (depths == depths[0]))[1:]
    assert sorted(near.tolist()) == expected.tolist()


@pytest.mark.parametrize(
    ("what", "build"),
    [
        ("range of x", lambda: SearchSpace("s", {"x": Range(1.0, 0.1)})),
        ("range of x", lambda: SearchSpace("s", {"x": Range(0.0, 1.0, log=True)})),
        ("combinations of s", lambda: SearchSpace("s", {f"x{i}": range(100) for i in range(10)})),
        ("isomorphic of s", lambda: SearchSpace(
            "s", {f"x{i}": range(100) for i in range(5)}, isomorphic=lambda codes: codes)),
        ("choices of x", lambda: SearchSpace.from_frame(pd.DataFrame({"x": range(50)}), scales={"x": "log"})),
    ],
)  # fmt: skip
def test_impossible_spaces(what: str, build: object) -> None:
    with pytest.raises(SettingError) as error:
        build()  # type: ignore[operator]
    assert error.value.what == what


# -- the whole space of a sample
def sample_of(n_ranges: int, n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rates = {f"lr{i}": 10 ** rng.uniform(-5, 0, n) for i in range(n_ranges)}
    return pd.DataFrame(
        {**rates, "depth": rng.choice([2, 4, 7], n), "act": rng.choice(["relu", "gelu"], n)}
    )


def test_rows_are_on_the_nearest_levels_of_the_whole_space() -> None:
    frame = sample_of(3)
    space = SearchSpace.from_frame(frame)
    for listed in (space, pickle.loads(pickle.dumps(space)), from_content(to_content(space))):
        whole, rows = listed.whole
        assert whole.is_large
        assert [len(position.choices) for position in whole.positions[3:]] == [3, 2]
        choices = (
            whole.listed(np.unique(rows)).to_frame().iloc[np.unique(rows, return_inverse=True)[1]]
        )
        assert (
            choices[["depth", "act"]].to_numpy().tolist()
            == frame[["depth", "act"]].to_numpy().tolist()
        )
        for name, position in zip(("lr0", "lr1", "lr2"), whole.positions[:3], strict=True):
            assert 50 < len(position.choices) <= 100
            assert (position.choices[0], position.choices[-1]) == (
                frame[name].min(),
                frame[name].max(),
            )
            steps = np.log(choices[name].to_numpy() / frame[name]) / np.log(
                frame[name].max() / frame[name].min()
            )
            assert np.abs(steps).max() <= 1 / 99


def test_the_whole_space_stays_below_the_limit() -> None:
    whole, rows = SearchSpace.from_frame(sample_of(11)).whole
    assert whole.is_large
    assert 2**60 < whole.size < 2**63
    assert len(np.unique(rows)) == 300
    many = SearchSpace.from_frame(
        pd.DataFrame(np.random.default_rng(0).choice(["a", "b"], (30, 70)))
    )
    assert many.whole[0] is many


def test_other_spaces_are_whole() -> None:
    positions = {"a": [1, 2, 3], "b": ["x", "y"]}
    complete = SearchSpace("own", positions)
    for space in (
        complete,
        SearchSpace.from_frame(complete.to_frame()),
        SearchSpace.from_frame(complete.to_frame()[:5], isomorphic=lambda codes: codes[:, 0]),
    ):
        whole, rows = space.whole
        assert whole is space
        np.testing.assert_array_equal(rows, np.arange(space.size))


@pytest.mark.parametrize(
    ("positions", "n_choices"),
    [
        ({f"x{i}": Range(0.0, 1.0) for i in range(10)} | {"a": range(8)}, [63] * 10 + [8]),
        (
            {f"x{i}": Range(1, 3) for i in range(20)} | {"lr": Range(1e-4, 0.1, log=True)},
            [3] * 20 + [100],
        ),
    ],
    ids=["reals", "integers"],
)
def test_ranges_have_as_many_levels_as_fit(
    positions: dict[str, Range], n_choices: list[int]
) -> None:
    assert list(SearchSpace("s", positions).n_choices) == n_choices


def test_a_range_includes_its_bounds() -> None:
    choices = Range(1234567.0, 1234568.0).position("x", 100).choices
    assert (choices[0], choices[-1], len(choices)) == (1234567.0, 1234568.0, 100)
    assert max(Range(0.0, 0.1234567).position("x", 100).choices) == 0.1234567


def test_rare_valid_combinations_are_found() -> None:
    space = SearchSpace(
        "rare",
        {f"x{i}": Range(0.0, 1.0) for i in range(5)},
        valid=lambda frame: (frame.x0 < 0.1) & (frame.x1 < 0.2),
    )
    drawn = [int(space.sample(1, np.random.default_rng(seed))[0]) for seed in range(30)]
    assert (space.codes_of(drawn)[:, 0] < 10).all()


def test_enumerated_ranges_with_an_invalid_region_have_few_neighbours() -> None:
    space = SearchSpace(
        "triangle",
        {"a": Range(0.0, 1.0), "b": Range(0.0, 1.0)},
        valid=lambda frame: frame.a + frame.b < 0.9,
    )
    assert space.neighbours(np.arange(space.size)).shape[1] <= 28
