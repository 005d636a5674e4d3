"""The number of runs that a comparison needs, against exact tests of resampled comparisons."""

from __future__ import annotations

import numpy as np
import pytest

import nasmeta as nm
from nasmeta.analysis import (
    fewest_runs,
    limit_of,
    paired_tests,
    pairs_of,
    plan_runs,
    shows,
    wilcoxon_p,
)
from nasmeta.analysis._paired_tests import Pair
from nasmeta.analysis._power import shown_in


def exact(pairs: list[Pair], counts: np.ndarray) -> np.ndarray:
    """Return what `paired_tests` shows, bool (draws, pairs)."""
    return np.array(
        [
            shows([wilcoxon_p(pair.among(np.repeat(np.arange(len(draw)), draw))) for pair in pairs])
            for draw in counts
        ]
    )


def unsolved(regrets: np.ndarray) -> Pair:
    return Pair("t", "own", "other", regrets, np.full(len(regrets), np.nan))


def few_values(rng: np.random.Generator, values: list[float], shares: list[float]) -> np.ndarray:
    return rng.choice(values, 30, p=shares)


@pytest.mark.parametrize("runs", [9, 11, 20, 45])
def test_resampled_comparisons_are_decided_by_the_exact_test(runs):
    rng = np.random.default_rng(1)
    differences = [
        rng.gamma(1, 1, 30) - rng.gamma(1, 0.3, 30),
        rng.normal(0.6, 1, 30),
        few_values(rng, [-1.0, 0.0, 1.0], [0.1, 0.3, 0.6]),
        few_values(rng, [-1.0, 1.0, 5.0], [0.2, 0.7, 0.1]),
        few_values(rng, [-0.1, 0.1, 1.5, 7.0], [0.3, 0.2, 0.4, 0.1]),
        np.zeros(30),
    ]
    pairs = [unsolved(each) for each in differences]
    found = np.arange(30) > 0  # all runs but one, so the measure depends on the draw
    regrets = np.where(found, 0.0, 1.0)
    evaluations = np.where(found, rng.normal(0.6, 1, 30), np.nan)
    pairs.append(Pair("t", "own", "other", regrets, evaluations))
    counts = rng.multinomial(runs, np.full(30, 1 / 30), size=150)
    shown = shown_in(pairs, counts.astype(float))
    assert 0.02 < shown.mean() < 0.9
    np.testing.assert_array_equal(shown, exact(pairs, counts))


@pytest.mark.parametrize(("n_used", "runs"), [(2, 120), (3, 60), (10, 30)])
def test_pairs_with_many_equal_results_are_decided_by_the_exact_test(n_used, runs):
    rng = np.random.default_rng(0)
    differences = [
        np.r_[rng.random(n_used), np.zeros(30 - n_used)],
        np.r_[rng.normal(size=8), np.zeros(22)],
    ]
    pairs = [unsolved(each) for each in differences]
    counts = rng.multinomial(runs, np.full(30, 1 / 30), size=100)
    np.testing.assert_array_equal(shown_in(pairs, counts.astype(float)), exact(pairs, counts))


def test_the_stated_runs_show_a_difference_in_80_percent_of_fresh_comparisons(make_frame):
    rng = np.random.default_rng(1)
    scales = {"a": 1.0, "b": 3.0, "c": 8.0}
    frame = make_frame(
        {("t", name): rng.gamma(1, scale, (40, 1)) for name, scale in scales.items()}
    )
    plan, pairs = plan_runs(frame), list(pairs_of(frame))
    error = 3 * np.sqrt(0.8 * 0.2 * (1 / 500 + 1 / 250))
    for position, row in enumerate(plan.to_dict("records")):
        assert row["share_before"] < 0.8 <= row["share"]
        assert row["evaluations"] == 2 * row["needed"]
        for fewer, stated in ((0, row["share"]), (1, row["share_before"])):
            counts = rng.multinomial(int(row["needed"]) - fewer, np.full(40, 1 / 40), size=250)
            assert exact(pairs, counts)[:, position].mean() == pytest.approx(stated, abs=error)
        wrong = rng.choice(pairs[position].differences, (4000, 10)).mean(axis=1) > 0
        assert row["wrong_10"] == pytest.approx(wrong.mean(), abs=0.06)


def test_a_design_that_cannot_show_any_difference_is_named(make_frame):
    assert (
        limit_of(10, 28)
        == "10 runs and 28 pairs cannot show any difference (least p = .055); 11 runs can."
    )
    assert limit_of(11, 28) == ""
    best = {
        ("t", str(i)): np.full((10, 1), float(i)) + np.arange(10)[:, None] * 1e-3 * i
        for i in range(8)
    }
    for runs in (10, 11):
        frame = make_frame({key: np.resize(values, (runs, 1)) for key, values in best.items()})
        assert (paired_tests(frame)["p_holm"].min() < 0.05) == (runs >= fewest_runs(28))
    assert set(plan_runs(make_frame(best))["needed"]) == {11.0}


def test_a_comparison_states_before_it_runs_that_it_cannot_show_any_difference(capsys):
    nm.compare(["random", "evolution"], "nb201/cifar10", repeats=5, evaluations=5, progress=True)
    first = capsys.readouterr().err.splitlines()[0]
    assert first == "5 runs and 1 pair cannot show any difference (least p = .062); 6 runs can."
    nm.compare(["random", "evolution"], "nb201/cifar10", repeats=6, evaluations=5, progress=True)
    assert "cannot show" not in capsys.readouterr().err


def test_tests_and_plan_compare_the_same_measure(make_frame):
    lengths = {"slow": (9, 8, 9), "fast": (2, 3, 3)}
    solved = {
        ("t", name): [[1.0] * n + [0.0] for n in of_name] for name, of_name in lengths.items()
    }
    frame = make_frame(solved | {("t", "worse"): [[2.0] * 10, [1.0] * 10, [3.0] * 10]})
    for table in (plan_runs(frame), paired_tests(frame)):
        assert table["measure"].tolist() == ["evaluations to optimum", "regret", "regret"]
        assert table["difference"].tolist() == pytest.approx([6.0, -2.0, -2.0])


def test_runs_that_find_the_optimum_after_the_budget_are_compared_by_regret(make_frame):
    runs = {("t", name): [[regret] * 4 + [0.0]] * 6 for name, regret in (("a", 1.0), ("b", 3.0))}
    table = paired_tests(make_frame(runs), at=3)
    assert (table["measure"].item(), table["difference"].item()) == ("regret", -2.0)


def test_of_equal_means_each_is_the_wrong_winner_half_of_the_time(make_frame):
    [row] = plan_runs(make_frame({("t", "a"): [[1.0], [3.0]], ("t", "b"): [[2.0], [2.0]]})).to_dict(
        "records"
    )
    assert row["difference"] == 0
    assert row["wrong_3"] == pytest.approx(0.5, abs=0.06)
