"""No network is on both sides of a split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from example_spaces import EXAMPLE_SPACES, example_space
from hypothesis import given, strategies as st

from nasmeta.errors import SettingError
from nasmeta.predictors import isomorph_split
from nasmeta.spaces import CellSpace, SearchSpace, get_space

RULES = ["upstream", "zero", "skip"]


@given(
    st.sampled_from(["nb201", "tnb101"]),
    st.sampled_from(RULES),
    st.floats(0.05, 0.9),
    st.integers(0, 99),
    st.booleans(),
)
def test_fraction(name: str, rule: Any, fraction: float, seed: int, some: bool) -> None:
    space, rng = get_space(name), np.random.default_rng(seed)
    pool = space.sample(500, rng) if some else None
    train, test = isomorph_split(
        space, test_fraction=fraction, rng=rng, architectures=pool, rule=rule
    )
    everything = np.arange(space.size) if pool is None else np.sort(pool)
    np.testing.assert_array_equal(np.sort(np.r_[train, test]), everything)
    assert not set(space.canonical(train, rule)) & set(space.canonical(test, rule))
    largest = np.unique(space.canonical(everything, rule), return_counts=True)[1].max()
    assert fraction * len(everything) <= len(test) <= fraction * len(everything) + largest


@given(st.sampled_from(RULES), st.integers(1, 2000), st.integers(0, 99))
def test_number(rule: Any, n_train: int, seed: int) -> None:
    space = get_space("nb201")
    train, test = isomorph_split(space, n_train=n_train, rng=np.random.default_rng(seed), rule=rule)
    assert len(np.unique(train)) == n_train
    others = np.setdiff1d(np.arange(space.size), train)
    unseen = others[~np.isin(space.canonical(others, rule), space.canonical(train, rule))]
    np.testing.assert_array_equal(np.sort(test), unseen)


@pytest.mark.parametrize("space", EXAMPLE_SPACES)
def test_own_spaces(space: str) -> None:
    own, rng = example_space(space), np.random.default_rng(0)
    train, test = isomorph_split(own, n_train=100, rng=rng)
    assert len(train) == 100
    assert not set(own.canonical(train)) & set(own.canonical(test))
    train, test = isomorph_split(own, test_fraction=0.2, rng=rng)
    assert len(train) + len(test) == own.size
    if not isinstance(own, CellSpace):
        assert len(test) == pytest.approx(0.2 * own.size, abs=1)


def test_an_own_rule_of_isomorphism() -> None:
    own = SearchSpace(
        "own",
        {"a": list(range(10)), "b": list(range(10))},
        isomorphic=lambda codes: codes.sum(axis=1),
    )
    train, test = isomorph_split(own, test_fraction=0.5, rng=np.random.default_rng(0))
    assert not set(own.codes[train].sum(axis=1)) & set(own.codes[test].sum(axis=1))


def test_same_generator_same_split_and_every_cell_has_its_chance() -> None:
    first, second = (
        isomorph_split("nb201", n_train=50, rng=np.random.default_rng(7)) for _ in range(2)
    )
    np.testing.assert_array_equal(first[0], second[0])
    rng = np.random.default_rng(0)
    drawn = np.concatenate([isomorph_split("tnb101", n_train=500, rng=rng)[0] for _ in range(200)])
    times = np.bincount(drawn, minlength=4096)
    assert times.min() > 0
    assert times.max() < 60  # expected 24.4, standard deviation 4.6


CLASS_OF_0 = np.flatnonzero(get_space("nb201").canonical(range(15625)) == 0)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"n_train": 5, "test_fraction": 0.2},
        {"test_fraction": 1.0},
        {"n_train": 1, "architectures": CLASS_OF_0},  # the test side would be empty
    ],
)
def test_impossible_splits(settings: dict) -> None:
    with pytest.raises(SettingError):
        isomorph_split("nb201", rng=np.random.default_rng(0), **settings)
