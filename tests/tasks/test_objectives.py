"""Rules that make one number of two, Pareto fronts and hypervolumes, against plain definitions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from nasmeta.errors import SettingError
from nasmeta.tasks import hypervolume, pareto_front
from nasmeta.tasks._objectives import log_tradeoff, within_budget

NAN = float("nan")
SMALL_INTEGERS = st.integers(0, 6).map(float)
POINTS = st.tuples(st.integers(0, 12), st.integers(1, 3)).flatmap(
    lambda shape: arrays(float, shape, elements=SMALL_INTEGERS)
)
DIRECTIONS = st.lists(st.sampled_from(["max", "min"]), min_size=3, max_size=3)


@given(POINTS, DIRECTIONS)
def test_front_is_what_nothing_dominates(points: np.ndarray, directions: list[str]) -> None:
    directions = directions[: points.shape[1]]
    gains = points * [1 if direction == "max" else -1 for direction in directions]
    expected = [
        i for i, p in enumerate(gains) if not any((q >= p).all() and (q > p).any() for q in gains)
    ]
    assert pareto_front(points, directions).tolist() == expected


@given(POINTS, DIRECTIONS)
def test_hypervolume_counts_unit_cubes(points: np.ndarray, directions: list[str]) -> None:
    """All coordinates are whole numbers from 0 to 6, so the volume is a number of unit cubes."""
    directions = directions[: points.shape[1]]
    gains = np.array(
        [p if d == "max" else 6 - p for p, d in zip(points.T, directions, strict=True)]
    ).T.reshape(points.shape)
    cubes = sum(
        any((np.array(cube) < p).all() for p in gains)
        for cube in product(range(6), repeat=points.shape[1])
    )
    reference = [0.0 if direction == "max" else 6.0 for direction in directions]
    assert hypervolume(points, reference, directions) == pytest.approx(cubes)


def test_a_row_with_nan_is_no_point() -> None:
    points = [[90.0, NAN], [NAN, 1.0], [80.0, 2.0], [70.0, 3.0]]
    assert pareto_front(points, ["max", "min"]).tolist() == [2]
    assert hypervolume(points, [0.0, 3.0], ["max", "min"]) == 80.0
    assert hypervolume(points[:2], [0.0, 3.0], ["max", "min"]) == 0.0


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(0.01, 1000) | st.just(NAN)), min_size=1, max_size=30
    ),
    st.floats(0.01, 1000),
)
def test_feasible_is_better_than_any_infeasible(
    architectures: list[tuple[float, float]], budget: float
) -> None:
    values, costs = np.array(architectures).T
    budget = max(budget, float(np.float32(budget)))  # as it is read off a column
    if not (costs <= budget).any():
        with pytest.raises(SettingError):
            within_budget(values, costs, budget)
        return
    combined = within_budget(values, costs, budget)
    feasible = costs <= budget
    np.testing.assert_array_equal(combined[feasible], values[feasible])
    assert (combined[~feasible] <= 0).all()
    assert (combined >= -100).all()
    infeasible = np.flatnonzero(costs > budget)
    order = infeasible[np.argsort(costs[infeasible])]
    assert (np.diff(combined[order]) <= 0).all()  # the dearer the worse
    assert (combined[np.isnan(costs)] == -100).all()


def test_what_was_not_measured_stays_nan() -> None:
    assert np.isnan(within_budget([NAN, NAN, 1.0], [1.0, 9.0, 1.0], 5.0)[:2]).all()
    assert np.isnan(log_tradeoff([NAN, 1.0], [1.0, NAN], 1.0)).all()


def test_a_budget_copied_from_a_column_admits_its_cell() -> None:
    cost = np.float32(5.3)  # above 5.3
    assert within_budget([90.0, 91.0], [cost, 10.6], 5.3).tolist() == pytest.approx([90.0, -50.0])
