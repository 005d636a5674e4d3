"""No network is on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nasmeta.errors import ArchitectureError, SettingError, UnknownNameError
from nasmeta.predictors import isomorph_split
from nasmeta.spaces import get_space

RULES = ["upstream", "zero", "skip"]


@given(
    st.sampled_from(["nb201", "tnb101"]),
    st.sampled_from(RULES),
    st.floats(0.05, 0.9),
    st.integers(0, 99),
    st.booleans(),
)
def test_fraction(name: str, rule: str, fraction: float, seed: int, some: bool) -> None:
    space, rng = get_space(name), np.random.default_rng(seed)
    pool = space.sample(500, rng) if some else None
    train, test = isomorph_split(space, test_fraction=fraction, rng=rng, cells=pool, rule=rule)
    everything = np.arange(space.n_cells) if pool is None else np.sort(pool)
    np.testing.assert_array_equal(np.sort(np.r_[train, test]), everything)
    assert not set(space.canonical(train, rule)) & set(space.canonical(test, rule))
    largest = np.unique(space.canonical(everything, rule), return_counts=True)[1].max()
    assert fraction * len(everything) <= len(test) <= fraction * len(everything) + largest


@given(st.sampled_from(RULES), st.integers(1, 2000), st.integers(0, 99))
def test_number(rule: str, n_train: int, seed: int) -> None:
    space = get_space("nb201")
    train, test = isomorph_split(space, n_train=n_train, rng=np.random.default_rng(seed), rule=rule)
    assert len(np.unique(train)) == n_train
    others = np.setdiff1d(np.arange(space.n_cells), train)
    unseen = others[~np.isin(space.canonical(others, rule), space.canonical(train, rule))]
    np.testing.assert_array_equal(np.sort(test), unseen)


def test_same_generator_same_split_and_every_cell_has_its_chance() -> None:
    first, second = (isomorph_split("nb201", n_train=50, rng=np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first[0], second[0])
    rng = np.random.default_rng(0)
    drawn = np.concatenate([isomorph_split("tnb101", n_train=500, rng=rng)[0] for _ in range(200)])
    times = np.bincount(drawn, minlength=4096)
    assert times.min() > 0
    assert times.max() < 60  # expected 24.4, standard deviation 4.6


def test_bad_input() -> None:
    rng = np.random.default_rng(0)
    for wrong in (
        {},
        {"n_train": 5, "test_fraction": 0.2},
        {"n_train": 15625},
        {"n_train": 0},
        {"n_train": True},
        {"n_train": 2.0},
        {"test_fraction": 0.0},
        {"test_fraction": 1.0},
        {"test_fraction": float("nan")},
        {"n_train": 1, "cells": [3, 3]},
        {"n_train": 5, "cells": [1, 2, 3]},
    ):
        with pytest.raises(SettingError):
            isomorph_split("nb201", rng=rng, **wrong)
    with pytest.raises(SettingError, match="empty"):
        isomorph_split(
            "nb201", n_train=1, cells=np.flatnonzero(get_space("nb201").canonical(range(15625)) == 0), rng=rng
        )
    with pytest.raises(SettingError, match="Generator"):
        isomorph_split("nb201", n_train=5, rng=3)  # type: ignore[arg-type]
    with pytest.raises(ArchitectureError):
        isomorph_split("nb201", n_train=1, cells=[-1, 3], rng=rng)
    with pytest.raises(UnknownNameError, match="isomorphism rule"):
        isomorph_split("nb201", n_train=1, rng=rng, rule="none")  # type: ignore[arg-type]
