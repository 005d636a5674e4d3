"""The expected hypervolume improvement against sampling, numerical integration and moocore."""

from __future__ import annotations

from itertools import pairwise

import moocore
import numpy as np
import pytest
from scipy import integrate, stats

from nasmeta.arrays import Floats
from nasmeta.searchers._ehvi import _scores_at, expected_hypervolume_improvement


def improvement(points: Floats, front: Floats, reference: Floats) -> list[float]:
    before = moocore.hypervolume(front, ref=reference, maximise=True) if len(front) else 0.0
    after = [
        moocore.hypervolume(np.vstack([front, p]), ref=reference, maximise=True) for p in points
    ]
    return [one - before for one in after]


def problem(seed: int, m: int, k: int) -> tuple[Floats, ...]:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(0, 1, (4, m)),
        rng.uniform(0.1, 1.0, (4, m)),
        rng.normal(0, 1, (k, m)),
        np.full(m, -1.5),
    )


@pytest.mark.parametrize("k", [0, 1, 6])
@pytest.mark.parametrize("m", [2, 3, 4])
def test_against_sampling_and_moocore(m: int, k: int) -> None:
    mean, std, front, reference = problem(k, m, k)
    found = expected_hypervolume_improvement(mean, std, front, reference)
    draws = np.random.default_rng(m).normal(mean, std, (4_000, 4, m))
    for i in range(4):
        sampled = np.array(improvement(draws[:, i], front, reference))
        assert found[i] == pytest.approx(
            sampled.mean(), abs=5 * sampled.std() / np.sqrt(4_000) + 1e-12
        )


@pytest.mark.slow
def test_two_objectives_against_numerical_integration() -> None:
    mean, std, front, reference = problem(3, 2, 5)
    found = expected_hypervolume_improvement(mean, std, front, reference)
    for i in range(4):
        first, second = (stats.norm(mean[i, j], std[i, j]) for j in range(2))

        def beyond(
            u: float, first: stats.rv_frozen = first, second: stats.rv_frozen = second
        ) -> float:
            height = max(front[front[:, 0] >= u, 1].max(initial=-np.inf), reference[1])
            gain = integrate.quad(lambda y: (y - height) * second.pdf(y), height, height + 12)[0]
            return float(first.sf(u) * gain)

        borders = np.sort(np.r_[reference[0], front[front[:, 0] > reference[0], 0], 8.0])
        parts = [integrate.quad(beyond, *pair)[0] for pair in pairwise(borders)]
        assert found[i] == pytest.approx(sum(parts), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("m", [2, 3, 5])
def test_without_uncertainty_it_is_the_improvement(m: int) -> None:
    mean, _, front, reference = problem(5, m, 12)
    found = expected_hypervolume_improvement(mean, np.full_like(mean, 1e-9), front, reference)
    np.testing.assert_allclose(found, improvement(mean, front, reference), atol=1e-8)


def test_equal_and_dominated_points_of_the_front_change_nothing() -> None:
    mean, std, front, reference = problem(7, 2, 6)
    found = expected_hypervolume_improvement(mean, std, front, reference)
    more = np.vstack([front, front, front - 0.3, reference - 1])
    np.testing.assert_allclose(expected_hypervolume_improvement(mean, std, more, reference), found)


def test_a_shared_best_value_is_likely_the_end_of_the_scale() -> None:
    values, labels = np.array([0.0, 0.5, 1.0, 1.0]), np.array([-1.0, 0.0, 1.0, 1.0])
    scores, slopes = _scores_at(np.array([0.0, 1.0]), labels, values)
    np.testing.assert_allclose(scores, [-1.0, 1.0])
    # above the best value, half of that from the median to it
    np.testing.assert_allclose(slopes, [0.5, 0.25])
