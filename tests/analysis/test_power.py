"""The number of runs that a comparison needs, against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp, zscore

from nasmeta.analysis import plan_runs, power


@pytest.mark.parametrize(
    ("effect", "runs", "level"), [(2.0, 3, 0.05), (1.0, 4, 0.05), (0.5, 34, 0.05), (0.3, 100, 0.01)]
)
def test_power_is_the_share_of_significant_tests(effect, runs, level):
    draws = np.random.default_rng(0).normal(-effect, 1.0, (4000, runs))
    tests = ttest_1samp(draws, 0, axis=1)
    found = ((tests.pvalue < level) & (tests.statistic < 0)).mean()
    assert power(effect, runs, level) == pytest.approx(found, abs=0.03)


def test_a_plan_agrees_with_its_simulation(make_frame):
    rng = np.random.default_rng(1)
    regrets = {(task, name): rng.gamma(2, mean, (60, 1)) for task in "st" for name, mean in (("a", 1.0), ("b", 1.6))}
    plan = plan_runs(make_frame(regrets))
    for (_, row), task in zip(plan.iterrows(), "st", strict=True):
        pairs = (regrets[task, "a"] - regrets[task, "b"])[:, 0]
        assert row["difference"] == pytest.approx(pairs.mean())
        draws = rng.choice(pairs, (4000, int(row["needed"])))
        tests = ttest_1samp(draws, 0, axis=1)
        assert ((tests.pvalue < 0.05) & (tests.statistic < 0)).mean() == pytest.approx(0.8, abs=0.05)
        assert row["wrong_10"] == pytest.approx((rng.choice(pairs, (4000, 10)).mean(axis=1) > 0).mean(), abs=0.03)
        assert row["needed_low"] < row["needed"] < row["needed_high"]
        assert row["evaluations"] == 2 * row["needed"]


def test_wrong_winners_of_many_runs_are_as_frequent_as_in_a_simulation(make_frame):
    rng = np.random.default_rng(2)
    pairs = zscore(rng.normal(size=60), ddof=1) - 0.1
    [row] = plan_runs(make_frame({("t", "a"): pairs[:, None] + 5, ("t", "b"): np.full((60, 1), 5.0)})).to_dict(
        "records"
    )
    assert row["effect"] == pytest.approx(-0.1)
    for runs in (100, 300):
        share = (rng.choice(pairs, (4000, runs)).mean(axis=1) > 0).mean()
        assert row[f"wrong_{runs}"] == pytest.approx(share, abs=0.015)


def test_levels_are_corrected_and_solved_pairs_compare_evaluations(make_frame):
    lengths = {"slow": (9, 8, 9), "fast": (2, 3, 3)}
    solved = {("t", name): [[1.0] * n + [0.0] for n in of_name] for name, of_name in lengths.items()}
    plan = plan_runs(make_frame(solved | {("t", "worse"): [[2.0] * 10, [1.0] * 10, [3.0] * 10]}))
    assert plan["level"].tolist() == pytest.approx([0.05 / 3] * 3)
    assert plan["measure"].tolist() == ["evaluations to optimum", "regret", "regret"]
    assert plan["difference"].tolist() == pytest.approx([6.0, -2.0, -2.0])


def test_of_equal_means_each_is_the_wrong_winner_half_of_the_time(make_frame):
    [row] = plan_runs(make_frame({("t", "a"): [[1.0], [3.0]], ("t", "b"): [[2.0], [2.0]]})).to_dict("records")
    assert row["difference"] == 0
    assert row["wrong_3"] == pytest.approx(0.5, abs=0.05)
    assert row["wrong_300"] == 0.5
