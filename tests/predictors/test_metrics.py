"""Scores of predictions: SciPy's, or checked by integration and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.integrate import quad
from scipy.stats import kendalltau, norm, spearmanr

from nasmeta.errors import SettingError
from nasmeta.predictors import calibration, rank_correlations
from nasmeta.predictors._metrics import gaussian_crps, interval_coverage


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=40))
def test_rank_correlations_are_scipys_with_ties(pairs: list[tuple]) -> None:
    a, b = np.array(pairs, dtype=float).T
    correlations = rank_correlations(a, b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert np.isnan(correlations).all()
    else:
        assert correlations == (kendalltau(a, b, variant="b").statistic, spearmanr(a, b).statistic)


@pytest.mark.parametrize(
    ("mean", "deviation", "truth"), [(0.0, 1.0, 0.3), (90.0, 2.5, 84.0), (-3.0, 0.1, -3.4)]
)
def test_crps_is_its_definition(mean: float, deviation: float, truth: float) -> None:
    reach = 12 * deviation + abs(truth - mean)

    def squared(x: float) -> float:
        return float((norm.cdf(x, mean, deviation) - (x >= truth)) ** 2)

    expected = sum(
        quad(squared, *ends, limit=200)[0]
        for ends in ((mean - reach, truth), (truth, mean + reach))
    )
    assert gaussian_crps([mean], [deviation], [truth])[0] == pytest.approx(expected, rel=1e-6)


def test_crps_of_a_sure_prediction_is_the_absolute_error() -> None:
    assert gaussian_crps([1.0, 1.0], [1e-9, 0.0], [3.5, 3.5]) == pytest.approx([2.5, 2.5])


def test_true_deviations_cover_what_they_claim_and_false_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    mean, deviation = rng.normal(size=40_000), rng.uniform(0.5, 2, size=40_000)
    truth = mean + deviation * rng.normal(size=40_000)
    for level in (0.1, 0.5, 0.95):
        assert interval_coverage(mean, deviation, truth, level) == pytest.approx(level, abs=0.01)
    assert interval_coverage(mean, deviation / 2, truth, 0.95) < 0.7
    assert (
        calibration(mean, deviation, truth)["crps"]
        < calibration(mean, deviation / 2, truth)["crps"]
    )


def test_levels_are_shares() -> None:
    with pytest.raises(SettingError):
        interval_coverage([0.0], [1.0], [0.0], 1.5)
