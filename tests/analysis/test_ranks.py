"""Ranks, Friedman's test and Nemenyi's comparison against SciPy, scikit-posthocs and published constants."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings, strategies as st

from nasmeta.analysis import average_ranks, friedman_test, rank_curves
from nasmeta.errors import SettingError


def blocks(make_frame, regret):
    """Make a frame of (blocks, searchers): one task, one evaluation a run."""
    return make_frame(
        {
            ("t", f"s{column}"): [[loss] for loss in regret[:, column]]
            for column in range(regret.shape[1])
        }
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3), st.integers(1, 4))
def test_ranks_equal_scipy(make_frame, seed, n_searchers, n_tasks, n_seeds):
    loss = np.random.default_rng(seed).integers(1, 4, size=(n_tasks, n_searchers, n_seeds))
    frame = make_frame(
        {
            (f"t{task}", f"s{searcher}"): [[9, loss[task, searcher, run]] for run in range(n_seeds)]
            for task in range(n_tasks)
            for searcher in range(n_searchers)
        }
    )
    table = average_ranks(frame).set_index("searcher")
    for searcher in range(n_searchers):
        per_task = [
            np.mean([scipy.stats.rankdata(loss[task, :, run])[searcher] for run in range(n_seeds)])
            for task in range(n_tasks)
        ]
        np.testing.assert_allclose(
            table.loc[f"s{searcher}", [f"t{task}" for task in range(n_tasks)]], per_task
        )
        assert table.loc[f"s{searcher}", "mean"] == pytest.approx(np.mean(per_task))
    assert table["mean"].is_monotonic_increasing


def test_ranks_with_ties_and_a_run_that_stopped_at_the_optimum(make_frame):
    frame = make_frame({("t", "a"): [[3, 3, 1]], ("t", "b"): [[2, 0]], ("t", "c"): [[4, 1, 1, 1]]})
    table = average_ranks(frame, x="evaluation")
    assert table[["searcher", "evaluation", "mean"]].to_numpy().tolist() == [
        ["b", 3, 1.0],
        ["a", 3, 2.5],
        ["c", 3, 2.5],
    ]
    assert average_ranks(frame, 1, "evaluation")["searcher"].tolist() == ["b", "a", "c"]
    with pytest.raises(SettingError):
        average_ranks(frame, 4, "evaluation")


def test_ranks_at_a_number_of_simulated_seconds(make_frame):
    slow = make_frame({("t", "a"): [[3, 0.5]]}, seconds=100.0)
    fast = make_frame({("t", "b"): [[4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]}, seconds=10.0)
    frame = pd.concat([slow, fast], ignore_index=True)
    # at 120 s, as the runs differ in length
    assert average_ranks(frame)["searcher"].tolist() == [
        "b",
        "a",
    ]
    # after 2 evaluations
    assert average_ranks(frame, x="evaluation")["searcher"].tolist() == [
        "a",
        "b",
    ]
    with pytest.raises(SettingError):
        average_ranks(frame, at=50, x="simulated_seconds")


def test_rank_curves_are_average_ranks_along_the_budget(real_frame):
    frame = real_frame[(real_frame["searcher"] == "random") | (real_frame["seed"] == 0)]
    frame = frame[frame["seed"] == 0]
    curves = rank_curves(frame)
    for at in curves["evaluation"].unique()[::5]:
        ranks = average_ranks(frame, at=int(at)).set_index("searcher")["mean"]
        course = curves[curves["evaluation"] == at].set_index("searcher")["rank"]
        assert course.to_dict() == pytest.approx(ranks.to_dict())
    shares = rank_curves(frame, x="simulated_seconds")
    assert shares["budget_share"].max() == 1
    last = shares[shares["budget_share"] == 1].set_index("searcher")["rank"]
    assert (
        last.to_dict()
        == average_ranks(frame, x="simulated_seconds").set_index("searcher")["mean"].to_dict()
    )
    assert (shares.groupby("budget_share")["rank"].sum() == 3).all()


def test_rank_curves_begin_with_the_first_evaluations_despite_rounding(make_frame):
    seconds = 1.9  # 1.9 / (7 · 1.9) · (7 · 1.9) < 1.9
    frame = make_frame({("t", "a"): [[3.0] * 7], ("t", "b"): [[2.0] * 7]}, seconds)
    curves = rank_curves(frame, x="simulated_seconds")
    assert curves.groupby("searcher")["rank"].first().to_dict() == {"a": 2.0, "b": 1.0}


@pytest.mark.parametrize(("k", "q"), [(3, 2.343), (4, 2.569), (6, 2.850), (10, 3.164)])
def test_critical_difference_is_that_of_the_printed_table(make_frame, k, q):
    """The q of Nemenyi's test at .05 as Demšar (2006) prints them."""
    result = friedman_test(blocks(make_frame, np.random.default_rng(0).exponential(size=(14, k))))
    assert result.blocks == 14
    assert result.critical_difference == pytest.approx(
        q * np.sqrt(k * (k + 1) / (6 * 14)), abs=0.001
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 6), st.integers(2, 9))
def test_friedman_and_nemenyi_equal_other_libraries(make_frame, seed, n_searchers, n_blocks):
    regret = np.random.default_rng(seed).integers(0, 6, size=(n_blocks, n_searchers)).astype(float)
    if (np.ptp(regret, axis=1) == 0).all():
        return
    result = friedman_test(blocks(make_frame, regret))
    expected = scipy.stats.friedmanchisquare(*regret.T)
    assert (result.statistic, result.p_value) == pytest.approx(
        (expected.statistic, expected.pvalue)
    )
    posthocs = pytest.importorskip("scikit_posthocs", reason="Needs the extra report.")
    names = [f"s{column}" for column in range(n_searchers)]
    theirs = posthocs.posthoc_nemenyi_friedman(pd.DataFrame(regret, columns=names))
    np.testing.assert_allclose(result.nemenyi.loc[names, names], theirs, atol=1e-6)


def test_friedman_where_all_tie(make_frame):
    result = friedman_test(blocks(make_frame, np.ones((4, 3))))
    assert (result.statistic, result.p_value) == (0, 1)
    assert (result.nemenyi.to_numpy() == 1).all()


def test_friedman_refuses_what_it_cannot_test(make_frame):
    with pytest.raises(SettingError):
        friedman_test(blocks(make_frame, np.ones((5, 2))))
    with pytest.raises(SettingError):
        friedman_test(blocks(make_frame, np.ones((1, 3))))
