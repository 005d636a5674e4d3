"""Tasks of several objectives: names, fronts, hypervolumes, own tables and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.arrays import Floats
from nasmeta.errors import ColumnError, MissingValueError, SettingError
from nasmeta.tasks import Front, MultiObjectiveTask

EMBEDDED = "nb201/cifar10+train_seconds"


def naive_front(values: Floats, signs: Floats) -> set[int]:
    """By comparing each with each."""
    signed = signs * values
    known = np.flatnonzero(~np.isnan(signed).any(axis=1))
    found = set()
    for i in known.tolist():
        others = signed[known]
        dominates = (others >= signed[i]).all(axis=1) & (others > signed[i]).any(axis=1)
        if not dominates.any():
            found.add(i)
    return found


@pytest.fixture(scope="module")
def embedded() -> MultiObjectiveTask:
    task = nm.get_task(EMBEDDED)
    return task


def test_front_of_the_embedded_table(embedded: MultiObjectiveTask) -> None:
    some = embedded.values[::10]
    assert set(Front(some, embedded.directions).architectures.tolist()) == naive_front(
        some, embedded.signs
    )
    assert (np.diff(embedded.front.values[:, 0]) <= 0).all()
    assert embedded.optimal_architectures.tolist() == embedded.front_frame()["cell"].tolist()


def test_front_of_a_partial_table_with_ties_and_both_directions() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(6, size=(300, 3)).astype(float)
    values[rng.random((300, 3)) < 0.1] = np.nan
    front = Front(values, ["max", "min", "max"])
    assert set(front.architectures.tolist()) == naive_front(values, np.array([1, -1, 1.0]))


def test_hypervolumes_are_areas() -> None:
    rng = np.random.default_rng(1)
    values = np.column_stack([rng.normal(90, 3, 40), rng.gamma(2.0, 5.0, 40)])
    front = Front(values, ["max", "min"])
    # Scaled by hand, and integrated on a grid.
    best, worst = front.values.max(axis=0), front.values.min(axis=0)
    scaled = np.column_stack(
        [
            (values[:, 0] - worst[0]) / (best - worst)[0],
            (best[1] - values[:, 1]) / (best - worst)[1],
        ]
    )
    np.testing.assert_allclose(front.scaled(values), scaled)
    np.testing.assert_allclose(
        front.reference, [worst[0] - 0.1 * (best - worst)[0], best[1] + 0.1 * (best - worst)[1]]
    )
    steps = (np.arange(2_000) + 0.5) / 2_000 * 1.1 - 0.1
    shares = front.hypervolumes(values)
    total = sum((scaled[scaled[:, 0] >= x, 1].max() + 0.1) for x in steps) * 1.1 / 2_000
    assert front.hypervolume == pytest.approx(total, rel=1e-3)
    for n in (1, 5, 20):
        part = scaled[:n]
        tops = [max(part[part[:, 0] >= x, 1].max(initial=-0.1), -0.1) + 0.1 for x in steps]
        assert shares[n - 1] == pytest.approx(100 * sum(tops) * 1.1 / 2_000 / total, abs=0.1)
    assert shares[-1] == 100.0
    assert (np.diff(shares) >= 0).all()


def test_the_front_is_all_of_its_hypervolume_in_any_order(embedded: MultiObjectiveTask) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        shares = embedded.front.hypervolumes(rng.permutation(embedded.front.values))
        assert shares[-1] == 100.0
        assert (shares[:-1] < 100).all()


def test_a_front_of_one_point() -> None:
    front = Front(np.array([[1.0, 1.0], [3.0, 3.0], [2.0, 2.0]]), ["max", "max"])
    assert front.architectures.tolist() == [1]
    assert front.hypervolumes(np.array([[2.0, 2.0], [3.0, 3.0]]))[-1] == 100.0
    with pytest.raises(MissingValueError):
        Front(np.full((3, 2), np.nan), ["max", "min"])


def test_costs_are_those_of_the_training(embedded: MultiObjectiveTask) -> None:
    np.testing.assert_array_equal(embedded.cost_seconds, nm.get_task("nb201/cifar10").cost_seconds)


@pytest.mark.parametrize(
    ("objectives", "options", "error"),
    [
        (["accuracy"], {"dataset": "cifar10"}, SettingError),
        (["accuracy", "beauty"], {"dataset": "cifar10"}, ColumnError),
        (["accuracy", "accuracy"], {"dataset": "cifar10"}, SettingError),
        (["nb201/cifar10", "nb201/cifar100"], {}, SettingError),
        (["accuracy", "latency/pixel3/cifar100"], {"dataset": "cifar10"}, SettingError),
        ([nm.get_task("nb201/cifar10"), nm.get_task("tnb101/jigsaw")], {}, SettingError),
        ([nm.get_task(EMBEDDED), nm.get_task("nb201/cifar10")], {}, SettingError),
    ],
)
def test_bad_objectives(
    objectives: list[str], options: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        nm.multi_objective_task(objectives, **options)


def test_the_range_of_a_front_with_one_value_is_the_range_of_all_points() -> None:
    front = Front(np.array([[90.0, 5.0], [80.0, 7.0]]), ["max", "min"])
    assert front.reference.tolist() == pytest.approx([89.0, 5.2])


def test_a_stated_reference_point() -> None:
    values = np.array([[90.0, 5.0], [94.0, 9.0], [89.0, 6.0]])
    front = Front(values, ["max", "min"], [80.0, 10.0])
    np.testing.assert_allclose(front.reference, [80.0, 10.0])
    # in units: 10 * 5, 4 * 1 more, 15 * 6
    beyond = [
        [90.0, 5.0],
        [79.0, 1.0],
        [94.0, 9.0],
        [95.0, 4.0],
    ]
    np.testing.assert_allclose(
        front.hypervolumes(np.array(beyond)), np.array([50, 50, 54, 90]) / 54 * 100
    )
    task = nm.multi_objective_task(
        ["accuracy", "train_seconds"], "cifar10", reference=[80.0, 5_000.0]
    )
    np.testing.assert_allclose(task.front.reference, [80.0, 5_000.0])
    assert task != nm.get_task(EMBEDDED)
