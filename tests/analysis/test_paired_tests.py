"""Paired tests and Holm's correction against SciPy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings, strategies as st

from nasmeta.analysis import holm, paired_tests
from nasmeta.errors import SettingError


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1) | st.just(0.05), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="Needs the extra report.")
    np.testing.assert_allclose(holm(p_values), multitest.multipletests(p_values, method="holm")[1], atol=1e-12)


@pytest.mark.parametrize("wrong", [[0.1, np.nan], [1.2], [-0.1], 0.5, [[0.1]]])
def test_holm_refuses_what_is_no_p_value(wrong):
    with pytest.raises(SettingError, match="from 0 to 1"):
        holm(wrong)


def pair(make_frame, one, other):
    return make_frame({("t", "a"): [[loss] for loss in one], ("t", "b"): [[loss] for loss in other]})


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.booleans())
def test_wilcoxon_equals_scipy_with_ties_and_without(make_frame, seed, n, ties):
    rng = np.random.default_rng(seed)
    one, other = (rng.integers(0, 5, size=n).astype(float) if ties else rng.exponential(size=n) for _ in range(2))
    row = paired_tests(pair(make_frame, one, other)).iloc[0]
    difference = one - other
    if difference.any():
        expected = scipy.stats.wilcoxon(difference[difference != 0]).pvalue
        assert row["p_value"] == pytest.approx(expected)
    else:
        assert row["p_value"] == 1
    assert row["difference"] == pytest.approx(difference.mean())
    assert row["better"] + row["ties"] + row["worse"] == n


def test_permutation_test_by_hand(make_frame):
    # Of 2^5 changes of sign two give a mean as far from 0 as all five differences of one sign do.
    row = paired_tests(pair(make_frame, [1, 2, 3, 4, 5], [0, 0, 0, 0, 0]), method="permutation").iloc[0]
    assert row["p_value"] == pytest.approx(2 / 32)
    assert paired_tests(pair(make_frame, [1, 1], [1, 1]), method="permutation")["p_value"][0] == 1


def test_permutation_test_with_many_runs_is_the_same_each_time(make_frame):
    rng = np.random.default_rng(0)
    frame = pair(make_frame, rng.exponential(size=40), rng.exponential(1.3, size=40))
    first, again, other = (paired_tests(frame, method="permutation", seed=seed)["p_value"][0] for seed in (1, 1, 2))
    assert first == again
    assert first == pytest.approx(other, abs=0.03)
    assert first == pytest.approx(paired_tests(frame)["p_value"][0], abs=0.15)


def test_pairs_of_each_task_are_corrected_together(make_frame):
    rng = np.random.default_rng(0)
    frame = make_frame(
        {(t, s): rng.exponential(scale, (12, 1)) for t in "tu" for s, scale in (("a", 1), ("b", 2), ("c", 8))}
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
    with pytest.raises(SettingError, match="two searchers"):
        paired_tests(make_frame({("t", "a"): [[1], [2]]}))
    with pytest.raises(SettingError, match="'wilcoxon' and 'permutation'"):
        paired_tests(pair(make_frame, [1], [2]), method="t")
    with pytest.raises(SettingError, match="'b' has none for task 't', seed 1"):
        paired_tests(make_frame({("t", "a"): [[1], [1]], ("t", "b"): [[1]]}))
    broken = pair(make_frame, [1, 2], [2, 1])
    broken.loc[1, "regret"] = np.nan
    with pytest.raises(SettingError, match="nan in row 1"):
        paired_tests(broken)
