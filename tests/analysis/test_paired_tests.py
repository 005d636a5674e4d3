"""Paired tests and Holm's correction against SciPy and statsmodels."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import example, given, settings, strategies as st

from nasmeta.analysis import paired_tests, regret_curves
from nasmeta.analysis._paired_tests import holm
from nasmeta.analysis.report import find
from nasmeta.errors import SettingError


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1) | st.just(0.05), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="Needs the extra report.")
    np.testing.assert_allclose(
        holm(p_values), multitest.multipletests(p_values, method="holm")[1], atol=1e-12
    )


def test_holm_never_falls_with_the_p_values():
    assert holm([0.02, 0.01, 0.015, 0.9]) == pytest.approx([0.045, 0.04, 0.045, 0.9])


def pair(make_frame, one, other):
    return make_frame(
        {("t", "a"): [[loss] for loss in one], ("t", "b"): [[loss] for loss in other]}
    )


def p_value(make_frame, difference, **options):
    return paired_tests(
        pair(make_frame, 50.0 + np.asarray(difference), [50.0] * len(difference)), **options
    ).iloc[0]["p_value"]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_wilcoxon_without_ties_is_scipys_exact_test(make_frame, seed, n):
    one, other = np.random.default_rng(seed).exponential(size=(2, n))
    row = paired_tests(pair(make_frame, one, other)).iloc[0]
    assert row["p_value"] == pytest.approx(scipy.stats.wilcoxon(one - other, method="exact").pvalue)
    assert row["difference"] == pytest.approx((one - other).mean())
    assert row["better"] + row["ties"] + row["worse"] == n


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(-3, 3), min_size=2, max_size=9))
@example([0, 1, 2, 3, -4])  # 0.875 if zeros are dropped before ranking
def test_wilcoxon_with_ties_is_the_distribution_over_all_signs(make_frame, difference):
    ranks = scipy.stats.rankdata(np.abs(difference)) * np.sign(difference)
    sums = np.array(
        [np.abs(ranks) @ signs for signs in itertools.product([0, 1], repeat=len(ranks))]
    )
    observed = ranks[ranks > 0].sum()
    expected = min(1, 2 * min((sums <= observed).mean(), (sums >= observed).mean()))
    assert p_value(make_frame, difference) == pytest.approx(expected)


def test_a_win_counts_at_least_as_much_as_a_tie(make_frame):
    wins = [-1.0] * 20
    chances = [p_value(make_frame, wins[ties:] + [0.0] * ties) for ties in range(21)]
    assert chances[:3] == [2 / 2**20, 2 / 2**19, 2 / 2**18]
    assert (np.diff(chances) >= 0).all()
    assert chances[20] == 1


def test_the_default_budget_is_that_of_the_report(make_frame):
    """Runs that ended after a budget in seconds are compared at equal time."""
    slow = make_frame({("t", "slow"): [[9.0, 1.0]] * 6}, seconds=60.0)
    fast = make_frame({("t", "fast"): [[8.0, 7.0, 6.0, 0.5]] * 6}, seconds=30.0)
    frame = pd.concat([slow, fast], ignore_index=True)
    by_default = paired_tests(frame)
    pd.testing.assert_frame_equal(by_default, find(frame).tests["t"])
    pd.testing.assert_frame_equal(by_default, paired_tests(frame, x="simulated_seconds"))
    assert by_default["difference"].item() == 0.5
    assert paired_tests(frame, x="evaluation")["difference"].item() == -6.0


@pytest.mark.parametrize("why", ["stalled", "exhausted"])
def test_a_run_that_ends_early_keeps_its_value_and_moves_no_other_test(make_frame, why):
    losses = {
        name: np.random.default_rng(i).exponential(size=(6, 9)) for i, name in enumerate("abc")
    }
    runs = {("t", name): np.minimum.accumulate(loss, axis=1) for name, loss in losses.items()}
    two = make_frame({key: runs[key] for key in [("t", "a"), ("t", "b")]}).assign(stopped="budget")
    early = make_frame(
        {("t", "c"): [run[: 2 + seed % 2] for seed, run in enumerate(runs["t", "c"])]}, seconds=3.0
    )
    three = pd.concat([two, early.assign(stopped=why)], ignore_index=True)
    names = ["searcher", "other", "difference", "difference_low", "difference_high", "p_value"]
    for options in ({}, {"at": 9}, {"at": 60, "x": "simulated_seconds"}):
        alone, pairs = paired_tests(two, **options)[names], paired_tests(three, **options)[names]
        pd.testing.assert_frame_equal(alone, pairs.iloc[:1])
    pairs = paired_tests(three).set_index(["searcher", "other"])["difference"]
    ends = early.groupby("seed")["regret"].last()
    assert pairs["a", "c"] == pytest.approx((runs["t", "a"][:, -1] - ends).mean())
    findings = find(three)
    assert findings.budget == "after 9 evaluations"
    pd.testing.assert_frame_equal(
        findings.tests["t"][names], paired_tests(three, at=9, against=findings.best)[names]
    )
    curve = regret_curves(three).query("searcher == 'c'")
    assert curve["mean"].iloc[[-1]].tolist() == [ends.mean()]
    assert curve["evaluation"].max() == 9


def test_a_recorded_budget_in_seconds_is_the_moment_of_the_tests(make_frame):
    """Evaluations that ended later do not count, and a run without an evaluation just before it is known."""
    quick, slow = [[9.0, 8.0, 7.0, 0.5]] * 6, [[5.0, 4.0]] * 6
    frame = pd.concat(
        [make_frame({("t", "a"): quick}, 30.0), make_frame({("t", "b"): slow}, 45.0)],
        ignore_index=True,
    )
    frame.attrs["seconds"] = {"t": {"a": 100.0, "b": 100.0}}
    assert paired_tests(frame)["difference"].item() == 3.0  # 7 after 90 s, 4 after 90 s
    assert find(frame).budget == "after 100 simulated seconds"
    with pytest.raises(SettingError):
        paired_tests(frame, at=101, x="simulated_seconds")
    frame.attrs["evaluations"] = {"t": {"a": 9, "b": 2}}  # which ended the runs of b
    assert find(frame).budget == "after 90 simulated seconds"
    equal = make_frame({("t", "a"): quick, ("t", "b"): [run[::-1] for run in quick]}, 30.0)
    for limit, budget in ((4, "after 4 evaluations"), (9, "after 500 simulated seconds")):
        equal.attrs |= {
            name: {"t": dict.fromkeys("ab", of)}
            for name, of in (("seconds", 500.0), ("evaluations", limit))
        }
        assert find(equal).budget == budget


def test_pairs_of_each_task_are_corrected_together(make_frame):
    rng = np.random.default_rng(0)
    frame = make_frame(
        {
            (t, s): rng.exponential(scale, (12, 1))
            for t in "tu"
            for s, scale in (("a", 1), ("b", 2), ("c", 8))
        }
    )
    table = paired_tests(frame)
    assert table[["task", "searcher", "other"]].agg("".join, axis=1).tolist() == [
        "tab",
        "tac",
        "tbc",
        "uab",
        "uac",
        "ubc",
    ]
    for _, rows in table.groupby("task"):
        np.testing.assert_allclose(rows["p_holm"], holm(rows["p_value"]))
    assert (table["difference_low"] <= table["difference"]).all()


def test_what_cannot_be_tested_is_refused(make_frame):
    with pytest.raises(SettingError):
        paired_tests(make_frame({("t", "a"): [[1], [1]], ("t", "b"): [[1]]}))
